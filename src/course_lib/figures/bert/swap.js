// The question: one word is swapped for another, and whose list changes?
import { button, make, percent, predict } from "../kit/draw.js";
import { moved } from "./gaps.js";

const FELT = 0.01; // a list has changed where a share has moved so far
const ANSWERS = [
  ["both", "only “both ways”"],
  ["left", "only “left to right”"],
  ["all", "both lists"],
  ["none", "neither"],
];

// Of each list, the word that moved most.
export const changes = (before, after) => ({
  both: moved(before.both.shares, after.both.shares),
  left: moved(before.left.shares, after.left.shares),
});

export function answerTo({ both, left }) {
  const [one, other] = [both.by >= FELT, left.by >= FELT];
  if (one !== other) return one ? "both" : "left";
  return one ? "all" : "none";
}

function changeText({ by, id, from, to }, nameOf) {
  if (by === 0) return "nothing has moved at all";
  if (by < FELT) return "no word has moved by 1\u00a0%";
  const goes = to > from ? "rises" : "falls";
  return `${nameOf(id)} ${goes} from ${percent(from)} to ${percent(to)}`;
}
// nameOf(id) is how a word is called.
export const changesText = ({ both, left }, nameOf) =>
  `Both ways: ${changeText(both, nameOf)}. Left to right: ${changeText(left, nameOf)}.`;

// now() gives { old, words, behind }: the word that is swapped, those that may take its
// place, and whether that is behind the gap; effect() gives the changes that the first of
// them makes. called(word) is a word with its gloss, and nameOf(id) the same by its id.
// swap(word, told) and restore() are called, `told` where the verdict says what it did.
export function swapPanel({ now, effect, called, nameOf, swap, restore }) {
  const row = make("div", { class: "row", role: "group" });
  const about = make("p", { class: "note" });
  const swaps = make("div", { class: "swaps", hidden: "" }, about, row);
  const asked = predict({
    question: () => {
      const { old, words, behind } = now();
      const where = behind ? "Behind" : "Before";
      return `${where} the gap we put ${called(words[0])} in place of ${called(old)}. Whose list changes?`;
    },
    choices: ANSWERS,
    verdict: (guess) => {
      const right = guess === answerTo(effect());
      const told = guess === null ? "" : right ? " As you said." : " Not as you said.";
      return changesText(effect(), nameOf) + told;
    },
    reveal: () => {
      swaps.hidden = false;
      restore();
      swap(now().words[0], true);
    },
    again: () => {
      if (!swaps.hidden) restore();
      swaps.hidden = true;
    },
  });
  const box = make("div", {}, asked.box, swaps);
  const choose = (n) => swap([now().old, ...now().words][n]);
  // `word` is what stands at the place of the swap now, or null if nothing does.
  const update = (word) => {
    asked.update();
    const { old, words } = now();
    about.textContent = `In place of ${called(old)}:`;
    row.setAttribute("aria-label", about.textContent);
    const all = [old, ...words];
    while (row.children.length > all.length) row.lastChild.remove();
    all.forEach((one, n) => {
      const node = row.children[n] ?? row.appendChild(button("", () => choose(n)));
      node.textContent = called(one);
      node.setAttribute("aria-pressed", String(one === word));
    });
  };
  return { box, update, ask: asked.ask };
}
