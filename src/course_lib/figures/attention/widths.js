// Dot products of random vectors, by their width: how far they spread, and what the
// softmax makes of that, with and without division by the root of the width.
import { generator, softmax } from "../kit/nn.js";
import { dot, slope } from "./scores.js";

export const WIDTHS = [2, 4, 8, 16, 32, 64, 128, 256, 512];
export const DRAWS = 200; // queries, each with keys of its own
export const KEYS = 5;

// `DRAWS` times a query and `KEYS` keys, whose entries have mean 0 and variance 1.
export function draws(width, seed) {
  const { normal } = generator(seed * 1024 + width);
  const vector = () => Float64Array.from({ length: width }, normal);
  return Array.from({ length: DRAWS }, () => ({
    query: vector(),
    keys: Array.from({ length: KEYS }, vector),
  }));
}

// { products, plain, scaled }; the last two hold over all draws the root mean square of
// the scores, and the means of the largest weight and of the slope of the softmax.
export function atWidth(width, seed) {
  const products = draws(width, seed).map(({ query, keys }) =>
    keys.map((key) => dot(query, key)),
  );
  const over = (divisor) => {
    const all = products.map((row) => row.map((e) => e / divisor));
    const weights = all.map(softmax);
    const average = (of) => weights.reduce((sum, w) => sum + of(w), 0) / DRAWS;
    const squares = all.flat().reduce((sum, e) => sum + e * e, 0);
    return {
      spread: Math.sqrt(squares / (DRAWS * KEYS)),
      largest: average((w) => Math.max(...w)),
      slope: average(slope),
    };
  };
  return { products: products.flat(), plain: over(1), scaled: over(Math.sqrt(width)) };
}
