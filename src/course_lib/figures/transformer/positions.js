// Three ways to tell a vector its place. Pair i of the dimensions, (2i, 2i + 1), is the
// hand of a clock that goes on by theta_i = 10000^(-2i / C) radians from place to place.

export const frequencies = (C) =>
  Array.from({ length: C / 2 }, (_, i) => 10000 ** ((-2 * i) / C));

// The code of a place: sin, cos, sin, cos, …, fast hands first. Vaswani et al. (2017),
// section 3.5; () -> (C,)
export function sinusoid(place, C) {
  const code = new Float64Array(C);
  frequencies(C).forEach((theta, i) => {
    code[2 * i] = Math.sin(place * theta);
    code[2 * i + 1] = Math.cos(place * theta);
  });
  return code;
}

// Each pair of x turned by place * theta_i. Su et al. (2021), equation 34; (C,) -> (C,)
export function rotate(x, place) {
  const turned = new Float64Array(x.length);
  frequencies(x.length).forEach((theta, i) => {
    const [sin, cos] = [Math.sin(place * theta), Math.cos(place * theta)];
    turned[2 * i] = x[2 * i] * cos - x[2 * i + 1] * sin;
    turned[2 * i + 1] = x[2 * i] * sin + x[2 * i + 1] * cos;
  });
  return turned;
}

export const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);

// What a kind does. code(p) is what is drawn, null where there is none; add(x, p) goes
// into the layer; turn(x, p) is done to a query or a key; longest is the length of the
// longest hand, largest the largest number of a code. `table` is what was learned,
// { shape: [L, C], data }: it decides C, and has no row for a place from L on.
export function coder(kind, C, table = null) {
  const same = (x) => x;
  const plus = (code) => (x, p) => x.map((v, c) => v + code(p)[c]);
  if (kind === "learned") {
    const [L, width] = table.shape;
    const code = (p) =>
      p < L ? table.data.subarray(p * width, (p + 1) * width) : null;
    const longest = Math.max(
      ...Array.from({ length: (L * width) / 2 }, (_, n) =>
        Math.hypot(table.data[2 * n], table.data[2 * n + 1]),
      ),
    );
    const largest = Math.max(...table.data.map(Math.abs));
    const add = plus(code);
    return { kind, C: width, end: L, longest, largest, code, add, turn: same };
  }
  const code = (p) => sinusoid(p, C);
  const formula = { kind, C, end: Infinity, longest: 1, largest: 1, code };
  return kind === "rotary"
    ? { ...formula, add: same, turn: rotate }
    : { ...formula, add: plus(code), turn: same };
}

// No positions at all: a layer that sees a set.
export const without = (C) => ({
  kind: "none",
  C,
  end: Infinity,
  add: (x) => x,
  turn: (x) => x,
});

// code · code of each place with each one; (n, n)
export const products = (places, { code }) =>
  places.map((p) => places.map((other) => dot(code(p), code(other))));
