// The packed weights of an encoder-decoder of the course, opened.
import { unpack } from "../kit/nn.js";

// Ids of the words that every vocabulary begins with; before them stands padding.
export const START = 1;
export const END = 2;
export const UNKNOWN = 3;

// of(name) is a matrix, vector(name) its numbers, and gru(name) a layer for gruStep.
export function opened(parameters) {
  const of = (name) => unpack(parameters[name]);
  const vector = (name) => of(name).data;
  const gru = (name) => ({
    W_x: of(`${name}.W_x`),
    W_h: of(`${name}.W_h`),
    b: vector(`${name}.b`),
    b_n: vector(`${name}.b_n`),
  });
  return { of, vector, gru };
}

// One row of a matrix: the embedding of a word.
export const row = ({ shape, data }, id) =>
  data.subarray(id * shape[1], (id + 1) * shape[1]);

// Where the largest of `values` is.
export const largest = (values) =>
  values.reduce((best, v, k) => (v > values[best] ? k : best), 0);
