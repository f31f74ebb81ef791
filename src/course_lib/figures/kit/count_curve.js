// Accuracy over how much there is to learn from, for a few arms: first a handle is moved
// to where the reader expects something, then a slider goes along the axis. What is
// asked, and what is said about it, is the figure's own.
import { frame, make, number, predict, row, slider, svg } from "./draw.js";
import { values } from "./values.js";
import { countPicture } from "./count_picture.js";
import { grouped } from "./counts.js";
import { guessed } from "./needed.js";

const STEPS = 120; // places of the handle

const style = `
.arms { border-collapse: collapse; margin: 6px 0; }
.arms :is(th, td) { padding: 3px 16px 3px 0; text-align: right; font-weight: 400; }
.arms td { white-space: nowrap; }
.arms th:first-child { text-align: left; padding-left: 38px; text-indent: -38px; }
.arms thead th { color: var(--quiet); font-size: 13px; }
.arms svg { display: inline-block; margin-right: 8px; vertical-align: middle; }
.arms b { font-weight: 650; }
select { min-height: 44px; max-width: 100%; font-size: 16px; border-color: var(--quiet);
  background: var(--paper); color: var(--ink); align-self: start; }
@container (max-width: 420px) { .arms :is(th, td) { padding-right: 8px; } }
`;

