// A sentence of any length through one vector of fixed size, and out again translated.
import {
  button,
  field,
  frame,
  make,
  number,
  off,
  percent,
  row,
  slider,
} from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { paced, player } from "../kit/player.js";
import { values } from "../kit/values.js";
import { strip, stripStyle } from "../kit/strip.js";
import { bleu } from "./bleu.js";
import { compare } from "./comparison.js";
import { fillReference, fillSaid, wordStyle } from "./compared_words.js";
import { chooser, chooserStyle } from "./chooser.js";
import { contextPicture } from "./context_picture.js";
import { glossary } from "./glossary.js";
import { groups, without } from "./korean.js";
import { translator } from "./translator.js";
import { triedPicture } from "./tried_picture.js";

const LONGEST = { text: 300, words: 60 }; // characters typed, words written
const PACE = 320; // milliseconds for a step

const style = `
.part { font-weight: 650; margin: 18px 0 2px; }
.tokens { display: flex; flex-wrap: wrap; gap: 5px; padding: 2px; min-height: 48px; }
.token { white-space: pre-line; text-align: center; padding: 3px 8px; border-radius: 6px;
  border: 1.5px solid var(--input); font-size: 12px; line-height: 1.4; min-width: 34px; }
.token::first-line { font-size: 16px; color: var(--ink); }
.token { color: var(--quiet); }
.token.unread { border-style: dotted; border-color: var(--quiet); }
.token.unknown { border: 2px dashed var(--negative); }
.score { font-size: 20px; color: var(--output) !important; }
`;

const spaced = (text) => text.split(/\s+/u).filter((word) => word);

