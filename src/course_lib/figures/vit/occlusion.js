// What a patch is worth to an answer: cover it, and see how far the probability falls.
import { times } from "../kit/attention.js";
import { MOST, WIDTH, covered } from "./pixels.js";
import { rollout } from "./vit.js";

// A picture of counts as the model reads it. `looks(block, head)` and `flow` are what the
// class token has of each patch; changes[t] is the probability of the answer with patch t
// empty, minus the one before, and null until cover(t) was called. That gives
// all probabilities without the patch.
export function reading(model, counts, side) {
  const pixels = counts.map((n) => n / MOST);
  const { shares, weights } = model.read(pixels);
  const answer = shares.indexOf(Math.max(...shares));
  const T = (WIDTH / side) ** 2;
  const without = times(T, () => null);
  const changes = times(T, () => null);
  const cover = (t) => {
    without[t] ??= model.read(covered(pixels, side, t)).shares;
    changes[t] = without[t][answer] - shares[answer];
    return without[t];
  };
  return {
    ...{ counts, shares, answer, changes, cover },
    looks: (block, head) => Array.from(weights[block - 1][head - 1][0].slice(1)),
    itself: (block, head) => weights[block - 1][head - 1][0][0],
    flow: Array.from(rollout(weights)[0].slice(1)),
  };
}

// 1 is the rank of the least; equal values share the mean of their ranks.
export function ranks(values) {
  return values.map((v) => {
    const below = values.filter((other) => other < v).length;
    const same = values.filter((other) => other === v).length;
    return below + (same + 1) / 2;
  });
}

// Spearman's rank correlation, −1 … 1; null where all values of one are equal.
export function rankCorrelation(a, b) {
  const [x, y] = [a, b].map((values) => {
    const all = ranks(values);
    const mean = (all.length + 1) / 2;
    return all.map((r) => r - mean);
  });
  const dot = (p, q) => p.reduce((sum, v, i) => sum + v * q[i], 0);
  const size = Math.sqrt(dot(x, x) * dot(y, y));
  return size ? dot(x, y) / size : null;
}

// Of the rollout and the falls, once every patch was covered; null before.
export const agreement = ({ flow, changes }) =>
  changes.includes(null)
    ? null
    : rankCorrelation(
        flow,
        changes.map((change) => -change),
      );
