// A word, cut into the pieces that there are: predicted first, then try by try.
import { button, field, make, off, predict, row, slider } from "../kit/draw.js";
import { UNKNOWN, cut, split } from "./pieces.js";

export const cutStyle = `
.letters { display: flex; flex-wrap: wrap; gap: 3px; margin: 10px 0 4px; padding: 0;
  list-style: none; }
.letters li { min-width: 30px; padding: 4px 6px; text-align: center; font-size: 17px;
  border: 1.5px solid var(--line); border-radius: 6px; }
.letters .done { border-color: var(--output); }
.letters .done:not(.first) { margin-left: -6px; border-left-color: transparent;
  border-radius: 0 6px 6px 0; }
.letters .failed { border: 1.5px dashed var(--negative); background: var(--cell); }
.cut h3 { font-size: 15px; margin: 0; font-weight: 650; }
.cut { border-top: 1px solid var(--line); margin-top: 14px; padding-top: 10px; }
`;

const quoted = (text) => `“${text}”`;
const kind = (pieces) => (pieces[0] === UNKNOWN ? UNKNOWN : Math.min(4, pieces.length));

// now() gives { word, pieces }, what is typed and the vocabulary; write(word) is called.
export function cutPart({ now, write }) {
  let found = { tries: [], pieces: [] };
  let word = "";
  let revealed = false;
  let at = 0; // how many tries are shown

  const input = field("a word to cut", now().word, write);
  const examples = ["먹었다", "갔다", "unbelievable"].map((text) =>
    button(text, () => write(text)),
  );
  const next = button("Next try", () => go(at + 1), { class: "main" });
  const back = button("Previous try", () => go(at - 1));
  const scrub = slider({
    name: "tries",
    min: 0,
    max: 1,
    step: 1,
    value: 0,
    shown: (n) => `${n} of ${found.tries.length}`,
    change: (n) => go(n),
    accent: "output",
  });
  const controls = row(next, back, scrub.box);
  const letters = make("ol", { class: "letters", "aria-hidden": "true" });
  const says = make("p", { class: "says", "aria-live": "polite" });

  const question = predict({
    question: () =>
      word
        ? `With these ${now().pieces.length} pieces: into how many will ${quoted(word)} be cut?`
        : "Type a word.",
    choices: [
      [1, "1"],
      [2, "2"],
      [3, "3"],
      [4, "4 or more"],
      [UNKNOWN, "it becomes [UNK]"],
    ],
    verdict: (guess) => {
      if (!word) return "Type a word.";
      const is = kind(found.pieces);
      const says =
        is === UNKNOWN
          ? `No piece fits at one place, so the whole word becomes ${UNKNOWN}.`
          : `${found.pieces.length === 1 ? "One piece" : `${found.pieces.length} pieces`}: ${found.pieces.join(" ")}.`;
      return guess === null
        ? says
        : `${says} ${guess === is ? "As" : "Not as"} you said.`;
    },
    reveal: () => {
      revealed = true;
      at = 0;
      draw();
    },
    again: () => {
      revealed = false;
      draw();
    },
  });

  function go(n) {
    at = Math.max(0, Math.min(found.tries.length, n));
    draw();
  }
  function draw() {
    for (const node of [controls, letters]) node.style.display = revealed ? "" : "none";
    if (!revealed) return says.replaceChildren();
    scrub.input.max = found.tries.length;
    scrub.set(at);
    off(next, at === found.tries.length);
    off(back, at === 0);
    const past = found.tries.slice(0, at);
    const last = past.at(-1);
    const kept = past.filter((one) => one.found);
    letters.replaceChildren(
      ...[...word].map((letter, i) => {
        const of = kept.find(({ from, to }) => i >= from && i < to);
        const failed = last && !last.found && i >= last.from && i < last.to;
        const kinds = [of && "done", of?.from === i && "first", failed && "failed"];
        return make("li", { class: kinds.filter(Boolean).join(" ") || null }, letter);
      }),
    );
    says.replaceChildren(...told(last, kept));
  }
  const told = (last, kept) => {
    if (!last) return ["From the left: is the whole word a piece?"];
    const so = kept.map(({ piece }) => piece).join(" ");
    const end = at === found.tries.length;
    const name = make("b", {}, quoted(last.piece));
    if (last.found)
      return [
        name,
        end ? " ✓ is a piece, and the word ends. " : " ✓ is a piece: cut, and on. ",
        make("b", {}, so),
      ];
    if (end) return [name, ` ✗ is no piece, and nothing is left to try: ${UNKNOWN}.`];
    return [name, " ✗ is no piece: one character less."];
  };
  const update = () => {
    const { word: typed, pieces } = now();
    if (input.value !== typed) input.value = typed;
    const before = found;
    word = split(typed)[0] ?? "";
    found = cut(word, (piece) => pieces.includes(piece));
    if (String(before.pieces) !== String(found.pieces)) at = 0;
    examples.forEach((node) =>
      node.setAttribute("aria-pressed", String(node.textContent === typed)),
    );
    question.update();
    draw();
    return word ? found.pieces : [];
  };
  const box = make(
    "div",
    { class: "cut" },
    make("h3", {}, "Cut a word"),
    row(input, ...examples),
    question.box,
    controls,
    letters,
    says,
  );
  return { box, update, forget: question.forget };
}
