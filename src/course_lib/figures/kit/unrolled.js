// A recurrent network unrolled over what it reads: tokens below, states above them, and
// on top what it would answer if the input ended there. One column is one time step.
import {
  arrow,
  board,
  grid,
  label,
  line,
  mix,
  number,
  outline,
  percent,
  signed,
  signedNumber,
  svg,
  token,
} from "./draw.js";
import { norm } from "./nn.js";

const ROW = 17; // pixels for a class
const UNIT = 3; // pixels for a unit of the state
const LEFT = 78; // pixels for the names
const TRACE = 30; // pixels for a number from 0 to 1 of the pinned unit

export const largest = (values) => values.indexOf(Math.max(...values));

// steps() gives [{ letter, state, output }], at() how many of them are read. A click on
// a state calls pin(unit), one elsewhere in a column go(number of steps to read).
export function unrolled({
  name,
  labels,
  hidden,
  steps,
  at,
  revealed,
  pinned,
  go,
  pin,
}) {
  const top = labels.length * ROW + 26; // of the states
  const bottom = top + hidden * UNIT;
  const tokens = bottom + 24;
  const height = tokens + 32;
  let column; // pixels for a time step
  const middle = (t) => LEFT + column * (t + 0.5);

  const outputs = (nodes, end, room) => {
    const current = steps()[at() - 1]?.output;
    const shown = revealed() && current;
    labels.forEach((text, k) => {
      const y = k * ROW;
      const named = label(0, y + 12.5, text);
      nodes.push(named);
      if (!shown) return;
      const long = (room - 48) * current[k];
      const share = label(end + 10 + long, y + 12.5, percent(current[k]));
      if (k === largest(current))
        for (const node of [named, share]) node.setAttribute("class", "strong");
      nodes.push(
        svg("rect", {
          x: end + 6,
          y: y + 3,
          width: Math.max(1, long),
          height: ROW - 6,
          rx: 2,
          style: "fill: var(--output)",
        }),
        share,
      );
    });
  };

  const step = (nodes, { letter, state, output }, t) => {
    const read = t < at();
    const strip = column * (column > 26 ? 0.62 : 0.7);
    const center = middle(t);
    const x = center - strip / 2;
    if (revealed() && read)
      nodes.push(
        grid(x, 1, labels.length, 1, strip, ROW, (k) => mix("output", output[k])),
      );
    else
      nodes.push(
        svg("rect", {
          x,
          y: 1,
          width: strip,
          height: labels.length * ROW,
          rx: 4,
          style: "fill: none; stroke: var(--line); stroke-dasharray: 2 3",
        }),
        label(center, (labels.length * ROW) / 2 + 5, read ? "?" : "", "middle"),
      );
    nodes.push(
      arrow(center, top - 4, center, top - 20, "weight", read),
      arrow(center, tokens - 3, center, bottom + 4, "weight", read),
    );
    if (read) nodes.push(grid(x, top, hidden, 1, strip, UNIT, (i) => signed(state[i])));
    nodes.push(
      svg("rect", {
        x,
        y: top,
        width: strip,
        height: hidden * UNIT,
        rx: 2,
        style: "fill: none; stroke: var(--state)",
        opacity: read ? 1 : 0.3,
      }),
    );
    const across = (top + bottom) / 2;
    if (t > 0)
      nodes.push(arrow(x - column + strip + 1, across, x - 2, across, "weight", read));
    const box = Math.min(30, column - 2);
    const shown = letter === " " ? "␣" : letter;
    nodes.push(token(center - box / 2, tokens, box, 28, shown, "input", read));
  };

  // the pinned unit over time
  const trace = (nodes, end, unit) => {
    const zero = height + 14 + TRACE;
    const y = (value) => zero - TRACE * value;
    const read = steps().slice(0, at());
    const points = read.map(({ state }, t) => [middle(t), y(state[unit])]);
    nodes.push(
      label(0, zero + 4, `unit ${unit + 1}`, "start", "state"),
      ...[-1, 0, 1].map((v) => label(LEFT - 8, y(v) + 4, signedNumber(v, 0), "end")),
      ...[-1, 0, 1].map((v) =>
        line(
          [
            [LEFT, y(v)],
            [end, y(v)],
          ],
          "line",
          1,
        ),
      ),
      line(points, "state"),
      ...points.map(([cx, cy]) =>
        svg("circle", { cx, cy, r: 3.5, style: "fill: var(--state)" }),
      ),
    );
    const last = points.at(-1);
    if (last) {
      nodes.push(label(end + 6, last[1] + 4, signedNumber(read.at(-1).state[unit])));
      nodes.at(-1).setAttribute("class", "strong");
    }
  };

  const summary = () => {
    const read = steps().slice(0, at());
    if (!read.length) return "nothing read yet";
    const { state, output } = read.at(-1);
    const so = `after “${read.map((one) => one.letter).join("")}”`;
    const unit = pinned();
    const best = largest(output);
    return [
      `${so} the state of ${hidden} numbers has norm ${number(norm(state))}`,
      ...(unit === null ? [] : [`unit ${unit + 1} is ${signedNumber(state[unit])}`]),
      revealed()
        ? `it says ${labels[best]}, ${percent(output[best])}`
        : "its answer is hidden until you answer",
    ].join("; ");
  };

  const draw = (space) => {
    const right = space < 480 ? 66 : 130;
    const count = Math.max(1, steps().length);
    column = Math.max(12, Math.min(60, (space - LEFT - right) / count));
    const end = LEFT + column * count;
    const nodes = [];
    if (at())
      nodes.push(
        svg("rect", {
          x: LEFT + column * (at() - 1),
          y: -2,
          width: column,
          height: height + 2,
          rx: 6,
          style: "fill: var(--soft); stroke: var(--line)",
        }),
      );
    outputs(nodes, end, Math.max(right, Math.min(240, space - end)));
    steps().forEach((one, t) => step(nodes, one, t));
    nodes.push(
      label(0, top + 12, "state", "start", "state"),
      label(0, top + 28, `${hidden} numbers`),
      label(0, bottom - 20, "−1"),
      label(66, bottom - 20, "+1", "end"),
      grid(0, bottom - 14, 1, 22, 3, 10, (_, c) => signed((c - 10.5) / 10.5)),
      label(0, tokens + 19, "letter", "start", "input"),
    );
    const unit = pinned();
    if (unit !== null) {
      trace(nodes, end, unit);
      nodes.push(
        outline(LEFT, top + unit * UNIT - 1.5, column * count, UNIT + 3),
        label(end + 6, top + unit * UNIT + 6, `unit ${unit + 1}`),
      );
    }
    const below = unit === null ? 0 : 2 * TRACE + 24;
    return {
      nodes,
      width: Math.max(space, end + right),
      height: height + below,
      says: summary(),
    };
  };

  const find = (x, y) => {
    const t = Math.floor((x - LEFT) / column);
    if (t < 0 || t >= steps().length) return null;
    const read = t < at();
    if (read && y > height && pinned() !== null) return { t, unit: pinned() };
    const unit = Math.floor((y - top) / UNIT);
    if (read && unit >= 0 && unit < hidden) return { t, unit };
    const k = Math.floor(y / ROW);
    if (read && revealed() && k >= 0 && k < labels.length) return { t, k };
    return { t };
  };
  const say = (x, y) => {
    const hit = find(x, y);
    if (!hit) return null;
    const { state, output } = steps()[hit.t];
    const so = steps()
      .slice(0, hit.t + 1)
      .map((one) => one.letter)
      .join("");
    let text = `read “${so}”`;
    if (hit.unit !== undefined)
      text = `unit ${hit.unit + 1} after “${so}”: ${signedNumber(state[hit.unit])}`;
    if (hit.k !== undefined)
      text = `${labels[hit.k]} after “${so}”: ${percent(output[hit.k])}`;
    return { x, y, text };
  };
  const click = (x, y) => {
    const hit = find(x, y);
    if (hit?.unit !== undefined && y < height) pin(hit.unit);
    else if (hit) go(hit.t + 1);
  };
  return board({ name, draw, say, pin: click });
}
