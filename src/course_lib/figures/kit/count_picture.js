// Curves over a count, each with a band of one standard deviation.
import { board, label, line, svg } from "./draw.js";
import { grouped } from "./counts.js";

const HEIGHT = 230;
const TOP = 24;
const LEFT = 38;
const RIGHT = 24;

// now() gives
// - counts, and at which of them the dots are: place;
// - curves { name, values, sd, look, shown }, shown being how many of its points;
// - axis { title, low, high, ticks: [value, text], say(value, sd) };
// - base { value, text } or null: what the curves are compared with;
// - marks { points: [count, value], quantity, width, dash }, over the curves;
// - handle { count, value, quantity } or null; and says, all that in words.
// move(count) is called by a click or a drag along the axis.
export function countPicture({ name, unit, now, move }) {
  let width = 1;
  const scales = () => {
    const { counts, axis } = now();
    const { low, high } = axis;
    const [from, to] = [counts[0], counts.at(-1)].map(Math.log);
    const space = width - LEFT - RIGHT;
    return {
      x: (count) => LEFT + (space * (Math.log(count) - from)) / (to - from),
      y: (v) =>
        TOP + (HEIGHT * (high - Math.max(low, Math.min(high, v)))) / (high - low),
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
    const { counts, curves, axis, base, marks, handle, place, says } = now();
    const { x, y } = scales();
    const across = (v) => [LEFT, width - RIGHT].map((px) => [px, y(v)]);
    const band = ({ values, sd, look, shown }) => {
      const edge = (sign) =>
        counts.slice(0, shown).map((n, i) => [x(n), y(values[i] + sign * sd[i])]);
      const points = [...edge(1), ...edge(-1).reverse()];
      return svg("polygon", {
        points: points.map((p) => p.map((v) => v.toFixed(1)).join(",")).join(" "),
        style: `fill: var(--${look.quantity})`,
        opacity: 0.16,
      });
    };
    const seen = curves.filter(({ shown }) => shown);
    let free = -Infinity; // where the next label of the axis has room
    const ticks = counts.filter((count) => {
      const room = x(count) > free;
      if (room) free = x(count) + 8 + 8 * grouped(count).length;
      return room;
    });
    const nodes = [
      label(LEFT, 11, axis.title),
      ...axis.ticks.flatMap(([v, text]) => [
        line(across(v), "line", 1),
        label(LEFT - 6, y(v) + 4, text, "end"),
      ]),
      ...ticks.map((count) =>
        label(x(count), TOP + HEIGHT + 16, grouped(count), "middle"),
      ),
      label(width - RIGHT, TOP + HEIGHT + 32, unit, "end"),
      ...(base === null
        ? []
        : [
            line(across(base.value), "baseline", 1.5, "5 4"),
            label(width - RIGHT, y(base.value) - 5, base.text, "end"),
          ]),
      ...seen.map(band),
      ...seen.map(({ values, look, shown }) =>
        line(
          counts.slice(0, shown).map((n, i) => [x(n), y(values[i])]),
          look.quantity,
          2,
          look.dash,
        ),
      ),
      ...marks.map(({ points, quantity, width: thick, dash }) =>
        line(
          points.map(([n, v]) => [x(n), y(v)]),
          quantity,
          thick,
          dash,
        ),
      ),
      ...seen
        .filter(({ shown }) => shown > place)
        .map(({ values, look }) =>
          dot(x(counts[place]), y(values[place]), look.quantity),
        ),
      ...(handle === null
        ? []
        : [
            line(
              [handle.value, -Infinity].map((v) => [x(handle.count), y(v)]),
              handle.quantity,
            ),
            dot(x(handle.count), y(handle.value), handle.quantity, 8),
          ]),
    ];
    return { nodes, height: TOP + HEIGHT + 38, says };
  };
  const say = (px, py) => {
    const { counts, curves, axis } = now();
    const { x, y } = scales();
    let best = null;
    for (const { name: arm, values, sd, shown } of curves)
      counts.slice(0, shown).forEach((count, i) => {
        const far = Math.hypot(x(count) - px, y(values[i]) - py);
        if (far < 16 && !(best?.far < far))
          best = {
            far,
            x: x(count),
            y: y(values[i]),
            text: `${arm}, ${grouped(count)}: ${axis.say(values[i], sd[i])}`,
          };
      });
    return best;
  };
  const pick = (px) => move(scales().count(px));
  const picture = board({ name, draw, say, pin: pick });
  const drawing = picture.box.querySelector("svg");
  drawing.style.touchAction = "pan-y"; // a finger moves the handle, or the page
  drawing.style.cursor = "ew-resize";
  drawing.addEventListener("pointermove", (event) => {
    if (event.buttons & 1) pick(event.clientX - drawing.getBoundingClientRect().left);
  });
  return picture;
}
