// A beam search through a small table of next words, step by step; or draws from it.
import {
  button,
  frame,
  make,
  number,
  off,
  percent,
  predict,
  row,
  segments,
  slider,
} from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { paced, player } from "../kit/player.js";
import { assign } from "../kit/values.js";
import given from "./beam_tree.json" with { type: "json" };
import { generator } from "../kit/nn.js";
import { beamSearch, everySequence, normalised, sample } from "./decoding.js";
import {
  fillDrawn,
  fillEnded,
  fillModel,
  fillStep,
  tableStyle,
} from "./search_tables.js";
import { drawTree, searchTree } from "./search_tree.js";
import {
  WIDTHS,
  explained,
  finders,
  pruned,
  spoken,
  sum,
  verdict,
} from "./search_words.js";
import { treePicture } from "./tree_picture.js";
import { END, languageModel, redrawn, said } from "./word_table.js";

const DRAWS = 100;

const style = `
.results p { margin: 4px 0; }
`;

const KEYS = ["search", "width", "alpha", "temperature", "longest"];
const ALSO = ["top_k", "top_p", "seed", "redrawn"];

function render({ model, el }) {
  const body = frame({ model, el });
  const get = (key) => model.get(key);
  const set = (changes) => assign(model, changes);
  let table;
  let next; // the table, as a model
  let trace; // of the beam search
  let all; // every sequence, best first
  let draws;
  let drawn = 0;
  let pinned = null; // [column, place]
  let revealed = false;

  const end = () => table.words.indexOf(END);
  const sampling = () => get("search") === "sample";
  const setting = () => ({ end: end(), longest: get("longest"), alpha: get("alpha") });
  const compute = () => {
    table = redrawn(given, get("redrawn"));
    next = languageModel(table, get("temperature"));
    trace = beamSearch(next, { ...setting(), width: get("width") });
    all = everySequence(next, setting());
    const { uniform } = generator(get("seed"));
    const limits = { topK: get("top_k"), topP: get("top_p"), uniform };
    draws = Array.from({ length: DRAWS }, () =>
      sample(next, { ...setting(), ...limits }),
    );
  };
  const last = () => trace.steps.length;
  const at = () => Math.min(get("step"), last()); // steps that are shown
  const done = () => at() === last();

  // -- the tree ------------------------------------------------------------------------
  const tree = () => {
    const shared = { table, end: end(), best: revealed ? all[0] : null };
    if (sampling())
      return drawTree({
        ...shared,
        draws: draws.slice(0, drawn),
        longest: get("longest"),
      });
    return searchTree({
      ...shared,
      steps: trace.steps,
      at: at(),
      width: get("width"),
      winner: done() ? trace.found[0] : null,
    });
  };
  const picture = treePicture({
    name: "The tree of what was tried",
    tree,
    chosen: () => pinned,
    choose: (column, place) => {
      const same = pinned && pinned[0] === column && pinned[1] === place;
      pinned = same ? null : [column, place];
      update();
    },
  });

  // -- controls ------------------------------------------------------------------------
  const go = (by) => {
    pinned = null;
    if (sampling()) drawn = Math.max(0, Math.min(DRAWS, drawn + by));
    else model.set("step", Math.max(0, Math.min(last(), at() + by)));
    update();
    if (!sampling()) picture.follow();
  };
  const over = () => (sampling() ? drawn === DRAWS : done());
  const onward = () => {
    go(1);
    return !over();
  };
  // in milliseconds from step to step
  const ticks = { beam: paced(900, onward), sample: paced(60, onward) };
  const play = player(
    body,
    (passed) => ticks[get("search")](passed),
    (on) => {
      run.textContent = on ? "Pause" : "Run";
      update();
    },
  );
  const moved = (by) => () => {
    play.set(false);
    go(by);
  };
  const run = button(
    "Run",
    () => {
      if (play.playing) return play.set(false);
      if (over()) go(-Infinity);
      play.set(onward()); // the first step comes at once
    },
    { class: "main" },
  );
  const forward = button("Step", moved(1));
  const back = button("Back", moved(-1));
  const other = button("Other probabilities", () => {
    play.set(false);
    set({ redrawn: get("redrawn") + 1 });
    question.ask();
  });
  const own = button("The first table", () => {
    if (!get("redrawn")) return;
    play.set(false);
    set({ redrawn: 0 });
    question.ask();
  });
  const again = button("Other draws", () => set({ seed: get("seed") + 1 }));
  const range = (name, key, min, max, step, shown, accent) =>
    slider({
      name,
      min,
      max,
      step,
      value: get(key),
      shown,
      change: (v) => set({ [key]: v }),
      accent,
    });
  const controls = {
    search: segments({
      name: "decode by",
      options: [
        ["beam", "beam search"],
        ["sample", "sample instead"],
      ],
      value: get("search"),
      change: (v) => set({ search: v }),
    }),
    width: range(
      "width of the beam",
      "width",
      1,
      5,
      1,
      (v) => (v === 1 ? "1, greedy" : String(v)),
      "output",
    ),
    alpha: range("length penalty α", "alpha", 0, 2, 0.1, (v) => v.toFixed(1), "output"),
    temperature: range(
      "temperature",
      "temperature",
      0.3,
      3,
      0.1,
      (v) => v.toFixed(1),
      "weight",
    ),
    longest: range("longest", "longest", 2, 8, 1, (v) => `${v} tokens`, "input"),
  };
  const limits = {
    top_k: slider({
      name: "top k",
      min: 1,
      max: 10,
      step: 1,
      value: get("top_k") ?? 10,
      shown: (v) => (v === 10 ? "all words" : plural(v, "word")),
      change: (v) => set({ top_k: v === 10 ? null : v }),
      accent: "output",
    }),
    top_p: slider({
      name: "top p",
      min: 0.05,
      max: 1,
      step: 0.05,
      value: get("top_p") ?? 1,
      shown: (v) => (v === 1 ? "all of it" : v.toFixed(2)),
      change: (v) => set({ top_p: v === 1 ? null : v }),
      accent: "output",
    }),
  };
  const question = predict({
    question: () => "Which is the smallest width that finds the best sequence of all?",
    choices: [...WIDTHS.map((width) => [width, String(width)]), [0, "none of these"]],
    reveal: () => {
      revealed = true;
      update();
    },
    again: () => {
      revealed = false;
      if (all) update();
    },
    verdict: (guess) =>
      verdict(table, {
        best: all[0],
        count: all.length,
        widths: finders(next, all[0], setting()),
        guess,
      }),
  });

  // -- what is said --------------------------------------------------------------------
  const says = make("p", {
    class: "says",
    "aria-live": "polite",
    style: "min-height: 2.9em",
  });
  const chosen = make("p", { class: "note" });
  const list = make("table");
  const results = make("div", { class: "results" });
  const step = make("table");
  const stepBox = make(
    "details",
    {},
    make("summary", {}, "This step as a table"),
    step,
  );
  const rows = make("dl", { class: "rows" });
  const rowsTitle = make("summary");
  const tie = (one, other) =>
    Math.abs(normalised(one, get("alpha")) - normalised(other, get("alpha"))) < 1e-9;
  const scored = (one) =>
    `log p ${number(one.score)}${get("alpha") > 0 ? `, normalised ${number(normalised(one, get("alpha")))}` : ""}`;
  const resulting = () => {
    const [winner] = trace.found;
    const beam = make(
      "p",
      {},
      `Beam of ${get("width")}: `,
      ...(sampling() || done()
        ? [make("b", {}, spoken(table, winner)), `, ${scored(winner)}`]
        : [`the search is at step ${at()}`]),
      ".",
    );
    const best = make("p", {}, `Best of all ${all.length} sequences, each one tried: `);
    if (!revealed) best.append("? your prediction first.");
    else {
      best.append("★ ", make("b", {}, spoken(table, all[0])), `, ${scored(all[0])}. `);
      const where = pruned(trace.steps, all[0], end());
      if (tie(winner, all[0])) best.append("A beam of this width finds it.");
      else if (where)
        best.append(
          `A beam of this width prunes it in step ${where.step}, as number ${where.rank}.`,
        );
    }
    const drawnBest = draws.slice(0, drawn).filter((one) => tie(one, all[0])).length;
    const times = make("p", {}, `The draws have it ${drawnBest} times in ${drawn}.`);
    results.replaceChildren(
      beam,
      best,
      ...(sampling() && revealed && drawn ? [times] : []),
    );
  };
  const tables = () => {
    const shared = { table, end: end() };
    const heat = get("temperature");
    rowsTitle.textContent = `The model: what may come after the last one or two words${heat === 1 ? "" : `, at temperature ${heat.toFixed(1)}`}`;
    stepBox.style.display = sampling() || !at() ? "none" : "";
    if (sampling()) {
      const isBest = (one) => revealed && tie(one, all[0]);
      const some = draws.slice(0, drawn);
      fillDrawn(list, { ...shared, draws: some, most: DRAWS, isBest });
      return fillModel(rows, { table, next, beam: [] });
    }
    const [before, now] = [at() - 2, at() - 1].map((i) => trace.steps[i]);
    const [alpha, width] = [get("alpha"), get("width")];
    const ended = now?.ended ?? [];
    fillEnded(list, { ...shared, ended, alpha, width, done: done() });
    if (now) fillStep(step, { table, candidates: now.candidates, at: at() });
    const beam = before?.candidates.filter(({ kept, over }) => kept && !over);
    fillModel(rows, {
      table,
      next,
      beam: beam?.map(({ tokens }) => tokens) ?? [[]],
    });
  };
  const told = () => {
    if (sampling())
      return drawn
        ? `Draw ${drawn}: ${spoken(table, draws[drawn - 1])}, probability ${percent(Math.exp(draws[drawn - 1].score))}.`
        : "Step draws one sequence, Run draws 100.";
    if (!at()) return "Step 1 will look at what may come first.";
    return explained(table, trace.steps, at() - 1, {
      ...setting(),
      width: get("width"),
    });
  };
  const update = () => {
    if (!trace) return;
    const text = told();
    if (says.textContent !== text) says.textContent = text;
    const node =
      pinned && !sampling() ? trace.steps[pinned[0]].candidates[pinned[1]] : null;
    chosen.textContent = node
      ? `“${said(table, node.tokens).join(" ")}”: ${sum(next, node)}, rank ${node.place + 1}: ${node.over ? "ended" : node.kept ? "kept" : "pruned"}.`
      : sampling()
        ? "Point at a node for its words."
        : "Point at a node for its words; click or tap it for its sum.";
    const idle = [
      [forward, over()],
      [back, sampling() ? !drawn : !at()],
      [own, !get("redrawn")],
    ];
    for (const [node, now] of idle) off(node, now);
    beamRow.style.display = sampling() ? "none" : "";
    sampleRow.style.display = sampling() ? "" : "none";
    again.style.display = sampling() ? "" : "none";
    question.update();
    tables();
    resulting();
    picture.redraw();
    model.set("winner", done() ? said(table, trace.found[0].tokens).join(" ") : null);
    if (!play.playing) model.save_changes();
  };
  const task = make(
    "p",
    { class: "says" },
    "To translate: ",
    make("b", { lang: "ko" }, given.source),
    `, ${given.gloss}.`,
  );
  const beamRow = row(controls.width.box, controls.alpha.box);
  const sampleRow = row(limits.top_k.box, limits.top_p.box);
  body.append(
    make("style", {}, style, tableStyle),
    task,
    row(controls.search),
    beamRow,
    sampleRow,
    row(controls.temperature.box, controls.longest.box),
    question.box,
    row(forward, back, run, again),
    picture.box,
    says,
    chosen,
    list,
    results,
    stepBox,
    make("details", { open: "" }, rowsTitle, rows, row(other, own)),
  );
  const changed = () => {
    const finished = done();
    pinned = null;
    drawn = 0;
    compute();
    if (finished) model.set("step", last());
  };
  compute();
  update();
  for (const key of [...KEYS, ...ALSO])
    model.on(`change:${key}`, () => {
      play.set(false);
      if (key === "top_k") limits.top_k.set(get("top_k") ?? 10);
      else if (key === "top_p") limits.top_p.set(get("top_p") ?? 1);
      else controls[key]?.set(get(key));
      changed();
      if (["alpha", "temperature", "longest", "redrawn"].includes(key))
        question.forget();
      update();
    });
  model.on("change:step", () => {
    pinned = null; // it may be gone
    update();
  });
}

export default { render };
