// The most probable words of a step: as it is and, where it was forced, as it would be.
import { make, number } from "../kit/draw.js";

const SHOWN = 3; // words of each

export const tableStyle = `
.shares { border-collapse: collapse; }
.shares-box { flex: 1 1 240px; }
.shares :is(th, td) { padding: 3px 18px 3px 0; text-align: right; font-weight: 400; }
.shares th:first-child { text-align: left; }
.shares thead th { color: var(--quiet); font-size: 13px; }
.shares b { font-weight: 650; color: var(--output); }
`;

const best = (shares) =>
  [...shares.keys()]
    .sort((a, b) => shares[b] - shares[a])
    .slice(0, SHOWN)
    .filter((id, n) => n === 0 || shares[id] >= 0.001);

// set(step, words) shows a step of attender.js, or nothing for null.
export function shareTable() {
  const box = make("div", { class: "shares-box" });
  const set = (step, words) => {
    if (!step) return box.replaceChildren();
    const held = step.place !== null;
    const columns = held
      ? [
          ["left alone", step.own],
          ["forced", step],
        ]
      : [["probability", step]];
    const ids = [...new Set(columns.flatMap(([, { shares }]) => best(shares)))];
    const heads = ["next word", ...columns.map(([text]) => text)];
    const row = (id) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, words[id] === "</s>" ? "end" : words[id]),
        ...columns.map(([, { shares, id: most }]) => {
          const text = number(shares[id], 3);
          return make("td", {}, id === most ? make("b", {}, text) : text);
        }),
      );
    box.replaceChildren(
      make(
        "table",
        { class: "shares" },
        make("caption", { class: "unseen" }, "The most probable words of this step"),
        make(
          "thead",
          {},
          make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text))),
        ),
        make("tbody", {}, ...ids.map(row)),
      ),
    );
  };
  return { box, set };
}