function render({ model, el }) {
  const weights = model.get("weights");
  const { ladders } = weights;
  const { hidden, known, read, write } = translator(weights);
  const gloss = glossary(ladders, known);
  const body = frame({ model, el });

  let words = []; // each written word as its tokens
  let glosses = []; // of each token
  let states = []; // of the encoder
  let said = []; // by the decoder
  const { set, report, heard } = values(model, () => update());

  const chosen = chooser({
    model,
    ladders,
    known,
    longest: LONGEST.text,
    choose: (changes, target) => {
      play.set(false);
      set({ ...changes, reference: target, at: null });
    },
  });
  const { found, isRung, load, rung, rungs } = chosen;
  const reference = () => spaced(model.get("reference"));
  const most = () => states.length + said.length;
  const at = () =>
    Math.max(Math.min(model.get("at") ?? Infinity, most()), Math.min(1, most()));
  const done = () => at() === most();

  // What becomes of a text: all that the chart and the reports need.
  const translated = (text, target) => {
    const tokens = groups(text, known).flat();
    const all = tokens.length ? write(read(tokens).at(-1).state, LONGEST.words) : [];
    return scored(text, tokens.length, all, spaced(target));
  };
  const scored = (text, tokens, all, target) => {
    const plain = all.filter(({ end }) => !end).map(({ word }) => word);
    const marks = target.length ? compare(plain, target) : null;
    const score = tokens && marks ? marks.share : null;
    const own = target.length ? bleu(plain, target).score : null;
    return { plain, marks, one: { text, tokens, score, bleu: tokens ? own : null } };
  };
  const noted = (all, one) => [...all.filter(({ text }) => text !== one.text), one];

  // -- the source ----------------------------------------------------------------------
  const expected = field("what it should say", model.get("reference"), (text) =>
    set({ reference: text }),
  );
  expected.maxLength = LONGEST.text;

  const looked = () => Math.min(at(), states.length) - 1; // at which token
  const name = (n) => {
    const { token } = states[n];
    const says = known(token) ? glosses[n] : "unknown, read as <unk>";
    return says ? `${token} (${says})` : token;
  };
  const chips = strip({
    name: "The source, token by token",
    kind: "tokens",
    say: (n) => `${name(n)}, token ${n + 1} of ${states.length}`,
    pin: (n) => {
      play.set(false);
      set({ at: n + 1 });
    },
  });
  const remove = () => {
    if (!states.length) return;
    play.set(false);
    const text = without(words, looked(), known);
    set({ text, reference: "", at: done() ? null : Math.max(1, looked()) });
  };
  const removing = button("Remove", remove);
  chips.box.addEventListener("keydown", (event) => {
    if (event.key !== "Delete" && event.key !== "Backspace") return;
    event.preventDefault();
    remove();
  });
  const back = button("Back to the rung", () =>
    load(model.get("ladder"), model.get("rung")),
  );

  // -- reading and writing -------------------------------------------------------------
  const went = (n) => {
    if (!states.length) return "nothing to read";
    if (n <= states.length) return `${n} of ${plural(states.length, "token")} read`;
    return `all read, ${n - states.length} of ${said.length} written`;
  };
  const steps = slider({
    name: "step",
    min: 1,
    max: 1,
    step: 1,
    value: 1,
    shown: went,
    change: (n) => {
      play.set(false);
      set({ at: n === most() ? null : n });
    },
    accent: "state",
  });
  const go = (n) => set({ at: n >= most() ? null : n });
  const play = player(
    body,
    paced(PACE, () => {
      go(at() + 1);
      return !done();
    }),
    (on) => (run.textContent = on ? "Pause" : "Play"),
  );
  const run = button("Play", () => {
    if (play.playing) return play.set(false);
    if (!most()) return;
    if (done()) go(1);
    play.set(true);
  });
  const step = button("Step", () => {
    play.set(false);
    if (most()) go(done() ? 1 : at() + 1);
  });
  const context = contextPicture({
    hidden,
    step: () => ({
      state: states[looked()]?.state ?? null,
      count: looked() + 1,
      all: states.length,
    }),
  });
  const squeezed = make("p", { class: "says", "aria-live": "polite" });

  // -- the translation -----------------------------------------------------------------
  const ours = make("ol", { class: "said", "aria-label": "The translation" });
  const theirs = make("ol", { class: "said plain", "aria-label": "The reference" });
  const legend = make(
    "p",
    { class: "note" },
    "Under each word its probability. ✗ and a wavy line: not in the reference, or not in this order. ∅ and a dashed frame: missing from the translation.",
  );
  const verdict = make("p", { class: "says", "aria-live": "polite" });

  // -- what has been tried -------------------------------------------------------------
  const chart = triedPicture({
    tried: () => model.get("tried"),
    text: () => model.get("text"),
    path: () => rungs().map(({ text }) => text),
    pick: (text) => {
      const place = found(text);
      if (place) load(...place);
    },
  });
  const every = button("Climb all ladders", () => {
    const all = ladders.flatMap((ladder) =>
      ladder.rungs.map(({ text, target }) => translated(text, target).one),
    );
    set({ tried: all.reduce(noted, model.get("tried")) });
  });
  const clear = button("Clear the chart", () => set({ tried: [] }));
  const count = make("p", { class: "note" });

  const updateSource = () => {
    chosen.update(states.map(({ token }) => token));
    if (expected.value !== model.get("reference"))
      expected.value = model.get("reference");
    const items = states.map(({ token }, n) => ({
      text: `${token}\n${known(token) ? glosses[n] : "<unk>"}`,
      name: name(n),
      fill: "var(--paper)",
      kind: ["token", n > looked() && "unread", !known(token) && "unknown"]
        .filter(Boolean)
        .join(" "),
    }));
    chips.show(items, Math.max(0, looked()));
    off(removing, !states.length);
    removing.textContent = states.length
      ? `Remove “${states[looked()].token}”`
      : "Remove";
    back.style.display = isRung() ? "none" : "";
  };
  const updateReading = () => {
    steps.input.max = Math.max(1, most());
    steps.input.disabled = most() === 0;
    steps.set(at());
    step.textContent = done() ? "From the start" : "Step";
    for (const node of [run, step]) off(node, most() === 0);
    const all = states.length;
    const each = number(hidden / Math.max(1, all), 1);
    const size = make("b", {}, `${hidden} numbers`);
    if (!all) squeezed.replaceChildren("");
    else if (looked() + 1 < all)
      squeezed.replaceChildren(
        `After ${plural(looked() + 1, "token")} the state is `,
        size,
        ".",
      );
    else
      squeezed.replaceChildren(
        "The context: ",
        size,
        `, for 3 tokens or for 40. Here it is ${each} for each of the ${plural(all, "token")}, and all that the decoder gets to know.`,
      );
    context.redraw();
  };
  const updateWriting = ({ plain, marks, one }) => {
    const shown = said.slice(0, Math.max(0, at() - states.length));
    fillSaid(ours, shown, marks?.ours ?? null);
    fillReference(theirs, reference(), done() && marks ? marks.theirs : null);
    legend.hidden = !marks;
    const cut =
      said.length && !said.at(-1).end
        ? ` It was stopped after ${LONGEST.words} words.`
        : "";
    if (!states.length) verdict.replaceChildren("");
    else if (!done())
      verdict.replaceChildren(
        shown.length
          ? "It writes."
          : "Nothing is written before the last token is read.",
      );
    else if (!marks)
      verdict.replaceChildren(
        `Without a reference there is no score; you may write one.${cut}`,
      );
    else {
      const hits = marks.theirs.filter(Boolean).length;
      verdict.replaceChildren(
        make("b", { class: "score" }, percent(one.score)),
        ` right: ${plural(hits, "word")} in order, of ${marks.theirs.length} in the reference and ${plain.length} written.`,
        plain.length < 4
          ? ` BLEU needs at least four words.${cut}`
          : ` BLEU of this sentence: ${number(one.bleu, 1)}.${cut}`,
      );
    }
  };
  const update = () => {
    const text = model.get("text").slice(0, LONGEST.text);
    words = groups(text, known);
    const tokens = words.flat();
    glosses = gloss(tokens, rung());
    const before = states;
    states = read(tokens, before);
    if (states.length !== before.length || states.at(-1) !== before.at(-1))
      said = tokens.length ? write(states.at(-1).state, LONGEST.words) : [];
    const result = scored(text, tokens.length, said, reference());
    const { plain, one } = result;
    const earlier = model.get("tried").find((old) => old.text === text);
    const news = done() && one.score !== null && earlier?.score !== one.score;
    report({
      ...(news && { tried: noted(model.get("tried"), one) }),
      translation: plain.join(" "),
      score: one.score,
      bleu: one.bleu,
    });
    updateSource();
    updateReading();
    updateWriting(result);
    const tried = model.get("tried").length;
    const joined = tried > 1 ? " The dashed line joins those of this ladder." : "";
    count.textContent = `${plural(tried, "sentence")} tried, a dot for each.${joined}`;
    off(clear, !tried);
    chart.redraw();
  };

  const part = (text) => make("div", { class: "part" }, text);
  const wide = (text, node) => make("label", { class: "wide" }, text, node);
  body.append(
    make("style", {}, style, stripStyle, wordStyle, chooserStyle),
    chosen.names,
    chosen.climb,
    chips.box,
    row(removing, back),
    chosen.typed,
    chosen.note,
    part("Reading: one state after each token"),
    row(run, step, steps.box),
    context.box,
    squeezed,
    part("Writing: the translation"),
    ours,
    verdict,
    wide("what it should say (the reference)", expected),
    theirs,
    legend,
    part("What has been tried"),
    chart.box,
    count,
    row(every, clear),
  );
  update();
  heard(["reference", "at", "tried"], update);
  chosen.listen(heard, () => {
    const target = model.get("reference");
    const stale = ladders.some((one) => one.rungs.some((r) => r.target === target));
    set(stale ? { reference: "", at: null } : { at: null });
  });
}

export default { render };
