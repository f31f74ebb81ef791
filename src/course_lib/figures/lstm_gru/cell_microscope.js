// The cells of a trained character LSTM, one at a time, on what the reader types.
import { button, frame, make, number, row, signed, signedNumber } from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { paced, player } from "../kit/player.js";
import { values } from "../kit/values.js";
import { generator } from "../kit/nn.js";
import { glyph, insideCell, overText, quoted, spoken } from "./cell_pictures.js";
import { search } from "./cell_search.js";
import { carried, editedAt, network, readable, sample } from "./character_lstm.js";
import { strip, stripStyle } from "../kit/strip.js";

const LONGEST = 400; // characters
const WRITES = 80; // at once
const PACE = 50; // milliseconds for a letter
const STRONGEST = 0.5; // share of colour under a letter, so that it can be read

const style = `
textarea { font: 16px/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace;
  width: 100%; min-height: 84px; max-height: 240px; field-sizing: content;
  resize: vertical; color: inherit; padding: 8px 10px; background: var(--paper);
  border: 1px solid var(--quiet); border-radius: 8px; }
textarea:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.letters { font: 17px/1.95 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace;
  white-space: break-spaces; overflow-wrap: anywhere; padding: 2px; }
.letters span { padding: 4px 0; }
.letters .written { font-style: italic; }
.letters .marked { box-shadow: 0 4px var(--ink); }
.letters .guessed { text-decoration: overline dotted 2px; }
.cells { display: flex; flex-wrap: wrap; gap: 2px; padding: 3px; }
.cells span { width: 15px; height: 18px; border-radius: 3px; }
.scale { width: 90px; height: 14px; border-radius: 3px; }
.swatch { font: 15px ui-monospace, Menlo, Consolas, monospace; padding: 0 4px;
  color: var(--ink); background: var(--cell); }
.part { font-weight: 650; margin: 18px 0 2px; }
.row.names { gap: 8px; }
`;

// What the colours and lines of the text mean; show(scale, which of the lines).
function legend() {
  const ends = [make("span"), make("span")];
  const ramp = [-1, -0.5, 0, 0.5, 1].map((v) => signed(STRONGEST * v)).join(", ");
  const scale = make("span", {
    class: "scale",
    style: `background: linear-gradient(to right, ${ramp})`,
  });
  const lines = [
    ["outline: 2px solid var(--ink)", "pinned"],
    ["box-shadow: 0 4px var(--ink)", "marked"],
    ["font-style: italic", "written by the network"],
    ["text-decoration: overline dotted 2px", "the found cell says yes"],
  ].map(([look, means]) => {
    const swatch = make("span", { class: "swatch", style: look }, "a");
    return make("span", {}, swatch, ` ${means}`);
  });
  const colors = { class: "row", style: "margin: 0; gap: 6px" };
  const box = make(
    "div",
    { class: "row note" },
    make("span", colors, ends[0], scale, ends[1]),
    ...lines,
  );
  const show = (most, ...shown) => {
    ends[0].textContent = `c = −${number(most, 1)}`;
    ends[1].textContent = `+${number(most, 1)}`;
    lines.forEach((line, n) => (line.hidden = !shown[n]));
  };
  return { box, show };
}

// "c = f · c before + i · g" with the numbers of cell k in one step.
function sums({ f, before, i, g, c, o, h }, k) {
  const [keep, write, show] = [f[k], i[k], o[k]].map((gate) => number(gate));
  const [old, candidate, shown] = [before[k], g[k], Math.tanh(c[k])].map((v) =>
    v < 0 ? `(${number(v)})` : number(v),
  );
  return [
    `c = f · c before + i · g = ${keep} · ${old} + ${write} · ${candidate} = `,
    make("b", {}, signedNumber(c[k])),
    `, and shown is h = o · tanh c = ${show} · ${shown} = `,
    make("b", {}, signedNumber(h[k])),
  ];
}

