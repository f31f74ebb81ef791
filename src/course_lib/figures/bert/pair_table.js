// The pairs that could be joined next, the best first, with what each rule says of them.
import { make, number } from "../kit/draw.js";
import { RULES } from "./pieces.js";

const SHOWN = 5;

export const tableStyle = `
.pairs { border-collapse: collapse; margin: 4px 0; }
.pairs :is(th, td) { padding: 3px 16px 3px 0; text-align: right; font-weight: 400; }
.pairs th:first-child { text-align: left; overflow-wrap: anywhere; }
.pairs thead th { color: var(--quiet); font-size: 13px; }
.pairs thead .by { color: var(--ink); font-weight: 650; }
.pairs b { color: var(--output); font-weight: 650; }
@container (max-width: 420px) { .pairs :is(th, td) { padding-right: 9px; } }
`;

const columns = [
  ["pair", ({ a, b }) => `${a} ${b}`],
  ["together", ({ count }) => String(count), "count"],
  ["left", ({ left }) => String(left)],
  ["right", ({ right }) => String(right)],
  ["ratio", (pair) => number(RULES.ratio(pair), 3), "ratio"],
];

// A node that has set(step, rule).
export function pairTable() {
  const heads = columns.map(([name]) => make("th", { scope: "col" }, name));
  const rows = make("tbody");
  const table = make(
    "table",
    { class: "pairs" },
    make("caption", { class: "unseen" }, "Pairs that could be joined, the best first"),
    make("thead", {}, make("tr", {}, ...heads)),
    rows,
  );
  const set = ({ pairs }, rule) => {
    columns.forEach(([, , of], n) => heads[n].classList.toggle("by", of === rule));
    rows.replaceChildren(
      ...pairs.slice(0, SHOWN).map((pair, place) =>
        make(
          "tr",
          {},
          ...columns.map(([, text, of], n) => {
            const best = place === 0 && (n === 0 || of === rule);
            const inside = best ? make("b", {}, text(pair)) : text(pair);
            return make(n ? "td" : "th", n ? {} : { scope: "row" }, inside);
          }),
        ),
      ),
    );
    table.hidden = !pairs.length;
  };
  return Object.assign(table, { set });
}
