// BLEU of one sentence with every number on the way to it, as metrics.bleu_by_hand has
// it, and the variant of the book Dive into Deep Learning.

// Where Python's str.split() parts words, and nowhere else.
const SPACES =
  /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

export const words = (text) => text.split(SPACES).filter((word) => word);

// Every run of n words, in order; a word has no space in it, so none are confused.
export const ngrams = (all, n) =>
  all.slice(n - 1).map((_, i) => all.slice(i, i + n).join(" "));

export function counted(all) {
  const counts = new Map();
  for (const one of all) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

// Of each n-gram of `ours`: "counts"; "clipped" where `theirs` has it, but all of those
// are used up by earlier ones; "absent" where it has not.
export function matched(ours, theirs) {
  const most = counted(theirs);
  const used = new Map();
  return ours.map((one) => {
    used.set(one, (used.get(one) ?? 0) + 1);
    if (!most.has(one)) return "absent";
    return used.get(one) <= most.get(one) ? "counts" : "clipped";
  });
}

// Of lists of words. `precisions[n - 1]` is taken / total: taken is the number of matches
// or, where there is none, half a match, then a quarter, and so on; null where the score
// is 0 before that matters. The score is 0 to 100.
export function bleu(translation, reference) {
  const [c, r] = [translation.length, reference.length];
  const precisions = [1, 2, 3, 4].map((n) => {
    const ours = ngrams(translation, n);
    const marks = matched(ours, ngrams(reference, n));
    const matches = marks.filter((mark) => mark === "counts").length;
    return { n, matches, total: ours.length };
  });
  const brevity = c ? Math.min(1, Math.exp(1 - r / c)) : 0;
  if (c < 4 || !precisions[0].matches) {
    for (const one of precisions) {
      one.taken = one.total ? one.matches : null;
      one.value = one.total ? one.matches / one.total : null;
    }
    return { precisions, c, r, brevity, mean: 0, score: 0 };
  }
  let halves = 1;
  for (const one of precisions) {
    if (!one.matches) halves /= 2;
    one.taken = one.matches || halves;
    one.value = one.taken / one.total;
  }
  const mean = precisions.reduce((product, { value }) => product * value, 1) ** 0.25;
  return { precisions, c, r, brevity, mean, score: 100 * brevity * mean };
}

// d2l.bleu with k = 4, 0 to 1: exponents 1/2, 1/4, 1/8, 1/16; without smoothing; lengths
// that the translation does not have are left out.
export function bookVariant(translation, reference) {
  const [c, r] = [translation.length, reference.length];
  if (!c) return 0;
  let score = Math.exp(Math.min(0, 1 - r / c));
  for (let n = 1; n <= Math.min(4, c); n++) {
    const ours = ngrams(translation, n);
    const marks = matched(ours, ngrams(reference, n));
    const matches = marks.filter((mark) => mark === "counts").length;
    score *= (matches / ours.length) ** (0.5 ** n);
  }
  return score;
}
