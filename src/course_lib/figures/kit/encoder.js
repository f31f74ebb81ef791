// An encoder of course_lib.transformer, with gelu between its two layers. Letters: T tokens,
// H heads.
import { attend, joined, named, plus } from "./attention.js";

// 2/√π e^(-x²) Σ 2ⁿ x²ⁿ⁺¹ / (1 · 3 · 5 …): all terms have one sign.
function erf(x) {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  let [term, sum] = [z, z];
  for (let n = 1; term > 1e-17 * sum; n++) sum += term *= (2 * z * z) / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum * Math.sign(x);
}

export const gelu = (x) => (x / 2) * (1 + erf(x / Math.SQRT2));

// The encoder whose parameters begin with `at`; `norm` is "pre" or "post".
export function stack(parameters, at, { heads: H, norm, eps }) {
  const { layer, norm: normOf } = named(parameters, eps);
  const pre = norm === "pre";
  const blocks = [];
  for (let n = 0; parameters[`${at}.blocks.${n}.attention.W_q.weight`]; n++) {
    const all = (part, names) => names.map((name) => layer(`${part}.${name}`));
    const block = `${at}.blocks.${n}`;
    blocks.push({
      attention: all(`${block}.attention`, ["W_q", "W_k", "W_v", "W_o"]),
      alone: all(`${block}.feed_forward`, ["W_1", "W_2"]),
      heard: normOf(`${block}.after_attention.norm`),
      thought: normOf(`${block}.after_feed_forward.norm`),
    });
  }
  const ready = pre ? normOf(`${at}.norm`) : (x) => x;
  const before = (norm, x) => (pre ? norm(x) : x);
  const after = (norm, x, made) => (pre ? plus(x, made) : norm(plus(x, made)));
  const through = ({ attention, alone: [W_1, W_2], heard, thought }, xs, sees) => {
    const [W_q, W_k, W_v, W_o] = attention;
    const asking = xs.map((x) => before(heard, x));
    const [q, k, v] = [W_q, W_k, W_v].map((W) => asking.map(W));
    const found = attend(q, k, v, H, { sees });
    const told = xs.map((x, t) =>
      after(heard, x, W_o(joined(found.map(({ mixed }) => mixed[t])))),
    );
    const think = (x) => W_2(W_1(before(thought, x)).map(gelu));
    return {
      xs: told.map((x) => after(thought, x, think(x))),
      weights: found.map(({ weights }) => weights),
    };
  };
  // xs[0] are the vectors (T, C) that come in, xs[n] those after block n; weights[n][h]
  // are (T, T). With `causal` no token sees a later one.
  const read = (first, causal = false) => {
    const [xs, weights] = [[first], []];
    for (const block of blocks) {
      const done = through(block, xs.at(-1), causal ? (t) => t + 1 : undefined);
      xs.push(done.xs);
      weights.push(done.weights);
    }
    return { xs, weights, last: xs.at(-1).map(ready) };
  };
  return { blocks: blocks.length, read };
}
