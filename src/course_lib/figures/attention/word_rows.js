// The words as a table: score, weight as a bar and a number, and a button that masks.
import { button, make, number } from "../kit/draw.js";
import { WORDS, colors, css } from "./words.js";

export const rowStyle = `
.words { width: 100%; border-collapse: collapse; margin: 8px 0; }
.words :is(th, td) { padding: 3px 6px 3px 0; text-align: right; font-weight: 400; }
.words thead th { color: var(--quiet); font-size: 13px; }
.words :is(th:first-child, td:nth-child(3), thead th:nth-child(3)) { text-align: left; }
.words tfoot :is(th, td) { border-top: 1px solid var(--line); color: var(--quiet); }
.words td:last-child { padding-right: 0; width: 1px; }
.words :is(td, thead th):nth-child(3) { width: 46%; padding-left: 10px; }
.words tfoot td:nth-child(3) { text-align: right; color: var(--ink); padding-right: 8px; }
.words .scale { display: flex; align-items: center; gap: 8px; }
.words .scale i { flex: 1; height: 12px; border-radius: 3px; background: var(--cell);
  overflow: hidden; }
.words .scale u { display: block; height: 100%; background: var(--attention); }
.words .scale b { min-width: 2.2em; text-align: right; font-weight: 650; }
.words .out > :is(th, td:nth-child(2)) { color: var(--quiet);
  text-decoration: line-through; }
.dot { display: inline-block; width: 11px; height: 11px; border-radius: 50%;
  margin-right: 6px; border: 1px solid var(--quiet); }
.words small { color: var(--quiet); font-size: 12.5px; }
`;

const cell = (tag, ...children) => make(tag, {}, ...children);

// toggle(i) masks word i or shows it again. A node that has set({ scores, weights, seen }),
// with null where nothing is told yet.
export function wordRows(toggle) {
  const rows = WORDS.map(({ word, gloss }, i) => {
    const [score, bar, weight] = ["span", "u", "b"].map((tag) => make(tag));
    const mask = button("mask", () => toggle(i), { "aria-label": `mask ${word}` });
    const dot = make("span", { class: "dot", style: `background: ${css(colors[i])}` });
    const head = make("th", { scope: "row" });
    head.append(dot, make("b", { lang: "ko" }, word), " ", make("small", {}, gloss));
    const scale = make("div", { class: "scale" }, make("i", {}, bar), weight);
    const node = cell(
      "tr",
      head,
      cell("td", score),
      cell("td", scale),
      cell("td", mask),
    );
    return { node, score, bar, weight, mask };
  });
  const sum = make("td");
  const heads = ["word", "score e", "weight α", ""].map((text) =>
    text ? make("th", { scope: "col" }, text) : make("td"),
  );
  const table = make(
    "table",
    { class: "words" },
    make("caption", { class: "unseen" }, "Score and weight of each word"),
    cell("thead", cell("tr", ...heads)),
    cell("tbody", ...rows.map(({ node }) => node)),
    cell(
      "tfoot",
      cell("tr", make("th", { scope: "row" }, "sum"), make("td"), sum, make("td")),
    ),
  );
  const set = ({ scores, weights, seen }) => {
    rows.forEach(({ node, score, bar, weight, mask }, i) => {
      score.textContent = scores ? number(scores[i]) : "?";
      // a weight may be small, but only a masked one is 0
      weight.textContent = !weights ? "?" : weights[i] ? number(weights[i]) : "0";
      bar.style.width = `${100 * (weights?.[i] ?? 0)}%`;
      node.classList.toggle("out", !seen[i]);
      mask.setAttribute("aria-pressed", String(!seen[i]));
    });
    const total = weights?.reduce((a, b) => a + b, 0);
    sum.textContent = weights ? (total ? number(total) : "0") : "?";
  };
  return Object.assign(table, { set });
}
