// A picture of 8 x 8 pixels in a drawing, whole or cut into patches that stand apart.
import { svg } from "../kit/draw.js";
import { MOST, WIDTH } from "./pixels.js";

const INK = 20; // shades

// Where patch t lies in a picture of this size: { x, y, width }, from its corner.
export function patchPlace(t, { size, side, gap }) {
  const columns = WIDTH / side;
  const width = (size - gap * (columns - 1)) / columns;
  const [row, column] = [Math.floor(t / columns), t % columns];
  return { x: column * (width + gap), y: row * (width + gap), width };
}

// The patch at a place, or null.
export function patchAt(x, y, { size, side }) {
  if (Math.min(x, y) < 0 || Math.max(x, y) >= size) return null;
  const columns = WIDTH / side;
  const [column, row] = [x, y].map((v) => Math.floor((v / size) * columns));
  return row * columns + column;
}

// A square patch of counts, laid flat, as paths: one for each shade.
export function patchPixels(x, y, width, counts) {
  const n = Math.sqrt(counts.length);
  const cell = width / n;
  const paths = new Map();
  counts.forEach((count, i) => {
    const shade = Math.round((INK * count) / MOST);
    const [left, top] = [x + (i % n) * cell, y + Math.floor(i / n) * cell];
    const square = `M${left.toFixed(2)} ${top.toFixed(2)}h${cell.toFixed(2)}v${cell.toFixed(2)}h${(-cell).toFixed(2)}z`;
    paths.set(shade, (paths.get(shade) ?? "") + square);
  });
  return svg(
    "g",
    {},
    ...[...paths].map(([shade, d]) =>
      svg("path", { d, style: `fill: ${ink(shade / INK)}` }),
    ),
  );
}

const ink = (share) =>
  `color-mix(in oklab, var(--ink) ${Math.round(100 * share)}%, var(--cell))`;
