// A memory cell unrolled over time, its arrows as strong as its gates are open; below,
// the value that it keeps, its gates (drag them), and the gradient that comes back.
import {
  arrow,
  board,
  grid,
  label,
  line,
  number,
  outline,
  scientific,
  signed,
  signedNumber,
  subscript,
  svg,
  token,
} from "../kit/draw.js";
import { GATES, MARK, STEPS } from "./gates.js";

const CELL = 20; // pixels: height of a state
const GAP = 20; // between what is read, kept and shown
const TRACE = 84;
const BAR = 40; // height of a gate's row, and of the gradient's
const STEP = 20; // a dragged gate moves by 1/20

// set(name, t, value) is called while a bar is dragged; go(t) when a step is clicked.
export function unrolledCell({ cell, gates, steps, goal, bits, mark, now, go, set }) {
  let column; // pixels for a time step
  let left;
  let at; // the y of each part

  const middle = (t) => left + column * (t + 0.5);
  const names = () => Object.keys(GATES[cell()]);
  const kept = () => (cell() === "LSTM" ? "c" : "h");

  const layout = () => {
    const shown = cell() === "LSTM" ? 4 : null;
    const state = shown === null ? 4 : shown + CELL + GAP;
    const tokens = state + CELL + GAP;
    const trace = tokens + 24 + 30;
    const first = trace + TRACE + 16;
    const rows = names().map((_, k) => first + k * (BAR + 8));
    const gradient = first + rows.length * (BAR + 8) + 26;
    return { shown, state, tokens, trace, rows, gradient, height: gradient + BAR + 18 };
  };

  const strength = (node, value) => {
    node.setAttribute("opacity", 0.1 + 0.9 * value);
    return node;
  };

  // one time step: what is read, what is kept, what is shown
  const unrolled = (nodes, t) => {
    const { x, kept: value, shown } = steps()[t];
    const own = gates();
    const strip = column * (column > 20 ? 0.62 : 0.54);
    const start = middle(t) - strip / 2;
    const box = (y, number_) => {
      nodes.push(
        grid(start, y, 1, 1, strip, CELL, () => signed(number_)),
        outline(start, y, strip, CELL, "state", 1),
      );
    };
    box(at.state, value);
    const [keep, write] =
      cell() === "LSTM" ? [own.f[t], own.i[t]] : [own.z[t], 1 - own.z[t]];
    const flow = (x1, y1, x2, y2, open) =>
      nodes.push(strength(arrow(x1, y1, x2, y2, "gate"), open));
    flow(middle(t), at.tokens - 3, middle(t), at.state + CELL + 3, write);
    const across = at.state + CELL / 2;
    if (t > 0) flow(start - column + strip + 1, across, start - 1.5, across, keep);
    if (at.shown !== null) {
      box(at.shown, shown);
      flow(middle(t), at.state - 3, middle(t), at.shown + CELL + 3, own.o[t]);
    }
    if (bits().includes(t)) {
      const width = Math.min(24, column - 1.5);
      const text = x > 0 ? "+" : "−";
      nodes.push(token(middle(t) - width / 2, at.tokens, width, 24, text, "input"));
    } else
      nodes.push(
        grid(start, at.tokens + 7, 1, 1, strip, 10, () => signed(x)),
        outline(start, at.tokens + 7, strip, 10, "input", 0.75),
      );
  };

  const trace = (nodes, end) => {
    const values = steps().map((step) => step.kept);
    const most = Math.max(1, ...values.map(Math.abs), ...goal().map(Math.abs));
    const low = Math.min(...values, ...goal()) < -0.01 ? -most : 0;
    const bottom = low === 0 && most > 1 ? 0 : -most;
    const y = (value) => at.trace + (TRACE * (most - value)) / (most - bottom);
    const top = Math.round(most);
    for (const value of bottom === 0 ? [0, top] : [-top, 0, top])
      nodes.push(
        label(left - 6, y(value) + 4, signedNumber(value, 0), "end"),
        line(
          [
            [left, y(value)],
            [end, y(value)],
          ],
          "line",
          1,
        ),
      );
    const curve = (list, ...look) =>
      line(
        list.map((value, t) => [middle(t), y(value)]),
        ...look,
      );
    nodes.push(curve(goal(), "baseline", 1.5, "5 4"));
    if (at.shown !== null)
      nodes.push(
        curve(
          steps().map((step) => step.shown),
          "state",
          1.25,
          "2 3",
        ),
      );
    nodes.push(curve(values, "state"));
    nodes.push(
      ...values.map((value, t) =>
        svg("circle", {
          cx: middle(t),
          cy: y(value),
          r: Math.min(3.5, column / 4),
          style: "fill: var(--state)",
        }),
      ),
    );
    at.value = y;
  };

  const bars = (nodes, y, values, quantity) => {
    nodes.push(
      svg("rect", {
        x: left,
        y,
        width: column * STEPS,
        height: BAR,
        rx: 3,
        style: "fill: var(--cell); opacity: .55",
      }),
      ...values.map((value, t) => {
        const height = Math.max(1.5, BAR * Math.min(1, Math.abs(value)));
        return svg("rect", {
          x: left + column * (t + 0.1),
          y: y + BAR - height,
          width: column * 0.8,
          height,
          rx: 1.5,
          style: `fill: var(--${quantity})`,
        });
      }),
    );
  };

  const summary = () => {
    const end = steps().at(-1);
    const bit = goal().at(-1);
    return (
      `after ${STEPS} steps ${kept()} is ${number(end.kept)}, wanted ${number(bit)}; ` +
      `${scientific(Math.abs(steps()[0].gradient))} of the gradient arrives at step 1; ` +
      `at step ${now() + 1} ` +
      names()
        .map((name) => `${name} ${gates()[name][now()].toFixed(2)}`)
        .join(", ")
    );
  };

  const draw = (space) => {
    const narrow = space < 480;
    left = narrow ? 46 : 92;
    const right = narrow ? 4 : 14;
    column = Math.max(10, (space - left - right) / STEPS);
    at = layout();
    const end = left + column * STEPS;
    const nodes = [
      svg("rect", {
        x: left + column * now(),
        y: 0,
        width: column,
        height: at.height - 16,
        rx: 5,
        style: "fill: var(--soft); stroke: var(--line)",
      }),
    ];
    for (let t = 0; t < STEPS; t++) unrolled(nodes, t);
    const named = (y, short, long, quantity) =>
      nodes.push(label(0, y, narrow ? short : long, "start", quantity));
    if (at.shown !== null) named(at.shown + 15, "h", "h  shown", "state");
    named(at.state + 15, kept(), `${kept()}  kept`, "state");
    named(at.tokens + 17, "x", "x  read", "input");
    nodes.push(
      ...[1, STEPS, ...(mark() ? [MARK + 1] : [])].map((t) =>
        label(
          middle(t - 1),
          at.tokens + 38,
          t === MARK + 1 ? (narrow ? "mark" : `mark, ${t}`) : String(t),
          "middle",
        ),
      ),
    );
    trace(nodes, end);
    named(
      at.trace + TRACE / 2 + (narrow ? -8 : 4),
      kept(),
      `value of ${kept()}`,
      "state",
    );
    names().forEach((name, k) => {
      const y = at.rows[k];
      bars(nodes, y, gates()[name], "gate");
      named(y + BAR / 2 + 4, name, `${name}  ${GATES[cell()][name][0]}`, "gate");
      nodes.push(
        label(left - 6, y + 10, "1", "end"),
        label(left - 6, y + BAR, "0", "end"),
        svg("rect", {
          x: left,
          y,
          width: column * STEPS,
          height: BAR,
          style: "fill: transparent; touch-action: pan-y; cursor: ns-resize",
        }),
      );
    });
    bars(
      nodes,
      at.gradient,
      steps().map((step) => step.gradient),
      "gradient",
    );
    const [T, whole] = [subscript(STEPS), scientific(Math.abs(steps()[0].gradient))];
    const slopes =
      cell() === "LSTM"
        ? ` = f₂ ⋯ f${T}`
        : gates().r.some(Boolean)
          ? ""
          : ` = z₂ ⋯ z${T}`;
    nodes.push(
      label(left, at.gradient - 7, `∂${kept()}${T}/∂${kept()}₁${slopes} = ${whole}`),
      label(left - 6, at.gradient + 10, "1", "end"),
      label(left - 6, at.gradient + BAR, "0", "end"),
      arrow(
        end - 2,
        at.gradient + BAR + 9,
        left + 4,
        at.gradient + BAR + 9,
        "gradient",
      ),
    );
    nodes.at(-4).setAttribute("class", "strong");
    named(at.gradient + BAR / 2 + 4, "∂", "gradient", "gradient");
    return {
      nodes,
      width: Math.max(space, end + right),
      height: at.height,
      says: summary(),
    };
  };

  const stepAt = (x) => {
    const t = Math.floor((x - left) / column);
    return t >= 0 && t < STEPS ? t : null;
  };
  const rowAt = (y) => at.rows.findIndex((top) => y >= top - 4 && y < top + BAR + 4);
  const say = (x, y) => {
    const t = stepAt(x);
    if (t === null) return null;
    const step = steps()[t];
    const n = subscript(t + 1);
    const gate = names()[rowAt(y)];
    const text = gate
      ? `${gate}${n} = ${gates()[gate][t].toFixed(2)}`
      : y > at.gradient - 10
        ? `∂${kept()}${subscript(STEPS)}/∂${kept()}${n} = ${scientific(Math.abs(step.gradient))}`
        : y > at.trace - 6 || (y > at.state - 4 && y < at.tokens - GAP / 2)
          ? `${kept()}${n} = ${number(step.kept)}`
          : y > at.tokens - GAP / 2
            ? `x${n} = ${number(step.x)}${bits().includes(t) ? "" : " (noise)"}`
            : `h${n} = ${number(step.shown)}`;
    return { x, y, text };
  };
  const picture = board({
    name: "The cell over time, its gates, and the gradient",
    draw,
    say,
    pin: (x) => stepAt(x) !== null && go(stepAt(x)),
  });

  // a gate's bars follow the pointer
  const surface = picture.box.querySelector("svg");
  let row = -1;
  const drag = (event) => {
    const corner = surface.getBoundingClientRect();
    const t = stepAt(event.clientX - corner.left);
    if (t === null) return;
    const share = (at.rows[row] + BAR - (event.clientY - corner.top)) / BAR;
    const value = Math.round(STEP * Math.max(0, Math.min(1, share))) / STEP;
    if (t !== now() || value !== gates()[names()[row]][t]) set(names()[row], t, value);
  };
  surface.addEventListener("pointerdown", (event) => {
    const corner = surface.getBoundingClientRect();
    row = rowAt(event.clientY - corner.top);
    if (row < 0 || stepAt(event.clientX - corner.left) === null) return (row = -1);
    surface.setPointerCapture(event.pointerId);
    drag(event);
  });
  surface.addEventListener("pointermove", (event) => row >= 0 && drag(event));
  for (const type of ["pointerup", "pointercancel"])
    surface.addEventListener(type, () => (row = -1));
  return picture;
}
