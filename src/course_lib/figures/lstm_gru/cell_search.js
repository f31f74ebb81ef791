// From a hunch to a test: mark letters, find the cell that fits them, and see whether it
// still does on another text.
import { button, make, number, row, signedNumber } from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { judged, rank, tested } from "./separation.js";

const SHOWN = 5; // cells

// What a search may say: how well the best cell fits, and what that is worth.
export function verdict({ ranking, elsewhere }, marks, letters) {
  const [{ cell, score }, ...others] = ranking;
  const same = others.filter((one) => one.score >= score - 1e-9).length;
  const places = plural(letters - 1, "place");
  return [
    `Cell ${cell} fits your ${plural(marks, "marked letter")} best, with a balanced accuracy of ${number(score)} (0.50 is a coin). `,
    `${same || "None"} of the other ${plural(others.length, "cell")} ${same > 1 ? "do" : "does"} as well. `,
    `If the same marks lay elsewhere in this text, some cell would do as well in ${elsewhere} of ${places}`,
    elsewhere > 0.05 * (letters - 1)
      ? `: with ${ranking.length} cells and few letters, one often fits by chance. Mark more letters.`
      : ". That is hardly chance. Does it hold on another text?",
  ].join("");
}

const side = ({ above, threshold }) =>
  `${above ? "above" : "below"} ${signedNumber(threshold)}`;

// look(cell) shows a cell, tell(ranking) hears of a search, unmark() takes the marks away.
export function search({ steps, cell, marks, hidden, look, tell, unmark }) {
  let found = null; // the last search, of this text and these marks
  let guess = null; // a cell with a threshold, and `on`, the text that it was found on
  const text = () =>
    steps()
      .map(({ letter }) => letter)
      .join("");
  const values = (k) => steps().map(({ c }) => c[k]);
  const marked = () => {
    const these = new Set(marks());
    return steps().map((_, t) => these.has(t));
  };

  const choose = (one) => {
    guess = { ...one, on: text() };
    look(one.cell);
  };
  const find = button("Find a cell for me", () => {
    const cells = Array.from({ length: hidden }, (_, k) => values(k));
    const { ranking, elsewhere } = rank(cells, marked());
    const says = verdict({ ranking, elsewhere }, marks().length, steps().length);
    found = { best: ranking.slice(0, SHOWN), says };
    tell(found.best);
    choose(ranking[0]);
  });
  const clear = button("Clear marks", unmark);
  const said = make("p", { class: "says", "aria-live": "polite" });
  const list = make("div", { class: "row names" });
  const test = make("p", { class: "says", "aria-live": "polite" });

  const now = () => (guess?.cell === cell() ? guess : null);

  const update = () => {
    const n = marks().length;
    const can = n > 0 && n < steps().length;
    find.disabled = !can;
    clear.disabled = n === 0;
    list.hidden = !found;
    list.replaceChildren(
      ...(found?.best ?? []).map((one) =>
        button(
          `cell ${one.cell} ${side(one)}: ${number(one.score)}`,
          () => choose(one),
          {
            "aria-pressed": String(one.cell === cell()),
          },
        ),
      ),
    );
    if (found) said.textContent = found.says;
    else if (!n)
      said.textContent =
        "Mark letters that have something in common: drag over them, or hold Shift and press the arrow keys. Which cell knows them?";
    else if (!can) said.textContent = "Every letter is marked: leave some unmarked.";
    else
      said.textContent = `${plural(n, "letter")} marked. Mark all that belong together, and no others.`;
    test.replaceChildren();
    if (!now() || guess.on === text() || !steps().length) return;
    const score = can && tested(judged(values(cell()), guess), marked());
    test.append(
      make("b", {}, "The test. "),
      `Found on another text: cell ${cell()} ${side(guess)}. A dotted line stands over the letters where it says yes. `,
      can
        ? `On the letters that are marked now, the same threshold has a balanced accuracy of ${number(score)}.`
        : "Mark the letters where it should, and read its balanced accuracy here.",
    );
  };
  return {
    nodes: [row(find, clear), said, list, test],
    update,
    forget: () => (found = null),
    guess: now,
    // for each letter, whether the cell that was found says yes
    judge: () => (now() ? judged(values(cell()), guess) : []),
  };
}
