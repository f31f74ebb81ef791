// The two models at one gap: which words may stand there, and whom they ask.
import { softmax } from "../kit/nn.js";
import { encoder } from "./encoder.js";

// Ids of the first pieces of every vocabulary; before them stands padding.
const UNKNOWN = 1;
const CLS = 2;
export const SEP = 3;
const MASK = 4;
export const SPECIAL = 5; // so many of them

// A token of the page is { key, word, masked }; a gap that never had a word has null.
export function gaps({ pieces, heads, both, left }) {
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const bothWays = encoder(both, heads, false);
  const leftToRight = encoder(left, heads, true);
  const asked = (model, tokens, at) => {
    const { xs, weights } = model.read(tokens);
    const logits = model.logitsOf(xs.at(-1)[at]);
    // looks[n][h]: of each token that was read, how much the one that answers asks it
    return {
      shares: softmax(logits),
      looks: weights.map((block) => block.map((head) => head[at])),
    };
  };
  // Of the gap at place `gap` (from 0) of `tokens`. Left to right, the token before the
  // gap tells what comes next, and what stands behind is never read.
  const at = (tokens, gap) => {
    const read = tokens.map(({ word, masked }) =>
      masked ? MASK : (ids.get(word) ?? UNKNOWN),
    );
    return {
      both: asked(bothWays, [CLS, ...read, SEP], gap + 1),
      left: asked(leftToRight, [CLS, ...read.slice(0, gap)], gap),
    };
  };
  return {
    at,
    heads,
    blocks: bothWays.blocks,
    idOf: (word) => ids.get(word),
    wordOf: (id) => pieces[id],
  };
}

// What changed from one list of shares to another: the word that moved most.
export function moved(before, after) {
  let id = 0;
  after.forEach((share, n) => {
    if (Math.abs(share - before[n]) > Math.abs(after[id] - before[id])) id = n;
  });
  return { id, from: before[id], to: after[id], by: Math.abs(after[id] - before[id]) };
}
