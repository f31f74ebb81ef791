// The patch bench: a digit, cut into the tokens that a Vision Transformer reads.
import { button, frame, make, percent, row, segments, slider } from "../kit/draw.js";
import { values } from "../kit/values.js";
import { grouped, plural } from "../kit/counts.js";
import { drawing, drawingStyle } from "./drawing.js";
import { change, orderQuestion } from "./order_question.js";
import { MOST, WIDTH, bitmapOf, counted, moved, shuffled } from "./pixels.js";
import { sharesStyle, sharesTable } from "./shares.js";
import { followText, stage } from "./stage.js";
import { thumbStyle, thumbs } from "./thumbs.js";
import { vit } from "./vit.js";

const COMPARED = 2; // the side at which there is a network without positions
const LESSON =
  "Without positions a picture is a bag of patches: no order of them changes an answer, and digits that differ only in where their strokes are cannot be told apart. With them each patch says what it shows and where it stands, so another order is another picture.";
const nameOf = (side, positions) =>
  positions === "none" ? `${side} without positions` : String(side);

function render({ model, el }) {
  const { digits, classes, models, ...shared } = model.get("weights");
  const body = frame({ model, el });
  const opened = new Map();
  const network = (name) => {
    if (!opened.has(name)) opened.set(name, vit(models[name], shared));
    return opened.get(name);
  };

  // -- what is looked at ---------------------------------------------------------------
  let revealed = false;
  let state = {};
  const sharesOf = (name, counts) =>
    network(name).read(counts.map((n) => n / MOST)).shares;
  const counts = () => model.get("points") ?? digits[model.get("digit") - 1].points;
  const patchesOf = (side) => (WIDTH / side) ** 2;
  const orderOf = (side) => shuffled(patchesOf(side), model.get("shuffle"));
  const look = () => {
    const [side, positions] = [model.get("side"), model.get("positions")];
    const T = patchesOf(side);
    const name = nameOf(side, positions);
    const [now, order] = [counts(), orderOf(side)];
    state = {
      ...{ counts: now, side, name, order, revealed, T },
      told: positions !== "none",
      followed: Math.min(T, model.get("at") ?? Math.ceil(0.4 * T)) - 1,
      shares: sharesOf(name, now),
      others: revealed ? sharesOf(name, moved(now, side, order)) : null,
    };
  };
  // Of the networks at the side that is shown; at one side there are two.
  const effect = () => {
    const { side, order, T, counts: now } = state;
    const other = moved(now, side, order);
    const of = (positions) => {
      const name = nameOf(side, positions);
      return change(sharesOf(name, now), sharesOf(name, other));
    };
    return { T, learned: of("learned"), none: side === COMPARED ? of("none") : null };
  };
  const { set, report, heard } = values(model, () => update());

  // A patch that is followed is one of this size.
  const cutTo = (side) => ({
    side,
    at: side === model.get("side") ? model.get("at") : null,
  });

  // -- controls ------------------------------------------------------------------------
  const pictures = thumbs({
    digits,
    change: (digit) => {
      set({ digit, points: null });
      board.show(bitmapOf(counts()));
    },
  });
  const board = drawing({ change: (bitmap) => set({ points: counted(bitmap) }) });
  const sides = segments({
    name: "side of a patch, in pixels",
    options: [1, 2, 4].map((side) => [side, String(side)]),
    value: model.get("side"),
    change: (side) => {
      const positions = side === COMPARED ? model.get("positions") : "learned";
      set({ ...cutTo(side), positions });
    },
  });
  const kinds = segments({
    name: "network trained",
    options: [
      ["learned", "with positions"],
      ["none", `without (side ${COMPARED} only)`],
    ],
    value: model.get("positions"),
    change: (positions) => set({ positions }),
  });
  const without = kinds.querySelector("[value=none]");
  const follow = slider({
    name: "followed patch",
    min: 1,
    max: WIDTH * WIDTH,
    step: 1,
    value: 1,
    shown: () => (state.order ? followText(state) : ""),
    change: (at) => set({ at }),
    accent: "state",
  });
  const again = button("Shuffle again", () =>
    set({ shuffle: model.get("shuffle") + 1 }),
  );
  const lesson = make("p", { class: "lesson" }, LESSON);
  const accuracy = Object.fromEntries(
    ["learned", "none"].map((kind) => [kind, models[nameOf(COMPARED, kind)].accuracy]),
  );
  const question = orderQuestion({
    ...{ classes, effect, accuracy, side: COMPARED },
    patches: patchesOf(COMPARED),
    reveal: (on) => {
      revealed = on;
      again.hidden = !on;
      lesson.hidden = !on;
      if (on) set(cutTo(COMPARED));
      else if (state.order) update();
    },
  });

  // -- what is shown -------------------------------------------------------------------
  const steps = stage({ now: () => state, follow: (n) => set({ at: n + 1 }) });
  const table = sharesTable(classes, ["as it is", "shuffled"], "?");
  const says = make("p", { class: "says", "aria-live": "polite" });
  const note = make("p", { class: "note" });
  const best = (shares) => shares.indexOf(Math.max(...shares));
  const named = (shares) => `${classes[best(shares)]}, ${percent(Math.max(...shares))}`;
  const update = () => {
    look();
    const { shares, others, side, T, followed, name } = state;
    pictures.set(model.get("points") ? 0 : model.get("digit"));
    sides.set(side);
    kinds.set(model.get("positions"));
    without.disabled = side !== COMPARED;
    follow.input.max = T;
    follow.set(followed + 1);
    steps.redraw();
    table.show(shares, others);
    const empty = state.counts.every((n) => n === 0);
    says.textContent =
      (empty
        ? `The board is empty, and the network must name something all the same: ${named(shares)}.`
        : `As it is: ${named(shares)}.`) +
      (others ? ` Shuffled: ${named(others)}.` : "");
    note.textContent = `${T} patches of ${plural(side * side, "pixel")}. With the class token ${T + 1} tokens look at ${T + 1}: ${grouped((T + 1) ** 2)} weights in each head. This network is right for ${percent(models[name].accuracy)} of the test pictures.`;
    question.update();
    report({
      shares: [...shares],
      answer: classes[best(shares)],
      shuffled_shares: others ? [...others] : [],
      shuffled_answer: others ? classes[best(others)] : "",
    });
  };

  body.append(
    make("style", {}, thumbStyle, drawingStyle, sharesStyle, style),
    pictures.box,
    row(sides, kinds),
    note,
    make("div", { class: "bench" }, board.box, steps.box, table.box),
    row(follow.box),
    says,
    question.box,
    lesson,
    row(again),
  );
  board.show(bitmapOf(counts()));
  update();
  heard(["digit", "points"], () => {
    board.show(bitmapOf(counts()));
    update();
  });
  heard(["side", "positions", "shuffle", "at"], update);
}

const style = `
.bench { display: flex; flex-wrap: wrap; gap: 8px 28px; margin: 10px 0; }
.bench .board { flex: 1 1 300px; min-width: 0; margin: 0; }
.segments label:has(:disabled) { color: var(--quiet); }
.segments :disabled { cursor: not-allowed; }
`;

export default { render };
