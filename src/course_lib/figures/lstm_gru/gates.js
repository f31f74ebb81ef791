// One memory cell whose gates are set by hand, the tasks that it is given, and what is
// still missing. Steps are counted from 0 here and from 1 in what the reader sees.
import { number, percent, scientific, subscript } from "../kit/draw.js";
import { generator } from "../kit/nn.js";

export const STEPS = 21;
export const MARK = 10; // the step with the new bit, in "replace"
const GAIN = 3; // the weight of what the candidate sees: a bit becomes ±0.995
const NOISE = 0.4;
const NEAR = 0.2; // how far from what it should be a value may end

// The gates of each cell, with what they do; and how they start.
export const GATES = {
  LSTM: { f: ["forget", 0.5], i: ["input", 0.5], o: ["output", 1] },
  GRU: { z: ["update", 0.5], r: ["reset", 0] },
};

export const constant = (value) => Array(STEPS).fill(value);

export const untouched = (cell) =>
  Object.fromEntries(
    Object.entries(GATES[cell]).map(([name, [, value]]) => [name, constant(value)]),
  );

// What the cell reads: xs, and which of them are bits (the others are noise).
export function stream(challenge, seed) {
  const random = generator(seed);
  const bit = () => (random.uniform() < 0.5 ? -1 : 1);
  const first = bit();
  const xs = Array.from({ length: STEPS }, () => NOISE * (2 * random.uniform() - 1));
  if (challenge === "count") return { xs: xs.map(bit), bits: [...xs.keys()] };
  xs[0] = first;
  if (challenge !== "replace") return { xs, bits: [0] };
  xs[MARK] = -first;
  return { xs, bits: [0, MARK] };
}

// LSTM: g = tanh(3x), c = f c' + i g, h = o tanh(c).
// GRU:  n = tanh(3(x + r h')), h = z h' + (1 - z) n.
// kept is c or h; written is what a step adds to it; slope is its derivative by the kept
// value before; gradient[t] that of the last one by kept[t], the product of the slopes.
export function run(cell, gates, xs) {
  const steps = [];
  let before = 0;
  for (const [t, x] of xs.entries()) {
    const step = cell === "LSTM" ? lstm(gates, t, x, before) : gru(gates, t, x, before);
    steps.push({ x, before, ...step });
    before = step.kept;
  }
  let gradient = 1;
  for (const step of steps.toReversed()) {
    step.gradient = gradient;
    gradient *= step.slope;
  }
  return steps;
}

function lstm({ f, i, o }, t, x, before) {
  const candidate = Math.tanh(GAIN * x);
  const written = i[t] * candidate;
  const kept = f[t] * before + written;
  return { candidate, written, kept, shown: o[t] * Math.tanh(kept), slope: f[t] };
}

function gru({ z, r }, t, x, before) {
  const candidate = Math.tanh(GAIN * (x + r[t] * before));
  const written = (1 - z[t]) * candidate;
  const kept = z[t] * before + written;
  const slope = z[t] + (1 - z[t]) * GAIN * r[t] * (1 - candidate ** 2);
  return { candidate, written, kept, shown: kept, slope };
}

// What the kept value should be after each step.
export function wanted(challenge, { xs }) {
  const value = (t) => Math.tanh(GAIN * xs[t]);
  if (challenge === "replace") return xs.map((_, t) => value(t < MARK ? 0 : MARK));
  if (challenge !== "count") return xs.map(() => value(0));
  let ones = 0;
  return xs.map((x, t) => (ones += x > 0 ? value(t) : 0));
}

