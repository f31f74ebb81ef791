// A trained RNN that reads text: folding, and every part of every step.
import { linear, oneHot, rnnCell, softmax, unpack } from "../kit/nn.js";

// The same as course_lib.data.words.fold, which the network was trained on.
export function fold(text) {
  const whole = { ß: "ss", ł: "l", ø: "o", æ: "ae", œ: "oe", ı: "i", đ: "d" };
  return text
    .toLowerCase()
    .replace(/[ßłøæœıđ]/g, (letter) => whole[letter])
    .normalize("NFKD")
    .replace(/\p{Mn}/gu, "")
    .replace(/[^a-z]+/g, " ")
    .trim();
}

// From packed weights to a function: text -> for each letter, every part of its step.
export function reader({ alphabet, parameters }) {
  const [W_x, W_h, b, W_o, b_o] = [
    "W_x",
    "W_h",
    "b",
    "output.weight",
    "output.bias",
  ].map((name) => unpack(parameters[name]));
  const cell = { W_x, W_h, b: b.data };
  const read = (text) => {
    let state = new Float64Array(W_h.shape[0]);
    return [...text].map((letter) => {
      const before = state;
      const x = oneHot(alphabet.indexOf(letter), alphabet.length);
      const step = rnnCell(cell, x, before);
      state = step.state;
      const output = softmax(linear(W_o, state, b_o.data));
      return { letter, before, ...step, output };
    });
  };
  return { read, W_h, bias: b.data, hidden: W_h.shape[0] };
}
