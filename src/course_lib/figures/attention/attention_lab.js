// A trained translator with attention, and a reader who tells it where to look.
import { button, frame, make, number, off } from "../kit/draw.js";
import { values } from "../kit/values.js";
import { chooser, chooserStyle } from "../seq2seq/chooser.js";
import { compare } from "../seq2seq/comparison.js";
import { glossary } from "../seq2seq/glossary.js";
import { groups } from "../seq2seq/korean.js";
import { attender } from "./attender.js";
import { fan, fanStyle } from "./fan.js";
import { columnText, goldKey, heatMap, mapStyle } from "./heat_map.js";
import { shareTable, tableStyle } from "./share_table.js";

const LONGEST = { text: 300, words: 60 }; // characters typed, words written

const HOW =
  "Point at an English word to see where it looked. Choose it and then a Korean word: all of its attention goes there, and the rest is written anew.";

const IDLE =
  "Choose an English word: where it looked will stand here, and its most probable words.";

const style = `
.looks { display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: flex-start; }
.looks > .fan { flex: 1 1 300px; max-width: 460px; }
.looks > .board { margin: 0; min-width: 0; max-width: 100%; }
.told { display: flex; flex-wrap: wrap; gap: 0 24px; min-height: 96px; margin: 10px 0; }
.told > :first-child { flex: 1 1 300px; }
.told .says:first-child { margin-top: 0; }
.free del { text-decoration-color: var(--negative); text-decoration-thickness: 2px; }
`;

// What a step wrote, as it is shown.
const text = ({ word, end }) => (end ? "end" : word);

