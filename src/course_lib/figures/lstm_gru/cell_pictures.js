// Two drawings of one cell: what its gates do at one letter, and its value over the text.
import {
  board,
  label,
  line,
  number,
  percent,
  signed,
  signedNumber,
  svg,
  token,
} from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { guesses } from "./character_lstm.js";

// A character as it is drawn, said, and named in a sentence.
export const glyph = (letter) => ({ "\n": "↵", " ": "␣" })[letter] ?? letter;
export const spoken = (letter) =>
  ({ "\n": "new line", " ": "space" })[letter] ?? letter;
export const quoted = (letter) => (letter === "\n" ? "a line end" : `“${letter}”`);

const rect = (x, y, width, height, fill) =>
  svg("rect", { x, y, width, height, rx: 2, style: `fill: ${fill}` });

const dot = (cx, cy, quantity) =>
  svg("circle", { cx, cy, r: 3.5, style: `fill: var(--${quantity})` });

const strong = (node) => {
  node.setAttribute("class", "strong");
  return node;
};

// A number from `low` to 1 as a bar from zero.
function bar({ letter, means, value, low, quantity }, y, end) {
  const [left, track] = [112, end - 168];
  const x = (v) => left + (track * (v - low)) / (1 - low);
  const [from, to] = [0, value].map(x).sort((a, b) => a - b);
  const size = Math.max(1, to - from);
  const fill = low < 0 ? signed(value) : `var(--${quantity})`;
  return [
    label(0, y + 14, letter, "start", quantity),
    label(16, y + 14, means),
    rect(left, y + 2, track, 15, "var(--cell)"),
    rect(from, y + 2, size, 15, fill),
    rect(x(0), y, 1, 19, "var(--quiet)"),
    strong(label(end, y + 14, low < 0 ? signedNumber(value) : number(value), "end")),
  ];
}

// The gates and the candidate of the cell at the pinned letter, and what the network
// expects after it. All of `view` are functions, so that each drawing shows what is now.
export function insideCell({ steps, at, cell, characters }) {
  const expected = (output, next, left, top, room) => {
    const nodes = [
      strong(label(left, top + 12, "Next character: its five best guesses")),
    ];
    const best = guesses(output, 5).map(({ k, p }) => ({ letter: characters[k], p }));
    best.forEach(({ letter, p }, row) => {
      const y = top + 20 + 23 * row;
      const long = Math.max(1, (room - 130) * p);
      const came = letter === next;
      const share = label(
        left + 40 + long,
        y + 15,
        `${percent(p)}${came ? " came" : ""}`,
      );
      nodes.push(
        token(left, y, 26, 20, glyph(letter), "output"),
        rect(left + 34, y + 3, long, 14, "var(--output)"),
        came ? strong(share) : share,
      );
    });
    const said = best
      .map(({ letter, p }) => `${spoken(letter)} ${percent(p)}`)
      .join(", ");
    const says = [`guesses ${said}`];
    if (next !== undefined) {
      const share = percent(output[characters.indexOf(next)]);
      says.push(`${spoken(next)} came, ${share}`);
      if (!best.some(({ letter }) => letter === next)) {
        const missed = `${quoted(next)} came; it had given it ${share}`;
        nodes.push(label(left, top + 150, missed));
      }
    }
    return { nodes, says };
  };

  const draw = (space) => {
    const step = steps()[at()];
    if (!step) return { nodes: [], height: 0, says: "no letter is pinned" };
    const k = cell();
    const wide = space >= 600;
    const half = wide ? space / 2 - 18 : space;
    const bars = [
      { letter: "f", means: "forget gate", value: step.f[k], low: 0, quantity: "gate" },
      { letter: "i", means: "input gate", value: step.i[k], low: 0, quantity: "gate" },
      { letter: "g", means: "candidate", value: step.g[k], low: -1, quantity: "state" },
      { letter: "o", means: "output gate", value: step.o[k], low: 0, quantity: "gate" },
    ];
    const [left, top] = wide ? [half + 36, 0] : [0, 150];
    const next = expected(step.output, steps()[at() + 1]?.letter, left, top, half);
    return {
      nodes: [
        strong(label(0, 12, `Inside cell ${k}, after ${quoted(step.letter)}`)),
        ...bars.flatMap((one, row) => bar(one, 24 + 27 * row, half)),
        ...next.nodes,
      ],
      height: top + 156,
      says: [
        `after letter ${at() + 1}, ${spoken(step.letter)}: cell ${signedNumber(step.c[k])}`,
        ...bars.map(({ means, value }) => `${means} ${number(value)}`),
        ...next.says,
      ].join("; "),
    };
  };
  return board({
    name: "The cell at the pinned letter, and what the network expects next",
    draw,
  });
}

