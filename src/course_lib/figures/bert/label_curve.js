// Accuracy over the number of labels: guessed first, then scrubbed.
import { frame, make, number, predict, slider, svg } from "../kit/draw.js";
import { grouped } from "./grouped.js";
import { labelPicture, look } from "./label_picture.js";
import { blind, factor, labels, needed, rounded } from "./saved.js";

const STEPS = 120; // places of the handle
const CLOSE = 1.5; // a guess is close within this factor

const style = `
.arms { border-collapse: collapse; margin: 6px 0; }
.arms :is(th, td) { padding: 3px 16px 3px 0; text-align: right; font-weight: 400; }
.arms th:first-child { text-align: left; padding-left: 38px; text-indent: -38px; }
.arms thead th { color: var(--quiet); font-size: 13px; }
.arms svg { display: inline-block; margin-right: 8px; vertical-align: middle; }
.arms b { font-weight: 650; }
select { min-height: 44px; max-width: 100%; font-size: 16px; border-color: var(--quiet);
  background: var(--paper); color: var(--ink); align-self: start; }
@container (max-width: 420px) { .arms :is(th, td) { padding-right: 8px; } }
`;

// What came of it: where the arm `against` reaches `level`, which `pretrained` has with
// `count` labels.
export function verdict({ pretrained, against, level, count, reach }, guess) {
  const says = reach.more
    ? `“${against}” does not reach ${number(level)} with ${grouped(reach.count)} labels: more than ×${rounded(reach.count / count)}.`
    : `“${against}” reaches ${number(level)} with ${labels(reach)}, ${factor(reach, count)} what “${pretrained}” needs.`;
  if (guess === null) return says;
  const ratio = guess.more ? null : guess.count / reach.count;
  const close = reach.more
    ? guess.more
    : ratio !== null && ratio <= CLOSE && ratio >= 1 / CLOSE;
  const said = guess.more ? `more than ${grouped(guess.count)}` : rounded(guess.count);
  return `${says} You said ${said}: ${close ? "close" : "not close"}.`;
}

