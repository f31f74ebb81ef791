// How often each model is right, by the length of the sentence.
import { make, percent } from "../kit/draw.js";

export const tallyStyle = `
.tally { border-collapse: collapse; width: 100%; margin: 4px 0; }
.tally :is(th, td) { padding: 3px 6px; text-align: right; font-weight: 400; }
.tally :is(tbody th, thead td) { text-align: left; padding-left: 0; }
.tally caption { text-align: left; color: var(--quiet); font-size: 13.5px;
  padding-bottom: 4px; caption-side: top; }
.tally thead { color: var(--quiet); font-size: 13.5px; }
.tally .now { font-weight: 650; color: var(--ink); background: var(--soft);
  border-inline: 2px solid var(--ink); }
@container (max-width: 420px) {
  .tally { font-size: 14px; }
  .tally :is(th, td) { padding-inline: 2px; }
}
`;

// A node that has set(length): which column stands out, or null.
export function tally({ models, groups, counted }) {
  const cells = new Map(groups.map(({ length }) => [length, []]));
  const cell = (length, node) => {
    cells.get(length).push(node);
    return node;
  };
  const node = make(
    "table",
    { class: "tally" },
    make(
      "caption",
      {},
      `How often each is right, of ${counted} sentences of each length that none of them saw in training`,
    ),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("td", {}, "Korean words"),
        ...groups.map(({ length }) =>
          cell(length, make("th", { scope: "col" }, String(length))),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      ...models.map(({ chapter, name }) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, name),
          ...groups.map(({ length, right }) =>
            cell(length, make("td", {}, percent(right[chapter]))),
          ),
        ),
      ),
    ),
  );
  const set = (length) =>
    cells.forEach((nodes, one) =>
      nodes.forEach((each) => each.classList.toggle("now", one === length)),
    );
  return Object.assign(node, { set });
}
