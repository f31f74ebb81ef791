// The arithmetic of one cell as a table: a column for each of the head's numbers.
import { make, number } from "../kit/draw.js";

export const cellStyle = `
.sums { overflow-x: auto; margin: 8px 0; border-radius: 6px; }
.sums table { border-collapse: collapse; font-size: 12.5px; }
.sums :is(td, th) { padding: 2px 5px; text-align: right; font-weight: 400;
  white-space: nowrap; }
.sums th { position: sticky; left: 0; background: var(--paper); text-align: left;
  font-weight: 600; padding-right: 10px; }
.sums tr.total td, .sums tr.total th { border-top: 1px solid var(--line); }
.sums td:last-child { font-weight: 650; padding-left: 10px; }
`;

// set(cell, asks, asked), a cell of arithmetic.js.
export function cellTable() {
  const box = make("div", {
    class: "sums",
    tabindex: 0,
    role: "region",
    "aria-label": "The arithmetic of the chosen cell",
  });
  const row = (name, quantity, values, end = "", total = false) =>
    make(
      "tr",
      { class: total && "total" },
      make(
        "th",
        { scope: "row", style: quantity && `color: var(--${quantity})` },
        name,
      ),
      ...Array.from(values, (x) => make("td", {}, number(x))),
      make("td", {}, end),
    );
  const set = (cell, asks, asked) =>
    box.replaceChildren(
      make(
        "table",
        {},
        make(
          "tbody",
          {},
          row(`q of ${asks}`, "query", cell.q),
          row(`k of ${asked}`, "key", cell.k),
          row("q × k", null, cell.products, `Σ = ${number(cell.sum)}`, true),
          row(`v of ${asked}`, "value", cell.v),
          row("α v", "attention", cell.brought, `α = ${number(cell.weight)}`, true),
        ),
      ),
    );
  return { box, set };
}
