// A trained RNN reads what the reader types, one letter at a time.
import {
  button,
  field,
  frame,
  make,
  number,
  percent,
  predict,
  row,
  slider,
} from "../kit/draw.js";
import { paced, player } from "../kit/player.js";
import { assign } from "../kit/values.js";
import { norm } from "../kit/nn.js";
import { largest, unrolled } from "../kit/unrolled.js";
import { arithmetic } from "./arithmetic.js";
import { fold, reader } from "./reading.js";

const LONGEST = 20;
const PACE = 650; // milliseconds for a letter
// Offered one after another: held out from training, and it gets some of them wrong.
export const WORDS = [
  "donderdag",
  "settembre",
  "hongrie",
  "switzerland",
  "keskiviikko",
  "jueves",
  "szwajcaria",
  "mercredi",
  "osterreich",
  "tisdag",
  "viernes",
  "kolombiya",
];

// The last two letters of the first t change places; null where there is nothing to see.
export function swapped(text, t) {
  const [one, other] = text.slice(0, t).slice(-2);
  if (t < 2 || one === other) return null;
  return text.slice(0, t - 2) + other + one + text.slice(t);
}

// How what was read of two spellings compares.
export function compared(one, other) {
  if (one === other) return "So far both have read the same.";
  return [...one].sort().join("") === [...other].sort().join("")
    ? "The same letters in another order: a bag of letters could not tell them apart."
    : "Not the same letters.";
}

const distance = (one, other) =>
  norm(one.state.map((value, i) => value - other.state[i]));

