// What tree_picture.js draws: the steps of a beam search, or draws by how they begin.
import { number } from "../kit/draw.js";
import { whole } from "./decoding.js";
import { said } from "./word_table.js";

const PRUNED = 4; // of them shown in a column
const TALLEST = 9; // rows of the tree of draws

const phrase = (table, tokens) => `“${said(table, tokens).join(" ")}”`;

const begins = (tokens, one, end) =>
  one !== null && tokens.every((token, i) => token === whole(one, end)[i]);

// The first `at` steps; `best` gets stars and the way to `winner` thick lines; null for
// one that is not to be seen yet.
export function searchTree({ table, steps, at, width, end, best, winner }) {
  const columns = steps.slice(0, at).map(({ candidates }) => {
    const shown = candidates.slice(0, width + PRUNED).map((one, place) => ({
      word: table.words[one.token],
      below: `${number(one.score)}${one.kept ? "" : ` · #${place + 1}`}`,
      kind: !one.kept ? "pruned" : one.over ? "over" : "kept",
      parent: one.parent,
      star: begins(one.tokens, best, end),
      winner: begins(one.tokens, winner, end),
      told: `${phrase(table, one.tokens)}: ${number(one.score)}, rank ${place + 1} of ${candidates.length}`,
    }));
    const more = candidates.length - shown.length;
    if (more) shown.push({ kind: "more", word: `and ${more} more` });
    return shown;
  });
  const told = steps.slice(0, at).map(({ candidates }, step) => {
    const kept = candidates
      .filter((one) => one.kept)
      .map(({ tokens, score }) => `${said(table, tokens).join(" ")} ${number(score)}`);
    return `step ${step + 1} keeps ${kept.join(", ")}`;
  });
  const sizes = steps.map(({ candidates }) => candidates.length);
  return {
    columns,
    count: steps.length,
    rows: Math.min(Math.max(...sizes), width + PRUNED + 1),
    cut: width,
    head: "step",
    says: told.join("; ") || "nothing yet",
  };
}

// The most frequent on top; `draws` are all that were drawn so far.
export function drawTree({ table, draws, longest, end, best }) {
  const seen = draws.map((one) => whole(one, end));
  const columns = [];
  let parents = [{ tokens: [], place: null }];
  for (let t = 0; t < longest; t++) {
    const nodes = parents.flatMap(({ tokens, place }) => {
      const counts = new Map();
      for (const one of seen)
        if (one.length > t && tokens.every((token, i) => token === one[i]))
          counts.set(one[t], (counts.get(one[t]) ?? 0) + 1);
      return [...counts].map(([token, count]) => ({
        tokens: [...tokens, token],
        parent: place,
        count,
        token,
      }));
    });
    if (!nodes.length) break;
    nodes.sort((one, other) => other.count - one.count);
    // what follows a node that has no room has none either
    const shown = nodes.filter(({ parent }) => parent !== -1).slice(0, TALLEST - 1);
    parents = nodes.map((one) => ({ tokens: one.tokens, place: shown.indexOf(one) }));
    const column = shown.map((one) => ({
      word: table.words[one.token],
      below: `${one.count}×`,
      kind: one.token === end || t + 1 === longest ? "over" : "kept",
      share: one.count / draws.length,
      parent: one.parent,
      star: begins(one.tokens, best, end),
      told: `${phrase(table, one.tokens)}: ${one.count} of ${draws.length}`,
    }));
    const more = nodes.length - shown.length;
    if (more) column.push({ kind: "more", word: `and ${more} more` });
    columns.push(column);
  }
  const told = columns.map((column, t) => {
    const each = column.map(({ word, below }) => (below ? `${word} ${below}` : word));
    return `word ${t + 1}: ${each.join(", ")}`;
  });
  return {
    columns,
    count: longest,
    rows: TALLEST,
    cut: null,
    head: "word",
    says: told.join("; ") || "nothing drawn yet",
  };
}
