// The probabilities of the classes as a table with bars: as the picture
// is, and changed.
import { make, percent } from "../kit/draw.js";

export const sharesStyle = `
.shares { flex: 1 1 250px; border-collapse: collapse; align-self: start; }
.shares th, .shares td { padding: 0 0 0 10px; height: 24px; text-align: right;
  font-size: 13.5px; font-weight: 400; white-space: nowrap; width: 1px; }
.shares thead th { color: var(--quiet); height: 28px; }
.shares tbody th { padding: 0; font-weight: 650; }
.shares td b { font-weight: 650; }
.shares .bars { width: auto; min-width: 60px; }
.shares .bars i { display: block; height: 8px; border-radius: 0 3px 3px 0; margin: 1px 0;
  box-sizing: border-box; background: var(--output); min-width: 1px; }
.shares .bars i + i { background: none; border: 1.5px solid var(--output); border-left: 0; }
.shares .bars i[hidden] { display: block; visibility: hidden; }
`;

// `names` are those of both columns. show(shares, others), the second null while there is
// none: then `none` stands there.
export function sharesTable(classes, names, none) {
  const rows = classes.map((name) => {
    const [bar, other] = [make("i"), make("i")];
    const [said, told] = [make("td"), make("td")];
    const bars = make("td", { class: "bars", "aria-hidden": "true" }, bar, other);
    const box = make("tr", {}, make("th", { scope: "row" }, name), bars, said, told);
    return { box, bar, other, said, told };
  });
  const head = names.map((text) => make("th", { scope: "col" }, text));
  const box = make(
    "table",
    { class: "shares", "aria-label": "Probabilities" },
    make(
      "thead",
      {},
      make("tr", {}, make("td"), make("td", { class: "bars" }), ...head),
    ),
    make("tbody", {}, ...rows.map((row) => row.box)),
  );
  const fill = (cell, bar, shares, k) => {
    const best = shares && shares[k] === Math.max(...shares);
    const text = shares ? percent(shares[k]) : none;
    cell.replaceChildren(best ? make("b", {}, text) : text);
    bar.hidden = !shares;
    bar.style.width = `${shares ? 100 * shares[k] : 0}%`;
  };
  const show = (shares, others) =>
    rows.forEach(({ bar, other, said, told }, k) => {
      fill(said, bar, shares, k);
      fill(told, other, others, k);
    });
  return { box, show };
}
