// What the workshop says of its numbers.
import { number } from "../kit/draw.js";
import { ADDITIVE, dot, inner, matrix, times } from "./scores.js";
import { WORDS, glossed } from "./words.js";

const two = (value) => number(value);
const signed = (value) => (value < 0 ? `(${two(value)})` : two(value));
const products = (a, b) =>
  a.map((x, i) => `${signed(x)} · ${signed(b[i])}`).join(" + ");

// The score of one word with its numbers, and its weight.
export function arithmetic(setting, { scores, weights, seen }, i) {
  const { score, query: q, keys, temperature } = setting;
  const k = keys[i];
  const e = two(scores[i]);
  const sums = {
    dot: () => `q · k = ${products(q, k)} = ${e}`,
    scaled: () => `q · k / √2 = (${products(q, k)}) / 1.41 = ${e}`,
    general: () => {
      const turned = times(matrix(setting), k);
      return `W k = (${turned.map(two).join(", ")}), q · W k = ${products(q, turned)} = ${e}`;
    },
    additive: () =>
      `tanh(W_q q + W_k k) = (${inner(q, k).map(two).join(", ")}), and v · that = ${products(ADDITIVE.v, inner(q, k))} = ${e}`,
  };
  const heat = temperature === 1 ? "e" : `e/${two(temperature)}`;
  const share = seen[i]
    ? `α = exp(${heat}) / sum of all = ${two(weights[i])}`
    : "it is masked, so α = 0";
  return `${glossed(i)}: e = ${sums[score]()}; ${share}.`;
}

// Where the largest weights are: more than one place if they are equal.
export function winners(weights) {
  const most = Math.max(...weights);
  return weights.flatMap((w, i) => (most > 0 && most - w < 1e-9 ? [i] : []));
}

const cosine = (a, b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b) || 1);

// What came of the prediction that the word `guess` gets most weight.
export function verdict({ score, query, keys }, { weights, seen }, guess) {
  const most = winners(weights);
  if (!most.length)
    return "No word gets any: all are masked, so all weights are 0, and so is the mean.";
  const share = two(weights[most[0]]);
  const names = most.map(glossed).join(" and ");
  const said =
    most.length > 1
      ? `${names}: ${share} each.`
      : `${names}, with a weight of ${share}.`;
  const told =
    guess === null ? "" : most.includes(guess) ? " As you said." : " Not as you said.";
  return `${said}${because({ score, query, keys, seen }, most)}${told}`;
}

// The dot product is no angle: a long key may win over one that points the right way.
function because({ score, query, keys, seen }, most) {
  if (!["dot", "scaled"].includes(score) || most.length > 1) return "";
  const along = keys.map((key, i) => (seen[i] ? cosine(query, key) : -Infinity));
  const best = along.indexOf(Math.max(...along));
  if (along[best] - along[most[0]] < 1e-9) return "";
  return ` The key of ${WORDS[best].word} points more nearly where the query does, but a dot product counts the length of a key too.`;
}

// The mean as a sum of the words' glosses, the largest weight first.
export function blend({ weights, mean }, what) {
  const parts = weights
    .map((w, i) => ({ w, i }))
    .filter(({ w }) => w >= 0.005)
    .sort((a, b) => b.w - a.w);
  if (!parts.length)
    return "Every word is masked: all weights are exactly 0, and the mean is (0.00, 0.00).";
  const terms = parts.map(({ w, i }) => `${two(w)} · ${WORDS[i].gloss}`);
  const rest = weights.filter((w) => w > 0).length > parts.length ? " + …" : "";
  return `mean of the ${what} = ${terms.join(" + ")}${rest} = (${mean.map(two).join(", ")})`;
}
