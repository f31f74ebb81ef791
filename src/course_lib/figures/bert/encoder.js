// A small model of course_lib.bert on one text: vectors, attention weights, words.
import { linear, softmax } from "../kit/nn.js";
import { opened, row } from "../seq2seq/packed.js";

const EPS = 1e-5;

const times = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const plus = (a, b) => a.map((v, c) => v + b[c]);
const mean = (x) => x.reduce((sum, v) => sum + v, 0) / x.length;

// 2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1 · 3 · 5 …): all terms have one sign.
function erf(x) {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  let [term, sum] = [z, z];
  for (let n = 1; term > 1e-17 * sum; n++) sum += term *= (2 * z * z) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum * Math.sign(x);
}

export const gelu = (x) => (x / 2) * (1 + erf(x / Math.SQRT2));

// Letters: T tokens, C numbers of each, H heads, D = C / H, V vocabulary. With `causal`
// no token sees a later one.
export function encoder(parameters, H, causal) {
  const { of, vector } = opened(parameters);
  const layer = (name) => {
    const [W, b] = [of(`${name}.weight`), vector(`${name}.bias`)];
    return (x) => linear(W, x, b);
  };
  const norm = (name) => {
    const [gain, bias] = [vector(`${name}.gain`), vector(`${name}.bias`)];
    return (x) => {
      const centre = mean(x);
      const deviation = Math.sqrt(mean(x.map((v) => (v - centre) ** 2)) + EPS);
      return x.map((v, c) => (gain[c] * (v - centre)) / deviation + bias[c]);
    };
  };
  const [words, places, segments] = ["words", "places.table", "segments"].map((name) =>
    of(`bert.embedding.${name}.weight`),
  );
  const embedded = norm("bert.embedding.norm");
  const D = words.shape[1] / H;
  const part = (name) => parameters[`bert.encoder.blocks.${name}.weight`];
  const blocks = [];
  for (let n = 0; part(`${n}.attention.W_q`); n++) {
    const at = `bert.encoder.blocks.${n}`;
    const [W_q, W_k, W_v, W_o] = ["W_q", "W_k", "W_v", "W_o"].map((name) =>
      layer(`${at}.attention.${name}`),
    );
    const [W_1, W_2] = ["W_1", "W_2"].map((name) =>
      layer(`${at}.feed_forward.${name}`),
    );
    blocks.push({
      ...{ W_q, W_k, W_v, W_o, W_1, W_2 },
      heard: norm(`${at}.after_attention.norm`),
      thought: norm(`${at}.after_feed_forward.norm`),
    });
  }
  const dense = layer("words.dense");
  const ready = norm("words.norm");
  const bias = vector("words.output.bias");

  // What token t hears in head h: its weights, and the mean of the values.
  const attend = (q, keys, values, t, h) => {
    const [from, to] = [h * D, (h + 1) * D];
    const seen = causal ? t + 1 : keys.length;
    const scores = new Float64Array(seen);
    for (let s = 0; s < seen; s++)
      for (let d = from; d < to; d++) scores[s] += (q[d] * keys[s][d]) / Math.sqrt(D);
    const weights = softmax(scores);
    const mixed = new Float64Array(D);
    for (let s = 0; s < seen; s++)
      for (let d = from; d < to; d++) mixed[d - from] += weights[s] * values[s][d];
    return { weights, mixed };
  };
  const through = (block, xs) => {
    const [queries, keys, values] = [block.W_q, block.W_k, block.W_v].map((W) =>
      xs.map(W),
    );
    const heads = queries.map((q, t) => times(H, (h) => attend(q, keys, values, t, h)));
    const after = xs.map((x, t) => {
      const all = new Float64Array(x.length);
      heads[t].forEach(({ mixed }, h) => all.set(mixed, h * D));
      const heard = block.heard(plus(x, block.W_o(all)));
      return block.thought(plus(heard, block.W_2(block.W_1(heard).map(gelu))));
    });
    return { after, weights: heads.map((all) => all.map(({ weights }) => weights)) };
  };

  // Token ids -> vectors xs[0] of the embedding and xs[n] after block n, each (T, C), and
  // weights[n][t][h], those of token t for the tokens that it sees.
  const read = (ids) => {
    const first = ids.map((id, t) =>
      embedded(plus(plus(row(words, id), row(places, t)), row(segments, 0))),
    );
    const [xs, weights] = [[first], []];
    for (const block of blocks) {
      const done = through(block, xs.at(-1));
      xs.push(done.after);
      weights.push(done.weights);
    }
    return { xs, weights };
  };
  // A token's last vector (C,) -> a logit for each word (V,).
  const logitsOf = (x) => linear(words, ready(dense(x).map(gelu)), bias);
  return { blocks: blocks.length, read, logitsOf };
}
