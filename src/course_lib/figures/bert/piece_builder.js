// WordPiece, pair by pair: the words in pieces, the pairs to choose from, the vocabulary.
import {
  button,
  frame,
  make,
  number,
  off,
  row,
  segments,
  slider,
} from "../kit/draw.js";
import { values } from "../kit/values.js";
import { cutPart, cutStyle } from "./cut_part.js";
import { pairTable, tableStyle } from "./pair_table.js";
import { RULES, SPECIAL, learn } from "./pieces.js";

const style = `
textarea { font: 16px/1.4 system-ui, sans-serif; width: 100%; min-height: 72px; resize: vertical;
  padding: 6px 10px; border: 1px solid var(--quiet); border-radius: 8px; color: var(--ink);
  background: var(--paper); }
textarea:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.row.rules { align-items: end; }
.sides { display: flex; flex-wrap: wrap; gap: 10px 28px; align-items: flex-start; }
.sides > div { flex: 1 1 280px; min-width: 0; }
.sides > .stock { flex: 0 1 240px; }
.says, .predict p { overflow-wrap: anywhere; }
.sides h3 { font-size: 13.5px; font-weight: 400; color: var(--quiet); margin: 0 0 4px; }
.cuts { list-style: none; margin: 0; padding: 0; display: flex; flex-wrap: wrap;
  gap: 6px 14px; }
.cuts li { display: inline-flex; flex-wrap: wrap; align-items: center; gap: 2px; }
.cuts small { color: var(--quiet); margin-left: 3px; font-size: 12.5px; }
.piece { padding: 1px 6px; border: 1.5px solid var(--line); border-radius: 6px;
  overflow-wrap: anywhere; min-width: 0; }
.piece.next { border-color: var(--ink); border-style: dashed; }
.piece.next + .piece.next.right { margin-left: -3px; }
.piece.made { border-color: var(--output); color: var(--output); font-weight: 650; }
.stock .list { display: flex; flex-wrap: wrap; gap: 4px; max-height: 190px; padding: 2px;
  overflow-y: auto; margin: 0 0 8px; }
.key.dashed { --fill: none; --edge: 1.5px dashed var(--ink); }
.key.solid { --fill: none; --edge: 1.5px solid var(--output); }
@container (max-width: 560px) { .sides > .stock { flex: 1 1 100%; } }
`;

const EXAMPLES = [
  ["Korean", "korean", "먹었다"],
  ["English", "english", "unbelievable"],
];

