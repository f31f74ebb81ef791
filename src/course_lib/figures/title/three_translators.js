// One sentence through the trained models of three chapters, side by side.
import {
  button,
  field,
  frame,
  make,
  predict,
  row,
  segments,
  slider,
} from "../kit/draw.js";
import { paced, player } from "../kit/player.js";
import { values } from "../kit/values.js";
import { unpack } from "../kit/nn.js";
import { wordStyle } from "../seq2seq/compared_words.js";
import { glossary } from "../seq2seq/glossary.js";
import { groups } from "../seq2seq/korean.js";
import { arrived } from "./arrived.js";
import { column, columnStyle, judge, readingSteps } from "./column.js";
import { tally, tallyStyle } from "./tally.js";
import { translators } from "./traces.js";

const PACE = 220; // milliseconds for a step
const LONGEST = 300; // characters typed
const OFFERED = 30; // words, while one is typed
const SPECIAL = 4; // words that nobody types
const COUNT = ["none", "one", "two", "all three"];
const TYPED = "this sentence, or one that you type: then the models run in this page";

const style = `
.choose { align-items: end; }
.means { margin: 6px 0; }
.means span { color: var(--quiet); font-size: 13.5px; }
.typed { display: block; margin: 8px 0; }
.typed input { width: 100%; color: var(--ink); }
`;

const opened = ({ states, looks, ...rest }) => ({
  ...rest,
  states: states && unpack(states),
  looks: looks && unpack(looks),
});

