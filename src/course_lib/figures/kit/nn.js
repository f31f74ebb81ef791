// What a small network needs to run in the page. A vector is a Float64Array; a matrix
// is { shape: [rows, columns], data } with its rows one after another, as in torch.

// IEEE 754 half precision, base64, little endian: what weights.pack writes.
export function unpack({ shape, float16 }) {
  const bytes = Uint8Array.from(atob(float16), (letter) => letter.charCodeAt(0));
  const data = new Float64Array(bytes.length / 2);
  for (let i = 0; i < data.length; i++) {
    const bits = bytes[2 * i] | (bytes[2 * i + 1] << 8);
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    let size = (1 + fraction / 1024) * 2 ** (exponent - 15);
    if (exponent === 0) size = fraction * 2 ** -24; // subnormal
    if (exponent === 31) size = fraction ? NaN : Infinity;
    data[i] = bits >> 15 ? -size : size;
  }
  return { shape, data };
}

// W x (+ b): (R, C), (C,), (R,) -> (R,)
export function linear(W, x, b) {
  const [rows, columns] = W.shape;
  const y = new Float64Array(rows);
  for (let r = 0; r < rows; r++) {
    let sum = b ? b[r] : 0;
    for (let c = 0; c < columns; c++) sum += W.data[r * columns + c] * x[c];
    y[r] = sum;
  }
  return y;
}

export function oneHot(index, size) {
  const x = new Float64Array(size);
  x[index] = 1;
  return x;
}

export function softmax(logits) {
  const top = Math.max(...logits); // without it, exp overflows
  const parts = logits.map((z) => Math.exp(z - top));
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / sum);
}

// Each with its slope, as a function of its own output.
export const activation = {
  tanh: { of: Math.tanh, slope: (y) => 1 - y * y },
  relu: { of: (a) => Math.max(0, a), slope: (y) => (y > 0 ? 1 : 0) },
  linear: { of: (a) => a, slope: () => 1 },
};

// One time step of an Elman RNN, h_t = f(W_x x_t + W_h h_{t-1} + b), with its parts.
export function rnnCell({ W_x, W_h, b }, x, before, nonlinearity = "tanh") {
  const fromInput = linear(W_x, x);
  const fromState = linear(W_h, before);
  const state = fromInput.map((v, i) =>
    activation[nonlinearity].of(v + fromState[i] + b[i]),
  );
  return { fromInput, fromState, state };
}

// The logistic function, which makes a gate: a number between 0 and 1.
export const sigmoid = (a) => 1 / (1 + Math.exp(-a));

// Marsaglia's xorshift32 (2003): the same numbers in every browser, and in the tests.
export function generator(seed) {
  let bits = (Math.imul(seed, 2654435761) + 1013904223) >>> 0 || 1;
  const uniform = () => {
    bits ^= bits << 13;
    bits ^= bits >>> 17;
    bits ^= bits << 5;
    bits >>>= 0;
    return bits / 2 ** 32; // in (0, 1)
  };
  for (let i = 0; i < 20; i++) uniform(); // near seeds start alike
  const normal = () =>
    Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

// Gelfand: rho(W) = lim |W^k|^(1/k), with k = 2^40 by repeated squaring.
export function spectralRadius(W) {
  const n = W.shape[0];
  let power = W.data;
  let log = 0;
  for (let squared = 0; squared <= 40; squared++) {
    const size = norm(power);
    if (size === 0) return 0;
    log += Math.log(size) / 2 ** squared;
    if (squared === 40) break;
    const next = new Float64Array(n * n);
    for (let r = 0; r < n; r++)
      for (let k = 0; k < n; k++) {
        const v = power[r * n + k] / size;
        for (let c = 0; c < n; c++) next[r * n + c] += (v * power[k * n + c]) / size;
      }
    power = next;
  }
  return Math.exp(log);
}

// Euclidean.
export function norm(v) {
  let sum = 0;
  for (const x of v) sum += x * x;
  return Math.sqrt(sum);
}
