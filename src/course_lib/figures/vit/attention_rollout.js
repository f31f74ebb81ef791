// One picture: where attention goes, and which patches the answer needs.
import { button, frame, make, percent, row, segments, slider } from "../kit/draw.js";
import { assign } from "../kit/values.js";
import { agreementQuestion, overallText } from "./agreement_question.js";
import { FULL_POINTS, maps, points } from "./maps.js";
import { agreement, reading } from "./occlusion.js";
import { WIDTH } from "./pixels.js";
import { sharesStyle, sharesTable } from "./shares.js";
import { thumbStyle, thumbs } from "./thumbs.js";
import { vit } from "./vit.js";

const SLICE = 60; // milliseconds of work between two frames
const LESSON =
  "Where a network looks is one thing, what its answer needs another. Attention is not explanation.";

function render({ model, el }) {
  const { digits, classes, models, ...shared } = model.get("weights");
  const body = frame({ model, el });
  const networks = new Map();
  const readings = new Map();
  const networkOf = (side) => {
    if (!networks.has(side)) networks.set(side, vit(models[side], shared));
    return networks.get(side);
  };
  // Each picture is read once by each network, and each patch of it covered once.
  const readingOf = (digit, side) => {
    const key = `${digit} ${side}`;
    if (!readings.has(key))
      readings.set(key, reading(networkOf(side), digits[digit - 1].points, side));
    return readings.get(key);
  };
  const now = () => readingOf(model.get("digit"), model.get("side"));
  const patches = () => (WIDTH / model.get("side")) ** 2;

  // -- covering every patch, a little at a time ----------------------------------------
  let revealed = false;
  let everything = false; // all pictures too
  let working = false;
  let drawn = false;
  const todo = () => {
    if (!revealed) return null;
    const rest = everything ? digits.map((_, n) => n + 1) : [];
    for (const digit of [model.get("digit"), ...rest]) {
      const one = readingOf(digit, model.get("side"));
      const t = one.changes.indexOf(null);
      if (t >= 0) return () => one.cover(t);
    }
    return null;
  };
  const work = () => {
    working = body.isConnected;
    const here = now().changes.includes(null);
    const until = performance.now() + SLICE;
    let next = todo();
    while (next && performance.now() < until) {
      next();
      next = todo();
    }
    working = working && next !== null;
    if (here) update();
    else tellAll();
    if (working) setTimeout(work);
  };
  const start = () => working || !todo() || work();

  const set = (changes) => assign(model, changes);
  const cover = (t) => set({ covered: model.get("covered") === t + 1 ? 0 : t + 1 });

  // -- controls ------------------------------------------------------------------------
  const pictures = thumbs({ digits, change: (digit) => set({ digit }) });
  const sides = segments({
    name: "side of a patch, in pixels",
    options: [1, 2].map((side) => [side, String(side)]),
    value: model.get("side"),
    change: (side) => set({ side, covered: 0 }),
  });
  const heads = shared.heads;
  const [block, head] = ["block", "head"].map((key) => () => model.get(key));
  const nameOf = () => `block ${block()}, head ${head()}`;
  const look = slider({
    name: "attention of the class token in",
    min: 1,
    max: heads * networkOf(model.get("side")).blocks,
    step: 1,
    value: 1,
    shown: nameOf,
    change: (n) => set({ block: Math.ceil(n / heads), head: 1 + ((n - 1) % heads) }),
    accent: "attention",
  });
  const hide = slider({
    name: "covered patch",
    min: 0,
    max: patches(),
    step: 1,
    value: 0,
    shown: (n) => (n ? placeText(n, model.get("side")) : "none"),
    change: (covered) => set({ covered }),
    accent: "output",
  });
  const all = button("All pictures", () => {
    everything = true;
    start();
    update();
  });

  // -- the question --------------------------------------------------------------------
  const question = agreementQuestion({
    now,
    reveal: (on) => {
      revealed = on;
      everything &&= on;
      all.hidden = !on;
      if (!drawn) return;
      update();
      start();
    },
  });
  const overall = make("p", { class: "note", "aria-live": "polite" });
  const tellAll = () => {
    const side = model.get("side");
    const every = () => digits.map((_, n) => readingOf(n + 1, side));
    overall.textContent = everything ? overallText(every(), working) : "";
  };

  // -- what is shown -------------------------------------------------------------------
  const hidden = () => {
    const n = model.get("covered");
    return n && n <= patches() ? n - 1 : null;
  };
  const picture = maps({
    now: () => {
      const { counts, flow, changes, looks } = now();
      const title = nameOf();
      const side = model.get("side");
      return {
        ...{ counts, side, flow, changes, title },
        hidden: hidden(),
        looks: looks(block(), head()),
      };
    },
    preview: (t) => {
      const one = now();
      if (one.changes[t] === null) queueMicrotask(() => update());
      const share = one.cover(t)[one.answer];
      return `${classes[one.answer]} ${percent(share)}`;
    },
    cover,
  });
  const table = sharesTable(classes, ["as it is", "covered"], "–");
  const says = make("p", { class: "says", "aria-live": "polite" });
  const lesson = make("p", { class: "lesson" }, LESSON);
  const [itself, ...about] = [
    "",
    "Rollout: the heads' mean, half of each token as it was, block after block (Abnar & Zuidema 2020). It counts weights; values, feed-forward networks and the output are not in it.",
    `Change: the network is asked again, with one patch empty. Red is a fall of the answer's probability, blue a rise; the full colour is a change of ${FULL_POINTS} points of a hundred or more, in every picture. A patch that is empty already changes nothing, and of two patches that stand in for each other neither seems to count. Ranks also order changes that are too small to see.`,
    "In both maps of attention the largest share has the strongest colour, however small it is. Below them: the smallest and the largest share, and what each patch would have if all had the same. Hover over a patch for its number; click to cover it.",
  ].map((text) => make("li", {}, text));
  const update = () => {
    const one = now();
    const [side, t] = [model.get("side"), hidden()];
    const without = t === null ? null : one.cover(t);
    pictures.set(model.get("digit"));
    sides.set(side);
    look.set(heads * (block() - 1) + head());
    hide.input.max = patches();
    hide.set(model.get("covered"));
    picture.redraw();
    table.show(one.shares, without);
    const name = classes[one.answer];
    says.textContent =
      `The network says ${name}, ${percent(one.shares[one.answer])}.` +
      (without
        ? ` With ${placeText(t + 1, side)} covered: ${percent(without[one.answer])}, ${points(one.changes[t])}.`
        : "");
    itself.textContent = `Attention of ${nameOf()}: how much of each token's value the class token takes there. It takes ${percent(one.itself(block(), head()))} from itself.`;
    question.update();
    lesson.hidden = !revealed;
    tellAll();
    all.disabled = everything;
    const known = one.changes.includes(null) ? [] : one.changes;
    set({
      answer: name,
      attention: one.looks(block(), head()),
      rollout: one.flow,
      changes: known,
      agreement: agreement(one),
    });
  };

  body.append(
    make("style", {}, thumbStyle, sharesStyle, style),
    pictures.box,
    row(sides, look.box),
    picture.box,
    row(hide.box),
    says,
    question.box,
    lesson,
    row(all, overall),
    make(
      "div",
      { class: "below" },
      table.box,
      make("ul", { class: "note" }, itself, ...about),
    ),
  );
  drawn = true;
  update();
  for (const key of ["digit", "side", "block", "head", "covered"])
    model.on(`change:${key}`, () => {
      if (key === "side") everything = false;
      if (["digit", "side"].includes(key)) question.forget();
      update();
      start();
    });
}

// "patch 7 (row 2, column 3)"
function placeText(n, side) {
  const columns = WIDTH / side;
  const [row, column] = [Math.ceil(n / columns), 1 + ((n - 1) % columns)];
  return `patch ${n} (row ${row}, column ${column})`;
}

const style = `
.below { display: flex; flex-wrap: wrap; gap: 8px 28px; }
.below ul { flex: 2 1 300px; margin: 4px 0; padding-left: 18px; }
.below li + li { margin-top: 6px; }
`;

export default { render };
