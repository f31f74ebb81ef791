// A search in words: what a step did, why it stops, and whether it found the best.
import { number } from "../kit/draw.js";
import { beamSearch, lengthPenalty, normalised, whole } from "./decoding.js";
import { said } from "./word_table.js";

export const WIDTHS = [1, 2, 3, 4, 5];

export const spoken = (table, { tokens, ended }) => {
  const words = said(table, tokens).join(" ") || "(nothing)";
  return `“${words}${ended ? "" : " …"}”`;
};

export const ordinal = (n) =>
  ["first", "second", "third", "fourth", "fifth"][n - 1] ?? `${n}th`;

// "log(0.34 · 0.80) = −1.30"
export function sum(next, { tokens, score }) {
  const logs = tokens.map((token, i) => next(tokens.slice(0, i))[token]);
  const ps = logs.map((log) => number(Math.exp(log)));
  return `log(${ps.join(" · ")}) = ${number(score)}`;
}

const and = (parts) =>
  parts.length < 2
    ? parts.join()
    : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;

// The widths from 1 to 5 whose first sequence is as good as the best of all.
export function finders(next, best, setting) {
  return WIDTHS.filter((width) => {
    const [first] = beamSearch(next, { ...setting, width }).found;
    return normalised(first, setting.alpha) > normalised(best, setting.alpha) - 1e-9;
  });
}

export function verdict(table, { best, count, widths, guess }) {
  const found = !widths.length
    ? "No width from 1 to 5 finds it."
    : widths.length === WIDTHS.length
      ? "Every width finds it, greedy search (width 1) too."
      : `${widths.length > 1 ? "Widths" : "Only width"} ${and(widths)} ${widths.length > 1 ? "find" : "finds"} it.`;
  const right = guess === (widths[0] ?? 0);
  const told = guess === null ? "" : right ? " As you said." : " Not as you said.";
  return `The best of all ${count} sequences is ${spoken(table, best)}. ${found}${told}`;
}

// Where a search dropped the beginning of this sequence: { step, rank }, or null.
export function pruned(steps, one, end) {
  const tokens = whole(one, end);
  for (const [at, { candidates }] of steps.entries()) {
    if (at >= tokens.length) return null;
    const place = candidates.findIndex(({ tokens: own }) =>
      own.every((token, i) => token === tokens[i]),
    );
    if (!candidates[place].kept) return { step: at + 1, rank: place + 1 };
  }
  return null;
}

// What step `at` (from 0) of a search did, and why it goes on or stops.
export function explained(table, steps, at, { width, alpha, longest, end }) {
  const { candidates, ended, worst, bound, stop } = steps[at];
  const kept = Math.min(width, candidates.length);
  const choice =
    candidates.length > kept
      ? `${candidates.length} continuations, the best ${kept === 1 ? "one stays" : `${kept} stay`}.`
      : candidates.length === 1
        ? "one continuation, which stays."
        : `${candidates.length} continuations, and all stay.`;
  const over = candidates.filter((one) => one.over && one.token === end).length;
  const ends = over ? ` ${over === 1 ? "One ends" : `${over} end`}.` : "";
  return `Step ${at + 1}: ${choice}${ends} ${why({ table, candidates, ended, worst, bound, stop, width, alpha, longest })}`;
}

function why({ table, candidates, ended, worst, bound, stop, width, alpha, longest }) {
  if (stop === "longest")
    return `It stops: a sequence may have ${longest} tokens at most.`;
  if (stop === "ended") return "It stops: all that was kept has ended.";
  if (worst === null)
    return `It goes on: ${ended.length} of ${width} have ended so far.`;
  const left = candidates.find((one) => one.kept && !one.over);
  const penalty = lengthPenalty(longest, alpha);
  const most =
    alpha > 0
      ? `${number(left.score)} / ${number(penalty)} = ${number(bound)}, with the penalty of ${longest} tokens`
      : number(bound);
  const hope = `The best that is left, ${spoken(table, { ...left, ended: false })}, can come at most to ${most}`;
  const bar = number(normalised(worst, alpha));
  const beside =
    width === 1
      ? `${spoken(table, worst)} has`
      : `the ${ordinal(width)} of those that ended, ${spoken(table, worst)}, has`;
  return stop
    ? `It stops: nothing left can beat ${spoken(table, worst)}, ${width === 1 ? "" : `the ${ordinal(width)} of those that ended, `}at ${bar}. ${hope}.`
    : `${hope}, and ${beside} ${bar}: it goes on.`;
}
