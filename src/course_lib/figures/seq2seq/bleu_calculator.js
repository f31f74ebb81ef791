// BLEU of a translation that the reader edits, with all that it is made of.
import {
  button,
  field,
  frame,
  make,
  predict,
  row,
  slider,
  subscript,
} from "../kit/draw.js";
import { assign } from "../kit/values.js";
import { bleu, bookVariant, ngrams, words } from "./bleu.js";
import { clippings, fate, wordsPicture } from "./bleu_picture.js";

const LONGEST = 200; // characters
const REFERENCE = "the teacher gave the student a small book about birds";

// What to start from: a name, a translation of the sentence that REFERENCE is, and what
// it shows.
export const EXAMPLES = [
  [
    "roles swapped",
    "the student gave the teacher a small book about birds",
    "Who gave the book to whom is wrong. BLEU sees two words out of place.",
  ],
  [
    "right but short",
    "the teacher gave the student a small book",
    "All that it says is right, so all precisions are 1: only the brevity penalty punishes what is missing.",
  ],
  [
    "too long",
    "the teacher gave the student a small book about birds and trees",
    "What is too much lowers the precisions, so no other penalty is needed.",
  ],
  [
    "word salad",
    "birds about book small a student the gave teacher the",
    "All the words are right, and no two of them stand in the right order.",
  ],
  [
    "paraphrase",
    "the pupil got a little book on birds from the teacher",
    "A human would accept it. BLEU sees other words.",
  ],
  [
    "the the the",
    "the the the the the the the",
    "Seven words that the reference has (the example of Papineni et al. 2002): without clipping p₁ would be 7/7.",
  ],
].map(([name, translation, shows]) => ({ name, translation, shows }));

const style = `
.words label { flex: 1 1 100%; }
.words input { width: 100%; color: var(--ink); }
.precisions { display: grid; gap: 8px; margin: 8px 0;
  grid-template-columns: repeat(auto-fit, minmax(128px, 1fr)); }
.precisions button { text-align: left; padding: 6px 10px; }
.precisions button[aria-pressed="true"] { color: var(--ink); border-color: var(--ink);
  box-shadow: inset 0 0 0 1px var(--ink); }
.precisions span { display: block; }
.note:empty, .says:empty { display: none; }
.precisions .quiet { color: var(--quiet); font-size: 13px; }
.scale { position: relative; height: 8px; margin: 4px 0 2px; border-radius: 4px;
  background: var(--cell); overflow: hidden; }
.scale i { position: absolute; inset: 0 auto 0 0; background: var(--output); }
.scale .pale { opacity: .35; }
.sum { display: grid; grid-template-columns: max-content 1fr; gap: 4px 12px; margin: 10px 0;
  align-items: baseline; }
.sum dt { color: var(--quiet); font-size: 13.5px; }
.sum dd { margin: 0; overflow-wrap: anywhere; }
sup { font-size: .72em; line-height: 0; }
.sum .quiet { color: var(--quiet); font-size: 13px; }
.sum .score { font-size: 22px; font-weight: 650; color: var(--output); }
`;

const two = (value) => value.toFixed(2);
const one = (value) => value.toFixed(1);
const sup = (text) => make("sup", {}, text);

// 0.25 -> "¼": what a precision without a match is taken for
const taken = (value) => ({ 0.5: "½", 0.25: "¼", 0.125: "⅛" })[value] ?? String(value);

// Why the score is what it is, where it isn't plain: too few words, or no match.
export function exceptions({ precisions, c }) {
  if (!c) return "Without words there is nothing to score.";
  if (c < 4) return "With fewer than 4 words there is no 4-gram, and BLEU is 0.";
  if (!precisions[0].matches)
    return "No word of it stands in the reference, and BLEU is 0.";
  const smoothed = precisions.filter(({ matches }) => !matches);
  if (!smoothed.length) return "";
  const parts = smoothed.map(
    ({ n, taken: share }) => `${taken(share)} match for n = ${n}`,
  );
  return `One precision of 0 would make the whole product 0. So none is left at 0 here, as in sacrebleu: it is taken as ${parts.join(", ")}.`;
}

