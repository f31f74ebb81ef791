// Sends an error back through time and reads its norm at every step.
import {
  board,
  button,
  frame,
  label,
  line,
  make,
  mix,
  predict,
  row,
  scientific,
  segments,
  slider,
  superscript,
  svg,
} from "../kit/draw.js";
import { assign } from "../kit/values.js";
import { activation, generator, linear, norm, spectralRadius } from "../kit/nn.js";

const HIDDEN = 64;
const INPUTS = 8;
const SEQUENCES = 8; // the figure shows the mean of the logarithm over them
const LONGEST = 100;

// As in the experiment vanishing-gradient: W_h Gaussian, here with a spectral radius of
// 1; W_x of variance 1 / I; standard normal inputs, of which W_x x_t is kept; and for
// each sequence an error of norm 1 at its last step.
export function network(seed) {
  const random = generator(seed);
  const normals = (n) => Float64Array.from({ length: n }, random.normal);
  const W_h = { shape: [HIDDEN, HIDDEN], data: normals(HIDDEN * HIDDEN) };
  const size = spectralRadius(W_h);
  W_h.data = W_h.data.map((w) => w / size);
  const W_x = { shape: [HIDDEN, INPUTS], data: normals(HIDDEN * INPUTS) };
  W_x.data = W_x.data.map((w) => w / Math.sqrt(INPUTS));
  const sequences = Array.from({ length: SEQUENCES }, () => {
    const error = normals(HIDDEN);
    const scale = norm(error);
    const inputs = Array.from({ length: LONGEST }, () => linear(W_x, normals(INPUTS)));
    return { inputs, error: error.map((v) => v / scale) };
  });
  return { W_h, sequences };
}

// h_t = f(rho W_h h_{t-1} + W_x x_t) from h_0 = 0. byLag[k], k steps back from step
// `length`: the mean over the sequences of log10 |dL/dh|. ofWeights: the same mean of
// log10 |dL/dW_h|, where dL/dW_h is the sum over t of delta_t h_{t-1}^T.
export function gradients({ W_h, sequences }, radius, nonlinearity, length) {
  const f = activation[nonlinearity];
  const data = W_h.data.map((w) => radius * w);
  const forward = { shape: W_h.shape, data };
  const backward = {
    shape: W_h.shape,
    data: data.map((_, n) => data[(n % HIDDEN) * HIDDEN + Math.floor(n / HIDDEN)]),
  };
  const byLag = new Float64Array(length + 1);
  let ofWeights = 0;
  for (const { inputs, error } of sequences) {
    const states = [new Float64Array(HIDDEN)];
    for (const input of inputs.slice(0, length)) {
      const fromState = linear(forward, states.at(-1));
      states.push(fromState.map((v, i) => f.of(v + input[i])));
    }
    let g = error;
    const sum = new Float64Array(HIDDEN * HIDDEN);
    for (let k = 1; k <= length; k++) {
      const state = states[length - k + 1];
      const before = states[length - k];
      const delta = g.map((v, i) => v * f.slope(state[i]));
      for (let i = 0; i < HIDDEN; i++)
        for (let j = 0; j < HIDDEN; j++) sum[i * HIDDEN + j] += delta[i] * before[j];
      g = linear(backward, delta);
      byLag[k] += Math.log10(norm(g)) / SEQUENCES;
    }
    ofWeights += Math.log10(norm(sum)) / SEQUENCES;
  }
  return { byLag, ofWeights };
}

// What clipping by the norm multiplies a gradient of this size by; no limit is null.
export const factor = (size, limit) =>
  limit !== null && size > limit ? limit / size : 1;

export function clipping(size, limit) {
  const norm = `∂L/∂Wₕ, the sum of the shares of all steps, has norm ${scientific(size, { precision: 3 })}`;
  if (limit === null) return `${norm}.`;
  const times = factor(size, limit);
  if (times === 1)
    return `${norm}. It is shorter than ${limit} already: clipping does nothing.`;
  return `${norm}. Clipping at ${limit} multiplies the whole gradient by ${scientific(times, { precision: 3 })}: every share gets shorter by the same factor, none gets longer.`;
}

const PALE = mix("gradient", 0.35);

const key = (text, fill) =>
  make("span", { class: "key", style: `--fill: ${fill}` }, text);