// `figure` has
// - unit: "labels"; first: the name of the model's value that names the first arm;
// - choice: the words before the list of the other arms;
// - arms(model), each with name, accuracy, sd; look(n); asked(model), a place;
// - shown(now, n): how many points of arm n are seen;
// - question(now); verdict(now, guess or null); saying(now), nodes;
// - columns: [head, (now, n) => text or node], of arm n at now.place;
// - pictures: [{ name, hidden(model), view(now) }];
// - reports(now): values for Python; tools(model, set): more controls { box, set(model) };
// - keys: names of the model's values that change what is shown but not the question.
// `now` has counts, arms, chance, first and second (arms by number), at and asked (places
// of counts), told, place (one of the two, after and before the answer), and guess.
export function countCurve({ model, el }, figure) {
  const { unit, look } = figure;
  const counts = model.get("counts");
  const arms = figure.arms(model);
  const body = frame({ model, el }, "recorded");
  const { set, report, heard } = values(model, () => update());
  let told = false;
  let kept = null; // the guess that was given
  let ready = false;
  const numbered = (key) => arms.findIndex((arm) => arm.name === model.get(key));
  const [from, to] = [counts[0], counts.at(-1)].map(Math.log);
  const stepAt = (count) => (STEPS * (Math.log(count) - from)) / (to - from);
  const guessAt = (step) =>
    step === STEPS
      ? { count: counts.at(-1), more: true }
      : { count: Math.exp(from + (step / STEPS) * (to - from)), more: false };
  const now = () => {
    const asked = figure.asked(model);
    const at = Math.min((model.get("at") ?? asked + 1) - 1, counts.length - 1);
    return {
      counts,
      arms,
      chance: model.get("chance"),
      first: numbered(figure.first),
      second: numbered("against"),
      at,
      asked,
      told,
      place: told ? at : asked,
      guess: guessAt(handle),
    };
  };
  let handle = Math.round(stepAt(counts[figure.asked(model)])); // a step

  // -- controls ------------------------------------------------------------------------
  const mark = slider({
    name: "your guess",
    min: 0,
    max: STEPS,
    step: 1,
    value: handle,
    shown: (step) => guessed(guessAt(step)),
    change: (step) => {
      handle = step;
      asking.update();
      update();
    },
    accent: look(now().second).quantity,
  });
  const scrub = slider({
    name: unit,
    min: 0,
    max: counts.length - 1,
    step: 1,
    value: now().at,
    shown: (n) => grouped(counts[n]),
    change: (n) => set({ at: n + 1 }),
    accent: "output",
  });
  const against = make(
    "select",
    {},
    ...arms.map(({ name }) => make("option", { value: name }, name)),
  );
  against.addEventListener("change", () => set({ against: against.value }));
  const choice = make("label", {}, figure.choice, against);
  const asking = predict({
    question: () => figure.question(now()),
    choices: [["handle", "That many"]],
    verdict: (given) => figure.verdict(now(), given && kept),
    reveal: () => {
      kept = guessAt(handle);
      told = true;
      set({ guess: Math.round(kept.count) });
    },
    again: () => {
      told = false;
      if (ready) update();
    },
  });
  const tools = figure.tools?.(model, set) ?? [];

  // -- what is shown -------------------------------------------------------------------
  const move = (count) => {
    if (!told) {
      handle = Math.round(stepAt(count));
      asking.update();
      return update();
    }
    const far = (n) => Math.abs(Math.log(counts[n] / count));
    const near = counts.reduce((best, _, n) => (far(n) < far(best) ? n : best), 0);
    set({ at: near + 1 });
  };
  const pictures = figure.pictures.map(({ name, view, hidden }) => {
    const picture = countPicture({ name, unit, now: () => view(now()), move });
    const redraw = () => {
      picture.box.toggleAttribute("hidden", hidden?.(model) ?? false);
      picture.redraw();
    };
    return { box: picture.box, redraw };
  });
  const says = make("p", { class: "says", "aria-live": "polite" });
  const rows = make("tbody");
  const heads = figure.columns.map(([head]) => make("th", { scope: "col" }, head));
  const table = make(
    "table",
    { class: "arms" },
    make("caption", { class: "unseen" }, `All arms at this number of ${unit}`),
    make("thead", {}, make("tr", {}, make("td"), ...heads)),
    rows,
  );
  const sample = (n) =>
    svg(
      "svg",
      { width: 30, height: 10, "aria-hidden": "true" },
      svg("line", {
        x1: 0,
        x2: 30,
        y1: 5,
        y2: 5,
        style: `stroke: var(--${look(n).quantity})`,
        "stroke-width": 2.5,
        "stroke-dasharray": look(n).dash,
      }),
    );
  const tableRow = ({ name }, n) => {
    const head = make("th", { scope: "row" });
    head.append(sample(n), name);
    const seen = figure.shown(now(), n) > now().place;
    const cells = figure.columns.map(([, cell]) =>
      make("td", {}, seen ? cell(now(), n) : "?"),
    );
    return make("tr", {}, head, ...cells);
  };
  function update() {
    const { first, at } = now();
    scrub.set(at);
    mark.set(handle);
    [...against.options].forEach((one, n) => (one.hidden = one.disabled = n === first));
    against.value = model.get("against");
    for (const [node, on] of [
      [scrub.box, told],
      [choice, told && arms.length > 2],
      [mark.box, !told],
    ])
      node.style.display = on ? "" : "none";
    for (const tool of tools) tool.set();
    asking.update();
    rows.replaceChildren(...arms.map(tableRow));
    says.replaceChildren(...(told ? figure.saying(now()) : []));
    for (const picture of pictures) picture.redraw();
    report(figure.reports(now()));
  }
  body.append(
    make("style", {}, style),
    model.get("task") ? make("p", { class: "note" }, model.get("task")) : "",
    asking.box,
    row(mark.box, scrub.box, ...tools.map(({ box }) => box)),
    ...pictures.map(({ box }) => box),
    says,
    table,
    choice,
  );
  ready = true;
  update();
  const asks = ["against", figure.first, "asked"];
  for (const key of asks) model.on(`change:${key}`, asking.forget);
  heard(["at", ...asks, ...(figure.keys ?? [])], update);
}

// The columns that every table has.
export const COLUMNS = [
  [
    "accuracy",
    ({ arms, place }, n) => make("b", {}, number(arms[n].accuracy[place], 3)),
  ],
  ["± sd", ({ arms, place }, n) => number(arms[n].sd[place], 3)],
];