function render({ model, el }) {
  const [counts, arms] = [model.get("counts"), model.get("arms")];
  const body = frame({ model, el }, "recorded");
  let setting = false;
  const set = (changes) => {
    setting = true; // one update for all of them
    for (const [key, value] of Object.entries(changes)) model.set(key, value);
    setting = false;
    model.save_changes();
    update();
  };
  let told = false;
  let kept = null; // the guess that was given
  let ready = false;
  const numbered = (name) => arms.findIndex((arm) => arm.name === name);
  const first = () => numbered(model.get("pretrained"));
  const second = () => numbered(model.get("against"));
  const asked = () => counts.indexOf(model.get("asked"));
  const at = () => Math.min((model.get("at") ?? asked() + 1) - 1, counts.length - 1);
  const [from, to] = [counts[0], counts.at(-1)].map(Math.log);
  const countAt = (step) => Math.exp(from + (step / STEPS) * (to - from));
  const stepAt = (count) => (STEPS * (Math.log(count) - from)) / (to - from);
  let handle = Math.round(stepAt(counts[asked()])); // a step

  // What both parts of the figure ask: how many labels the other arm needs at a place.
  const question = (place) => {
    const level = arms[first()].accuracy[place];
    const reach = needed(counts, arms[second()].accuracy, level);
    const [pretrained, against] = [model.get("pretrained"), model.get("against")];
    return { pretrained, against, level, count: counts[place], reach };
  };
  const guess = () => ({ count: countAt(handle), more: handle === STEPS });
  const guessed = () =>
    handle === STEPS ? `more than ${grouped(counts.at(-1))}` : rounded(countAt(handle));

  // -- controls ------------------------------------------------------------------------
  const mark = slider({
    name: "your guess",
    min: 0,
    max: STEPS,
    step: 1,
    value: handle,
    shown: (step) =>
      step === STEPS ? `more than ${grouped(counts.at(-1))}` : rounded(countAt(step)),
    change: (step) => {
      handle = step;
      asking.update();
      update();
    },
    accent: look(second()).quantity,
  });
  const scrub = slider({
    name: "labels",
    min: 0,
    max: counts.length - 1,
    step: 1,
    value: at(),
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
  const choice = make("label", {}, "labels saved against", against);
  const asking = predict({
    question: () => {
      const { pretrained, against: other, level, count } = question(asked());
      return `With ${grouped(count)} labels, “${pretrained}” reaches ${number(level)}. How many does “${other}” need? Move the handle: ${guessed()}.`;
    },
    choices: [["handle", "That many"]],
    verdict: (given) => verdict(question(asked()), given && kept),
    reveal: () => {
      kept = guess();
      told = true;
      model.set("guess", Math.round(kept.count));
      model.save_changes();
      update();
    },
    again: () => {
      told = false;
      if (ready) update();
    },
  });

  // -- what is shown -------------------------------------------------------------------
  const picture = labelPicture({
    now: () => ({
      counts,
      arms,
      chance: model.get("chance"),
      first: first(),
      second: second(),
      at: at(),
      asked: asked(),
      told,
      guess: countAt(handle),
    }),
    move: (count) => {
      if (!told) {
        handle = Math.round(stepAt(count));
        asking.update();
        return update();
      }
      const far = (n) => Math.abs(Math.log(counts[n] / count));
      const near = counts.reduce((best, _, n) => (far(n) < far(best) ? n : best), 0);
      set({ at: near + 1 });
    },
  });
  const says = make("p", { class: "says", "aria-live": "polite" });
  const rows = make("tbody");
  const heads = ["", "accuracy", "± sd"].map((text) =>
    text ? make("th", { scope: "col" }, text) : make("td"),
  );
  const table = make(
    "table",
    { class: "arms" },
    make("caption", { class: "unseen" }, "All arms at this number of labels"),
    make("thead", {}, make("tr", {}, ...heads)),
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
  const row = ({ name, accuracy, sd }, n) => {
    const hidden = !told && n !== first();
    const place = told ? at() : asked();
    const head = make("th", { scope: "row" });
    head.append(sample(n), name);
    return make(
      "tr",
      {},
      head,
      make("td", {}, hidden ? "?" : make("b", {}, number(accuracy[place], 3))),
      make("td", {}, hidden ? "?" : number(sd[place], 3)),
    );
  };
  const saying = () => {
    if (!told) return [];
    const { pretrained, against: other, level, count, reach } = question(at());
    const { sd } = arms[first()];
    if (blind(level, sd[at()], model.get("chance")))
      return [
        `With ${grouped(count)} labels “${pretrained}” is not better than chance: nothing to compare.`,
      ];
    return [
      `With ${grouped(count)} labels, against “${other}”: labels saved `,
      make("b", {}, factor(reach, count)),
      ` (${number(level)} takes ${labels(reach)} there).`,
    ];
  };
  function update() {
    const { reach, count } = question(at());
    scrub.set(at());
    mark.set(handle);
    [...against.options].forEach(
      (one, n) => (one.hidden = one.disabled = n === first()),
    );
    against.value = model.get("against");
    for (const [node, on] of [
      [scrub.box, told],
      [choice, told],
      [mark.box, !told],
    ])
      node.style.display = on ? "" : "none";
    asking.update();
    rows.replaceChildren(...arms.map(row));
    says.replaceChildren(...saying());
    picture.redraw();
    setting = true;
    model.set("saved", told && !reach.more && !reach.less ? reach.count / count : null);
    setting = false;
    model.save_changes();
  }
  body.append(
    make("style", {}, style),
    model.get("task") ? make("p", { class: "note" }, model.get("task")) : "",
    asking.box,
    make("div", { class: "row" }, mark.box, scrub.box),
    picture.box,
    says,
    table,
    choice,
  );
  ready = true;
  update();
  for (const key of ["at", "against", "pretrained", "asked"])
    model.on(`change:${key}`, () => {
      if (["against", "pretrained", "asked"].includes(key)) asking.forget();
      if (!setting) update();
    });
}

export default { render };
