// Attention over a few keys, as course_lib.attention has it: the scores, the softmax
// with its mask, and the mean. A vector is a list of numbers, a matrix a list of rows.
import { softmax } from "../kit/nn.js";

export const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
export const times = (W, x) => W.map((row) => dot(row, x));

// The matrix of the general score: stretch along x and y, then turn by degrees.
export function matrix({ turn, stretch_x, stretch_y }) {
  const [cos, sin] = [Math.cos, Math.sin].map((f) => f((turn * Math.PI) / 180));
  return [
    [cos * stretch_x, -sin * stretch_y],
    [sin * stretch_x, cos * stretch_y],
  ];
}

// Of the additive score: fixed, as a training might have left them.
export const ADDITIVE = {
  W_q: [
    [0.8, 0.2],
    [-0.3, 0.9],
    [0.6, -0.6],
  ],
  W_k: [
    [0.9, -0.1],
    [0.2, 0.8],
    [-0.7, 0.7],
  ],
  v: [1.6, 1.2, -0.8],
};

// What is inside the additive score: tanh(W_q q + W_k k).
export function inner(q, k) {
  const [fromQuery, fromKey] = [times(ADDITIVE.W_q, q), times(ADDITIVE.W_k, k)];
  return fromQuery.map((x, a) => Math.tanh(x + fromKey[a]));
}

// kind -> (query, key, W) -> e. Only "general" looks at W.
export const SCORES = {
  dot: (q, k) => dot(q, k),
  scaled: (q, k) => dot(q, k) / Math.sqrt(q.length),
  general: (q, k, W) => dot(q, times(W, k)),
  additive: (q, k) => dot(ADDITIVE.v, inner(q, k)),
};

// Exactly 0 where `seen` is false, and everywhere if it is false everywhere.
export function maskedSoftmax(scores, seen) {
  const kept = softmax(scores.filter((_, i) => seen[i]));
  let next = 0;
  return seen.map((one) => (one ? kept[next++] : 0));
}

export const mean = (weights, values) =>
  values[0].map((_, c) => weights.reduce((sum, w, i) => sum + w * values[i][c], 0));

// The sum of dα_i/de_i = α_i (1 − α_i): 0 where the softmax is sure, and learns nothing.
export const slope = (weights) => weights.reduce((sum, w) => sum + w * (1 - w), 0);

// All of it: { scores, weights, mean, values }.
export function attend(setting) {
  const { score, query, keys, masked, temperature, averaged } = setting;
  const W = matrix(setting);
  const scores = keys.map((key) => SCORES[score](query, key, W));
  const seen = keys.map((_, i) => !masked.includes(i + 1));
  const weights = maskedSoftmax(
    scores.map((e) => e / temperature),
    seen,
  );
  const values = averaged === "keys" ? keys : setting.values;
  return { scores, weights, values, mean: mean(weights, values), seen };
}