function render({ model, el }) {
  const weights = model.get("weights");
  const { labels } = weights;
  const network = reader(weights);
  const body = frame({ model, el });
  const H = network.hidden;
  let steps = []; // of the text
  let others = null; // of the second spelling
  let revealed = false;

  const set = (changes) => assign(model, changes);
  const now = () => Math.min(model.get("step") ?? LONGEST, steps.length);

  const pin = (unit) => set({ unit: model.get("unit") === unit ? null : unit });
  const picture = (get, name) =>
    unrolled({
      name,
      labels,
      hidden: network.hidden,
      steps: get,
      at: () => Math.min(now(), get().length),
      revealed: () => revealed,
      pinned: () => model.get("unit"),
      go: (t) => go(t),
      pin,
    });
  const first = picture(() => steps, "The network unrolled over the letters");
  const second = picture(() => others ?? [], "The second spelling, unrolled");

  // -- controls ------------------------------------------------------------------------
  const input = field("A word to read", model.get("text"), (text) => {
    play.set(false);
    set({ text, step: null, compare: "" });
    guessing.ask(); // a new word, a new prediction
  });
  const another = button("Another word", () => {
    play.set(false);
    const next = (WORDS.indexOf(text()) + 1) % WORDS.length;
    set({ text: WORDS[next], step: null, compare: "" });
    guessing.ask();
  });
  const folded = make("p", { class: "note" });
  const scrub = slider({
    name: "letters read",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    shown: (t) => `${t} of ${steps.length}`,
    change: (t) => {
      play.set(false);
      set({ step: t });
    },
  });
  const go = (t) => {
    play.set(false);
    set({ step: Math.max(0, Math.min(t, steps.length)) });
  };
  const play = player(
    body,
    paced(PACE, () => {
      set({ step: now() + 1 });
      return now() < steps.length;
    }),
    (on) => (playButton.textContent = on ? "Pause" : "Play"),
  );
  const playButton = button(
    "Play",
    () => {
      if (!play.playing && now() === steps.length) set({ step: 0 });
      play.set(!play.playing);
    },
    { class: "main" },
  );

  const swapButton = button("", () => set({ compare: swapped(text(), now()) }));
  const endCompare = button("Remove", () => set({ compare: "" }));
  const compareInput = field("A second spelling", "", (compare) => set({ compare }));
  const difference = make("p", { class: "says", "aria-live": "polite" });
  const comparison = make(
    "div",
    {},
    row(compareInput, endCompare),
    difference,
    second.box,
  );
  const text = () => steps.map((step) => step.letter).join("");

  const guessing = predict({
    question: () => `Which language is “${text()}”? Say it before the network does.`,
    choices: labels.map((language, k) => [k, language]),
    reveal: (guess) => {
      revealed = true;
      set({ guess: guess === null ? null : labels[guess] });
      update();
    },
    again: () => {
      revealed = false;
      set({ guess: null });
      if (steps.length) update();
    },
    verdict: (guess) => {
      if (!now()) return "The network has read nothing yet.";
      const { output } = steps[now() - 1];
      const best = largest(output);
      const says = `After “${text().slice(0, now())}” the network says ${labels[best]}, ${percent(output[best])}`;
      if (guess === null || guess === best)
        return guess === null ? `${says}.` : `${says}; so do you.`;
      return `${says}; your ${labels[guess]} gets ${percent(output[guess])}.`;
    },
  });

  const inside = arithmetic({
    network,
    step: () => (now() ? { t: now(), ...steps[now() - 1] } : null),
    pinned: () => model.get("unit"),
    pin,
  });
  const equation = make("p", { class: "note" });
  const details = make(
    "details",
    { ontoggle: () => update() },
    make("summary", {}, "Inside this step: weights and arithmetic"),
    inside.box,
    equation,
  );

  // the keys' way to pin a unit
  const unitSlider = slider({
    name: "pinned unit",
    min: 0,
    max: H,
    step: 1,
    value: 0,
    shown: (i) => (i ? String(i) : "none"),
    change: (i) => set({ unit: i ? i - 1 : null }),
  });

  const update = () => {
    const typed = model.get("text");
    if (input.value !== typed) input.value = typed; // set by Python
    const plain = fold(typed);
    steps = network.read(plain.slice(0, LONGEST));
    const otherText = fold(model.get("compare")).slice(0, LONGEST);
    others = otherText ? network.read(otherText) : null;
    const t = now();
    folded.textContent = "";
    if (!plain) folded.append("Type a word: the network reads the letters a to z.");
    else if (plain.length > LONGEST)
      folded.append(`It reads the first ${LONGEST} letters.`);
    else if (plain !== typed.trim())
      folded.append(
        "It was trained on plain letters, so it reads ",
        make("b", {}, plain),
        ".",
      );
    else folded.append("Accents and capitals are removed, as they were in training.");
    scrub.input.max = steps.length;
    scrub.set(t);
    const can = swapped(text(), t) !== null;
    const pair = text().slice(0, t).slice(-2).replace(" ", "␣");
    swapButton.disabled = !can;
    swapButton.textContent = can
      ? `Swap “${[...pair].join("” and “")}”`
      : "Swap the last two letters";
    comparison.hidden = !model.get("compare");
    if (others) {
      if (fold(compareInput.value) !== otherText) compareInput.value = otherText;
      const [one, other] = [steps, others].map(
        (list) => list[Math.min(t, list.length) - 1],
      );
      const say = (at) =>
        at
          ? `${labels[largest(at.output)]} ${percent(Math.max(...at.output))}`
          : "nothing read";
      difference.replaceChildren(
        `${compared(text().slice(0, t), otherText.slice(0, t))} `,
        ...(revealed
          ? [make("b", {}, say(one)), " became ", make("b", {}, say(other)), ". "]
          : []),
        ...(one && other
          ? [
              `The Euclidean distance between the two states is ${number(distance(one, other))}; `,
              `the states themselves have norm ${number(norm(one.state))} and ${number(norm(other.state))}.`,
            ]
          : []),
      );
      second.redraw();
    }
    model.set("prediction", t ? labels[largest(steps[t - 1].output)] : null);
    first.redraw();
    guessing.update();
    const unit = model.get("unit");
    unitSlider.set(unit === null ? 0 : unit + 1);
    if (details.open) inside.redraw();
    equation.replaceChildren();
    if (unit !== null && t > 0) {
      const { fromInput, fromState, state } = steps[t - 1];
      equation.append(
        `unit ${unit + 1}: tanh(${number(fromInput[unit])} + ${number(fromState[unit])} + ${number(network.bias[unit])}) = `,
        make("b", {}, number(state[unit])),
      );
    } else equation.append("Click or tap a row to pin a unit and see its numbers.");
  };

  body.append(
    row(input, another, swapButton),
    folded,
    guessing.box,
    row(
      playButton,
      button("‹", () => go(now() - 1), { "aria-label": "One letter back" }),
      button("›", () => go(now() + 1), { "aria-label": "One letter on" }),
      scrub.box,
    ),
    first.box,
    comparison,
    row(unitSlider.box),
    details,
  );
  update();
  for (const key of ["text", "compare", "step", "unit"])
    model.on(`change:${key}`, update);
}

export default { render };
