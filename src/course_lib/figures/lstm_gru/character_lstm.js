// A trained character LSTM that reads text and writes it: every part of every step.
import { lstmStep } from "../kit/gated.js";
import { linear, oneHot, softmax, unpack } from "../kit/nn.js";

// From packed weights to functions. Texts are arrays of characters here.
export function network({ alphabet, parameters }) {
  const characters = [...alphabet];
  const of = (name) => unpack(parameters[name]);
  const cell = { W_x: of("layer.W_x"), W_h: of("layer.W_h"), b: of("layer.b").data };
  const [W_o, b_o] = [of("output.weight"), of("output.bias").data];
  const hidden = W_o.shape[1];
  const start = { h: new Float64Array(hidden), c: new Float64Array(hidden) };

  const step = (letter, before) => {
    const x = oneHot(characters.indexOf(letter), characters.length);
    const parts = lstmStep(cell, x, before);
    const output = softmax(linear(W_o, parts.h, b_o));
    return { letter, before: before.c, ...parts, output };
  };
  // One step for each letter. What an earlier reading has in common with this text is
  // taken over, so a letter typed at the end costs one step.
  const read = (letters, earlier = []) => {
    let same = 0;
    while (same < letters.length && letters[same] === earlier[same]?.letter) same++;
    const steps = earlier.slice(0, same);
    for (const letter of letters.slice(same))
      steps.push(step(letter, steps.at(-1) ?? start));
    return steps;
  };
  return { characters, hidden, read };
}

// The index in which u, uniform in (0, 1), falls when probabilities lie end to end.
export function sample(probabilities, u) {
  let sum = 0;
  const hit = probabilities.findIndex((p) => (sum += p) > u);
  return hit < 0 ? probabilities.length - 1 : hit; // they may sum to a hair less than 1
}

// The n most probable characters, best first.
export const guesses = (output, n) =>
  Array.from(output, (p, k) => ({ k, p }))
    .sort((a, b) => b.p - a.p)
    .slice(0, n);

// What a telephone makes of plain characters, undone where the network knows the plain.
const PLAIN = { "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " " };

// What of a text the network can read, and the characters that it has never seen.
export function readable(text, characters) {
  const letters = [];
  const refused = new Set();
  for (const letter of text.replaceAll("\r\n", "\n")) {
    const known = [letter, PLAIN[letter]].find((one) => characters.includes(one));
    if (known === undefined) refused.add(letter);
    else letters.push(known);
  }
  return { letters, refused: [...refused] };
}

// Two texts from the front and from the back: how many letters are the same.
function shared(old, now) {
  const most = Math.min(old.length, now.length);
  let front = 0;
  while (front < most && old[front] === now[front]) front++;
  let back = 0;
  while (back < most - front && old.at(-1 - back) === now.at(-1 - back)) back++;
  return { front, back };
}

// Positions in a text, once it was edited: they move with their letters.
export function carried(positions, old, now) {
  const { front, back } = shared(old, now);
  return positions
    .filter((t) => t < front || t >= old.length - back)
    .map((t) => (t < front ? t : t + now.length - old.length));
}

// The last letter of what an edit put in, or the one before what it took out.
export const editedAt = (old, now) =>
  Math.max(0, now.length - 1 - shared(old, now).back);
