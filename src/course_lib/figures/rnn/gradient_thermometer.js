// Sends an error back through time and reads its norm at every step.
import {
  board,
  button,
  frame,
  label,
  line,
  make,
  predict,
  scientific,
  segments,
  slider,
  superscript,
  svg,
} from "../kit/draw.js";
import { activation, generator, linear, norm, spectralRadius } from "../kit/nn.js";

const HIDDEN = 32;
const DECADES = 8; // the axis ends at 10^±8

// Gaussian weights scaled to a spectral radius of 1, inputs, and an error of norm 1.
export function network(seed, length) {
  const random = generator(seed);
  const normals = (n) => Float64Array.from({ length: n }, random.normal);
  const W = { shape: [HIDDEN, HIDDEN], data: normals(HIDDEN * HIDDEN) };
  const size = spectralRadius(W);
  W.data = W.data.map((w) => w / size);
  const error = normals(HIDDEN);
  const scale = norm(error);
  const inputs = Array.from({ length }, () => normals(HIDDEN).map((v) => 0.3 * v));
  return { W, inputs, error: error.map((v) => v / scale) };
}

// h_t = f(rho W h_{t-1} + x_t). norms[k] is |dL/dh| k steps before the end; parameters
// is |dL/dW_h|, the norm that clipping looks at.
export function gradients({ W, inputs, error }, radius, nonlinearity) {
  const f = activation[nonlinearity];
  const data = W.data.map((w) => radius * w);
  const forward = { shape: W.shape, data };
  const backward = {
    shape: W.shape,
    data: data.map((_, n) => data[(n % HIDDEN) * HIDDEN + Math.floor(n / HIDDEN)]),
  };
  const states = [new Float64Array(HIDDEN)];
  for (const x of inputs) states.push(linear(forward, states.at(-1), x).map(f.of));
  const total = new Float64Array(HIDDEN * HIDDEN);
  const norms = [norm(error)];
  let g = error;
  for (let t = inputs.length; t > 0; t--) {
    const delta = g.map((v, i) => v * f.slope(states[t][i]));
    for (let n = 0; n < total.length; n++)
      total[n] += delta[Math.floor(n / HIDDEN)] * states[t - 1][n % HIDDEN];
    g = linear(backward, delta);
    norms.push(norm(g));
  }
  return { norms, parameters: norm(total) };
}

