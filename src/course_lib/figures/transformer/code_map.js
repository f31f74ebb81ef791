// The codes of all places as a map: a column for each place, a row for each dimension.
import { label, outline, svg } from "../kit/draw.js";
import { shades } from "./shades.js";

const LEAST = 192; // high, in whole pixels for each dimension

// The colours are made anew only where they have changed.
export function codeMap() {
  let drawn = { key: "", nodes: null };
  // `columns` places from x = left on, each `cell` wide; frames are [place, quantity];
  // pairs are marked beside their rows.
  return ({ left, top, cell, columns, coding, frames, pairs }) => {
    const { kind, C, code, end, largest } = coding;
    const row = Math.max(2, Math.floor(LEAST / C));
    const height = C * row;
    const key = [kind, C, columns, left, top, cell].join(" ");
    if (drawn.key !== key) {
      const codes = Array.from({ length: columns }, (_, p) => code(p));
      const value = (c, p) => codes[p] && codes[p][c] / largest;
      drawn = { key, nodes: shades(left, top, C, columns, cell, row, value) };
    }
    const x = (p) => left + (p + 0.5) * cell;
    const seen = frames.filter(([p]) => p < columns);
    const base = top + height + 15;
    const step = columns > 60 ? 20 : 10;
    const marks = Array.from({ length: Math.ceil(columns / step) }, (_, n) => n * step);
    const [first, last] = kind === "learned" ? ["0", String(C - 1)] : ["fast", "slow"];
    const empty = (columns - end) * cell > 60;
    const nodes = [
      drawn.nodes,
      ...seen.map(([p, quantity]) =>
        outline(left + p * cell, top, cell, height, quantity, 1.75),
      ),
      ...pairs.map((i) =>
        svg("circle", {
          cx: left - 5,
          cy: top + (2 * i + 1) * row,
          r: 2,
          style: "fill: var(--position)",
        }),
      ),
      label(left - 12, top + 11, first, "end"),
      label(left - 12, top + height - 2, last, "end"),
      label(left - 12, base, "p", "end"),
      ...marks.map((p) => label(x(p), base, String(p), "middle")),
      ...(empty ? [label(x(end), top + 16, "no codes")] : []),
    ];
    const at = (py) => {
      const c = Math.floor((py - top) / row);
      return c >= 0 && c < C ? c : null;
    };
    return { nodes, height, at };
  };
}
