// One time step of an LSTM and of a GRU, forward and back.
import { linear, sigmoid } from "./nn.js";

const zeros = (n) => new Float64Array(n);

// One time step of an LSTM, its rows stacked i, f, g, o: W_x (4H, I), W_h (4H, H), b
// (4H,), x (I,), a state { h, c } -> the gates, the candidate g and the next state.
export function lstmStep({ W_x, W_h, b }, x, before) {
  const H = before.h.length;
  const fromInput = linear(W_x, x, b); // (4H,)
  const fromState = linear(W_h, before.h); // (4H,)
  const [i, f, g, o, c, h] = [0, 1, 2, 3, 4, 5].map(() => zeros(H));
  for (let k = 0; k < H; k++) {
    const a = (block) => fromInput[block * H + k] + fromState[block * H + k];
    i[k] = sigmoid(a(0));
    f[k] = sigmoid(a(1));
    g[k] = Math.tanh(a(2));
    o[k] = sigmoid(a(3));
    c[k] = f[k] * before.c[k] + i[k] * g[k];
    h[k] = o[k] * Math.tanh(c[k]);
  }
  return { i, f, g, o, c, h };
}

// One time step of a GRU, its rows stacked r, z, n: W_x (3H, I), W_h (3H, H), b (3H,),
// b_n (H,), x (I,), h (H,) -> the gates, the candidate n and the next state. The reset
// gate comes after the product, r ⊙ (W_n h + b_n), as in torch; z keeps the old state.
export function gruStep({ W_x, W_h, b, b_n }, x, before) {
  const H = before.length;
  const fromInput = linear(W_x, x, b); // (3H,)
  const fromState = linear(W_h, before); // (3H,)
  const [r, z, inner, n, h] = [0, 1, 2, 3, 4].map(() => zeros(H));
  for (let k = 0; k < H; k++) {
    r[k] = sigmoid(fromInput[k] + fromState[k]);
    z[k] = sigmoid(fromInput[H + k] + fromState[H + k]);
    inner[k] = fromState[2 * H + k] + b_n[k]; // what r resets
    n[k] = Math.tanh(fromInput[2 * H + k] + r[k] * inner[k]);
    h[k] = z[k] * before[k] + (1 - z[k]) * n[k];
  }
  return { r, z, inner, n, h };
}

// Both as bptt in kit/train.js wants them.
export const lstm = {
  blocks: 4,
  start: (H) => ({ h: zeros(H), c: zeros(H) }),
  step: lstmStep,
  back({ i, f, g, o, c }, before, d) {
    const H = c.length;
    const a = zeros(4 * H);
    const earlier = zeros(H);
    for (let k = 0; k < H; k++) {
      const shown = Math.tanh(c[k]);
      const ofCell = d.c[k] + d.h[k] * o[k] * (1 - shown ** 2);
      a[k] = ofCell * g[k] * i[k] * (1 - i[k]);
      a[H + k] = ofCell * before.c[k] * f[k] * (1 - f[k]);
      a[2 * H + k] = ofCell * i[k] * (1 - g[k] ** 2);
      a[3 * H + k] = d.h[k] * shown * o[k] * (1 - o[k]);
      earlier[k] = ofCell * f[k]; // along the cell: the forget gate, and nothing else
    }
    return { a, c: earlier };
  },
};

export const gru = {
  blocks: 3,
  start: (H) => ({ h: zeros(H) }),
  step: (layer, x, before) => gruStep(layer, x, before.h),
  back({ r, z, inner, n }, before, d) {
    const H = n.length;
    const a = zeros(3 * H);
    const earlier = zeros(H);
    for (let k = 0; k < H; k++) {
      const ofCandidate = d.h[k] * (1 - z[k]) * (1 - n[k] ** 2);
      a[k] = ofCandidate * inner[k] * r[k] * (1 - r[k]);
      a[H + k] = d.h[k] * (before.h[k] - n[k]) * z[k] * (1 - z[k]);
      a[2 * H + k] = ofCandidate;
      earlier[k] = d.h[k] * z[k]; // along the state: the update gate, and nothing else
    }
    const product = a.slice();
    for (let k = 0; k < H; k++) product[2 * H + k] *= r[k];
    return { a, product, h: earlier };
  },
};
