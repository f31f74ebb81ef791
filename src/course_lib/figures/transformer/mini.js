// A whole matrix in a few pixels: the weights of a head, or the vectors of a sentence.
import { mix, svg } from "../kit/draw.js";
import { shades } from "./shades.js";

const STEPS = 12; // shades

const small = (columns, rows, content) =>
  svg(
    "svg",
    {
      class: "mini",
      viewBox: `0 0 ${columns} ${rows}`,
      preserveAspectRatio: "none",
      "shape-rendering": "crispEdges",
      "aria-hidden": "true",
    },
    ...content,
  );

// weights[t][s], from 0 to 1; one path for each shade. Where later(t, s), what t may not
// see, nothing is drawn.
export function miniMap(weights, later) {
  const paths = new Map();
  weights.forEach((all, t) =>
    all.forEach((w, s) => {
      if (later(t, s)) return;
      const shade = Math.round(STEPS * w);
      paths.set(shade, `${paths.get(shade) ?? ""}M${s} ${t}h1v1h-1z`);
    }),
  );
  return small(
    weights[0].length,
    weights.length,
    [...paths].map(([shade, d]) =>
      svg("path", { d, style: `fill: ${mix("attention", shade / STEPS)}` }),
    ),
  );
}

export const miniStrips = (values, scale) =>
  small(values[0].length, values.length, [
    shades(0, 0, values.length, values[0].length, 1, 1, (r, c) => values[r][c] / scale),
  ]);

export const miniStyle = `
.mini { width: 100%; height: 100%; border-radius: 2px; overflow: hidden; }
.cut .mini, .mini.cut { opacity: .25; }
`;
