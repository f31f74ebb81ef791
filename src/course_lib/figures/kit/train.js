// Training in the page: back-propagation through time, clipping and Adam, written out.
import { norm, rnnCell, sigmoid } from "./nn.js";

const zeros = (n) => new Float64Array(n);

// A recurrent cell as bptt wants it. Its rows are stacked in `blocks` blocks of H.
// step(layer, x, before) gives the next state. back(after, before, d) takes the
// gradient at the state after the step, d = { h } or { h, c }, and gives
//   a        the gradient at what goes into each σ or tanh
//   product  the same at the product W_h h, where that is not a
//   h, c     what reaches the state before on paths other than that product
export const elman = {
  blocks: 1,
  start: (H) => ({ h: zeros(H) }),
  step: (layer, x, before) => ({ h: rnnCell(layer, x, before.h).state }),
  back: (after, _, d) => ({ a: d.h.map((v, k) => v * (1 - after.h[k] ** 2)) }),
};

// Uniform in ±1/sqrt(H), as torch's recurrent layers and torch.nn.Linear start.
export function initial({ blocks }, inputs, hidden, random) {
  const bound = 1 / Math.sqrt(hidden);
  const fill = (n) =>
    Float64Array.from({ length: n }, () => bound * (2 * random.uniform() - 1));
  return {
    W_x: fill(blocks * hidden * inputs), // (blocks H, I)
    W_h: fill(blocks * hidden * hidden), // (blocks H, H)
    b: fill(blocks * hidden),
    ...(blocks === 3 ? { b_n: fill(hidden) } : {}), // a GRU has one more
    W_o: fill(hidden), // (1, H)
    b_o: fill(1),
  };
}

// The cell reads xs (T vectors). states[t] is the state before step t; logits[t] is
// what the output says after it: the logit of the probability that the target is 1.
export function read(cell, p, xs) {
  const H = p.W_o.length;
  const rows = p.b.length;
  const layer = {
    ...p,
    W_x: { shape: [rows, p.W_x.length / rows], data: p.W_x },
    W_h: { shape: [rows, H], data: p.W_h },
  };
  const states = [cell.start(H)];
  const logits = xs.map((x, t) => {
    const state = cell.step(layer, x, states[t]);
    states.push(state);
    let logit = p.b_o[0];
    for (let k = 0; k < H; k++) logit += p.W_o[k] * state.h[k];
    return logit;
  });
  return { states, logits };
}

// Mean binary cross-entropy over the steps whose target is not null, over all
// sequences; its gradient by BPTT; and the share of right answers.
export function bptt(cell, p, sequences) {
  const { W_h, W_o } = p;
  const H = W_o.length;
  const gradient = Object.fromEntries(
    Object.entries(p).map(([name, v]) => [name, zeros(v.length)]),
  );
  const { W_x: ofInput, W_h: ofState, b: ofBias } = gradient;
  let counted = 0;
  for (const { targets } of sequences)
    for (const target of targets) counted += target !== null;
  let loss = 0;
  let right = 0;
  const outputs = [];
  for (const { xs, targets } of sequences) {
    const { states, logits } = read(cell, p, xs);
    outputs.push(logits.map(sigmoid));
    let later = cell.start(H); // dL/dh_t (and dL/dc_t) that comes from step t + 1
    for (let t = xs.length - 1; t >= 0; t--) {
      const x = xs[t];
      const before = states[t];
      const after = states[t + 1];
      if (targets[t] !== null) {
        const [z, y] = [logits[t], targets[t]];
        // log(1 + e^z) - y z, in the form that does not overflow
        loss += Math.max(z, 0) - z * y + Math.log1p(Math.exp(-Math.abs(z)));
        right += z > 0 === y > 0.5;
        const error = (sigmoid(z) - y) / counted;
        gradient.b_o[0] += error;
        for (let k = 0; k < H; k++) {
          gradient.W_o[k] += error * after.h[k];
          later.h[k] += error * W_o[k];
        }
      }
      const { a, product = a, h = zeros(H), c } = cell.back(after, before, later);
      for (let r = 0; r < a.length; r++) {
        ofBias[r] += a[r];
        for (let k = 0; k < x.length; k++) ofInput[r * x.length + k] += a[r] * x[k];
        const delta = product[r];
        for (let k = 0, n = r * H; k < H; k++, n++) {
          ofState[n] += delta * before.h[k];
          h[k] += delta * W_h[n];
        }
      }
      if (p.b_n) for (let k = 0; k < H; k++) gradient.b_n[k] += product[2 * H + k];
      later = { h, c };
    }
  }
  return { loss: loss / counted, accuracy: right / counted, gradient, outputs };
}

// Scales all gradients together to a norm of at most `limit`; gives the norm before.
export function clip(gradient, limit) {
  const size = norm(Object.values(gradient).map(norm));
  if (limit && size > limit)
    for (const g of Object.values(gradient))
      for (let i = 0; i < g.length; i++) g[i] *= limit / size;
  return size;
}

// Kingma & Ba (2015), algorithm 1; changes the parameters in place.
export function adam(parameters, { rate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }) {
  const zeros = () =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, v]) => [name, new Float64Array(v.length)]),
    );
  const first = zeros();
  const second = zeros();
  let step = 0;
  return (gradient) => {
    step += 1;
    for (const [name, values] of Object.entries(parameters))
      for (let i = 0; i < values.length; i++) {
        const g = gradient[name][i];
        const m = (first[name][i] = beta1 * first[name][i] + (1 - beta1) * g);
        const v = (second[name][i] = beta2 * second[name][i] + (1 - beta2) * g * g);
        values[i] -=
          (rate * (m / (1 - beta1 ** step))) /
          (Math.sqrt(v / (1 - beta2 ** step)) + epsilon);
      }
  };
}
