// Why scores are divided by √d: a width to choose, its numbers, and a chart of all.
import { make, number, row, slider } from "../kit/draw.js";
import { widthPicture } from "./width_picture.js";
import { DRAWS, KEYS, WIDTHS, atWidth } from "./widths.js";

export const widthStyle = `
.spreads { border-collapse: collapse; margin: 8px 0; }
.spreads :is(th, td) { padding: 2px 14px 2px 0; text-align: right; font-weight: 400; }
.spreads th:first-child { text-align: left; white-space: nowrap; }
.spreads thead th { color: var(--quiet); font-size: 13px; vertical-align: bottom; }
`;

const flattest = number(1 - 1 / KEYS); // the slope where all weights are equal

// width() and seed() say what is looked at; pick(width) chooses another width.
export function widthPart({ width, seed, pick }) {
  const measured = new Map(); // by seed
  const all = () => {
    if (!measured.has(seed()))
      measured.set(
        seed(),
        WIDTHS.map((d) => atWidth(d, seed())),
      );
    return measured.get(seed());
  };
  const look = slider({
    name: "width d",
    min: 0,
    max: WIDTHS.length - 1,
    step: 1,
    value: WIDTHS.indexOf(width()),
    shown: (i) => String(WIDTHS[i]),
    change: (i) => pick(WIDTHS[i]),
    accent: "key",
  });
  const chart = widthPicture({ all, width, pick });
  const rows = make("tbody");
  const line = (name, { spread, largest, slope }) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      ...[spread, largest, slope].map((v) => make("td", {}, make("b", {}, number(v)))),
    );
  const update = () => {
    const at = WIDTHS.indexOf(width());
    look.set(at);
    const { plain, scaled } = all()[at];
    rows.replaceChildren(line("q · k", plain), line("q · k / √d", scaled));
    chart.redraw();
  };
  const heads = ["score", "spread", "largest weight", "slope Σ α(1 − α)"];
  const table = make(
    "table",
    { class: "spreads" },
    make("caption", { class: "unseen" }, "Scores of random vectors of this width"),
    make(
      "thead",
      {},
      make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text))),
    ),
    rows,
  );
  const note = make(
    "p",
    { class: "note" },
    `${DRAWS} random queries, each with ${KEYS} random keys, entries of mean 0 and variance 1. The spread is the root mean square of the scores. The slope is the sum of ∂α/∂e, each word's weight by its own score: ${flattest} where all weights are equal, near 0 where the softmax is nearly sure, and then little gradient comes through.`,
  );
  const box = make(
    "details",
    {},
    make("summary", {}, "Why divide by √d?"),
    note,
    row(look.box),
    table,
    chart.box,
  );
  return { box, update };
}
