// One query, five keys, five values: scores, weights and a mean, by hand.
import {
  frame,
  make,
  number,
  predict,
  row,
  segments,
  signed,
  slider,
} from "../kit/draw.js";
import { assign } from "../kit/values.js";
import { REACH, allowed, pair, plane } from "./plane.js";
import { arithmetic, blend, verdict } from "./said.js";
import { ADDITIVE, SCORES, attend, matrix, mean, times } from "./scores.js";
import { widthPart, widthStyle } from "./width_part.js";
import { rowStyle, wordRows } from "./word_rows.js";
import { WORDS, colors, css, glossed } from "./words.js";

const SHOWN = {
  dot: "e = q · k",
  scaled: "e = q · k / √d, here with d = 2",
  general: "e = q · W k; dashed: W k, what the query is compared with",
  additive: "e = v · tanh(W_q q + W_k k), with fixed weights",
};
const SETTING = [
  ...["score", "query", "keys", "values", "averaged", "masked", "temperature"],
  ...["turn", "stretch_x", "stretch_y"],
];

const style = `
.planes { display: flex; flex-wrap: wrap; gap: 4px 20px; }
.planes > div { flex: 1 1 280px; min-width: 0; max-width: 420px; }
.planes .board { margin: 4px 0 8px; }
.planes p { margin: 0; font-size: 13.5px; }
.matrices { display: flex; flex-wrap: wrap; gap: 8px 18px; align-items: center; }
.matrix { display: inline-grid; gap: 0 10px; padding: 2px 8px; text-align: right;
  border: solid var(--weight); border-width: 0 1.5px; border-radius: 6px; }
.named { display: inline-flex; gap: 8px; align-items: center; }
select { min-height: 44px; max-width: 100%; font-size: 16px; border-color: var(--quiet);
  background: var(--paper); }
.mixed { display: flex; align-items: center; gap: 10px; margin: 8px 0; }
.mixed div { flex: 1; display: flex; height: 22px; border-radius: 5px; overflow: hidden;
  background: var(--cell); }
.mixed span { display: block; overflow: hidden; white-space: nowrap; text-align: center;
  color: #000; font-size: 13px; line-height: 22px; }
.mixed i { width: 44px; height: 30px; border-radius: 6px; border: 1px solid var(--quiet); }
sub { font-size: .75em; line-height: 0; }
.says { overflow-wrap: anywhere; }
`;

// What Python calls them: a widget has `keys` of its own.
const TRAITS = { keys: "key_vectors", values: "value_vectors" };
const trait = (key) => TRAITS[key] ?? key;

// "W_q" -> W with a small q below
const lowered = (text) =>
  text.split(/_(\w)/).map((part, i) => (i % 2 ? make("sub", {}, part) : part));

function matrixOf(name, rows) {
  const cells = rows.flat().map((x) => make("span", {}, number(x)));
  const said = rows.map((row) => row.map((x) => number(x)).join(" ")).join("; ");
  const look = `grid-template-columns: repeat(${rows[0].length}, auto)`;
  return make(
    "span",
    { class: "named" },
    make("span", {}, ...lowered(`${name} =`)),
    make(
      "span",
      { class: "matrix", role: "img", "aria-label": said, style: look },
      ...cells,
    ),
  );
}

