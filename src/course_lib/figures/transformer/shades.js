// Signed numbers as a grid of colours, in one path for each shade: a table of 50 x 128 is
// then 41 nodes, not 6400.
import { signed, svg } from "../kit/draw.js";

const STEPS = 20; // shades on each side of zero

// value(r, c) is in -1 … 1, or null where nothing is drawn.
export function shades(x, y, rows, columns, width, height, value) {
  const paths = new Map();
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) {
      const v = value(r, c);
      if (v === null) continue;
      const shade = Math.round(STEPS * Math.max(-1, Math.min(1, v)));
      const left = x + c * width;
      const cell = `M${left.toFixed(2)} ${y + r * height}h${width.toFixed(2)}v${height}h${(-width).toFixed(2)}z`;
      paths.set(shade, (paths.get(shade) ?? "") + cell);
    }
  return svg(
    "g",
    { "shape-rendering": "crispEdges" },
    ...[...paths].map(([shade, d]) =>
      svg("path", { d, style: `fill: ${signed(shade / STEPS)}` }),
    ),
  );
}