function render({ model, el }) {
  const { alphabet, parameters, cells: named, examples } = model.get("weights");
  const { characters, hidden, read } = network({ alphabet, parameters });
  const random = generator(0);
  const body = frame({ model, el });

  let all = []; // a step for each letter of the text
  let scales = []; // for each cell, the size that gets the full colour
  let written = []; // positions of the network's own letters

  const { set, heard } = values(model, () => update());
  const letters = () => all.map(({ letter }) => letter);
  const tint = (value, k) => signed((STRONGEST * value) / scales[k]);
  const look = (k) => set({ cell: k });
  const view = {
    characters,
    hidden,
    look,
    steps: () => all,
    at: () => Math.min(model.get("at") ?? LONGEST, all.length - 1),
    cell: () => model.get("cell"),
    marks: () => model.get("marks").filter((t) => t < all.length),
    pin: (t) => set({ at: t }),
  };
  const { at, cell, marks } = view;

  // -- the text ------------------------------------------------------------------------
  const input = make("textarea", {
    "aria-label": "A text to read",
    maxlength: LONGEST,
    rows: 3,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    autocorrect: "off",
  });
  // `text` in place of the old one; the network wrote its last `more` letters
  const edit = (text, more = 0) => {
    const old = letters();
    const now = readable(text, characters).letters;
    const own = Array.from({ length: more }, (_, n) => old.length + n);
    written = [...carried(written, old, now), ...own];
    set({ text, marks: carried(marks(), old, now), at: editedAt(old, now) });
  };
  input.addEventListener("input", () => {
    writing.set(false);
    edit(input.value);
  });
  const note = make("p", { class: "note", "aria-live": "polite" });
  const load = (text) => {
    writing.set(false);
    written = [];
    set({ text, marks: [], at: null });
  };

  const full = () => model.get("text").length >= LONGEST;
  let left = 0; // letters still to write
  const writing = player(
    body,
    paced(PACE, () => {
      const next = characters[sample(all.at(-1).output, random.uniform())];
      edit(model.get("text") + next, 1);
      input.scrollTop = input.scrollHeight;
      left -= 1;
      return left > 0 && !full();
    }),
    (on) => {
      write.textContent = on ? "Stop" : "Let it write";
      input.readOnly = on;
      write.disabled = !on && full();
    },
  );
  const write = button("Let it write", () => {
    left = WRITES;
    writing.set(!writing.playing);
  });

  // -- the cells -----------------------------------------------------------------------
  const names = named.map(({ cell: k, concept }) => {
    const node = button("", () => look(k));
    node.append(make("b", {}, concept), ` cell ${k}`);
    return { k, node };
  });
  const concepts = (k) => named.filter((one) => one.cell === k);
  const tiles = strip({
    name: "All cells",
    kind: "cells",
    say: (k) => {
      const called = [`cell ${k}`, ...concepts(k).map((one) => one.concept)];
      const value = all.length ? `: ${signedNumber(all[at()].c[k])}` : "";
      return `${called.join(", ")}${value}`;
    },
    pin: look,
  });
  const about = make("p", { class: "note" });

  const updateCells = (k) => {
    for (const { k: own, node } of names)
      node.setAttribute("aria-pressed", String(own === k));
    const scores = concepts(k).map(
      ({ concept, score }) => `“${concept}”: ${number(score)}`,
    );
    about.textContent = scores.length
      ? `On text that it had not seen, cell ${k} told ${scores.join("; ")} (of a yes or no the balanced accuracy, 0.5 is guessing; of a count the correlation).`
      : `Cell ${k} has no name. Do you see what it does?`;
    const tile = (_, n) => ({
      text: "",
      name: `cell ${n}`,
      fill: all.length ? tint(all[at()].c[n], n) : "var(--cell)",
    });
    tiles.show(Array.from({ length: hidden }, tile), k);
  };

  // -- the coloured text, the search and the drawings ----------------------------------
  const mark = (positions) => {
    finding.forget();
    set({ marks: positions });
  };
  const finding = search({
    ...view,
    tell: (best) => model.set("found", best),
    unmark: () => mark([]),
  });
  const text = strip({
    name: "The text, coloured by the cell",
    kind: "letters",
    say: (t) => `${quoted(all[t].letter)}: ${signedNumber(all[t].c[cell()])}`,
    pin: view.pin,
    mark,
  });
  const key = legend();
  const inside = insideCell(view);
  const equation = make("p", { class: "note" });
  const chart = overText({ ...view, guess: finding.guess });

  const updateText = (k) => {
    const yes = finding.judge();
    const own = new Set(written);
    const items = all.map(({ letter, c }, t) => ({
      text: letter === "\n" ? "↵\n" : letter,
      name: spoken(letter),
      fill: tint(c[k], k),
      kind: [own.has(t) && "written", yes[t] && "guessed"].filter(Boolean).join(" "),
    }));
    text.show(items, at(), marks());
    key.box.hidden = !all.length;
    key.show(scales[k], true, marks().length, written.length, yes.length);
    equation.replaceChildren(...(all.length ? sums(all[at()], k) : []));
  };

  const update = () => {
    const typed = model.get("text");
    if (input.value !== typed) input.value = typed; // an example, or set by Python
    const plain = readable(typed.slice(0, LONGEST), characters);
    const before = all;
    all = read(plain.letters, before);
    if (all.length !== before.length || all.at(-1) !== before.at(-1)) finding.forget();
    scales = Array.from({ length: hidden }, (_, k) =>
      all.reduce((most, { c }) => Math.max(most, Math.abs(c[k])), 1),
    );
    if (plain.refused.length)
      note.textContent = `The network has never seen ${plain.refused.map(quoted).join(", ")}, and reads the text without. It knows ${characters.map(glyph).join(" ")}`;
    else if (all.length)
      note.textContent = `It reads ${plural(all.length, "character")}; ${LONGEST} at most.`;
    else note.textContent = "Type something, or take an example.";
    write.disabled = !all.length || (full() && !writing.playing);
    updateCells(cell());
    updateText(cell());
    finding.update();
    inside.redraw();
    chart.redraw();
  };

  const texts = examples.map((example, n) =>
    button(`Example ${n + 1}`, () => load(example)),
  );
  body.append(
    make("style", {}, style, stripStyle),
    row(...texts, write),
    input,
    note,
    make("div", { class: "part" }, "Which cell?"),
    make("div", { class: "row names" }, ...names.map(({ node }) => node)),
    tiles.box,
    about,
    make("div", { class: "part" }, "What it held after each letter"),
    text.box,
    key.box,
    ...finding.nodes,
    inside.box,
    equation,
    chart.box,
  );
  update();
  heard(["text"], () => {
    written = [];
    update();
  });
  heard(["cell", "at", "marks"], update);
}

export default { render };