function render({ model, el }) {
  const body = frame({ model, el });
  const get = (key) => model.get(trait(key));
  const set = (changes) => {
    const traits = Object.entries(changes).map(([key, value]) => [trait(key), value]);
    assign(model, Object.fromEntries(traits));
  };
  const setting = () => Object.fromEntries(SETTING.map((key) => [key, get(key)]));
  let now; // what attend gives
  let revealed = false;
  let chosen = "query"; // or "keys 2", "values 4"
  let word = WORDS.length - 1; // whose arithmetic is shown

  // -- vectors -------------------------------------------------------------------------
  const parts = (id) => {
    const [kind, i] = id.split(" ");
    return { kind, i: Number(i) };
  };
  const vector = (id) => {
    const { kind, i } = parts(id);
    return kind === "query" ? get("query") : get(kind)[i];
  };
  const move = (id, at) => {
    const { kind, i } = parts(id);
    const next = get(kind).map((old, n) => (n === i ? at : old));
    set({ [kind]: kind === "query" ? at : next });
  };
  const choose = (id) => {
    chosen = id;
    if (id !== "query") word = parts(id).i;
    update();
  };

  // -- planes --------------------------------------------------------------------------
  const wordArrow = (kind, quantity, i) => {
    const at = get(kind)[i];
    const told = revealed
      ? kind === "keys" && quantity === "key"
        ? `, e = ${number(now.scores[i])}`
        : `, α = ${number(now.weights[i])}`
      : "";
    return {
      id: `${kind} ${i}`,
      at,
      quantity: now.seen[i] ? quantity : "baseline",
      text: WORDS[i].word,
      gloss: now.seen[i] ? WORDS[i].gloss : "masked",
      fill: now.seen[i] ? css(colors[i]) : "var(--paper)",
      says: `${quantity} of ${WORDS[i].word}: ${pair(at)}${told}`,
    };
  };
  const keyArrows = () => {
    const [W, query] = [matrix(setting()), get("query")];
    const turned = get("keys").map((key, i) => ({
      id: `W ${i}`,
      at: times(W, key),
      quantity: "weight",
      dash: true,
      fixed: true,
      says: `W k of ${WORDS[i].word}: ${pair(times(W, key))}`,
    }));
    return [
      ...(get("score") === "general" ? turned : []),
      ...WORDS.map((_, i) => wordArrow("keys", "key", i)),
      {
        id: "query",
        at: query,
        quantity: "query",
        text: "q",
        wide: true,
        says: `query: ${pair(query)}`,
      },
    ];
  };
  const valueArrows = () => [
    ...WORDS.map((_, i) => wordArrow(get("averaged"), "value", i)),
    ...(revealed
      ? [
          {
            id: "mean",
            at: now.mean,
            quantity: "value",
            wide: true,
            fixed: true,
            text: "mean",
            inward: true,
            fill: mixture() ?? "var(--paper)",
            says: `mean: ${pair(now.mean)}`,
          },
        ]
      : []),
  ];
  // Of the colours, as of the values: the same weights, another vector space.
  const mixture = () =>
    now.weights.some(Boolean) ? css(mean(now.weights, colors)) : null;
  // The weighted values one after another: they end at the mean.
  const chain = () => {
    if (!revealed) return [];
    let at = [0, 0];
    const corners = now.values.map((value, i) => {
      at = at.map((x, c) => x + now.weights[i] * value[c]);
      return { at, fill: css(colors[i]) };
    });
    return [{ at: [0, 0] }, ...corners];
  };
  const scoreAt = (key) => SCORES[get("score")](get("query"), key, matrix(setting()));
  const strongest = () => {
    const edge = [-1, -0.5, 0, 0.5, 1].map((share) => share * REACH);
    const all = edge.flatMap((x) => edge.map((y) => Math.abs(scoreAt([x, y]))));
    return Math.max(...all, 1e-9);
  };
  let scale = 1; // the score of the strongest colour
  const faint = (share) => `color-mix(in oklab, ${signed(share)} 38%, var(--paper))`;
  const listed = (kind) =>
    WORDS.map((_, i) => `${glossed(i)} ${pair(get(kind)[i])}`).join(", ");
  const shared = { chosen: () => chosen, grip: choose, move };
  const keyPlane = plane({
    name: "Query and keys",
    arrows: keyArrows,
    ground: (at) => (revealed ? faint(scoreAt(at) / scale) : null),
    says: () => `query ${pair(get("query"))}; keys: ${listed("keys")}`,
    ...shared,
  });
  const valuePlane = plane({
    name: "Values and their mean",
    arrows: valueArrows,
    path: chain,
    says: () =>
      `values: ${listed(get("averaged"))}; mean: ${revealed ? pair(now.mean) : "hidden until you answer"}`,
    ...shared,
  });

  // -- controls ------------------------------------------------------------------------
  const scoreChoice = segments({
    name: "score",
    options: [
      ["dot", "dot"],
      ["scaled", "scaled dot"],
      ["general", "general"],
      ["additive", "additive"],
    ],
    value: get("score"),
    change: (v) => set({ score: v }),
  });
  const averaged = segments({
    name: "values",
    options: [
      ["values", "their own"],
      ["keys", "values = keys"],
    ],
    value: get("averaged"),
    change: (v) => set({ averaged: v }),
  });
  const range = (name, key, min, max, step, shown, accent) =>
    slider({
      name,
      min,
      max,
      step,
      value: get(key),
      shown,
      change: (v) => set({ [key]: v }),
      accent,
    });
  const fold = (v) => `${number(v, 1)}×`;
  const controls = {
    turn: range("turn", "turn", -180, 180, 5, (v) => `${number(v, 0)}°`, "weight"),
    stretch_x: range("stretch x", "stretch_x", -2, 2, 0.1, fold, "weight"),
    stretch_y: range("stretch y", "stretch_y", -2, 2, 0.1, fold, "weight"),
    temperature: range(
      "temperature τ",
      "temperature",
      0.1,
      5,
      0.1,
      (v) => number(v, 1),
      "attention",
    ),
  };
  const list = make("select", { "aria-label": "vector to move" });
  const option = (id, text) => make("option", { value: id }, text);
  const group = (kind, one) =>
    make(
      "optgroup",
      { label: kind },
      ...WORDS.map((_, i) => option(`${kind} ${i}`, `${one} of ${glossed(i)}`)),
    );
  const ownValues = group("values", "value");
  list.append(option("query", "the query q"), group("keys", "key"), ownValues);
  list.addEventListener("change", () => choose(list.value));
  const axes = ["x", "y"].map((name, c) =>
    slider({
      name,
      min: -REACH,
      max: REACH,
      step: 0.1,
      value: 0,
      shown: (v) => number(v, 1),
      change: (v) =>
        move(
          chosen,
          vector(chosen).map((old, n) => (n === c ? allowed(v) : old)),
        ),
      accent: "query",
    }),
  );
  const question = predict({
    question: () => "Which word gets the most weight?",
    choices: WORDS.map((_, i) => [i, glossed(i)]),
    reveal: () => {
      revealed = true;
      update();
    },
    again: () => {
      revealed = false;
      if (now) update();
    },
    verdict: (guess) => verdict(setting(), now, guess),
  });
  const table = wordRows((i) => {
    const out = get("masked");
    const masked = out.includes(i + 1)
      ? out.filter((place) => place !== i + 1)
      : [...out, i + 1].sort();
    set({ masked });
  });

  // -- what is said --------------------------------------------------------------------
  const formula = make("p", { class: "note" });
  const matrices = make("div", { class: "matrices" });
  const turning = row(
    ...["turn", "stretch_x", "stretch_y"].map((key) => controls[key].box),
  );
  const sum = make("p", { class: "note says" });
  const mixed = make("p", { class: "says" });
  const stack = make("div");
  const swatch = make("i");
  const blended = make("div", { class: "mixed", "aria-hidden": "true" }, stack, swatch);
  const ground = make("p", { class: "note" });
  const shownMatrices = () => {
    if (get("score") === "general") return [matrixOf("W", matrix(setting()))];
    if (get("score") !== "additive") return [];
    const { W_q, W_k, v } = ADDITIVE;
    return [matrixOf("W_q", W_q), matrixOf("W_k", W_k), matrixOf("v", [v])];
  };
  const mixing = () => {
    const named = ({ word, gloss }, share) =>
      share > 0.3 ? gloss : share > 0.08 ? word : "";
    const bars = WORDS.map((word, i) =>
      make(
        "span",
        { style: `width: ${100 * now.weights[i]}%; background: ${css(colors[i])}` },
        named(word, now.weights[i]),
      ),
    );
    stack.replaceChildren(...(revealed ? bars : []));
    const color = revealed ? mixture() : null;
    swatch.style.background = color ?? "none";
    swatch.style.borderStyle = color ? "solid" : "dashed";
  };

  const update = () => {
    now = attend(setting());
    const known = parts(chosen).kind !== "values" || get("averaged") === "values";
    if (!known) chosen = chosen.replace("values", "keys"); // they are drawn no more
    scale = strongest();
    formula.replaceChildren(...lowered(SHOWN[get("score")]));
    matrices.replaceChildren(...shownMatrices());
    turning.style.display = get("score") === "general" ? "" : "none";
    ownValues.disabled = get("averaged") === "keys";
    list.value = chosen;
    const quantity = parts(chosen).kind.replace(/s$/, "");
    axes.forEach((axis, c) => {
      axis.set(vector(chosen)[c]);
      axis.box.style.setProperty("--accent", `var(--${quantity})`);
    });
    table.set(revealed ? now : { seen: now.seen });
    sum.replaceChildren(...(revealed ? lowered(arithmetic(setting(), now, word)) : []));
    const text = revealed ? blend(now, get("averaged")) : "The mean: predict first.";
    mixed.textContent = text;
    ground.textContent = revealed
      ? `Ground: where a key would score above zero (blue) or below (red); strongest: ±${number(scale, 1)}.`
      : "Drag the tips, or choose a vector below and move its sliders.";
    mixing();
    question.update();
    keyPlane.redraw();
    valuePlane.redraw();
    const { scores, weights, mean: context } = now;
    set({ scores, weights, mean: context });
  };

  const width = widthPart({
    width: () => get("width"),
    seed: () => get("seed"),
    pick: (d) => set({ width: d }),
  });
  const task = make(
    "p",
    { class: "says" },
    "To translate: ",
    make("b", { lang: "ko" }, "나는 배가 고프다"),
    ". “I am” is written. The query q asks the five words: what comes next?",
  );
  const side = (quantity, title, picture) =>
    make(
      "div",
      {},
      make("p", { style: `color: var(--${quantity})` }, title),
      picture.box,
    );
  body.append(
    make("style", {}, style, rowStyle, widthStyle),
    task,
    row(scoreChoice),
    formula,
    matrices,
    turning,
    question.box,
    make(
      "div",
      { class: "planes" },
      side("key", "query and keys: what is compared", keyPlane),
      side("value", "values: what is averaged", valuePlane),
    ),
    ground,
    row(list, ...axes.map(({ box }) => box)),
    table,
    sum,
    mixed,
    blended,
    row(controls.temperature.box, averaged),
    width.box,
  );
  update();
  width.update();
  for (const key of SETTING)
    model.on(`change:${trait(key)}`, () => {
      controls[key]?.set(get(key));
      if (key === "score") scoreChoice.set(get(key));
      if (key === "averaged") averaged.set(get(key));
      // another question; the mean and the temperature do not change its answer
      if (!["values", "averaged", "temperature"].includes(key)) question.forget();
      update();
    });
  for (const key of ["width", "seed"]) model.on(`change:${key}`, width.update);
}

export default { render };
