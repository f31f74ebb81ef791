// One number for each place, as a curve.
import { label, line, number, svg } from "../kit/draw.js";

export const CURVE = 96; // high

// values[p] is null where place p has none; dots are [place, quantity].
export function productCurve({ left, right, top, x, values, dots, title }) {
  const known = values.filter((v) => v !== null);
  const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  const y = (v) => top + (CURVE * (high - v)) / (high - low || 1);
  const apart = (v, n, all) =>
    all.slice(0, n).every((other) => Math.abs(y(v) - y(other)) > 12);
  const digits = high < 10 ? 1 : 0;
  const zero = [left, right].map((at) => [at, y(0)]);
  const points = values.flatMap((v, p) => (v === null ? [] : [[x(p), y(v)]]));
  const seen = dots.filter(([p]) => p < values.length && values[p] !== null);
  return [
    label(left, top - 14, title),
    ...[high, low, 0]
      .filter(apart)
      .map((v) => label(left - 12, y(v) + 4, number(v, digits), "end")),
    line(zero, "line", 1),
    line(points, "baseline", 1.75),
    ...seen.map(([p, quantity]) =>
      svg("circle", {
        cx: x(p),
        cy: y(values[p]),
        r: 4.25,
        style: `fill: var(--${quantity})`,
      }),
    ),
  ];
}
