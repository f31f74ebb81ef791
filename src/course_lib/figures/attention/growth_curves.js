// Small curves over the training steps, one below the other, with a mark at one step.
import { board, label, line, number, svg } from "../kit/draw.js";

const HEIGHT = 96;
const GAP = 34;
const LEFT = 34;

// `series` are [{ name, values, most, digits, quantity }], from 0 to most; at() is the
// place of the step that is marked, and pick(n) is called with another one.
export function growthCurves({ step, series, at, pick }) {
  const [first, end] = [step[0], step.at(-1)];
  let width = 1;
  const x = (n) => LEFT + ((width - LEFT - 8) * (step[n] - first)) / (end - first || 1);
  const y = (s, value) =>
    22 + s * (HEIGHT + GAP) + HEIGHT * (1 - value / series[s].most);
  const draw = (space) => {
    width = space;
    const nodes = series.flatMap(({ name, values, most, digits, quantity }, s) => [
      label(LEFT, y(s, most) - 8, name, "start", quantity),
      label(
        space - 8,
        y(s, most) - 8,
        number(values[at()], digits + 1),
        "end",
        quantity,
      ),
      ...[0, most].flatMap((value) => [
        line(
          [
            [LEFT, y(s, value)],
            [space - 8, y(s, value)],
          ],
          "line",
          1,
        ),
        label(LEFT - 5, y(s, value) + 4, String(value), "end"),
      ]),
      line(
        [
          [x(at()), y(s, 0)],
          [x(at()), y(s, most)],
        ],
        "quiet",
        1,
        "3 3",
      ),
      line(
        values.map((value, n) => [x(n), y(s, value)]),
        quantity,
        2,
      ),
      svg("circle", {
        cx: x(at()),
        cy: y(s, values[at()]),
        r: 5,
        style: `fill: var(--${quantity}); stroke: var(--paper); stroke-width: 1.5`,
      }),
    ]);
    const bottom = y(series.length - 1, 0) + 16;
    nodes.push(label(LEFT, bottom, String(first)));
    nodes.push(label(space - 8, bottom, `${end} steps`, "end"));
    const said = series.map(({ name, values, digits }) => {
      const [from, now, to] = [0, at(), values.length - 1].map((n) =>
        number(values[n], digits + 1),
      );
      return `${name} from ${from} to ${to}, at this step ${now}`;
    });
    return { nodes, height: bottom + 6, says: said.join("; ") };
  };
  const nearest = (left) =>
    step.reduce(
      (best, _, n) => (Math.abs(x(n) - left) < Math.abs(x(best) - left) ? n : best),
      0,
    );
  const say = (left, top) => {
    const s = Math.floor((top - 8) / (HEIGHT + GAP));
    if (!series[s]) return null;
    const n = nearest(left);
    const { name, values, digits } = series[s];
    return {
      x: x(n),
      y: y(s, values[n]),
      text: `step ${step[n]}: ${name} ${number(values[n], digits + 1)}`,
    };
  };
  return board({
    name: "AER and BLEU over the training steps",
    draw,
    say,
    pin: (left) => pick(nearest(left)),
  });
}
