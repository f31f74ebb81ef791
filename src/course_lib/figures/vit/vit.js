// A small model of course_lib.vit on one picture: its answer, and who looks at whom.
import { named, plus, times } from "../kit/attention.js";
import { stack } from "../kit/encoder.js";
import { softmax } from "../kit/nn.js";
import { cut } from "./pixels.js";

const EPS = 1e-6; // of a ViT's norms

// Letters: T patches, C numbers of a token, K classes. `shared` is what all models of a
// file have in common.
export function vit({ side, parameters }, shared) {
  const { heads, mean, deviation } = shared;
  const { of, vector, layer } = named(parameters);
  const embed = layer("embedding.linear");
  const first = vector("class_token");
  const places = parameters.places ? of("places") : null; // (1 + T, C)
  const encoder = stack(parameters, "encoder", { heads, norm: "pre", eps: EPS });
  const output = layer("output");
  const placed = (x, t) => {
    if (!places) return x;
    const C = x.length;
    return plus(x, places.data.subarray(t * C, (t + 1) * C));
  };
  // `pixels` are 8 x 8 shares of ink, 0 … 1. Logits and shares (K,), xs as the stack has
  // them, and weights[n][h] (1 + T, 1 + T) of block n, head h; the class token is first.
  const read = (pixels) => {
    const patches = cut(
      pixels.map((v) => (v - mean) / deviation),
      side,
    );
    const found = encoder.read([first, ...patches.map(embed)].map(placed));
    const logits = output(found.last[0]);
    return { ...found, logits, shares: softmax(logits) };
  };
  return { blocks: encoder.blocks, read };
}

// What each token has of each one after all blocks (Abnar & Zuidema 2020): heads are
// averaged, and half of a token is what it was before. weights[n][h] are (T, T).
export function rollout(weights) {
  const T = weights[0][0].length;
  let flow = times(T, (t) => Float64Array.from({ length: T }, (_, s) => +(t === s)));
  for (const heads of weights)
    flow = times(T, (t) => {
      const sum = Float64Array.from(flow[t], (v) => v / 2);
      for (let s = 0; s < T; s++) {
        const share = heads.reduce((all, head) => all + head[t][s], 0);
        const part = share / heads.length / 2;
        for (let p = 0; p < T; p++) sum[p] += part * flow[s][p];
      }
      return sum;
    });
  return flow;
}