function render({ model, el }) {
  const body = frame({ model, el });
  let measured;
  let revealed = false;
  let pinned = null; // a lag

  const set = (key, value) => {
    model.set(key, value);
    model.save_changes();
  };
  const radius = () => model.get("radius");
  const length = () => model.get("length");
  const factor = () => {
    const clip = model.get("clip");
    return clip ? Math.min(1, clip / measured.parameters) : 1;
  };

  const layout = { left: 44, right: 12, top: 16, height: 232 };
  const y = (value) => {
    const decades = Math.max(-DECADES, Math.min(DECADES, Math.log10(value)));
    return layout.top + (layout.height * (DECADES - decades)) / (2 * DECADES);
  };
  const draw = (space) => {
    const { left, right, top, height } = layout;
    const count = length() + 1;
    const pitch = (space - left - right) / count;
    const x = (lag) => space - right - pitch * (lag + 0.5);
    Object.assign(layout, { pitch, x, space });
    const floor = top + height;
    const nodes = [];
    for (let decade = -DECADES; decade <= DECADES; decade += 4) {
      const at = y(10 ** decade);
      nodes.push(
        line(
          [
            [left, at],
            [space - right, at],
          ],
          "line",
          decade ? 1 : 2,
        ),
        label(left - 6, at + 4, decade ? `10${superscript(decade)}` : "1", "end"),
      );
    }
    const tube = Math.max(1.5, Math.min(14, pitch * 0.62));
    const bulb = Math.min(8, pitch * 0.44);
    measured.norms.forEach((full, lag) => {
      const shown = revealed || lag === 0;
      const value = full * factor();
      nodes.push(
        svg("rect", {
          x: x(lag) - tube / 2,
          y: top,
          width: tube,
          height: height + 4,
          rx: tube / 2,
          style: "fill: var(--soft)",
        }),
      );
      if (shown)
        nodes.push(
          svg("rect", {
            x: x(lag) - tube / 2,
            y: y(value),
            width: tube,
            height: floor + 6 - y(value),
            rx: tube / 2,
            style: "fill: var(--gradient)",
          }),
        );
      const lit = shown && value > 10 ** -DECADES;
      nodes.push(
        svg("circle", {
          cx: x(lag),
          cy: floor + 8,
          r: bulb,
          style: lit
            ? "fill: var(--gradient)"
            : "fill: var(--soft); stroke: var(--line)",
        }),
      );
    });
    if (revealed) {
      const points = measured.norms.map((_, lag) => [x(lag), y(radius() ** lag)]);
      nodes.push(line(points, "ink", 2, "6 4"));
      const end = y(radius() ** length());
      nodes.push(label(left + 4, end < top + 24 ? end + 20 : end - 10, "ρᵏ"));
      nodes.at(-1).setAttribute("class", "strong");
      if (factor() < 1)
        nodes.push(
          line(
            measured.norms.map((v, lag) => [x(lag), y(v)]),
            "gradient",
            1.5,
          ),
        );
      const far = measured.norms.at(-1) * factor();
      if (Math.abs(Math.log10(far)) > DECADES)
        nodes.push(
          label(
            left + 6,
            far > 1 ? top - 4 : floor - 8,
            `${far > 1 ? "▲" : "▼"} off the scale: ${scientific(far)}`,
          ),
        );
    } else
      nodes.push(
        label((left + space) / 2, y(1e4), "? your prediction first", "middle"),
      );
    if (pinned !== null && revealed)
      nodes.push(
        svg("rect", {
          x: x(pinned) - Math.max(tube, 6) / 2 - 2,
          y: top - 4,
          rx: 4,
          width: Math.max(tube, 6) + 4,
          height: height + 26,
          style: "fill: none; stroke: var(--ink)",
          "stroke-width": 1.5,
        }),
      );
    const under = floor + 34;
    nodes.push(
      label(x(0) + pitch / 2, under, "loss, step T", "end"),
      label(left, under, `k = ${length()}`),
      label((left + space) / 2, under, "← k steps back", "middle", "gradient"),
    );
    return { nodes, height: under + 6 };
  };
  const lagAt = (px) => {
    const lag = Math.floor((layout.space - layout.right - px) / layout.pitch);
    return revealed && lag >= 0 && lag <= length() ? lag : null;
  };
  const numbers = (lag) =>
    `k = ${lag}: ${scientific(measured.norms[lag] * factor())}, ρᵏ = ${scientific(radius() ** lag)}`;
  const thermometer = board({
    name: "The norm of the gradient at every time step, on a logarithmic axis",
    draw,
    say: (px) => {
      const lag = lagAt(px);
      if (lag === null) return null;
      const top = y(measured.norms[lag] * factor());
      return { x: layout.x(lag), y: top, text: numbers(lag) };
    },
    pin: (px) => {
      const lag = lagAt(px);
      pinned = lag === pinned ? null : lag;
      update();
    },
  });

  const question = predict({
    question: () =>
      `ρ = ${radius().toFixed(2)}, ${model.get("nonlinearity")} cell: an error of size 1 goes back ${length()} steps. What is left of it?`,
    choices: [
      [-1, "less than 1/100"],
      [0, "between 1/100 and 100"],
      [1, "more than 100"],
    ],
    reveal: (guess) => {
      revealed = true;
      set("guess", guess);
      update();
    },
    again: () => {
      revealed = false;
      if (measured) update();
    },
    verdict: (guess) => {
      const far = measured.norms.at(-1);
      const truth = far < 0.01 ? -1 : far > 100 ? 1 : 0;
      const says = ["it vanishes", "it survives", "it explodes"][truth + 1];
      const right =
        guess === null ? "" : guess === truth ? " As you said." : " Not as you said.";
      return `${scientific(far)} is left after ${length()} steps: ${says}.${right}`;
    },
  });

  const controls = {
    radius: slider({
      name: "spectral radius ρ of Wₕ",
      min: 0.5,
      max: 1.5,
      step: 0.01,
      value: radius(),
      shown: (v) => v.toFixed(2),
      change: (v) => set("radius", v),
      accent: "weight",
    }),
    length: slider({
      name: "steps T",
      min: 5,
      max: 100,
      step: 1,
      value: length(),
      shown: String,
      change: (v) => set("length", v),
      accent: "input",
    }),
  };
  // the clip slider is logarithmic: 10^-2 … 10^2, its right end means none
  const clip = slider({
    name: "clip ‖∂L/∂Wₕ‖ at",
    min: -2,
    max: 2.1,
    step: 0.1,
    value: model.get("clip") ? Math.log10(model.get("clip")) : 2.1,
    shown: (v) => (v > 2.05 ? "never" : scientific(10 ** v)),
    change: (v) => set("clip", v > 2.05 ? null : 10 ** v),
    accent: "gradient",
  });
  const look = slider({
    name: "look at lag k",
    min: 0,
    max: length(),
    step: 1,
    value: 0,
    shown: (k) => (measured && revealed ? numbers(k).replace("k = ", "") : String(k)),
    change: (k) => {
      pinned = k;
      update();
    },
    accent: "gradient",
  });
  const cell = segments({
    name: "nonlinearity",
    options: [
      ["linear", "linear"],
      ["tanh", "tanh"],
    ],
    value: model.get("nonlinearity"),
    change: (v) => set("nonlinearity", v),
  });
  const another = button("Another random Wₕ", () => set("seed", model.get("seed") + 1));
  const says = make("p", { class: "note" });

  const update = () => {
    measured = gradients(
      network(model.get("seed"), length()),
      radius(),
      model.get("nonlinearity"),
    );
    if (pinned !== null) pinned = Math.min(pinned, length());
    look.input.max = length();
    look.input.disabled = !revealed;
    look.set(pinned ?? 0);
    question.update();
    thermometer.redraw();
    says.replaceChildren();
    if (revealed && factor() < 1)
      says.append(
        "The parameters' gradient has norm ",
        make("b", {}, scientific(measured.parameters)),
        ". Clipping multiplies all of it by ",
        make("b", {}, scientific(factor())),
        ": it no longer explodes, but a far step still hears as little beside a near one.",
      );
    else if (revealed)
      says.append(
        "The parameters' gradient has norm ",
        make("b", {}, scientific(measured.parameters)),
        model.get("clip") ? ", below the threshold: clipping does nothing." : ".",
      );
    model.set("farthest", revealed ? measured.norms.at(-1) : null);
    model.save_changes();
  };
  const row = (...nodes) => make("div", { class: "row" }, ...nodes);
  body.append(
    row(controls.radius.box, controls.length.box),
    row(cell, clip.box),
    question.box,
    thermometer.box,
    row(look.box, another),
    says,
  );
  for (const key of ["radius", "length", "nonlinearity", "clip", "seed"])
    model.on(`change:${key}`, () => {
      controls[key]?.set(model.get(key));
      update();
    });
  update();
}

export default { render };
