// Move the whole sentence: what is between its words stays, if the code knows distances.
import { make, scientific, slider } from "../kit/draw.js";
import { products } from "./positions.js";
import { productTable } from "./product_table.js";
import { ROUNDING, apart, scores } from "./tiny_layer.js";

// What the table shows: codes with codes, or queries with keys where nothing is added.
export const between = (words, places, coding) =>
  coding.kind === "rotary" ? scores(words, places, coding) : products(places, coding);

// { rows, change, added }: the table, its largest change against the sentence at place 0,
// and that of q · k / √C of words with codes; the last two null beyond the last place.
export function shifted(words, places, coding) {
  const start = words.map((_, n) => n);
  const ends = (all) => all.some((p) => p >= coding.end);
  const known = words.map((_, n) => n).filter((n) => places[n] < coding.end);
  const some = between(
    known.map((n) => words[n]),
    known.map((n) => places[n]),
    coding,
  );
  const rows = words.map((_, n) =>
    words.map((_, m) => some[known.indexOf(n)]?.[known.indexOf(m)] ?? null),
  );
  if (ends(places) || ends(start)) return { rows, change: null, added: null };
  const change = (of) => apart(of(words, places, coding), of(words, start, coding));
  return { rows, change: change(between), added: change(scores) };
}

// How a largest change is told.
const told = (change) =>
  scientific(change) + (change > 0 && change < ROUNDING ? " (rounding)" : "");

export function shiftText({ change, added }, k, { kind, end }) {
  if (change === null)
    return `The table ends at place ${end - 1}: it has no code for a word beyond.`;
  if (!k) return "Move the sentence and watch the numbers.";
  const largest = `Moved by ${k}, their largest change is ${told(change)}.`;
  if (kind === "rotary")
    return `${largest} The scores themselves know the distance only.`;
  const mixed = `The scores q · k / √C, of words and codes together, change by up to ${told(added)}.`;
  return kind === "learned"
    ? `${largest} A table knows places, no distances. ${mixed}`
    : `${largest} Codes with codes know the distance only. ${mixed}`;
}

// now() gives { words, places, coding, shift, columns }; move(k) is called.
export function shiftPart({ now, move }) {
  const table = productTable();
  const text = make("p", { class: "note shift", "aria-live": "polite" });
  const look = slider({
    name: "move the sentence",
    min: 0,
    max: 49,
    step: 1,
    value: 0,
    shown: (k) => (k ? `${k} places on` : "it starts at place 0"),
    change: move,
    accent: "position",
  });
  const update = () => {
    const { words, places, coding, shift, columns } = now();
    look.input.max = columns - 1;
    look.set(shift);
    const found = shifted(words, places, coding);
    const what =
      coding.kind === "rotary"
        ? "q · k / √C: the query of a row with the key of a column, both turned"
        : "code · code, between the places of the words";
    table.set(words, found.rows, what);
    text.textContent = words.length ? shiftText(found, shift, coding) : "";
    return found.change;
  };
  return { look, table, text, update };
}