function render({ model, el }) {
  const body = frame({ model, el });
  let seed; // of net
  let net;
  let measured;
  let revealed = false;
  let pinned = null; // a lag

  const set = (key, value) => assign(model, { [key]: value });
  const radius = () => model.get("radius");
  const length = () => model.get("length");
  const size = () => 10 ** measured.ofWeights;
  const times = () => factor(size(), model.get("clip"));
  // The axis depends on nothing that would give the answer away: ±8 for 25 steps.
  const decades = () => 8 * Math.ceil(length() / 25);
  const line10 = (lag) => lag * Math.log10(radius()); // log10 of ρᵏ

  const layout = { left: 44, right: 12, top: 16, height: 232 };
  const y = (log10) => {
    const inside = Math.max(-decades(), Math.min(decades(), log10));
    return layout.top + (layout.height * (decades() - inside)) / (2 * decades());
  };
  const draw = (space) => {
    const { left, right, top, height } = layout;
    const count = length() + 1;
    const pitch = (space - left - right) / count;
    const x = (lag) => space - right - pitch * (lag + 0.5);
    Object.assign(layout, { pitch, x, space });
    const floor = top + height;
    const nodes = [];
    for (let decade = -decades(); decade <= decades(); decade += decades() / 2) {
      const at = y(decade);
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
    measured.byLag.forEach((value, lag) => {
      const bar = (log10, fill) =>
        svg("rect", {
          x: x(lag) - tube / 2,
          y: y(log10),
          width: tube,
          height: floor + 6 - y(log10),
          rx: tube / 2,
          style: `fill: ${fill}`,
        });
      const shown = revealed || lag === 0;
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
      if (revealed && times() < 1) nodes.push(bar(value, PALE));
      if (shown)
        nodes.push(
          bar(value + (revealed ? Math.log10(times()) : 0), "var(--gradient)"),
        );
      const lit = shown && value > -decades();
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
      const points = Array.from(measured.byLag, (_, lag) => [x(lag), y(line10(lag))]);
      nodes.push(line(points, "ink", 2, "6 4"));
      const end = points.at(-1)[1];
      nodes.push(label(left + 4, end < top + 24 ? end + 20 : end - 10, "ρᵏ"));
      nodes.at(-1).setAttribute("class", "strong");
      const far = measured.byLag.at(-1);
      if (Math.abs(far) > decades())
        nodes.push(
          label(
            left + 6,
            far > 0 ? top - 4 : floor - 8,
            `${far > 0 ? "▲" : "▼"} off the scale: ${scientific(10 ** far)}`,
          ),
        );
    } else
      nodes.push(
        label(
          (left + space) / 2,
          y(decades() / 2),
          "? your prediction first",
          "middle",
        ),
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
    const lags = [0, Math.round(length() / 2), length()];
    const says = revealed
      ? `${setting()}, size by lag. ${lags.map(numbers).join("; ")}`
      : "hidden until you answer";
    return { nodes, height: under + 6, says };
  };
  const lagAt = (px) => {
    const lag = Math.floor((layout.space - layout.right - px) / layout.pitch);
    return revealed && lag >= 0 && lag <= length() ? lag : null;
  };
  const numbers = (lag) =>
    `k = ${lag}: ${scientific(10 ** measured.byLag[lag])}, ρᵏ = ${scientific(10 ** line10(lag))}`;
  const setting = () => `ρ = ${radius().toFixed(2)}, ${model.get("nonlinearity")} cell`;
  const thermometer = board({
    name: "The norm of the gradient at every time step, on a logarithmic axis",
    draw,
    say: (px) => {
      const lag = lagAt(px);
      if (lag === null) return null;
      return { x: layout.x(lag), y: y(measured.byLag[lag]), text: numbers(lag) };
    },
    pin: (px) => {
      const lag = lagAt(px);
      pinned = lag === pinned ? null : lag;
      update();
    },
  });

  const question = predict({
    question: () =>
      `${setting()}: an error of size 1 goes back ${length()} steps. What is left of it?`,
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
      const far = measured.byLag.at(-1);
      const truth = Math.abs(far) < 2 ? 0 : Math.sign(far);
      const says = ["it vanishes", "it survives", "it explodes"][truth + 1];
      const right =
        guess === null ? "" : guess === truth ? " As you said." : " Not as you said.";
      return `${scientific(10 ** far)} is left after ${length()} steps: ${says}.${right}`;
    },
  });

  const controls = {
    radius: slider({
      name: "spectral radius ρ of Wₕ",
      min: 0.5,
      max: 3,
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
  controls.nonlinearity = segments({
    name: "nonlinearity",
    options: [
      ["linear", "linear"],
      ["tanh", "tanh"],
    ],
    value: model.get("nonlinearity"),
    change: (v) => set("nonlinearity", v),
  });
  controls.clip = segments({
    name: "clip ‖∂L/∂Wₕ‖ at",
    options: [null, 10, 1, 0.1].map((v) => [v, v === null ? "never" : String(v)]),
    value: model.get("clip"),
    change: (v) => set("clip", v),
  });
  const says = make("p", { class: "says", "aria-live": "polite" });
  const legend = make("p", { class: "note" });
  const another = button("Another random Wₕ", () => set("seed", model.get("seed") + 1));

  const update = () => {
    if (model.get("seed") !== seed) {
      seed = model.get("seed");
      net = network(seed);
    }
    measured = gradients(net, radius(), model.get("nonlinearity"), length());
    if (pinned !== null) pinned = Math.min(pinned, length());
    look.input.max = length();
    look.input.disabled = !revealed;
    look.set(pinned ?? 0);
    question.update();
    thermometer.redraw();
    const text = revealed ? clipping(size(), model.get("clip")) : "";
    if (says.textContent !== text) says.textContent = text;
    legend.hidden = !revealed || times() === 1;
    legend.replaceChildren(
      key("‖∂L/∂h‖", PALE),
      key(`the same times ${scientific(times(), { precision: 3 })}`, "var(--gradient)"),
    );
    assign(model, { farthest: revealed ? 10 ** measured.byLag.at(-1) : null });
  };
  body.append(
    row(controls.radius.box, controls.length.box),
    row(controls.nonlinearity, controls.clip),
    question.box,
    thermometer.box,
    legend,
    says,
    row(look.box, another),
  );
  for (const name of ["radius", "length", "nonlinearity", "clip", "seed"])
    model.on(`change:${name}`, () => {
      controls[name]?.set(model.get(name));
      if (name !== "clip") question.forget(); // it was a guess about another setting
      update();
    });
  update();
}

export default { render };
