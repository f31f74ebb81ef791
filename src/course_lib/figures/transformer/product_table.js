// A number for each pair of words, as a table: its rows, its columns, its colours.
import { make, number, signed } from "../kit/draw.js";

// rows[n][m] is null where there is no number.
export function productTable() {
  const box = make("div");
  const set = (words, rows, name) => {
    const all = rows.flat().filter((v) => v !== null);
    const most = Math.max(1e-9, ...all.map(Math.abs));
    const digits = most >= 10 || words.length > 5 ? 1 : 2;
    const word = (text, scope) => make("th", { scope, title: text }, text);
    const cell = (v) =>
      v === null
        ? make("td", {}, "–")
        : make(
            "td",
            { style: `background: ${signed((0.45 * v) / most)}` },
            number(v, digits),
          );
    const body = rows.map((row, n) =>
      make("tr", {}, word(words[n], "row"), ...row.map(cell)),
    );
    const head = make(
      "tr",
      {},
      make("td", {}),
      ...words.map((text) => word(text, "col")),
    );
    box.className = words.length > 5 ? "products many" : "products";
    box.replaceChildren(
      make("p", { class: "note" }, name),
      make(
        "table",
        { "aria-label": name },
        make("thead", {}, head),
        make("tbody", {}, ...body),
      ),
    );
  };
  return { box, set };
}

export const tableStyle = `
.products { overflow-x: auto; }
.products table { border-collapse: separate; border-spacing: 2px; }
.products td { text-align: right; padding: 3px 6px; min-width: 3.2em; border-radius: 4px; }
.products th { font-weight: 600; text-align: right; max-width: 6em; overflow: hidden;
  text-overflow: ellipsis; color: var(--position); padding: 0 6px; }
@container (max-width: 480px) {
  .many table { font-size: 12px; border-spacing: 1px; }
  .many td { padding: 3px 2px; min-width: 0; }
  .many th { max-width: 2.6em; padding: 0 2px; }
}
`;
