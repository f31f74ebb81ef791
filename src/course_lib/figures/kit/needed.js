import { grouped } from "./counts.js";

// How much an arm needs for an accuracy, read off the line between its points. The axis
// is logarithmic, so a line there is straight in log(count).

// { count } where the arm first reaches `level`; { more: true, count } if it never does,
// { less: true, count } if it has it from the start, count being the end of the axis.
export function needed(counts, accuracy, level) {
  if (accuracy[0] >= level) return { less: accuracy[0] > level, count: counts[0] };
  const end = accuracy.findIndex((value) => value >= level);
  if (end < 0) return { more: true, count: counts.at(-1) };
  const [low, high] = [accuracy[end - 1], accuracy[end]];
  const [from, to] = [counts[end - 1], counts[end]].map(Math.log);
  return { count: Math.exp(from + ((to - from) * (level - low)) / (high - low)) };
}

// What the line of an arm is at a count between its points.
export function between(counts, values, count) {
  const above = counts.findIndex((n) => n >= count);
  const end = above < 0 ? counts.length - 1 : Math.max(1, above);
  const [from, to] = [counts[end - 1], counts[end]].map(Math.log);
  const share = (Math.log(count) - from) / (to - from);
  return values[end - 1] + share * (values[end] - values[end - 1]);
}

// 1234.5 -> "1,200": what is read off a curve has two digits
export function rounded(count) {
  if (count < 10) return String(Number(count.toPrecision(2)));
  const digits = Math.floor(Math.log10(count));
  const unit = 10 ** Math.max(0, digits - 1);
  return grouped(Math.round(count / unit) * unit);
}

// "about ×9.5", "more than ×64", "less than ×1"
export function factor({ count, more, less }, than) {
  const times = `×${rounded(count / than)}`;
  return more ? `more than ${times}` : less ? `less than ${times}` : `about ${times}`;
}

// "about 610 labels", "more than 4,096 labels"
export const amount = ({ count, more, less }, unit) =>
  more || less
    ? `${more ? "more" : "less"} than ${grouped(count)} ${unit}`
    : `about ${rounded(count)} ${unit}`;

// A guess as the reader sees it: { count, more }, more for the end of the axis.
export const guessed = ({ count, more }) =>
  more ? `more than ${grouped(Math.round(count))}` : rounded(count);

const CLOSE = 1.5; // a guess is close within this factor

// "You said 400: close."
export function judged(reach, guess) {
  const ratio = guess.count / reach.count;
  const close =
    reach.more || guess.more
      ? reach.more && guess.more
      : ratio <= CLOSE && ratio >= 1 / CLOSE;
  return `You said ${guessed(guess)}: ${close ? "close" : "not close"}.`;
}

// Whether the accuracy of an arm can be told from a blind guess.
export const blind = (accuracy, sd, chance) =>
  chance !== null && accuracy - sd <= chance;
