// Over the width of random vectors: the largest weight and the slope of the softmax, and
// for one width how the dot products are spread.
import { board, label, line, mix, number, outline, svg } from "../kit/draw.js";
import { WIDTHS } from "./widths.js";

const HISTOGRAM = 78; // pixels
const CHART = 190;
const RANGE = 72; // of the products that are shown: three times the root of 512
const BIN = 4;

const CURVES = [
  ["plain", "largest", "attention", "largest weight, q · k"],
  ["scaled", "largest", "attention", "largest weight, q · k / √d"],
  ["plain", "slope", "gradient", "slope, q · k"],
  ["scaled", "slope", "gradient", "slope, q · k / √d"],
];

// all() gives what atWidth does, for each of WIDTHS; width() the one that is looked at;
// pick(width) chooses another.
export function widthPicture({ all, width, pick }) {
  const at = () => WIDTHS.indexOf(width());
  const left = 30;
  const top = HISTOGRAM + 44;
  let right = 0;
  const x = (i) => left + ((right - left) * i) / (WIDTHS.length - 1);
  const y = (share) => top + CHART * (1 - share);

  const histogram = () => {
    const { products, plain } = all()[at()];
    const bins = Array(Math.ceil((2 * RANGE) / BIN)).fill(0);
    for (const e of products) {
      const bin = Math.floor((e + RANGE) / BIN);
      if (bin >= 0 && bin < bins.length) bins[bin] += 1;
    }
    const most = Math.max(...bins);
    const place = (e) => left + ((right - left) * (e + RANGE)) / (2 * RANGE);
    const wide = place(BIN) - place(0);
    const base = HISTOGRAM;
    const root = Math.sqrt(width());
    return [
      ...bins.map((count, i) =>
        svg("rect", {
          x: left + i * wide + 0.5,
          y: base - ((base - 18) * count) / most,
          width: Math.max(1, wide - 1),
          height: ((base - 18) * count) / most,
          style: `fill: ${mix("key", 0.75)}`,
        }),
      ),
      line(
        [
          [left, base],
          [right, base],
        ],
        "line",
        1,
      ),
      ...[-60, -30, 0, 30, 60].map((e) =>
        label(place(e), base + 15, number(e, 0), "middle"),
      ),
      ...[-root, root].map((e) =>
        line(
          [
            [place(e), 14],
            [place(e), base],
          ],
          "ink",
          1.25,
          "4 3",
        ),
      ),
      label(left, 10, `q · k at d = ${width()}`, "start", "key"),
      label(right, 10, `dashed: ±√d = ±${number(root, 1)}`, "end", "ink"),
      label(right, 26, `spread ${number(plain.spread, 1)}`, "end", "ink"),
    ];
  };

  const draw = (space) => {
    right = space - 14;
    const nodes = [
      ...histogram(),
      ...[0, 0.5, 1].flatMap((share) => [
        line(
          [
            [left, y(share)],
            [right, y(share)],
          ],
          "line",
          1,
        ),
        label(left - 6, y(share) + 4, number(share, share % 1 ? 1 : 0), "end"),
      ]),
      ...WIDTHS.map((d, i) =>
        label(x(i), top + CHART + 17, String(d), "middle", i === at() ? "ink" : null),
      ),
      label(right, top + CHART + 33, "d, the width of q and k", "end"),
      line(
        [
          [x(at()), y(1) - 6],
          [x(at()), y(0)],
        ],
        "ink",
        1,
      ),
    ];
    for (const [kind, what, quantity, name] of CURVES) {
      const values = all().map((one) => one[kind][what]);
      const points = values.map((value, i) => [x(i), y(value)]);
      nodes.push(
        line(points, quantity, 2, kind === "scaled" ? "5 4" : null),
        svg("circle", {
          cx: x(at()),
          cy: y(values[at()]),
          r: 4,
          style: `fill: var(--${quantity})`,
        }),
      );
      const text = label(right, points.at(-1)[1] - 8, name, "end");
      text.setAttribute(
        "style",
        `fill: var(--${quantity}); paint-order: stroke; stroke: var(--paper); stroke-width: 3px`,
      );
      nodes.push(text);
    }
    nodes.push(outline(left, y(1), right - left, CHART, "line", 1));
    const { plain, scaled } = all()[at()];
    const told = (name, { spread, largest, slope }) =>
      `${name}: spread ${number(spread, 1)}, largest weight ${number(largest)}, slope ${number(slope)}`;
    return {
      nodes,
      height: top + CHART + 40,
      says: `d = ${width()}; ${told("q · k", plain)}; ${told("divided by √d", scaled)}`,
    };
  };
  const step = (px) => {
    const i = Math.round(((px - left) / (right - left)) * (WIDTHS.length - 1));
    return i >= 0 && i < WIDTHS.length ? i : null;
  };
  return board({
    name: "Softmax of random scores, by the width of the vectors",
    draw,
    say: (px, py) => {
      const i = step(px);
      if (i === null || py < top - 10) return null;
      const { plain, scaled } = all()[i];
      return {
        x: x(i),
        y: Math.max(py, top),
        text: `d = ${WIDTHS[i]}: largest ${number(plain.largest)}, with √d ${number(scaled.largest)}`,
      };
    },
    pin: (px, py) => py >= top - 10 && step(px) !== null && pick(WIDTHS[step(px)]),
  });
}
