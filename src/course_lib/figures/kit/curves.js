// Curves over training steps, with what chance would give as a dashed line.
import { label, line } from "./draw.js";

// Nodes for `values` (one for each step) drawn in a box; `ticks` are [value, text].
export function curve({
  x: left,
  y: top,
  width,
  height,
  name,
  quantity,
  values,
  range,
  ticks,
  chance,
  now,
}) {
  const [low, high] = range;
  const steps = Math.max(200, values.length);
  const x = (n) => left + 34 + ((width - 42) * n) / steps;
  const y = (value) => {
    const inside = Math.max(low, Math.min(high, value));
    return top + 22 + ((height - 34) * (high - inside)) / (high - low);
  };
  const across = (value) => [x(0), x(steps)].map((at) => [at, y(value)]);
  const every = Math.ceil(values.length / 300); // more points than pixels say nothing
  const kept = values.filter((_, n) => n % every === 0);
  return [
    label(left, top + 11, name, "start", quantity),
    label(left + width - 8, top + 11, now, "end"),
    ...ticks.map(([value, text]) => label(left + 29, y(value) + 4, text, "end")),
    ...ticks.map(([value]) => line(across(value), "line", 1)),
    line(across(chance), "baseline", 1.5, "5 4"),
    label(x(steps), y(chance) - 5, "chance", "end"),
    label(x(steps), top + height + 2, `${steps} steps`, "end"),
    line(
      kept.map((value, n) => [x(n * every), y(value)]),
      quantity,
      1.75,
    ),
  ];
}
