// A line through five points: the reader guesses where the error is smallest, then sees.
import { board, frame, label, line, number } from "../kit/draw.js";
import { predict, row, slider, svg } from "../kit/draw.js";
import { assign } from "../kit/values.js";

export const POINTS = [
  [-2, -1.1],
  [-1, -0.4],
  [0, 0.2],
  [1, 0.3],
  [2, 1],
];

// The mean squared distance of the points from the line y = slope · x.
export function error(slope) {
  const squares = POINTS.map(([x, y]) => (slope * x - y) ** 2);
  return squares.reduce((sum, square) => sum + square) / squares.length;
}

// Where that is smallest.
export function best() {
  const sum = (f) => POINTS.reduce((all, [x, y]) => all + f(x, y), 0);
  return sum((x, y) => x * y) / sum((x) => x * x);
}

const HEIGHT = 260;
const SEEN = 2.5; // x and y from -SEEN to SEEN

function render({ model, el }) {
  const body = frame({ model, el });
  const slope = () => model.get("slope");
  let revealed = false;
  let space = 0;
  const px = (x) => ((x + SEEN) / (2 * SEEN)) * space;
  const py = (y) => ((SEEN - y) / (2 * SEEN)) * HEIGHT;
  const said = () => `slope ${number(slope(), 1)}: error ${number(error(slope()), 2)}`;

  const draw = (width) => {
    space = width;
    const ends = [-SEEN, SEEN].map((x) => [px(x), py(slope() * x)]);
    const dots = POINTS.map(([x, y]) =>
      svg("circle", { cx: px(x), cy: py(y), r: 5, style: "fill: var(--output)" }),
    );
    const misses = POINTS.map(([x, y]) => {
      const ends = [y, slope() * x].map((end) => [px(x), py(end)]);
      return line(ends, "baseline", 1.5, "3 3");
    });
    const text = revealed ? said() : "? your prediction first";
    const note = label(width / 2, HEIGHT - 8, text, "middle");
    const says = revealed ? said() : "the error is hidden until you answer";
    return {
      nodes: [...misses, line(ends, "weight"), ...dots, note],
      height: HEIGHT,
      says,
    };
  };
  const nearest = (x) =>
    POINTS.reduce((a, b) => (Math.abs(px(b[0]) - x) < Math.abs(px(a[0]) - x) ? b : a));
  const picture = board({
    name: "Five points and a line",
    draw,
    say: (at) => {
      const [x, y] = nearest(at);
      return { x: px(x), y: py(y), text: `(${number(x, 0)}, ${number(y, 1)})` };
    },
  });

  const question = predict({
    question: () => "With which slope does the line miss the points least?",
    choices: [
      ["falls", "below 0"],
      ["rises", "between 0 and 1"],
      ["steep", "above 1"],
    ],
    verdict: (guess) => {
      const right =
        guess === null ? "" : guess === "rises" ? " As you said." : " Not as you said.";
      return `With ${number(best(), 2)}, where the error is ${number(error(best()), 2)}.${right}`;
    },
    reveal: (guess) => {
      revealed = true;
      assign(model, { guess });
      picture.redraw();
    },
    again: () => {
      revealed = false;
      picture.redraw();
    },
  });
  const control = slider({
    name: "slope",
    min: -2,
    max: 2,
    step: 0.1,
    value: slope(),
    shown: (value) => number(value, 1),
    accent: "weight",
    change: (value) => assign(model, { slope: value }),
  });
  model.on("change:slope", () => {
    control.set(slope());
    picture.redraw();
  });
  body.append(row(control.box), question.box, picture.box);
}

export default { render };