function render({ model, el }) {
  const weights = model.get("weights");
  const { ladders } = weights;
  const { known, read, write } = attender(weights);
  const gloss = glossary(ladders, known);
  const body = frame({ model, el });

  let tokens = [];
  let glosses = [];
  let memory = null; // of the tokens
  let free = []; // the steps when nothing is forced
  let said = []; // the steps as they are
  let marks = { ours: [], theirs: [] }; // which words of `said` and of `free` are in both
  let gold = []; // links [source, target] of the words that are in the reference too
  let pointed = { row: null, column: null };
  const { set, report, heard } = values(model, () => update());

  const fresh = { at: null, forced: [] };
  const chosen = chooser({
    model,
    ladders,
    known,
    longest: LONGEST.text,
    choose: (changes) => set({ ...changes, ...fresh }),
  });
  const { isRung, rung } = chosen;

  // -- what is chosen and what is forced -----------------------------------------------
  const now = () => {
    const at = model.get("at");
    return at !== null && at <= said.length ? at - 1 : null;
  };
  const forced = (t) => said[t] !== undefined && said[t].place !== null;
  const choose = (t) => set({ at: t === now() ? null : t + 1 });
  const without = (t) => model.get("forced").filter(([step]) => step !== t + 1);
  const release = (t) => set({ forced: without(t) });
  const force = (t, i) => {
    if (said[t].place === i) return release(t);
    set({ at: t + 1, forced: [...without(t), [t + 1, i + 1]] });
  };
  const shown = () => {
    const row = pointed.row ?? now();
    const at = row !== null && row < said.length ? row : null;
    const column =
      at === null && pointed.column < tokens.length ? pointed.column : null;
    return { row: at, column };
  };
  const point = (place) => {
    const next = { row: null, column: null, ...place };
    if (next.row === pointed.row && next.column === pointed.column) return;
    pointed = next;
    look();
  };

  // -- the pictures --------------------------------------------------------------------
  const plain = (steps) => steps.filter(({ end }) => !end).map(({ word }) => word);
  const name = (i) =>
    columnText({ token: tokens[i], gloss: glosses[i] && `(${glosses[i]})` });
  const lines = fan({
    now: () => ({
      weights: said.map((step) => step.weights),
      chosen: now(),
      forced,
      ...shown(),
    }),
    point,
    pickRow: choose,
    pickColumn: (i) => {
      if (now() !== null) force(now(), i);
    },
    release,
    leave: () => set({ at: null }),
  });
  const map = heatMap({
    name: "The weights as a grid",
    now: () => ({
      rows: said.map(text),
      columns: tokens.map((token, i) => ({ token, gloss: glosses[i] })),
      weights: said.map((step) => Array.from(step.weights)),
      gold,
      held: (t, i) => said[t].place === i,
      ...shown(),
    }),
    point: (row) => point({ row }),
    pick: (t, i) => (t === now() ? force(t, i) : choose(t)),
  });
  const says = make("p", { class: "says", "aria-live": "polite" });
  const shares = shareTable();
  // Nothing stays chosen: the next click on a word chooses it, and then it can be forced.
  const releasing = button("Release this word", () => {
    if (now() !== null) set({ forced: without(now()), at: null });
  });
  const all = button("Release all", () => set(fresh));
  const changes = make("p", { class: "says free", "aria-live": "polite" });
  const legend = make(
    "p",
    { class: "note" },
    make("span", { class: "key", style: goldKey }, "gold link: what stands for what"),
    " In the grid, for words that are in the reference too.",
  );

  // The largest of some weights, in words.
  const lookedAt = (some) =>
    [...some.keys()]
      .sort((a, b) => some[b] - some[a])
      .slice(0, 3)
      .filter((i, n) => n === 0 || some[i] >= 0.005)
      .map((i) => `${name(i)} ${number(some[i])}`)
      .join(", ");
  const word = ({ word, end }) => (end ? "the end" : `“${word}”`);
  const told = (row) => {
    const step = said[row];
    const next =
      row !== now()
        ? ""
        : forced(row)
          ? " Choose another Korean word, or release it."
          : " Now choose a Korean word, and all attention goes there.";
    const where = forced(row)
      ? `forced to look at ${name(step.place)}. Left alone: ${lookedAt(step.own.weights)}`
      : `looked at ${lookedAt(step.weights)}`;
    return `Step ${row + 1}, ${word(step)}: ${where}.${next}`;
  };
  // What follows the pointer.
  const look = () => {
    const { row } = shown();
    const news = row !== null ? told(row) : said.length ? IDLE : "";
    if (says.textContent !== news) says.textContent = news;
    shares.set(row === null ? null : said[row], weights.target_words);
    lines.redraw();
    map.redraw();
  };

  const items = () => [
    tokens.map((token, i) => ({
      text: token,
      lang: "ko",
      small: known(token) ? glosses[i] : "<unk>",
      called: known(token) ? name(i) : `${token}, unknown`,
      kinds: [!known(token) && "unknown"],
      pressed: now() !== null && said[now()].place === i,
    })),
    said.map((step, t) => ({
      text: text(step),
      small: [forced(t) && "forced", !marks.ours[t] && "changed"]
        .filter(Boolean)
        .join(", "),
      called: [
        `${text(step)}, step ${t + 1}`,
        forced(t) && `forced to look at ${tokens[step.place]}`,
        !marks.ours[t] && "changed",
      ]
        .filter(Boolean)
        .join(", "),
      kinds: [forced(t) && "forced", !marks.ours[t] && "changed"],
      pressed: t === now(),
    })),
  ];
  const updateChanges = () => {
    const some = said.some((_, t) => forced(t));
    off(all, !some);
    off(releasing, now() === null || !forced(now()));
    const left = free.flatMap((step, n) =>
      marks.theirs[n]
        ? [step.end ? "" : step.word, " "]
        : [make("del", {}, text(step)), " "],
    );
    if (!some) changes.replaceChildren("");
    else if (marks.ours.every(Boolean) && marks.theirs.every(Boolean))
      changes.replaceChildren("The translation is the same: no word has changed.");
    else changes.replaceChildren("Left alone it says: ", ...left);
    legend.hidden = !gold.length;
  };
  const update = () => {
    const before = tokens.join(" ");
    tokens = groups(model.get("text").slice(0, LONGEST.text), known).flat();
    if (tokens.join(" ") !== before) {
      memory = tokens.length ? read(tokens) : null;
      free = memory ? write(memory, LONGEST.words) : [];
    }
    glosses = gloss(tokens, rung());
    const places = model.get("forced").map(([t, i]) => [t - 1, i - 1]);
    said =
      places.length && memory
        ? write(memory, LONGEST.words, Object.fromEntries(places))
        : free;
    const [ours, theirs] = [said, free].map((steps) => steps.map(({ id }) => id));
    marks = compare(ours, theirs);
    gold = isRung() ? linked(plain(said), rung()) : [];
    report({
      translation: plain(said).join(" "),
      free: plain(free).join(" "),
      attention: said.map((step) => Array.from(step.weights)),
    });
    chosen.update(tokens);
    lines.box.classList.toggle("long", Math.max(tokens.length, said.length) > 14);
    lines.show(...items());
    map.box.style.flex = `1 1 ${map.wish()}px`;
    updateChanges();
    look();
    if (now() !== null) map.see(now());
  };

  body.append(
    make("style", {}, style, chooserStyle, fanStyle, mapStyle, tableStyle),
    chosen.names,
    chosen.climb,
    chosen.typed,
    chosen.note,
    make("p", { class: "says" }, HOW),
    make("div", { class: "looks" }, lines.box, map.box),
    make("div", { class: "row" }, releasing, all),
    // below what is pointed at, which must not move
    make("div", { class: "told" }, make("div", {}, says, changes), shares.box),
    legend,
  );
  update();
  heard(["at", "forced"], update);
  chosen.listen(heard, () => set(fresh));
}

// The rung's gold links [source, target] for a translation: those of the words that it
// has in common with the reference.
export function linked(words, { links = [], target }) {
  const { ours, theirs } = compare(words, target.split(" "));
  const places = ours.flatMap((yes, t) => (yes ? [t] : []));
  const at = theirs.map((yes) => (yes ? places.shift() : null));
  return links.filter(([, j]) => at[j] !== null).map(([i, j]) => [i, at[j]]);
}

export default { render };
