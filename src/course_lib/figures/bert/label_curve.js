// Accuracy over the number of labels: guessed first, then scrubbed.
import { accuracies, compared, looks } from "../kit/accuracies.js";
import { COLUMNS, countCurve } from "../kit/count_curve.js";
import { make, number } from "../kit/draw.js";
import { grouped } from "../kit/counts.js";
import { amount, blind, factor, guessed, judged, rounded } from "../kit/needed.js";

export const look = looks([
  "output",
  "attention",
  "gradient",
  "input",
  "key",
  "value",
  "query",
]);

// What came of it: where the arm `second` reaches `level`, which `first` has with
// `count` labels.
export function verdict({ first, second, level, count, reach }, guess) {
  const says = reach.more
    ? `“${second}” does not reach ${number(level)} with ${grouped(reach.count)} labels: more than ×${rounded(reach.count / count)}.`
    : `“${second}” reaches ${number(level)} with ${amount(reach, "labels")}, ${factor(reach, count)} what “${first}” needs.`;
  return guess === null ? says : `${says} ${judged(reach, guess)}`;
}

function question(now) {
  const { first, second, level, count } = compared(now, now.asked);
  return `With ${grouped(count)} labels, “${first}” reaches ${number(level)}. How many does “${second}” need? Move the handle: ${guessed(now.guess)}.`;
}

function saying(now) {
  const { first, second, level, count, reach } = compared(now, now.at);
  if (blind(level, now.arms[now.first].sd[now.at], now.chance))
    return [
      `With ${grouped(count)} labels “${first}” is not better than chance: nothing to compare.`,
    ];
  return [
    `With ${grouped(count)} labels, against “${second}”: labels saved `,
    make("b", {}, factor(reach, count)),
    ` (${number(level)} takes ${amount(reach, "labels")} there).`,
  ];
}

const shown = ({ counts, told, first }, n) => (told || n === first ? counts.length : 0);

function view(now) {
  const { counts, arms, first, second, asked, guess } = now;
  const value = arms[first].accuracy[asked];
  const points = [counts[asked], counts.at(-1)].map((n) => [n, value]);
  return accuracies(now, {
    unit: "labels",
    look,
    shown: (n) => shown(now, n),
    marks: [{ points, quantity: "ink", width: 1.25, dash: "4 3" }],
    handle: { count: guess.count, value, quantity: look(second).quantity },
  });
}

function reports(now) {
  const { count, reach } = compared(now, now.at);
  return { saved: now.told && !reach.more && !reach.less ? reach.count / count : null };
}

function render(context) {
  countCurve(context, {
    unit: "labels",
    first: "pretrained",
    choice: "labels saved against",
    arms: (model) => model.get("arms"),
    asked: (model) => model.get("counts").indexOf(model.get("asked")),
    look,
    shown,
    question,
    verdict: (now, guess) => verdict(compared(now, now.asked), guess),
    saying,
    columns: COLUMNS,
    pictures: [{ name: "Accuracy over labels", view }],
    reports,
  });
}

export default { render };
