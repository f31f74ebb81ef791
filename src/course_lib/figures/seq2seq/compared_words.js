// A translation and its reference, word under word; what is wrong or missing is marked
// by a line, a frame and a sign, not by its colour alone.
import { make, percent } from "../kit/draw.js";

export const wordStyle = `
.said { list-style: none; margin: 4px 0; padding: 0; display: flex; flex-wrap: wrap;
  gap: 4px; min-height: 46px; }
.said li { padding: 3px 8px; border: 1px solid var(--line); border-radius: 6px;
  text-align: center; }
.said b { font-weight: inherit; }
.said small { display: block; margin-top: 3px; color: var(--quiet); font-size: 12px; }
.said .wrong { border: 1.5px solid var(--negative); }
.said .wrong b { text-decoration: underline wavy var(--negative) 1.5px;
  text-underline-offset: 2px; }
.said .missing { border: 1.5px dashed var(--negative); }
.said .over { border-style: dotted; color: var(--quiet); }
.said.plain { min-height: 0; }
`;

const SIGNS = { wrong: "✗", missing: "∅" };

function item(word, mark, below = null) {
  const sign =
    mark in SIGNS && make("span", { "aria-hidden": "true" }, ` ${SIGNS[mark]}`);
  const told = mark in SIGNS && make("span", { class: "unseen" }, ` (${mark})`);
  const parts = [
    make("b", {}, word),
    sign || null,
    told || null,
    below && make("small", {}, below),
  ];
  return make("li", { class: mark || null }, ...parts);
}

// `words` are { word, p, end }, p only where it is to be shown; marks of compare, or null
// where there is no reference.
export function fillSaid(list, words, right) {
  list.replaceChildren(
    ...words.map(({ word, p, end }, i) =>
      item(
        end ? "end" : word,
        end ? "over" : right && !right[i] && "wrong",
        p === undefined ? null : percent(p),
      ),
    ),
  );
}

export function fillReference(list, reference, right) {
  list.replaceChildren(
    ...reference.map((word, j) => item(word, right && !right[j] && "missing")),
  );
}