const [LEFT, TOP, C, GAP, F] = [44, 22, 104, 30, 44]; // pixels

// The cell's value and its forget gate over the letters. guess() may give a threshold.
export function overText({ steps, at, cell, marks, guess, pin }) {
  let column; // pixels for a letter
  const draw = (space) => {
    const all = steps();
    if (!all.length) return { nodes: [], height: 0, says: "nothing read yet" };
    const [k, now] = [cell(), at()];
    column = (space - LEFT - 10) / all.length;
    const x = (t) => LEFT + column * (t + 0.5);
    const end = LEFT + column * all.length;
    const [cs, fs] = [all.map(({ c }) => c[k]), all.map(({ f }) => f[k])];
    const [most, least] = [Math.max(0.5, ...cs), Math.min(-0.5, ...cs)];
    const c = (value) => TOP + (C * (most - value)) / (most - least);
    const low = TOP + C + GAP;
    const f = (value) => low + F * (1 - value);
    const edges = [0, most, least].filter((v) => !v || Math.abs(c(v) - c(0)) > 14);

    const points = (values, y) => values.map((value, t) => [x(t), y(value)]);
    const across = (y, ...form) => {
      const ends = [LEFT, end].map((side) => [side, y]);
      return line(ends, ...form);
    };
    const down = [TOP - 4, low + F].map((y) => [x(now), y]);
    const nodes = [
      ...marks().map((t) =>
        rect(LEFT + column * t, TOP, column + 0.25, C, "var(--soft)"),
      ),
      label(LEFT, 13, `c of cell ${k}`, "start", "state"),
      ...edges.map((v) => label(LEFT - 6, c(v) + 4, v ? signedNumber(v, 1) : 0, "end")),
      ...edges.map((v) => across(c(v), "line", 1)),
      label(LEFT, low - 8, "f, its forget gate", "start", "gate"),
      ...[0, 1].map((v) => label(LEFT - 6, f(v) + 4, v, "end")),
      ...[0, 1].map((v) => across(f(v), "line", 1)),
      line(down, "ink", 1),
      line(points(cs, c), "state", 1.75),
      line(points(fs, f), "gate", 1.75),
      dot(x(now), c(cs[now]), "state"),
      dot(x(now), f(fs[now]), "gate"),
    ];
    const threshold = guess()?.threshold;
    if (threshold >= least && threshold <= most)
      nodes.push(
        across(c(threshold), "baseline", 1.5, "5 4"),
        label(end, 13, `threshold ${signedNumber(threshold)}`, "end"),
      );
    const written = column >= 8; // there is room for the letters
    if (written)
      all.forEach(({ letter }, t) => {
        const node = label(x(t), low + F + 17, glyph(letter), "middle");
        nodes.push(t === now ? strong(node) : node);
      });
    const [from, to, value] = [Math.min(...cs), Math.max(...cs), cs[now]].map((v) =>
      signedNumber(v),
    );
    return {
      nodes,
      height: low + F + (written ? 22 : 8),
      says: `cell ${k} over ${plural(all.length, "letter")}: from ${from} to ${to}; at the pinned letter ${value}, forget gate ${number(fs[now])}`,
    };
  };
  const hit = (x) => {
    const t = Math.floor((x - LEFT) / column);
    return t in steps() ? t : null;
  };
  return board({
    name: "The cell over the text",
    draw,
    say: (x, y) => {
      const t = hit(x);
      if (t === null) return null;
      const { letter, c, f } = steps()[t];
      const [value, gate] = [c[cell()], f[cell()]].map((v) => number(v));
      return { x, y, text: `${quoted(letter)}: c = ${value}, f = ${gate}` };
    },
    pin: (x) => {
      if (hit(x) !== null) pin(hit(x));
    },
  });
}
