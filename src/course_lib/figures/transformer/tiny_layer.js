// One head of self-attention on any words. Nothing in it is trained: a word's vector and
// the weights are random, drawn anew from its letters and from C, always the same ones.
import { generator, linear, softmax } from "../kit/nn.js";
import { dot } from "./positions.js";

export const LONGEST = 8; // words

export const split = (text) => text.trim().split(/\s+/).filter(Boolean);

// FNV-1a over the letters: a seed.
function seedOf(text) {
  let hash = 2166136261;
  for (const letter of text)
    hash = Math.imul(hash ^ letter.codePointAt(0), 16777619) >>> 0;
  return hash;
}

const normals = (seed, count, spread) => {
  const { normal } = generator(seed);
  return Float64Array.from({ length: count }, () => spread * normal());
};

// The vector of a word, its entries of variance 1; (C,)
export const vector = (word, C) => normals(seedOf(word), C, 1);

const layers = new Map();
// W_q, W_k, W_v, each (C, C), so that queries, keys and values keep the variance.
export function layer(C) {
  if (!layers.has(C))
    layers.set(
      C,
      [1, 2, 3].map((seed) => ({
        shape: [C, C],
        data: normals(seed, C * C, 1 / Math.sqrt(C)),
      })),
    );
  return layers.get(C);
}

// q · k / √C of each word with each one; (n, n)
export function scores(words, places, coding) {
  const { C, add, turn } = coding;
  const [W_q, W_k] = layer(C);
  const X = words.map((word, n) => add(vector(word, C), places[n])); // (n, C)
  const made = (W) => X.map((x, n) => turn(linear(W, x), places[n])); // (n, C)
  const [Q, K] = [made(W_q), made(W_k)];
  return Q.map((q) => K.map((k) => dot(q, k) / Math.sqrt(C)));
}

// What the layer gives for each word; (n, C)
export function outputs(words, places, coding) {
  const { C, add } = coding;
  const W_v = layer(C)[2];
  const V = words.map((word, n) => linear(W_v, add(vector(word, C), places[n])));
  return scores(words, places, coding).map((row) => {
    const weights = softmax(row); // over the keys
    return V[0].map((_, c) => weights.reduce((sum, w, n) => sum + w * V[n][c], 0));
  });
}

export const ROUNDING = 1e-9; // a difference below it is none

// The largest |difference| of two vectors, or of two tables.
export const apart = (one, other) =>
  Math.max(
    ...Array.from(one, (v, i) =>
      typeof v === "number" ? Math.abs(v - other[i]) : apart(v, other[i]),
    ),
  );
