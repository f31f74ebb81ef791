// Vectors as strips of cells, a row for each token: red below zero, blue above.
import { board, label, number, outline, svg } from "../kit/draw.js";
import { norm } from "../kit/nn.js";
import { shades } from "./shades.js";

const ROW = 17; // pixels
const WIDEST = 11; // of a cell
const GAP = 8;

export const largestOf = (...lists) =>
  Math.max(1e-9, ...lists.flat().map((x) => Math.max(...x.map(Math.abs))));

// One vector alone, as wide as what it stands in.
export function strip(x, scale) {
  return svg(
    "svg",
    {
      class: "strip-alone",
      viewBox: `0 0 ${x.length} 1`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    shades(0, 0, 1, x.length, 1, 1, (_, c) => x[c] / scale),
  );
}

// now() gives { rows, values, scale, chosen, quantity }: the tokens, their vectors, the
// number whose colour is full, the row that is framed (or null), and its colour.
export function strips({ name, title, now }) {
  const pen = document.createElement("canvas").getContext("2d");
  let place = null; // of the cells
  const draw = (space) => {
    const { rows, values, scale, chosen, quantity } = now();
    pen.font = `650 13px ${getComputedStyle(vectors.box).fontFamily}`;
    const left = Math.max(...rows.map((text) => pen.measureText(text).width)) + GAP;
    const columns = values[0].length;
    const size = Math.min(WIDEST, (space - left - 3) / columns);
    place = { left, size, top: title ? 20 : 2 };
    const wide = columns * size;
    const nodes = [
      shades(left, place.top, rows.length, columns, size, ROW, (r, c) =>
        scale ? values[r][c] / scale : 0,
      ),
      ...rows.map((_, r) =>
        svg("line", {
          x1: left,
          x2: left + wide,
          y1: place.top + (r + 1) * ROW,
          y2: place.top + (r + 1) * ROW,
          style: "stroke: var(--paper); stroke-width: 2",
        }),
      ),
      ...rows.map((text, r) => {
        const node = label(left - GAP, place.top + r * ROW + 13, text, "end");
        node.setAttribute("class", r === chosen ? "strong" : "ink");
        return node;
      }),
    ];
    if (title) {
      const head = label(left, 12, title);
      if (quantity)
        head.setAttribute("style", `fill: var(--${quantity}); font-weight: 650`);
      nodes.push(head);
    }
    if (chosen !== null && chosen < rows.length)
      nodes.push(
        outline(
          left - 1,
          place.top + chosen * ROW,
          wide + 2,
          ROW - 1,
          quantity ?? "ink",
          2,
        ),
      );
    const says = rows.map((text, r) => `${text}: length ${number(norm(values[r]))}`);
    return {
      nodes,
      width: Math.min(space, Math.ceil(left + wide + 2)),
      height: place.top + rows.length * ROW + 2,
      says: says.join(", "),
    };
  };
  const say = (x, y) => {
    if (!place) return null;
    const { rows, values } = now();
    const c = Math.floor((x - place.left) / place.size);
    const r = Math.floor((y - place.top) / ROW);
    if (r < 0 || r >= rows.length || c < 0 || c >= values[0].length) return null;
    return {
      x: place.left + (c + 0.5) * place.size,
      y: place.top + r * ROW,
      text: `${rows[r]}, number ${c + 1}: ${number(values[r][c])}`,
    };
  };
  const vectors = board({ name, draw, say });
  return vectors;
}

export const stripStyle = `
.strips:not([hidden]) { display: grid; gap: 0 16px;
  grid-template-columns: repeat(auto-fill, minmax(var(--least, 230px), 1fr)); }
.strips > .board { margin: 6px 0; min-width: 0; }
.strip-alone { width: 100%; height: 15px; }
`;
