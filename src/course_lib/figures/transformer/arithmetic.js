// The numbers of one cell of a head's map: from a query and a key to a weighted value.
import { number, scientific } from "../kit/draw.js";

// Of query t and key s: their products, sum, score, weight, and what it brings.
export function cellOf({ q, k, v, scale, scores, weights, later }, t, s) {
  const products = q[t].map((x, d) => x * k[s][d]);
  const seen = scores[t].map((e, i) => (later(t, i) ? 0 : Math.exp(e)));
  return {
    q: q[t],
    k: k[s],
    v: v[s],
    products,
    sum: products.reduce((sum, x) => sum + x, 0),
    scale,
    score: scores[t][s],
    power: seen[s],
    powers: seen.reduce((sum, x) => sum + x, 0),
    weight: weights[t][s],
    brought: v[s].map((x) => weights[t][s] * x),
    later: later(t, s),
  };
}

const large = (value) => scientific(value, { precision: 3 });

// The same in words; `asks` and `asked` are the two tokens.
export function inWords(cell, asks, asked) {
  const { q, sum, scale, score, power, powers, weight, later } = cell;
  const products = `The ${q.length} products add up to q · k = ${number(sum)}.`;
  const scaled =
    scale === 1
      ? "Nothing is divided: the scale is cut out."
      : `Divided by √${q.length} = ${number(scale)} that is ${number(score)}.`;
  const share = later
    ? `But ${asked} comes after ${asks}: the causal mask makes the score −∞, and the weight 0.`
    : `exp(${number(score)}) = ${large(power)}, and the whole row has ${large(powers)}: the weight α is ${number(weight, 3)}.`;
  const brought = later
    ? ""
    : ` So ${number(weight, 3)} of the value of ${asked} goes into what ${asks} hears from this head.`;
  return `${products} ${scaled} ${share}${brought}`;
}
