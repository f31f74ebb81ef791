// The parts of a Transformer as in course_lib.transformer. A list of tokens is an array of
// vectors. Letters: T tokens that ask, S that are asked, C numbers of a token, H heads,
// D = C / H.
import { linear, softmax, unpack } from "./nn.js";

export const times = (count, make) => Array.from({ length: count }, (_, n) => make(n));
export const plus = (a, b) => a.map((v, c) => v + b[c]);
const mean = (x) => x.reduce((sum, v) => sum + v, 0) / x.length;

// Packed weights by their names: of(name) is a matrix, vector(name) its numbers;
// layer(name) and norm(name) are functions of one token (C,).
export function named(parameters, eps = 1e-5) {
  const of = (name) => unpack(parameters[name]);
  const vector = (name) => of(name).data;
  const layer = (name) => {
    const [W, b] = [of(`${name}.weight`), vector(`${name}.bias`)];
    return (x) => linear(W, x, b);
  };
  const norm = (name) => {
    const [gain, bias] = [vector(`${name}.gain`), vector(`${name}.bias`)];
    return (x) => {
      const centre = mean(x);
      const deviation = Math.sqrt(mean(x.map((v) => (v - centre) ** 2)) + eps);
      return x.map((v, c) => (gain[c] * (v - centre)) / deviation + bias[c]);
    };
  };
  return { of, vector, layer, norm };
}

// In plain loops: they are most of the work.
function dot(a, b) {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d] * b[d];
  return sum;
}
function mix(weights, vectors) {
  const sum = new Float64Array(vectors[0].length);
  for (let s = 0; s < weights.length; s++)
    for (let d = 0; d < sum.length; d++) sum[d] += weights[s] * vectors[s][d];
  return sum;
}

// Each head: its part of queries, keys and values, scores and weights (T, S), and the
// mixed values (T, D). Query t sees the first sees(t) keys; the others weigh 0.
export function attend(queries, keys, values, H, { sees, scale } = {}) {
  const [S, D] = [keys.length, queries[0].length / H];
  const divisor = scale ?? Math.sqrt(D);
  return times(H, (h) => {
    const slice = (all) => all.map((x) => x.subarray(h * D, (h + 1) * D));
    const [q, k, v] = [queries, keys, values].map(slice);
    const scores = q.map((a) => {
      const all = new Float64Array(S);
      for (let s = 0; s < S; s++) all[s] = dot(a, k[s]) / divisor;
      return all;
    });
    const weights = scores.map((all, t) => {
      const shares = new Float64Array(S);
      shares.set(softmax(all.subarray(0, sees?.(t) ?? S)));
      return shares;
    });
    return { q, k, v, scores, weights, mixed: weights.map((all) => mix(all, v)) };
  });
}

// Vectors one behind another: what all heads bring to a token.
export function joined(vectors) {
  const all = new Float64Array(vectors.reduce((sum, { length }) => sum + length, 0));
  let from = 0;
  for (const one of vectors) {
    all.set(one, from);
    from += one.length;
  }
  return all;
}
