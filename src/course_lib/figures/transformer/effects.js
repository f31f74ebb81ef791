// What the whole model and the cut one say of a sentence, and of words that are given.
import { END } from "../seq2seq/packed.js";
import { PARTS, headName, logProbabilities } from "./transformer.js";

const none = new Set();
const sumOf = (target, { logits }) =>
  logProbabilities(target, logits).reduce((sum, log) => sum + log, 0);

// The model with some cuts, on a target that is given, or its own if it is null.
function told(model, tokens, cuts, target = null) {
  const memory = model.read(tokens, cuts);
  const longest = Math.ceil(1.5 * tokens.length) + 6;
  const own = model.write(memory, longest, cuts);
  const run = model.force(target ?? own, memory, cuts);
  const ended = own.length < longest;
  return { memory, own, ended, run, sum: sumOf(target ?? own, run) };
}

// Where a target leaves another one; null if nowhere. The end counts as a word.
export function parting(target, other) {
  const [one, two] = [
    [...target, END],
    [...other, END],
  ];
  const place = one.findIndex((id, t) => id !== two[t]);
  return place < 0 ? null : place;
}

// How far the shares of two runs are apart, up to a place: the most, and where.
export function apart(one, other, place) {
  let most = { by: 0, t: 0, id: 0, from: 0, to: 0 };
  for (let t = 0; t <= place; t++)
    one[t].forEach((from, id) => {
      const to = other[t][id];
      if (Math.abs(to - from) > most.by)
        most = { by: Math.abs(to - from), t, id, from, to };
    });
  return most;
}

// `given` are target ids, or null: then the whole model's own words are the target. The
// leak is what a changed word did to the predictions before it, and at its own place.
export function effects(model, tokens, given, cuts) {
  const free = told(model, tokens, none);
  const target = given ?? free.own;
  const whole = given ? told(model, tokens, none, target) : free;
  const cut = cuts.size ? told(model, tokens, cuts, target) : whole;
  const place = parting(target, free.own);
  const before = place === null ? null : model.force(free.own, cut.memory, cuts);
  const leak = before && {
    place,
    ...apart(before.shares, cut.run.shares, place),
  };
  return { target, own: free.own, whole, cut, leak };
}

// How much log-probability a target loses by each cut alone.
export function losses(model, tokens, target) {
  const of = (cuts) => {
    const run = model.force(target, model.read(tokens, cuts), cuts);
    return sumOf(target, run);
  };
  const whole = of(none);
  const heads = model.attentions.flatMap((attention) =>
    Array.from({ length: model.heads }, (_, h) => headName(attention, h + 1)),
  );
  return new Map(
    [...PARTS, ...heads].map((name) => [name, whole - of(new Set([name]))]),
  );
}
