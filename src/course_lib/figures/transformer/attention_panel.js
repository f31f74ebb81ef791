// One attention, all its heads small, and one of them open: queries, keys, values, the
// weights as a grid, and the arithmetic of a cell.
import { heatMap, mapStyle } from "../attention/heat_map.js";
import { button, make, slider } from "../kit/draw.js";
import { cellOf, inWords } from "./arithmetic.js";
import { cellStyle, cellTable } from "./cell_table.js";
import { headName } from "./transformer.js";
import { miniMap } from "./mini.js";
import { largestOf, strips } from "./strips.js";

export const attentionStyle = `
${mapStyle} ${cellStyle}
.heads { display: flex; flex-wrap: wrap; gap: 8px; margin: 6px 0 10px; }
.heads button { width: 108px; padding: 5px 8px 8px; background: var(--paper);
  font-size: 13px; }
.heads .mini { height: 70px; margin-top: 3px; }
.heads button[aria-pressed="true"] { border-color: var(--attention);
  color: var(--attention); box-shadow: inset 0 0 0 1.5px var(--attention); }
.open { display: flex; flex-wrap: wrap; gap: 0 24px; align-items: flex-start; }
.open > .board { flex: 1 1 320px; min-width: 0; max-width: 520px; margin: 0; }
.open > div:last-child { flex: 1 1 300px; min-width: 0; }
@container (max-width: 480px) { .heads button { width: calc(50% - 4px); } }
`;

// now() gives { trace, rows, columns, chosen, head, cuttable }: an attention of
// transformer.js, the tokens that ask and those that are asked, [{ text, gloss }], the row
// that is chosen or null, the open head from 0, and whether it may be cut. pick(head) and
// toggle(name) are called.
export function attentionPanel({ now, pick, toggle }) {
  const plain = (all) => all.map(({ text }) => text);
  const head = () => now().trace.heads[now().head];
  const free = { row: null, column: null };
  let pinned = free; // by the reader
  let subject = ""; // what it was pinned in
  let pointed = null;
  const cell = () => {
    const { rows, columns, chosen } = now();
    const t = Math.min(pinned.row ?? chosen ?? rows.length - 1, rows.length - 1);
    const { weights } = head();
    const top = weights[t].indexOf(Math.max(...weights[t]));
    return [t, Math.min(pinned.column ?? top, columns.length - 1)];
  };
  const pin = (row, column) => {
    pinned = { row, column };
    update();
  };

  const row = make("div", { class: "heads", role: "group", "aria-label": "Heads" });
  const vectors = [
    ["Q", "query", "queries", "q"],
    ["K", "key", "keys", "k"],
    ["V", "value", "values", "v"],
    ["Σ α v", "attention", "mixed values", "mixed"],
  ].map(([letter, quantity, name, key]) =>
    strips({
      name: `The ${name} of the head`,
      title: key === "mixed" ? letter : `${letter}, ${name}`,
      now: () => {
        const [t, s] = cell();
        const { rows, columns } = now();
        const values = head()[key];
        const asks = key === "q" || key === "mixed";
        return {
          rows: plain(asks ? rows : columns),
          values,
          scale: largestOf(values),
          chosen: asks ? t : s,
          quantity,
        };
      },
    }),
  );
  const map = heatMap({
    name: "The weights of the head",
    now: () => {
      const [t, s] = cell();
      const { rows, columns } = now();
      return {
        rows: plain(rows),
        columns: columns.map(({ text, gloss }) => ({ token: text, gloss })),
        weights: head().weights.map((all) => Array.from(all)),
        gold: [],
        row: pointed,
        column: null,
        held: (a, b) => a === t && b === s,
      };
    },
    point: (t) => {
      if (t === pointed) return;
      pointed = t;
      map.redraw();
    },
    pick: pin,
  });
  let texts = { rows: [], columns: [] };
  const along = (name, accent, all, change) =>
    slider({
      name,
      min: 1,
      max: 1,
      step: 1,
      value: 1,
      shown: (n) => texts[all][n - 1] ?? "",
      change: (n) => change(n - 1),
      accent,
    });
  const asks = along("who asks", "query", "rows", (t) => pin(t, pinned.column));
  const asked = along("who is asked", "key", "columns", (s) => pin(cell()[0], s));
  const cutting = button("", () => toggle(headName(now().trace.name, now().head + 1)));
  const sums = cellTable();
  const says = make("p", { class: "says", "aria-live": "polite" });

  const update = () => {
    const { trace, rows, columns, chosen, head: open } = now();
    const before = subject;
    subject = [trace.name, chosen, ...plain(rows), ...plain(columns)].join(" ");
    if (subject !== before) pinned = free;
    const buttons = [...row.children];
    trace.heads.forEach((one, h) => {
      const node = buttons[h] ?? row.appendChild(button("", () => pick(h), {}));
      node.classList.toggle("cut", !one.on);
      node.setAttribute("aria-pressed", String(h === open));
      node.replaceChildren(
        `head ${h + 1}${one.on ? "" : ", cut"}`,
        miniMap(one.weights, one.later),
      );
    });
    const [t, s] = cell();
    texts = { rows: plain(rows), columns: plain(columns) };
    asks.input.max = rows.length;
    asked.input.max = columns.length;
    cutting.hidden = !now().cuttable;
    cutting.textContent = head().on
      ? `Cut head ${open + 1} out`
      : `Put head ${open + 1} back`;
    asks.set(t + 1);
    asked.set(s + 1);
    const one = cellOf(head(), t, s);
    const [a, b] = [`“${rows[t].text}”`, `“${columns[s].text}”`];
    sums.set(one, rows[t].text, columns[s].text);
    says.textContent = inWords(one, a, b);
    for (const { redraw } of [...vectors, map]) redraw();
  };
  const box = make(
    "div",
    {},
    row,
    make(
      "div",
      { class: "strips", style: "--least: min(190px, 50% - 8px)" },
      ...vectors.map(({ box }) => box),
    ),
    make(
      "div",
      { class: "open" },
      map.box,
      make(
        "div",
        {},
        make("div", { class: "row" }, asks.box, asked.box),
        says,
        cutting,
      ),
    ),
    sums.box,
  );
  return { box, update };
}