function render({ model, el }) {
  const body = frame({ model, el });
  const { set, report, heard } = values(model, () => update());
  let steps;
  let learned = null; // of which text, by which rule
  const history = () => {
    const key = `${model.get("rule")} ${model.get("text")}`;
    if (learned !== key) steps = learn(model.get("text"), model.get("rule"));
    learned = key;
    return steps;
  };
  const last = () => history().length - 1;
  const at = () => Math.min(model.get("step"), last());
  const now = () => history()[at()];
  const go = (n) => set({ step: Math.max(0, Math.min(last(), n)) });

  // -- controls ------------------------------------------------------------------------
  const input = make("textarea", {
    "aria-label": "the text that pieces are learned from",
    maxlength: 400,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
    rows: 3,
  });
  input.addEventListener("input", () => set({ text: input.value, step: 0 }));
  const examples = EXAMPLES.map(([name, key, word]) =>
    button(name, () => set({ text: model.get("examples")[key], step: 0, word })),
  );
  const rules = segments({
    name: "join the pair with the largest",
    options: [
      ["count", "count"],
      ["ratio", "ratio"],
    ],
    value: model.get("rule"),
    change: (rule) => set({ rule }),
  });
  const one = button("Join", () => go(at() + 1), { class: "main" });
  const ten = button("Join ten", () => go(at() + 10));
  const back = button("Back", () => go(at() - 1));
  const scrub = slider({
    name: "pairs joined",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    shown: (n) => `${n} of ${last()}`,
    change: go,
    accent: "output",
  });

  // -- what is shown -------------------------------------------------------------------
  const says = make("p", { class: "says", "aria-live": "polite" });
  const table = pairTable();
  const cuts = make("ol", { class: "cuts", "aria-label": "The words in pieces" });
  const [size, joined, letters] = ["h3", "div", "div"].map((tag) => make(tag));
  for (const [node, name] of [
    [joined, "Joined pieces, the newest first"],
    [letters, "Characters"],
  ]) {
    node.className = "list";
    for (const [key, value] of Object.entries({
      role: "group",
      tabindex: 0,
      "aria-label": name,
    }))
      node.setAttribute(key, value);
  }
  const chip = (piece, kinds = []) =>
    make("span", { class: ["piece", ...kinds].join(" ") }, piece);

  const word = ({ pieces, count }) => {
    const [best] = now().pairs;
    const kinds = pieces.map((piece) => (piece === now().made ? ["made"] : []));
    for (let i = 1; best && i < pieces.length; i++)
      if (pieces[i - 1] === best.a && pieces[i] === best.b) {
        kinds[i - 1].push("next");
        kinds[i].push("next", "right");
        i += 1;
      }
    const times = count > 1 ? make("small", {}, `×${count}`) : null;
    return make("li", {}, ...pieces.map((piece, i) => chip(piece, kinds[i])), times);
  };
  const told = () => {
    const [best] = now().pairs;
    if (!history()[0].words.length) return ["Type a text, or choose one."];
    if (!best) return ["Every word is one piece: nothing is left to join."];
    const { a, b, count, left, right } = best;
    const why =
      model.get("rule") === "count"
        ? `together ${count}×, the most.`
        : `together ${count} / (${left} · ${right}) = ${number(RULES.ratio(best), 3)}, the largest ratio.`;
    const score = RULES[model.get("rule")];
    const ties = now().pairs.filter((pair) => score(pair) === score(best)).length - 1;
    const tied = ties
      ? ` ${ties} more ${ties === 1 ? "pair is" : "pairs are"} equal: the oldest pieces win.`
      : "";
    return ["Next ", make("b", {}, `${a} + ${b}`), `: ${why}${tied}`];
  };

  const cutting = cutPart({
    now: () => ({ word: model.get("word"), pieces: now().pieces }),
    write: (text) => set({ word: text }),
  });

  function update() {
    const [start, step] = [history()[0], now()];
    if (input.value !== model.get("text")) input.value = model.get("text");
    examples.forEach((node, n) =>
      node.setAttribute(
        "aria-pressed",
        String(model.get("text") === model.get("examples")[EXAMPLES[n][1]]),
      ),
    );
    rules.set(model.get("rule"));
    scrub.input.max = last();
    scrub.set(at());
    for (const node of [one, ten]) off(node, at() === last());
    off(back, at() === 0);
    says.replaceChildren(...told());
    table.set(step, model.get("rule"));
    cuts.replaceChildren(...step.words.map(word));
    const characters = start.size - SPECIAL.length;
    size.textContent = `vocabulary: ${step.size} = ${SPECIAL.length} special + ${characters} characters + ${at()} joined`;
    joined.replaceChildren(
      ...step.pieces
        .slice(start.size)
        .reverse()
        .map((piece, n) => chip(piece, n ? [] : ["made"])),
    );
    joined.style.display = at() ? "" : "none";
    letters.replaceChildren(
      ...start.pieces.slice(SPECIAL.length).map((piece) => chip(piece)),
    );
    const pieces = cutting.update();
    const same = String(model.get("cut")) === String(pieces);
    report({ size: step.size, ...(!same && { cut: pieces }) });
  }
  const rows = row(rules, one, ten, back, scrub.box);
  rows.classList.add("rules");
  const legend = make(
    "p",
    { class: "note" },
    make("span", { class: "key dashed" }, "is joined next"),
    make("span", { class: "key solid" }, "was just joined"),
    "## stands inside a word",
  );
  body.append(
    make("style", {}, style, tableStyle, cutStyle),
    row(...examples),
    input,
    rows,
    says,
    make(
      "div",
      { class: "sides" },
      make("div", {}, cuts, legend, table),
      make("div", { class: "stock" }, size, joined, letters),
    ),
    cutting.box,
  );
  update();
  const keys = ["text", "rule", "step", "word"];
  for (const key of keys) model.on(`change:${key}`, cutting.forget); // another question
  heard(keys, update);
}

export default { render };