export const CHALLENGES = {
  remember: {
    asks:
      "Remember the first bit for 20 steps of noise: its value must last, and the " +
      "gradient on its way back to it.",
    check: ({ cell, steps, goal }) => {
      const value = steps.at(-1).kept;
      if (!near(value, goal.at(-1)))
        return `${last(cell)} = ${number(value)}, and the bit was ${number(goal[0])}. ${losses(cell, steps)}`;
      if (Math.abs(steps[0].gradient) < 0.5)
        return `The value is there, but only ${scientific(Math.abs(steps[0].gradient))} of the gradient arrives: a network could hold this bit, but hardly learn to.`;
      return null;
    },
    learned: {
      LSTM: "With f = 1 the value stays, and the whole gradient with it. Now set f = 0.9 at every step: 0.9²⁰ = 0.12 of both is left.",
      GRU: "z = 1 keeps the value and the whole gradient, and lets nothing new in: one gate does both. Now try z = 0 and r = 1 at every step, which is a plain RNN.",
    },
    solution: ({ cell }) => latch(cell, [0]),
  },
  replace: {
    asks: `Remember the first bit; forget it at the mark, step ${MARK + 1}, and remember the new one to the end.`,
    check: ({ cell, steps, goal }) => {
      const early = steps[MARK - 1].kept;
      if (!near(early, goal[0]))
        return `Before the mark, ${name(cell, MARK)} = ${number(early)}, and the first bit was ${number(goal[0])}.`;
      const value = steps.at(-1).kept;
      if (near(value, goal.at(-1))) return null;
      const old = steps[0].gradient * steps[0].written;
      const why =
        Math.abs(old) > NEAR
          ? `${number(old)} of it is the old bit, still kept.`
          : "It is not what was written at the mark: look at what keeps and what writes after it.";
      return `${last(cell)} = ${number(value)}, and the new bit is ${number(goal.at(-1))}. ${why}`;
    },
    learned: {
      LSTM: "f = 0 at the mark drops the old bit, and no gradient passes the mark either: to forget is to forget both ways.",
      GRU: "One gate does it: as z writes the new bit, it drops the old one. An LSTM needs i and f.",
    },
    solution: ({ cell }) => latch(cell, [0, MARK]),
  },
  reveal: {
    asks: "Remember the first bit, show nothing (|h| below 0.1) until the last step, and show it there.",
    check: ({ cell, steps, goal }) => {
      if (cell === "GRU")
        return "A GRU cannot: it has no output gate, so what it keeps is what it shows.";
      const loud = steps.slice(0, -1).findIndex(({ shown }) => Math.abs(shown) >= 0.1);
      if (loud >= 0)
        return `h${subscript(loud + 1)} = ${number(steps[loud].shown)} shows already.`;
      const { kept, shown } = steps.at(-1);
      if (near(shown, Math.tanh(goal.at(-1)))) return null;
      const why = near(kept, goal.at(-1))
        ? "The cell has it: open o."
        : losses(cell, steps);
      return `h${subscript(STEPS)} = ${number(shown)}, and should be ${number(Math.tanh(goal.at(-1)))}. ${why}`;
    },
    learned: {
      LSTM: "The output gate hid the bit and forgot nothing: neither c nor its gradient depends on o.",
    },
    solution: ({ cell }) =>
      cell === "GRU"
        ? null
        : { ...latch(cell, [0]), o: constant(0).with(STEPS - 1, 1) },
  },
  count: {
    asks: "Count the ones: every step brings +1 or −1, and at the end the cell holds how many were +1.",
    check: ({ cell, steps, goal }) => {
      const ones = steps.filter(({ x }) => x > 0).length;
      const value = steps.at(-1).kept;
      if (cell === "GRU")
        return `A GRU cannot: its state is a mixture of numbers between −1 and 1, and there are ${ones} ones.`;
      if (Math.abs(value - goal.at(-1)) <= 0.5) return null;
      const lost = steps.find(({ slope }) => slope < 1);
      const why = lost
        ? `Where f is below 1 it forgets what it has counted.`
        : `Write the ones, and only the ones.`;
      return `${last(cell)} = ${number(value)}, and there were ${ones} ones. ${why}`;
    },
    learned: {
      LSTM: "The cell adds, and nothing squashes it, so it can hold more than 1. h = tanh(c) shows only that it is large.",
    },
    solution: ({ cell, xs }) =>
      cell === "GRU"
        ? null
        : { f: constant(1), i: xs.map((x) => Number(x > 0)), o: constant(1) },
  },
};

const near = (value, goal) => Math.abs(value - goal) <= NEAR;
const name = (cell, step) => `${cell === "LSTM" ? "c" : "h"}${subscript(step)}`;
const last = (cell) => name(cell, STEPS);

// Writes at the steps given, where it also drops what was kept, and only there.
function latch(cell, at) {
  const write = constant(0).map((_, t) => Number(at.includes(t)));
  const keep = write.map((v) => 1 - v);
  return cell === "LSTM"
    ? { f: keep.with(0, 1), i: write, o: constant(1) }
    : { z: keep, r: constant(0) };
}

// Why the first bit is not what is left. The last value is the sum over the steps of
// written times gradient, exactly: until r mixes the old state into the candidate.
function losses(cell, steps) {
  const first = steps[0];
  const wrote = first.written / first.candidate;
  const [write, keep] = cell === "LSTM" ? ["i", "f"] : ["1 − z", "z"];
  if (steps.some(({ x, candidate }) => candidate !== Math.tanh(GAIN * x)))
    return "With r above 0 the candidate mixes the old state with the noise.";
  const noise = steps
    .slice(1)
    .reduce((sum, { gradient, written }) => sum + gradient * written, 0);
  const reasons = [
    wrote < 1 - NEAR && `step 1 writes ${percent(wrote)} of the bit (${write})`,
    first.gradient < 1 - NEAR &&
      `${scientific(first.gradient)} of that is kept (the product of the ${keep})`,
    Math.abs(noise) > NEAR / 2 && `the noise that was written adds ${number(noise)}`,
  ].filter(Boolean);
  const text = reasons.join("; ");
  return text && `${text[0].toUpperCase()}${text.slice(1)}.`;
}
