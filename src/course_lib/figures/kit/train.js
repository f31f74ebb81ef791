// Training in the page: back-propagation through time, clipping and Adam, written out.
import { norm } from "./nn.js";

// Uniform in ±1/sqrt(H), as torch.nn.RNN and torch.nn.Linear start.
export function initialRNN(hidden, random) {
  const bound = 1 / Math.sqrt(hidden);
  const fill = (n) =>
    Float64Array.from({ length: n }, () => bound * (2 * random.uniform() - 1));
  return {
    W_x: fill(hidden), // (H, 1)
    W_h: fill(hidden * hidden), // (H, H)
    b: fill(hidden), // (H,)
    W_o: fill(hidden), // (1, H)
    b_o: fill(1),
  };
}

// A tanh RNN reads xs (T numbers) and says at every step the probability that the
// target is 1. Mean binary cross-entropy over the steps whose target is not null, over
// all sequences; its gradient by BPTT; and the share of right answers.
export function bptt(p, sequences) {
  const H = p.b.length;
  const gradient = Object.fromEntries(
    Object.entries(p).map(([name, v]) => [name, new Float64Array(v.length)]),
  );
  let counted = 0;
  for (const { targets } of sequences)
    for (const target of targets) counted += target !== null;
  let loss = 0;
  let right = 0;
  const outputs = [];
  for (const { xs, targets } of sequences) {
    const states = [new Float64Array(H)]; // states[t] is the state before step t
    const probabilities = [];
    for (let t = 0; t < xs.length; t++) {
      const before = states[t];
      const state = new Float64Array(H);
      let logit = p.b_o[0];
      for (let i = 0; i < H; i++) {
        let a = p.b[i] + p.W_x[i] * xs[t];
        for (let j = 0; j < H; j++) a += p.W_h[i * H + j] * before[j];
        state[i] = Math.tanh(a);
        logit += p.W_o[i] * state[i];
      }
      states.push(state);
      probabilities.push(1 / (1 + Math.exp(-logit)));
      if (targets[t] === null) continue;
      // log(1 + e^z) - y z, in the form that does not overflow
      loss +=
        Math.max(logit, 0) -
        logit * targets[t] +
        Math.log1p(Math.exp(-Math.abs(logit)));
      right += logit > 0 === targets[t] > 0.5;
    }
    outputs.push(probabilities);
    let fromLater = new Float64Array(H); // dL/dh_t that comes from step t + 1
    for (let t = xs.length - 1; t >= 0; t--) {
      const state = states[t + 1];
      const before = states[t];
      const error = targets[t] === null ? 0 : (probabilities[t] - targets[t]) / counted;
      const toEarlier = new Float64Array(H);
      gradient.b_o[0] += error;
      for (let i = 0; i < H; i++) {
        gradient.W_o[i] += error * state[i];
        const delta = (error * p.W_o[i] + fromLater[i]) * (1 - state[i] * state[i]);
        gradient.b[i] += delta;
        gradient.W_x[i] += delta * xs[t];
        for (let j = 0; j < H; j++) {
          gradient.W_h[i * H + j] += delta * before[j];
          toEarlier[j] += delta * p.W_h[i * H + j];
        }
      }
      fromLater = toEarlier;
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
