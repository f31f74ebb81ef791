// A sentence as the reader edits it: a list of { key, word, masked }. A token keeps its
// key wherever it goes; a gap that never had a word has null for it.

const GAP = "[MASK]";
let last = 0;
const token = (word, masked) => ({ key: ++last, word, masked });

// "나 는 [MASK] 를 먹는다", and the places of more gaps, from 1.
export const tokensOf = (text, masked) =>
  text
    .split(" ")
    .filter(Boolean)
    .map((word, i) =>
      word === GAP ? token(null, true) : token(word, masked.includes(i + 1)),
    );
export const textOf = (tokens) => tokens.map(({ word }) => word ?? GAP).join(" ");
export const gapsOf = (tokens) =>
  tokens.flatMap(({ masked }, i) => (masked ? [i + 1] : []));

const changed = (tokens, i, what) =>
  tokens.map((one, n) => (n === i ? { ...one, ...what } : one));
export const toggled = (tokens, i) =>
  tokens[i].word === null ? tokens : changed(tokens, i, { masked: !tokens[i].masked });
export const put = (tokens, i, word) => changed(tokens, i, { word, masked: false });
export const removed = (tokens, i) => tokens.filter((_, n) => n !== i);
const inserted = (tokens, i, one) => [...tokens.slice(0, i), one, ...tokens.slice(i)];
export const widened = (tokens, i) => inserted(tokens, i + 1, token(null, true));
export function shifted(tokens, i, by) {
  const to = Math.max(0, Math.min(tokens.length - 1, i + by));
  return inserted(removed(tokens, i), to, tokens[i]);
}

// Which gap is asked: the one that is chosen, else the last that was, else the first.
export function asked(tokens, chosen, before) {
  if (tokens[chosen]?.masked) return chosen;
  const again = tokens.findIndex(({ key, masked }) => masked && key === before);
  return again >= 0 ? again : tokens.findIndex(({ masked }) => masked);
}
