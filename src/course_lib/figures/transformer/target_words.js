// The target as a row of words, of which one is chosen, each with its probability.
import { button, make } from "../kit/draw.js";

export const wordsStyle = `
.target { display: flex; flex-wrap: wrap; gap: 5px; margin: 6px 0; }
.target button { display: flex; flex-direction: column; align-items: center;
  padding: 3px 9px; background: var(--paper); line-height: 1.3; }
.target small { color: var(--quiet); font-size: 12px; white-space: nowrap; }
.target .changed { border: 2px dashed var(--ink); }
.target .fell small { color: var(--negative); font-weight: 600; }
.target button[aria-pressed="true"] { border-color: var(--output); color: var(--output);
  box-shadow: inset 0 0 0 2px var(--output); }
`;

// pick(t) is called by a click, or by the arrow keys. show([{ text, small, called, kinds }],
// chosen)
export function targetWords(pick) {
  const box = make("div", {
    class: "target",
    role: "group",
    "aria-label": "The English words",
  });
  const all = box.children;
  box.addEventListener("click", (event) => {
    const node = event.target.closest("button");
    if (node) pick([...all].indexOf(node));
  });
  box.addEventListener("keydown", (event) => {
    const n = [...all].indexOf(event.target.closest("button"));
    const to = {
      ArrowLeft: n - 1,
      ArrowRight: n + 1,
      Home: 0,
      End: all.length - 1,
    }[event.key];
    if (n < 0 || to === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(all.length - 1, to));
    pick(next);
    all[next].focus();
  });
  const show = (items, chosen) => {
    while (all.length > items.length) box.lastChild.remove();
    items.forEach(({ text, small, called, kinds }, t) => {
      const node = all[t] ?? box.appendChild(button("", null));
      node.className = kinds.filter(Boolean).join(" ");
      node.tabIndex = t === chosen ? 0 : -1;
      node.setAttribute("aria-pressed", String(t === chosen));
      node.setAttribute("aria-label", called);
      node.replaceChildren(make("span", {}, text), make("small", {}, small));
    });
  };
  return { box, show };
}
