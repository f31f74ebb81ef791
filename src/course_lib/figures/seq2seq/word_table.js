// A model of the next word that is a table: what may follow the last two words or, where
// they have no row of their own, the last one.
import { generator } from "../kit/nn.js";
import { tempered } from "./decoding.js";

export const START = "start";
export const END = "end";

// The name of the row for what was said so far, and its probabilities by word.
export function rowAfter({ rows }, said) {
  const last = [START, ...said].slice(-2);
  const name = [last.join(" "), last.at(-1)].find((one) => one in rows);
  return { name, shares: rows[name] };
}

// next(tokens) -> log-probabilities, for decoding.js, and next.row(name) those of a row.
// Tokens are places in table.words.
export function languageModel(table, temperature) {
  const logs = new Map(
    Object.entries(table.rows).map(([name, shares]) => [
      name,
      tempered(
        table.words.map((word) => Math.log(shares[word] ?? 0)),
        temperature,
      ),
    ]),
  );
  const next = (tokens) => next.row(rowAfter(table, said(table, tokens)).name);
  next.row = (name) => logs.get(name);
  return next;
}

export const said = ({ words }, tokens) => tokens.map((token) => words[token]);

// The same words after the same words, with other probabilities: multiples of 0.05.
export function redrawn(table, seed) {
  if (!seed) return table;
  const { uniform } = generator(seed);
  const rows = Object.entries(table.rows).map(([name, shares]) => {
    const words = Object.keys(shares);
    const sizes = words.map(() => -Math.log(uniform()));
    const all = sizes.reduce((sum, size) => sum + size, 0);
    const free = 20 - words.length; // each word has at least one part of the 20
    const parts = sizes.map((size) => 1 + Math.floor((free * size) / all));
    const first = sizes.indexOf(Math.max(...sizes));
    parts[first] += 20 - parts.reduce((sum, part) => sum + part, 0);
    return [name, Object.fromEntries(words.map((word, i) => [word, parts[i] / 20]))];
  });
  return { ...table, rows: Object.fromEntries(rows) };
}
