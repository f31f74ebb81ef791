// Alignment emerging over training, scrubbed.
import { button, frame, make, number, slider } from "../kit/draw.js";
import { paced, player } from "../kit/player.js";
import { values } from "../kit/values.js";
import { growthCurves } from "./growth_curves.js";
import { goldKey, heatMap, mapStyle } from "./heat_map.js";

const PACE = 450; // milliseconds for a step of the history

const style = `
.parts { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: flex-start; }
.parts > .board { margin: 4px 0; min-width: 0; max-width: 100%; }
select { min-height: 44px; max-width: 100%; font-size: 16px; border-color: var(--quiet);
  background: var(--paper); color: var(--ink); }
`;

// The words [t, …] that have a gold link, and those of them whose largest weight is at one.
export function aligned(rows, links) {
  const golden = rows.map((_, t) => links.filter(([, j]) => j === t).map(([i]) => i));
  const linked = [...rows.keys()].filter((t) => golden[t].length);
  const most = (row) => row.indexOf(Math.max(...row));
  return { linked, found: linked.filter((t) => golden[t].includes(most(rows[t]))) };
}

function render({ model, el }) {
  const { step, error_rate, bleu, sentences } = model.get("history");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const body = frame({ model, el }, "recorded");
  let pointed = null; // the row under the pointer
  const { set, report, heard } = values(model, () => update());

  const last = step.length - 1;
  const at = () => Math.min((model.get("at") ?? step.length) - 1, last);
  const go = (n) => set({ at: n + 1 });
  const stop = () => play.set(false);
  const sentence = () =>
    sentences[Math.min(model.get("sentence"), sentences.length) - 1];
  const weights = () => sentence().weights[at()];
  const words = () => sentence().target.map((word) => (word === "</s>" ? "end" : word));
  const glosses = () =>
    sentence().source.map((_, i) =>
      sentence()
        .links.filter(([k]) => k === i)
        .map(([, j]) => sentence().target[j])
        .join(" "),
    );
  const row = () => {
    const chosen = Math.min(model.get("word"), words().length) - 1;
    return pointed ?? (chosen < 0 ? null : chosen);
  };

  // -- controls ------------------------------------------------------------------------
  const choice = make(
    "select",
    { lang: "ko" },
    ...sentences.map(({ source }, n) =>
      make("option", { value: n + 1 }, source.join(" ")),
    ),
  );
  choice.addEventListener("change", () =>
    set({ sentence: Number(choice.value), word: 0 }),
  );
  const time = slider({
    name: "training step",
    min: 0,
    max: last,
    step: 1,
    value: at(),
    shown: (n) => `${step[n]} of ${step[last]}`,
    change: (n) => {
      stop();
      go(n);
    },
    accent: "attention",
  });
  const which = slider({
    name: "the row of",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    shown: (t) => (t ? `“${words()[t - 1]}”` : "every word"),
    change: (t) => set({ word: t }),
    accent: "attention",
  });
  const play = player(
    body,
    paced(PACE, () => {
      go(at() + 1);
      return at() < last;
    }),
    (on) => (run.textContent = on ? "Pause" : "Play"),
  );
  // Who asked for less motion goes on by hand.
  const run = button(
    calm ? "Next step" : "Play",
    () => {
      if (play.playing) return stop();
      if (calm) return go(at() < last ? at() + 1 : 0);
      if (at() === last) go(0);
      play.set(last > 0);
    },
    { class: "main" },
  );

  // -- pictures ------------------------------------------------------------------------
  const map = heatMap({
    name: "The weights as a grid",
    now: () => ({
      rows: words(),
      columns: sentence().source.map((token, i) => ({ token, gloss: glosses()[i] })),
      weights: weights(),
      gold: sentence().links,
      row: row(),
      column: null,
    }),
    point: (t) => {
      if (t === pointed) return;
      pointed = t;
      map.redraw();
    },
    pick: (t) => set({ word: model.get("word") === t + 1 ? 0 : t + 1 }),
  });
  const curves = growthCurves({
    step,
    series: [
      { name: "AER", values: error_rate, most: 1, digits: 2, quantity: "attention" },
      { name: "BLEU", values: bleu, most: 100, digits: 0, quantity: "output" },
    ],
    at,
    pick: (n) => {
      stop();
      go(n);
    },
  });
  const says = make("p", { class: "says" });
  const legend = make(
    "p",
    { class: "note" },
    make("span", { class: "key", style: goldKey }, "gold link: what stands for what"),
  );

  const update = () => {
    if (pointed >= words().length) pointed = null; // of the sentence before
    const { linked, found } = aligned(weights(), sentence().links);
    report({ found: found.length });
    choice.value = Math.min(model.get("sentence"), sentences.length);
    which.input.max = words().length;
    which.set(Math.min(model.get("word"), words().length));
    time.set(at());
    const now = (values, digits) => make("b", {}, number(values[at()], digits));
    says.replaceChildren(
      `After ${step[at()]} steps: AER `,
      now(error_rate, 2),
      ", BLEU ",
      now(bleu, 1),
      `. In this sentence ${found.length} of ${linked.length} words that have a gold link look there most.`,
    );
    map.box.style.flex = `1 1 ${map.wish()}px`;
    curves.box.style.flex = "1 1 240px";
    map.redraw();
    curves.redraw();
  };
  body.append(
    make("style", {}, style, mapStyle),
    make("label", {}, "sentence", choice),
    make("div", { class: "row" }, run, time.box, which.box),
    says,
    make("div", { class: "parts" }, map.box, curves.box),
    legend,
  );
  update();
  heard(["at", "sentence", "word"], update);
}

export default { render };