function render({ model, el }) {
  const [models, byLength] = [model.get("models"), model.get("groups")];
  const body = frame({ model, el }, null);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const { set, report, heard } = values(model, () => update());

  // -- the models, which come when they are asked for ----------------------------------
  let network = null;
  let failed = false;
  let asked = false;
  const ask = async () => {
    if (asked) return;
    asked = true;
    failed = false;
    const given = model.get("weights");
    try {
      network = translators(
        typeof given === "string" ? await arrived(given, "__courseTranslators") : given,
      );
    } catch {
      failed = true;
      asked = false;
    }
    update();
  };

  // -- the sentence --------------------------------------------------------------------
  const group = () => byLength.find(({ length }) => length === model.get("length"));
  const chosen = () => group().sentences[model.get("sentence") - 1];
  const own = () => model.get("text").trim() !== "";
  const choose = (changes) => {
    play.set(false);
    set({ ...changes, text: "", at: 0 });
    guessing.ask();
  };
  const lengths = segments({
    name: "Korean words and particles",
    options: byLength.map(({ length }) => [length, String(length)]),
    value: model.get("length"),
    change: (length) => choose({ length, sentence: 1 }),
  });
  const another = button("Another", () =>
    choose({ sentence: (model.get("sentence") % group().sentences.length) + 1 }),
  );
  const found = (text) => {
    for (const { length, sentences } of byLength) {
      const n = sentences.findIndex((one) => one.text === text);
      if (n >= 0) return { length, sentence: n + 1 };
    }
    return null;
  };
  const input = field("a Korean sentence", "", (text) => {
    play.set(false);
    ask(); // once more, if they did not come
    const place = found(text.trim());
    if (place) choose(place);
    else set({ text, at: 0 });
  });
  input.maxLength = LONGEST;
  input.lang = "ko";
  input.setAttribute("list", "offered");
  input.addEventListener("focus", ask);
  const offered = make("datalist", { id: "offered" });
  const note = make("p", { class: "note", "aria-live": "polite" });
  const means = make("p", { class: "means" });

  // What is shown: { tokens, glosses, allowed, traces }, or null while there is nothing.
  const stored = new Map(); // opened, by their text
  const sentence = () => {
    if (!own()) {
      const one = chosen();
      if (!stored.has(one.text)) {
        const traces = Object.entries(one.traces).map(([k, v]) => [k, opened(v)]);
        stored.set(one.text, { ...one, traces: Object.fromEntries(traces) });
      }
      return stored.get(one.text);
    }
    if (!network) return null;
    const tokens = groups(model.get("text").slice(0, LONGEST), network.known).flat();
    const ladders = byLength.map(({ sentences }) => ({ rungs: sentences }));
    const glosses = glossary(ladders, network.known)(tokens, chosen());
    const traces = models.map(({ chapter }) => [
      chapter,
      network.trace(chapter, tokens),
    ]);
    return {
      tokens,
      glosses: glosses.map((text, i) => (network.known(tokens[i]) ? text : "<unk>")),
      allowed: null,
      traces: Object.fromEntries(traces),
    };
  };
  let shown = null; // the sentence
  let verdicts = {}; // by chapter
  const most = () =>
    Math.max(
      ...models.map(({ chapter }) => {
        const { words, ended } = shown.traces[chapter];
        return readingSteps(chapter, shown.tokens.length) + words.length + ended;
      }),
    );
  const at = () =>
    own() && !model.get("at") ? most() : Math.min(model.get("at"), most());
  const done = () => at() === most();

  // -- predict, then watch -------------------------------------------------------------
  const right = () => models.filter(({ chapter }) => verdicts[chapter]?.right);
  const guessing = predict({
    question: () => "How many of the three will get this sentence right?",
    choices: COUNT.map((text, count) => [count, text]),
    verdict: (guess) => {
      if (!shown || !done()) return "Watch them work.";
      const names = right().map(({ called }) => called);
      const count = names.length;
      const says = [
        "None is right.",
        `One is right: ${names[0]}.`,
        `Two are right: ${names.join(" and ")}.`,
        "All three are right.",
      ][count];
      if (guess === null) return says;
      return `${says} ${guess === count ? "As you said." : `You said ${COUNT[guess]}.`}`;
    },
    reveal: (guess) => {
      if (guess === null || calm) return set({ at: most() });
      set({ at: 0 });
      play.set(true);
    },
  });

  const steps = slider({
    name: "step",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    shown: (n) => (shown ? `${n} of ${most()}` : "0"),
    change: (n) => {
      play.set(false);
      set({ at: n });
    },
    accent: "state",
  });
  const play = player(
    body,
    paced(PACE, () => {
      set({ at: at() + 1 });
      return !done();
    }),
    (on) => (run.textContent = on ? "Pause" : "Play"),
  );
  const run = button(
    "Play",
    () => {
      if (play.playing) return play.set(false);
      if (done()) set({ at: own() ? 1 : 0 });
      play.set(true);
    },
    { class: "main" },
  );
  const step = button("Step", () => {
    play.set(false);
    set({ at: done() ? (own() ? 1 : 0) : at() + 1 });
  });
  const columns = models.map((one) => {
    const book = model.get("book");
    return column(one, book && `${book}${one.page}`);
  });
  const counts = tally({ models, groups: byLength, counted: model.get("counted") });
  const controls = row(run, step, steps.box);
  const whole = make(
    "div",
    {},
    controls,
    make("div", { class: "columns" }, ...columns.map(({ box }) => box)),
    counts,
  );

  // -- what is shown -------------------------------------------------------------------
  const told = () => {
    if (!own()) return "";
    if (failed)
      return "The models did not come. Choose a sentence above, or try again.";
    if (!network) return "The models are on their way: 2 MB.";
    const strange = shown.tokens.filter((token) => !network.known(token));
    if (strange.length)
      return `Not in the vocabulary, so read as <unk>: ${strange.map((word) => `“${word}”`).join(", ")}.`;
    return "All three know these words. Nobody has said yet what would be right, so nothing is marked.";
  };
  const offer = () => {
    if (!network || !own()) return offered.replaceChildren();
    const text = model.get("text");
    const last = text.split(/\s/u).at(-1);
    const before = text.slice(0, text.length - last.length);
    const some = network.words
      .slice(SPECIAL)
      .filter((word) => last && word !== last && word.startsWith(last))
      .slice(0, OFFERED);
    offered.replaceChildren(
      ...some.map((word) => make("option", { value: before + word })),
    );
  };
  let before = null; // what was shown last: a text, and whether the models are there
  const update = () => {
    if (own() && !network && !failed) ask();
    const key = own()
      ? [model.get("text"), Boolean(network)].join("\n")
      : chosen().text;
    if (key !== before) {
      before = key;
      shown = sentence();
      verdicts = {};
      if (shown?.allowed)
        for (const { chapter } of models)
          verdicts[chapter] = judge(shown.traces[chapter], shown.allowed);
      lengths.set(model.get("length"));
      offer();
      const text = own() ? model.get("text") : chosen().text;
      if (input.value !== text) input.value = text;
    }
    note.textContent = told();
    note.hidden = !own();
    guessing.box.hidden = own();
    means.hidden = own();
    whole.hidden = !shown;
    if (!shown) return;
    means.replaceChildren(
      make("span", {}, "It means: "),
      shown.allowed ? shown.allowed[0].replace(/ (?=[,'])/g, "") : "",
    );
    steps.input.max = most();
    steps.set(at());
    step.textContent = done() ? "From the start" : "Step";
    models.forEach(({ chapter }, n) =>
      columns[n].show({
        tokens: shown.tokens,
        glosses: shown.glosses,
        trace: shown.traces[chapter],
        at: at(),
        verdict: verdicts[chapter] ?? null,
      }),
    );
    counts.hidden = !done();
    counts.set(own() ? shown.tokens.length : model.get("length"));
    guessing.update();
    const said = models.map(({ chapter }) => [
      chapter,
      shown.traces[chapter].words.join(" "),
    ]);
    report({ translations: Object.fromEntries(said) });
  };

  body.append(
    make("style", {}, style, wordStyle, columnStyle, tallyStyle),
    make("div", { class: "row choose" }, lengths, another),
    make("label", { class: "typed" }, TYPED, input, offered),
    note,
    means,
    guessing.box,
    whole,
  );
  update();
  heard(["length", "sentence", "text", "at"], update);
}

export default { render };
