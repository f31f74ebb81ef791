// Accuracy over the number of pictures: where do the curves meet, if they do?
import { accuracies, compared, looks } from "../kit/accuracies.js";
import { COLUMNS, countCurve } from "../kit/count_curve.js";
import { make, number, segments } from "../kit/draw.js";
import { grouped } from "../kit/counts.js";
import { amount, between, blind, factor, guessed, judged } from "../kit/needed.js";
import { closed, gap, over, plusMinus, standing, unsure } from "./gap.js";

const KNOWN = 2; // counts of the curve in question that are seen before the answer

const look = looks(
  ["baseline", "attention", "query", "output", "gradient", "key", "value"],
  ["7 3", null, "2 3", "10 3 2 3"],
);

const known = (counts) => Math.min(KNOWN, counts.length - 1);

const gapOf = ({ arms, first }, n) => gap(arms[first], arms[n]);

// What came of it; gaps are those of the arm `second`, with their mean and sd.
export function verdict({ counts, first, second, gaps, seeds }, guess) {
  const [mean, sd] = [gaps.mean.at(-1), gaps.sd.at(-1)];
  const reach = closed(counts, gaps.mean);
  const most = `With ${grouped(counts.at(-1))} pictures, the most that were tried,`;
  const doubt = `${most} the gap, ${plusMinus(mean, sd)} points, is not larger than its deviation: ${seeds} seeds cannot tell who is ahead.`;
  const says = [];
  if (reach.more) says.push("No crossing was seen in this range.");
  else if (reach.less)
    says.push(
      `“${second}” is never behind “${first}”, from ${grouped(reach.count)} on.`,
    );
  else
    says.push(
      `From ${amount(reach, "pictures")} on, “${second}” is not behind “${first}”.`,
    );
  if (unsure(mean, sd)) says.push(doubt);
  else if (reach.more)
    says.push(`${most} “${second}” is ${standing(mean, sd, first)}.`);
  if (guess !== null) {
    const right = reach.more && guess.more && !unsure(mean, sd);
    says.push(right ? `You said ${guessed(guess)}: right.` : judged(reach, guess));
  }
  return says.join(" ");
}

function question(now) {
  const { counts, arms, first, second, asked } = now;
  const [one, other] = [arms[first].name, arms[second].name];
  const { mean, sd } = gapOf(now, second);
  return `With ${grouped(counts[asked])} pictures, “${other}” is ${standing(mean[asked], sd[asked], one)}. From how many pictures on is it as good? Move the handle: ${guessed(now.guess)}.`;
}

function saying(now) {
  const { arms, first, second, at, chance } = now;
  const asked = compared(now, at);
  const { level, count, reach } = asked;
  const { mean, sd } = gapOf(now, second);
  if (blind(level, arms[first].sd[at], chance))
    return [
      `With ${grouped(count)} pictures “${asked.first}” is not better than chance: nothing to compare.`,
    ];
  return [
    `With ${grouped(count)} pictures, “${asked.second}” is `,
    make("b", {}, standing(mean[at], sd[at], asked.first)),
    `. For the same accuracy, ${number(level)}, it needs `,
    ...pictures(reach, count),
  ];
}

function pictures(reach, count) {
  const times = `${factor(reach, count)} as many`;
  if (!reach.more)
    return [make("b", {}, times), ` pictures (${amount(reach, "pictures")}).`];
  const all = make("b", {}, `more than all ${grouped(reach.count)}`);
  return [all, reach.count > count ? ` pictures, ${times}.` : " pictures."];
}

function shown({ counts, told, first, second }, n) {
  if (told || n === first) return counts.length;
  return n === second ? known(counts) : 0;
}

function accuracyView(now) {
  const { counts, arms, first, second, guess } = now;
  const value = between(counts, arms[first].accuracy, guess.count);
  return accuracies(now, {
    unit: "pictures",
    look,
    shown: (n) => shown(now, n),
    marks: [],
    handle: { count: guess.count, value, quantity: look(second).quantity },
  });
}

