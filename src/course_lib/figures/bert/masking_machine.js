// BERT's masking on a few sentences: draw by draw, and all draws together.
import {
  button,
  frame,
  make,
  number,
  predict,
  row,
  segments,
  slider,
} from "../kit/draw.js";
import { values } from "../kit/values.js";
import { generator } from "../kit/nn.js";
import { gapRow, legend, rowStyle } from "./gap_rows.js";
import { TEXTS } from "./gap_texts.js";
import { grouped } from "../kit/counts.js";
import { compare, count, mask, spread } from "./masking.js";
import { funnel, tallyStyle, tallyTable } from "./tally.js";

const tokens = TEXTS.map((text) => text.tokens);
const MANY = 100;

const style = `
.row.switches { align-items: end; }
h3 { font-size: 15px; margin: 14px 0 0; font-weight: 650; padding-top: 10px;
  border-top: 1px solid var(--line); }
.sums { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: flex-start; }
.sums .board { flex: 1 1 280px; margin: 8px 0; min-width: 0; }
`;

// What the loss looks at, in this draw.
export function verdict({ tokens: all, chosen, masked, other, itself }, guess) {
  if (!chosen)
    return "At the chosen tokens, and in this draw there are none. Mask again.";
  const says = `At every chosen token: here ${chosen} of ${all}, of which ${masked} show [MASK], ${other} another word, ${itself} the word itself. A word that was not chosen costs nothing, whatever the model says there.`;
  return guess === null
    ? says
    : `${says} ${guess === "chosen" ? "As" : "Not as"} you said.`;
}

function render({ model, el }) {
  const body = frame({ model, el });
  const percents = ["rate", "masked", "random"];
  const shares = () => ({
    ...Object.fromEntries(percents.map((key) => [key, model.get(key) / 100])),
    whole: model.get("whole_words") === "on",
  });
  const { set, report, heard } = values(model, () => start());

  let uniform; // where the draws come from
  let fates; // of the last draw
  let total; // of all draws
  let chosen; // after each of them
  let told = false;
  const draw = (times) => {
    for (let n = 0; n < times; n++) {
      fates = mask(tokens, shares(), uniform);
      const more = count(fates);
      total = total
        ? Object.fromEntries(
            Object.keys(more).map((key) => [key, total[key] + more[key]]),
          )
        : more;
      chosen.push(total.chosen);
    }
    update();
  };
  const start = () => {
    uniform = generator(model.get("seed")).uniform;
    total = null;
    chosen = [];
    draw(1);
  };

  // -- controls ------------------------------------------------------------------------
  const share = (key, name, max, change) =>
    slider({
      name,
      min: key === "rate" ? 1 : 0,
      max,
      step: 1,
      value: model.get(key),
      shown: (v) => `${v}\u00a0%`,
      change,
      accent: "output",
    });
  // one of the two gives way where both would be more than all
  const give = (key, other) => (value) => {
    set({ [key]: value, [other]: Math.min(model.get(other), 100 - value) });
  };
  const sliders = {
    rate: share("rate", "chosen", 60, (value) => set({ rate: value })),
    masked: share("masked", "of these [MASK]", 100, give("masked", "random")),
    random: share("random", "of these another word", 100, give("random", "masked")),
  };
  const rest = make("p", { class: "note" });
  const words = segments({
    name: "whole words",
    options: [
      ["off", "off"],
      ["on", "on"],
    ],
    value: model.get("whole_words"),
    change: (value) => set({ whole_words: value }),
  });
  const once = button("Mask again", () => draw(1), { class: "main" });
  const often = button(`${MANY} draws at once`, () => draw(MANY));
  const anew = button("Start again", start);

  // -- what is shown -------------------------------------------------------------------
  const rows = TEXTS.map((text, n) => gapRow(text, n + 1));
  const question = predict({
    question: () =>
      "The model says a word at every place. At which places does the loss look?",
    choices: [
      ["all", "at all of them"],
      ["masked", "where it sees [MASK]"],
      ["chosen", "wherever a token was chosen"],
    ],
    verdict: (guess) => verdict(count(fates), guess),
    reveal: () => {
      told = true;
      update();
    },
    again: () => {
      told = false;
      if (fates) show();
    },
  });
  const says = make("p", { class: "says", "aria-live": "polite" });
  const table = tallyTable();
  const picture = funnel(() => ({
    each: tokens.flat().length,
    rate: shares().rate,
    chosen,
    error: (n) => spread(tokens, shares(), n),
  }));
  const show = () => rows.forEach((row, n) => row.set(fates[n], told));
  const update = () => {
    for (const key of percents) sliders[key].set(model.get(key));
    words.set(model.get("whole_words"));
    rest.textContent = `of these itself: ${100 - model.get("masked") - model.get("random")} %`;
    show();
    question.update();
    const draws = chosen.length;
    table.set(compare(total, shares(), spread(tokens, shares(), draws)));
    says.textContent = `${grouped(draws)} ${draws === 1 ? "draw" : "draws"}, ${grouped(total.tokens)} tokens: ${number((100 * total.chosen) / total.tokens, 1)} % are chosen.${
      shares().whole
        ? " Pieces of a word share their fate of being chosen, so the error is larger."
        : ""
    }`;
    picture.redraw();
    report({ draws, tokens: total.tokens, chosen: total.chosen });
  };
  const switches = row(once, often, anew, words);
  switches.classList.add("switches");
  body.append(
    make("style", {}, style, rowStyle, tallyStyle),
    row(...percents.map((key) => sliders[key].box)),
    rest,
    switches,
    question.box,
    legend(),
    make("div", { class: "texts" }, ...rows),
    make("h3", {}, "All draws so far"),
    says,
    make("div", { class: "sums" }, table, picture.box),
  );
  start();
  heard([...percents, "whole_words", "seed"], start);
}

export default { render };