// What happens to BLEU without the last word: -1, 0 or 1, and the two results.
export function withoutLast(translation, reference) {
  const [before, after] = [translation, translation.slice(0, -1)].map((all) =>
    bleu(all, reference),
  );
  const change = after.score - before.score;
  return { before, after, sign: Math.abs(change) < 1e-9 ? 0 : Math.sign(change) };
}

// What came of it that translation and reference were given in the other order.
export function exchanged(before, after) {
  const change = `Exchanged: ${one(before.score)} → ${one(after.score)}.`;
  if (before.c === before.r)
    return `${change} The same, but only because both are equally long.`;
  return `${change} The matches are the same, but not what they are divided by, and the brevity penalty looks at the wrong side.`;
}

function render({ model, el }) {
  const body = frame({ model, el });
  let now; // { translation, reference, result }

  const set = (changes) => assign(model, changes);
  const n = () => model.get("n");
  const runs = () => ngrams(now.translation, n());
  // The n-gram that is looked at, from 0; null where there is none.
  const at = () => {
    const place = Math.min(model.get("at"), runs().length) - 1;
    return place < 0 ? null : place;
  };

  // -- controls ------------------------------------------------------------------------
  const inputs = Object.fromEntries(
    ["translation", "reference"].map((side) => {
      const input = field(side, model.get(side), (text) => set({ [side]: text }));
      input.maxLength = LONGEST;
      return [side, input];
    }),
  );
  const labelled = Object.entries(inputs).map(([side, input]) =>
    make("label", {}, side, input),
  );
  const examples = EXAMPLES.map(({ name, translation }) =>
    button(name, () => set({ translation, reference: REFERENCE })),
  );
  const shows = make("p", { class: "note" });
  const shorten = button("Remove the last word", () =>
    set({ translation: now.translation.slice(0, -1).join(" ") }),
  );
  const exchange = button("Exchange the two", () => {
    const before = now.result;
    set({ translation: model.get("reference"), reference: model.get("translation") });
    shows.textContent = exchanged(before, now.result);
  });

  const question = predict({
    question: () =>
      `Will removing the last word, “${now?.translation.at(-1) ?? ""}”, raise BLEU or lower it?`,
    choices: [
      [1, "raise it"],
      [-1, "lower it"],
      [0, "neither"],
    ],
    reveal: () => {},
    verdict: (guess) => {
      const { before, after, sign } = withoutLast(now.translation, now.reference);
      const says = { 1: "It rises", "-1": "It falls", 0: "It stays" }[sign];
      const told =
        guess === null ? "" : guess === sign ? " As you said." : " Not as you said.";
      const factor = (name, key) =>
        two(before[key]) === two(after[key])
          ? `${name} stays ${two(after[key])}`
          : `${name} goes from ${two(before[key])} to ${two(after[key])}`;
      return `${says}: ${one(before.score)} → ${one(after.score)}. ${factor("The geometric mean of the precisions", "mean")}, ${factor("the brevity penalty", "brevity")}.${told}`;
    },
  });

  const picture = wordsPicture({
    texts: () => now,
    n,
    at,
    pick: (place) => set({ at: place === at() ? 0 : place + 1 }),
  });
  const look = slider({
    name: "look at an n-gram",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    shown: (place) => (place ? `${place} of ${runs().length}` : "none"),
    change: (place) => set({ at: place }),
    accent: "output",
  });
  const explained = make("p", { class: "says", "aria-live": "polite" });
  const legend = make("p", { class: "note" });
  const clipped = make("p", { class: "note" });
  const smoothed = make("p", { class: "note" });

  const cards = [1, 2, 3, 4].map((length) => {
    const [fraction, bar, value] = ["b", "i", "b"].map((tag) => make(tag));
    const equals = document.createTextNode("");
    const node = button("", () => set({ n: length, at: 0 }));
    node.append(
      make("span", {}, `p${subscript(length)} = `, fraction, equals, value),
      make("span", { class: "scale" }, bar),
      make(
        "span",
        { class: "quiet" },
        length === 1 ? "words" : `runs of ${length} words`,
      ),
    );
    const show = ({ taken: share, total, value: p }) => {
      fraction.textContent = total ? `${taken(share)}/${total}` : "none";
      value.textContent = total ? two(p) : "";
      equals.textContent = total ? " = " : "";
      bar.style.width = `${100 * (p ?? 0)}%`;
      node.setAttribute("aria-pressed", String(length === n()));
    };
    return { node, show };
  });
  const [brevity, product, book] = [1, 2, 3].map(() => make("dd"));
  const mean = make("i", { class: "pale" });
  const score = make("i");
  const sums = make(
    "dl",
    { class: "sum" },
    make("dt", {}, "brevity penalty"),
    brevity,
    make("dt", {}, "BLEU"),
    product,
    make("dt", {}, "variant of d2l"),
    book,
  );

  const arithmetic = () => {
    const { precisions, c, r, brevity: penalty, score: total } = now.result;
    const lengths = `c = ${c} words, r = ${r} in the reference; `;
    brevity.replaceChildren(
      lengths,
      ...(c >= r
        ? ["c ≥ r, so it is "]
        : c
          ? ["e", sup(`1 − ${r}/${c}`), " = "]
          : ["nothing is said: "]),
      make("b", {}, two(penalty)),
    );
    const factors = precisions.map(({ value }) => (value === null ? "–" : two(value)));
    product.replaceChildren(
      `100 · ${two(penalty)} · (${factors.join(" · ")})`,
      sup("1/4"),
      " = ",
      make("b", { class: "score" }, one(total)),
      make("div", { class: "scale", "aria-hidden": "true" }, mean, score),
      penalty < 1 && total > 0
        ? make("span", { class: "quiet" }, "pale: what the brevity penalty takes")
        : "",
    );
    const variant = 100 * bookVariant(now.translation, now.reference);
    book.replaceChildren(
      `100 · ${two(penalty)} · p₁`,
      sup("1/2"),
      " · p₂",
      sup("1/4"),
      " · p₃",
      sup("1/8"),
      " · p₄",
      sup("1/16"),
      " = ",
      make("b", {}, one(variant)),
      ", not BLEU: long runs hardly count, and nothing is smoothed.",
    );
    mean.style.width = `${100 * now.result.mean}%`;
    score.style.width = `${total}%`;
    set({ bleu: total, book_variant: variant });
  };
  const update = () => {
    const [translation, reference] = ["translation", "reference"].map((side) => {
      const text = model.get(side);
      if (inputs[side].value !== text) inputs[side].value = text;
      return words(text);
    });
    now = { translation, reference, result: bleu(translation, reference) };
    const example = EXAMPLES.findIndex(
      ({ translation: text }) =>
        text === model.get("translation") && model.get("reference") === REFERENCE,
    );
    examples.forEach((node, i) =>
      node.setAttribute("aria-pressed", String(i === example)),
    );
    shows.textContent = EXAMPLES[example]?.shows ?? "";
    shorten.disabled = translation.length < 2;
    question.box.style.display = translation.length < 2 ? "none" : "";
    question.update();
    cards.forEach(({ show }, i) => show(now.result.precisions[i]));
    const [ours, theirs] = [translation, reference].map((all) => ngrams(all, n()));
    look.input.max = ours.length;
    look.input.disabled = !ours.length;
    look.set(at() === null ? 0 : at() + 1);
    const text = at() === null ? "" : fate(ours, theirs, at());
    if (explained.textContent !== text) explained.textContent = text;
    const what = n() === 1 ? "word" : `run of ${n()} words`;
    legend.textContent = `Under each ${what} a bar: filled where it counts, dashed where it is one too many, thin where the other sentence does not have it.`;
    const cut = clippings(ours, theirs);
    clipped.textContent = [...cut.slice(0, 3), cut.length > 3 ? "…" : ""].join(" ");
    smoothed.textContent = exceptions(now.result);
    arithmetic();
    picture.redraw();
  };
  body.append(
    make("style", {}, style),
    row(...examples),
    shows,
    make("div", { class: "row words" }, ...labelled),
    row(shorten, exchange),
    question.box,
    make(
      "div",
      { class: "precisions", role: "group", "aria-label": "Precisions" },
      ...cards.map(({ node }) => node),
    ),
    legend,
    picture.box,
    row(look.box),
    explained,
    clipped,
    smoothed,
    sums,
  );
  update();
  for (const side of ["translation", "reference"])
    model.on(`change:${side}`, () => {
      update();
      question.ask(); // another sentence, another prediction
    });
  for (const key of ["n", "at"]) model.on(`change:${key}`, update);
}

export default { render };
