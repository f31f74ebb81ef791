// How a network is told where a word stands: by a code that is added, or by a turn.
import { field, frame, make, row, segments, slider } from "../kit/draw.js";
import { assign } from "../kit/values.js";
import { unpack } from "../kit/nn.js";
import { clockStyle } from "./clocks.js";
import { placePicture } from "./place_picture.js";
import { coder } from "./positions.js";
import { tableStyle } from "./product_table.js";
import { shiftPart } from "./shift_part.js";
import { shuffle, shufflePart } from "./shuffle_part.js";
import { similarity } from "./similarity.js";
import { LONGEST, split } from "./tiny_layer.js";

const PLACES = 50;
const SIZES = { min: 16, max: 128, step: 16 };
const SAYS = {
  sinusoidal:
    "Added to the word: sin pθ and cos pθ, a pair for each θᵢ = 10000^(−2i/C). Beside the clocks: in how many places a hand goes round.",
  learned: "Added to the word: row p of a table that was learned in training.",
  rotary:
    "Nothing is added: pair i of each query and each key is turned by pθᵢ, as the hands are.",
};

function render({ model, el }) {
  const body = frame({ model, el });
  const set = (changes) => assign(model, changes);
  const stored = model.get("weights");
  const table = stored && unpack(stored.table);

  // What all parts look at.
  let state;
  const look = () => {
    const typed = split(model.get("text"));
    const words = typed.slice(0, LONGEST);
    const kind = model.get("kind");
    const coding = coder(kind, model.get("size"), table);
    const columns = kind === "learned" ? Math.max(PLACES, coding.end) : PLACES;
    const shift = Math.min(model.get("shift"), columns - 1);
    const places = words.map((_, n) => shift + n);
    const at = Math.min(model.get("at"), columns - 1);
    const kept = model.get("order");
    const order = kept.length === words.length ? kept : shuffle(words.length, 1);
    const on = model.get("positions") === "on";
    const shared = { words, places, coding, at, columns, shift, order, on };
    state = { ...shared, ...similarity(words, at, coding), typed };
  };
  const now = () => state;
  look();

  // -- controls ------------------------------------------------------------------------
  const input = field("A sentence", model.get("text"), (text) =>
    set({ text, order: [] }),
  );
  input.maxLength = 80;
  const kinds = segments({
    name: "how places are told",
    options: ["sinusoidal", ...(table ? ["learned"] : []), "rotary"].map((kind) => [
      kind,
      kind,
    ]),
    value: model.get("kind"),
    change: (kind) => set({ kind }),
  });
  const size = slider({
    name: "dimensions C",
    ...SIZES,
    value: model.get("size"),
    shown: String,
    change: (v) => set({ size: v }),
    accent: "position",
  });
  const scrub = slider({
    name: "pinned place",
    min: 0,
    max: PLACES - 1,
    step: 1,
    value: model.get("at"),
    shown: String,
    change: (at) => set({ at }),
    accent: "position",
  });
  const read = make("p", { class: "note" });
  const says = make("p", { class: "note" });
  const picture = placePicture({ now, pin: (at) => set({ at }) });
  const moving = shiftPart({ now, move: (shift) => set({ shift }) });
  const shuffling = shufflePart({ now, set });

  const update = () => {
    look();
    const { words, typed, coding, at, columns } = state;
    if (input.value !== model.get("text")) input.value = model.get("text");
    read.textContent = !words.length
      ? "Type a sentence."
      : typed.length > LONGEST
        ? `It reads the first ${LONGEST} words.`
        : "";
    kinds.set(coding.kind);
    says.textContent = SAYS[coding.kind];
    const { kind, C } = coding;
    size.input.disabled = kind === "learned"; // the table has its own
    Object.assign(size.input, kind === "learned" ? { min: C, max: C, step: 1 } : SIZES);
    size.set(C);
    scrub.input.max = columns - 1;
    scrub.set(at);
    picture.redraw();
    const change = moving.update();
    set({ moved: change, difference: shuffling.update() });
  };
  body.append(
    make("style", {}, clockStyle, tableStyle, style),
    row(input, kinds),
    read,
    says,
    row(scrub.box, moving.look.box),
    picture.box,
    row(size.box),
    moving.table.box,
    moving.text,
    shuffling.box,
  );
  update();
  for (const key of ["text", "kind", "size", "at", "shift", "positions", "order"])
    model.on(`change:${key}`, () => {
      if (key === "text") shuffling.again();
      // another question; where it is pinned does not change its answer
      if (!["at", "order"].includes(key)) shuffling.forget();
      update();
    });
}

const style = `
.row.shuffle { align-items: end; }
.row.shuffle .says { margin: 8px 0; }
.note:empty { margin: 0; min-height: 0; }
input[type="text"] { flex: 1 1 200px; min-width: 0; }
`;

export default { render };
