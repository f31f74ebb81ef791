// The sentence as a row of words that are masked by a click, and the tools that edit it.
import { button, field, make, off } from "../kit/draw.js";

export const rowStyle = `
.tokens { display: flex; flex-wrap: wrap; gap: 6px; margin: 8px 0; }
.tokens button { display: flex; flex-direction: column; align-items: center;
  max-width: 150px; padding: 4px 10px; line-height: 1.3; background: var(--paper);
  border: 1.5px solid var(--line); }
.tokens b { font-size: 16px; font-weight: 600; }
.tokens small { color: var(--quiet); font-size: 12px; }
.tokens .gap[aria-pressed] { border: 1.5px dashed var(--ink); background: var(--soft);
  color: var(--ink); box-shadow: none; }
.tokens .gap b { font-size: 14px; line-height: 21px; }
.tokens .asked[aria-pressed] { border: 2px solid var(--output); }
.tokens .asked b { color: var(--output); }
.tokens [aria-current][aria-pressed] { box-shadow: 0 3px 0 -1px var(--ink); }
.tools { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 8px 0; }
.tools input { flex: 1 1 150px; width: 0; min-width: 130px; color: var(--ink); }
.tools input[aria-invalid="true"] { border: 1.5px dashed var(--negative); }
.unknown { flex: 1 0 100%; margin: 0; font-size: 13.5px; color: var(--negative); }
`;

// `edit` has what is to be done: toggle(i), choose(i), and of the chosen word shift(by),
// remove(), widen(), put(word). wordFor(text) is the word that a text means, or undefined;
// `words` are [word, gloss] to choose from.
export function tokenRow({ edit, wordFor, words }) {
  const row = make("div", {
    class: "tokens",
    role: "group",
    "aria-label": "The words",
  });
  const all = row.children;
  const numberOf = (event) => [...all].indexOf(event.target.closest("button"));
  row.addEventListener("click", (event) => {
    const n = numberOf(event);
    if (n >= 0) edit.toggle(n);
  });
  row.addEventListener("keydown", (event) => {
    const n = numberOf(event);
    if (n < 0) return;
    if (event.key === "Delete") {
      edit.choose(n);
      edit.remove();
    }
    const to = {
      ArrowLeft: n - 1,
      ArrowRight: n + 1,
      Home: 0,
      End: all.length - 1,
      Delete: Math.min(n, all.length - 1),
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(all.length - 1, to));
    edit.choose(next);
    all[next].focus();
  });

  const left = button("← Move", () => edit.shift(-1), { "aria-label": "Move left" });
  const right = button("Move →", () => edit.shift(1), { "aria-label": "Move right" });
  const widen = button("Add a gap", () => edit.widen());
  const remove = button("Delete", () => edit.remove());
  const list = make(
    "datalist",
    { id: "words" },
    ...words.map(([value, gloss]) => make("option", { value, label: gloss })),
  );
  const unknown = make("p", { class: "unknown", role: "status" });
  const told = (text) => {
    const strange = text.trim() !== "" && !wordFor(text);
    typed.setAttribute("aria-invalid", String(strange));
    unknown.textContent = strange
      ? `“${text.trim()}” is none of the ${words.length} words that the models know.`
      : "";
  };
  const typed = field("another word in its place, Korean or English", "", told);
  const clear = () => told((typed.value = ""));
  typed.setAttribute("list", "words");
  typed.setAttribute("placeholder", "another word: 책, book");
  typed.addEventListener("change", () => {
    const word = wordFor(typed.value);
    if (!word) return;
    clear();
    edit.put(word);
  });
  const tools = make(
    "div",
    { class: "tools", role: "group" },
    ...[left, right, widen, remove, typed, list, unknown],
  );

  // items: [{ word, gloss, gap }]; `chosen` and `asked` are places, from 0, and `most`
  // how many words there may be.
  const show = (items, { chosen, asked, most }) => {
    while (all.length > items.length) row.lastChild.remove();
    items.forEach(({ word, gloss, gap }, i) => {
      const node = all[i] ?? row.appendChild(button("", null));
      node.className = [gap && "gap", i === asked && "asked"].filter(Boolean).join(" ");
      node.tabIndex = i === chosen ? 0 : -1;
      node.setAttribute("aria-pressed", String(gap));
      node.toggleAttribute("aria-current", false);
      if (i === chosen) node.setAttribute("aria-current", "true");
      const what = word ? `${word}, ${gloss}` : "a gap that had no word";
      node.setAttribute("aria-label", `mask ${what}, word ${i + 1}`);
      node.replaceChildren(
        make("b", { lang: "ko" }, gap ? "[MASK]" : word),
        make("small", {}, gap ? (word ? `was ${word}` : "new") : gloss),
      );
    });
    const name = items[chosen].gap ? "the gap" : `“${items[chosen].word}”`;
    tools.setAttribute("aria-label", `Word ${chosen + 1}, ${name}`);
    off(left, chosen === 0);
    off(right, chosen === items.length - 1);
    off(remove, items.length === 1);
    off(widen, items.length === most);
  };
  return { row, tools, show, clear, focus: (i) => all[i].focus() };
}
