// The curves of all arms over the number of labels, and what stands between two of them.
import { board, label, line, number, svg } from "../kit/draw.js";
import { grouped } from "./grouped.js";
import { needed } from "./saved.js";

const HEIGHT = 230;
const TOP = 24;
const LEFT = 38;
const RIGHT = 24;
const QUANTITIES = [
  "output",
  "attention",
  "gradient",
  "input",
  "key",
  "value",
  "query",
];
const DASHES = [null, "7 3", "2 3", "10 3 2 3"];

// The look of arm number n: no two of the first 28 are alike.
export const look = (n) => ({
  quantity: QUANTITIES[n % QUANTITIES.length],
  dash: DASHES[n % DASHES.length],
});

// now() gives { counts, arms, chance, first, second, at, asked, told, guess }: arms by
// number, at and asked as places of counts, guess a count. move(count) is called by a
// click or a drag along the axis.
export function labelPicture({ now, move }) {
  let width = 1;
  const axis = () => {
    const { counts, arms, chance } = now();
    const [from, to] = [counts[0], counts.at(-1)].map(Math.log);
    const all = arms.flatMap(({ accuracy, sd }) => accuracy.map((v, i) => v - sd[i]));
    const low = Math.max(0, Math.floor(10 * Math.min(...all, chance ?? 1)) / 10);
    const space = width - LEFT - RIGHT;
    return {
      low,
      x: (count) => LEFT + (space * (Math.log(count) - from)) / (to - from),
      y: (v) => TOP + (HEIGHT * (1 - Math.max(low, Math.min(1, v)))) / (1 - low),
      count: (px) =>
        Math.exp(from + Math.max(0, Math.min(1, (px - LEFT) / space)) * (to - from)),
    };
  };
  const dot = (x, y, quantity, r = 4) =>
    svg("circle", {
      cx: x,
      cy: y,
      r,
      style: `fill: var(--${quantity}); stroke: var(--paper); stroke-width: 1.5`,
    });

  const draw = (space) => {
    width = space;
    const { counts, arms, chance, first, second, at, asked, told, guess } = now();
    const { low, x, y } = axis();
    const across = (v, to = width - RIGHT) => [
      [LEFT, y(v)],
      [to, y(v)],
    ];
    const down = (count, from = 1) => [
      [x(count), y(from)],
      [x(count), y(low)],
    ];
    const band = ({ accuracy, sd }, quantity) => {
      const edge = (sign) =>
        counts.map((n, i) => [x(n), y(accuracy[i] + sign * sd[i])]);
      const points = [...edge(1), ...edge(-1).reverse()];
      return svg("polygon", {
        points: points.map((p) => p.map((v) => v.toFixed(1)).join(",")).join(" "),
        style: `fill: var(--${quantity})`,
        opacity: 0.16,
      });
    };
    const shown = arms
      .map((arm, n) => ({ arm, n }))
      .filter(({ n }) => told || n === first);
    const level = arms[first].accuracy[told ? at : asked];
    const place = counts[told ? at : asked];
    const reach = needed(counts, arms[second].accuracy, level);
    const handle = told ? null : guess;
    let free = -Infinity; // where the next label of the axis has room
    const ticks = counts.filter((count) => {
      const room = x(count) > free;
      if (room) free = x(count) + 8 + 8 * grouped(count).length;
      return room;
    });
    const levels = [...Array(11).keys()].map((i) => i / 10).filter((v) => v >= low);
    const sparse = levels.filter((v) => Math.round(10 * (1 - v)) % 2 === 0);
    const nodes = [
      label(LEFT, 11, "accuracy"),
      ...sparse.flatMap((v) => [
        line(across(v), "line", 1),
        label(LEFT - 6, y(v) + 4, number(v, 1), "end"),
      ]),
      ...ticks.map((count) =>
        label(x(count), TOP + HEIGHT + 16, grouped(count), "middle"),
      ),
      label(width - RIGHT, TOP + HEIGHT + 32, "labels", "end"),
      ...(chance === null
        ? []
        : [
            line(across(chance), "baseline", 1.5, "5 4"),
            label(width - RIGHT, y(chance) - 5, "chance", "end"),
          ]),
      ...shown.map(({ arm, n }) => band(arm, look(n).quantity)),
      ...shown.map(({ arm, n }) =>
        line(
          arm.accuracy.map((v, i) => [x(counts[i]), y(v)]),
          look(n).quantity,
          2,
          look(n).dash,
        ),
      ),
      line(down(place, level), "quiet", 1, "3 3"),
      line(
        [
          [x(place), y(level)],
          [told ? x(reach.count) : width - RIGHT, y(level)],
        ],
        "ink",
        1.25,
        "4 3",
      ),
      ...(told && !reach.more && !reach.less
        ? [line(down(reach.count, level), "ink", 1.25, "4 3")]
        : []),
      ...shown.map(({ arm, n }) =>
        dot(x(place), y(arm.accuracy[told ? at : asked]), look(n).quantity),
      ),
      ...(handle === null
        ? []
        : [
            line(down(handle), look(second).quantity, 2),
            dot(x(handle), y(level), look(second).quantity, 8),
          ]),
    ];
    const says = told
      ? arms.map(({ name, accuracy }) => `${name} ${number(accuracy[at])}`).join("; ")
      : `${arms[first].name} ${number(level)} with ${grouped(place)} labels; the others are hidden until you answer`;
    return {
      nodes,
      height: TOP + HEIGHT + 38,
      says: told ? `with ${grouped(place)} labels: ${says}` : says,
    };
  };
  const say = (px, py) => {
    const { counts, arms, first, told } = now();
    const { x, y } = axis();
    let best = null;
    arms.forEach(({ name, accuracy, sd }, n) => {
      if (!told && n !== first) return;
      counts.forEach((count, i) => {
        const far = Math.hypot(x(count) - px, y(accuracy[i]) - py);
        if (far < 16 && !(best?.far < far))
          best = {
            far,
            x: x(count),
            y: y(accuracy[i]),
            text: `${name}, ${grouped(count)}: ${number(accuracy[i])} ± ${number(sd[i])}`,
          };
      });
    });
    return best;
  };
  const pick = (px) => move(axis().count(px));
  const picture = board({ name: "Accuracy over labels", draw, say, pin: pick });
  const drawing = picture.box.querySelector("svg");
  drawing.style.touchAction = "pan-y"; // a finger moves the handle, or the page
  drawing.style.cursor = "ew-resize";
  drawing.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) pick(event.clientX - drawing.getBoundingClientRect().left);
  });
  return picture;
}