// Whole steps, at most six, over all the gaps and zero.
export function axisOf(gaps) {
  const ends = gaps.flatMap(({ mean, sd }) =>
    mean.flatMap((v, i) => [v - sd[i], v + sd[i]]),
  );
  const [low, high] = [Math.min(0, ...ends), Math.max(1, ...ends)];
  const step = [1, 2, 5, 10, 20, 50].find((one) => (high - low) / one <= 5) ?? 50;
  const [from, to] = [Math.floor(low / step), Math.ceil(high / step)];
  const ticks = [...Array(to - from + 1).keys()].map((n) => (from + n) * step);
  return { low: from * step, high: to * step, ticks };
}

function gapView(now) {
  const { counts, arms, first, second, told, place, guess } = now;
  const gaps = arms.map((_, n) => gapOf(now, n));
  const others = arms.map((_, n) => n).filter((n) => n !== first);
  const { low, high, ticks } = axisOf(others.map((n) => gaps[n]));
  const met = closed(counts, gaps[second].mean);
  const to = (count, value) => [
    [count, value],
    [count, 0],
  ];
  const thin = { quantity: "ink", width: 1.25, dash: "4 3" };
  const said = others
    .filter((n) => shown(now, n) > place)
    .map((n) => {
      const { mean, sd } = gaps[n];
      return `${arms[n].name} ${plusMinus(mean[place], sd[place])}`;
    });
  return {
    counts,
    curves: others.map((n) => ({
      name: arms[n].name,
      values: gaps[n].mean,
      sd: gaps[n].sd,
      look: look(n),
      shown: shown(now, n),
    })),
    axis: {
      title: `points behind “${arms[first].name}”`,
      low,
      high,
      ticks: ticks.map((v) => [v, number(v, 0)]),
      say: (mean, sd) => `${plusMinus(mean, sd)} points`,
    },
    base: { value: 0, text: null },
    marks: [
      { points: to(counts[place], gaps[second].mean[place]), ...thin },
      ...(told && !met.more && !met.less
        ? [{ points: to(met.count, high), quantity: "quiet", width: 1, dash: "3 3" }]
        : []),
    ],
    handle: told
      ? null
      : { count: guess.count, value: 0, quantity: look(second).quantity },
    place,
    says: `with ${grouped(counts[place])} pictures: ${said.join("; ")}`,
  };
}

function behind(now, n, place) {
  if (n === now.first) return "–";
  const { mean, sd } = gapOf(now, n);
  return plusMinus(mean[place], sd[place]);
}

function reports(now) {
  if (!now.told) return { gap: null, times: null };
  const { count, reach } = compared(now, now.at);
  return {
    gap: gapOf(now, now.second).mean[now.at] / 100,
    times: reach.more || reach.less ? null : reach.count / count,
  };
}

// The switch; `against` is the name of the list of the others, and says of whom.
function tools(model, set, against) {
  const box = segments({
    name: "shown",
    options: ["accuracy", "gap"].map((one) => [one, one]),
    value: model.get("view"),
    change: (view) => set({ view }),
  });
  const update = () => {
    box.set(model.get("view"));
    against.textContent = `network compared with “${model.get("reference")}”`;
  };
  return [{ box, set: update }];
}

function render(context) {
  const against = make("span");
  countCurve(context, {
    unit: "pictures",
    first: "reference",
    choice: against,
    arms: (model) =>
      model.get("arms").map(({ name, runs }) => {
        const { mean, sd } = over(runs);
        return { name, runs, accuracy: mean, sd };
      }),
    asked: (model) => known(model.get("counts")) - 1,
    look,
    shown,
    question,
    verdict: (now, guess) => {
      const { counts, arms, first, second } = now;
      const names = { first: arms[first].name, second: arms[second].name };
      const seeds = arms[first].runs.length;
      return verdict({ counts, ...names, gaps: gapOf(now, second), seeds }, guess);
    },
    saying,
    columns: [...COLUMNS, ["points behind", (now, n) => behind(now, n, now.place)]],
    pictures: [
      {
        name: "Accuracy over pictures",
        view: accuracyView,
        hidden: (model) => model.get("view") === "gap",
      },
      {
        name: "Gap over pictures",
        view: gapView,
        hidden: (model) => model.get("view") !== "gap",
      },
    ],
    reports,
    tools: (model, set) => tools(model, set, against),
    keys: ["view"],
  });
}

export default { render };
