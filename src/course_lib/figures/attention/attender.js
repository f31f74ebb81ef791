// A trained translator with Bahdanau's attention, which may be told where to look.
import { gruStep } from "../kit/gated.js";
import { linear, oneHot, softmax } from "../kit/nn.js";
import { END, START, UNKNOWN, largest, opened, row } from "../seq2seq/packed.js";

const zeros = (n) => new Float64Array(n);
const joined = (a, b) => Float64Array.from([...a, ...b]);

// From packed weights, those of course_lib.attention with GRUs, a bidirectional encoder
// and the additive score "before" the step, to functions. Tokens are words here.
export function attender({ source_words, target_words, parameters }) {
  const { of, vector, gru } = opened(parameters);
  const [forth, back] = ["forth", "back"].map((way) => gru(`encoder.layer.${way}`));
  const layer = gru("decoder.layer");
  const [sources, targets] = ["encoder", "decoder"].map((side) =>
    of(`${side}.embedding.weight`),
  );
  const score = "decoder.attention.score";
  const [W_q, W_k, v] = ["W_q", "W_k", "v"].map((name) =>
    of(`${score}.${name}.weight`),
  );
  const [W_s, b_s] = [of("bridge.parts.0.weight"), vector("bridge.parts.0.bias")];
  const W_c = of("decoder.combine.weight");
  const [W_o, b_o] = [of("decoder.output.weight"), vector("decoder.output.bias")];
  const ids = new Map(source_words.map((word, id) => [word, id]));
  const half = forth.W_h.shape[1];

  // The state after each word, in the order in which they are read.
  const along = (one, words) => {
    let h = zeros(half);
    return words.map((id) => (h = gruStep(one, row(sources, id), h).h));
  };
  // What the decoder looks at, made once: values (S, H), their keys (S, A), and its own
  // first state.
  const read = (tokens) => {
    const words = tokens.map((token) => ids.get(token) ?? UNKNOWN);
    const there = along(forth, words);
    const home = along(back, [...words].reverse()).reverse();
    const values = there.map((h, i) => joined(h, home[i]));
    const summary = joined(there.at(-1), home[0]); // what each has read when at its end
    return {
      values,
      keys: values.map((h) => linear(W_k, h)),
      first: linear(W_s, summary, b_s).map(Math.tanh),
    };
  };

  // One step from a state, after word `id`. It looks where it wants, or only at `place`.
  const next = ({ values, keys }, before, id, place = null) => {
    const query = linear(W_q, before);
    const scores = keys.map(
      (key) =>
        linear(
          v,
          key.map((k, a) => Math.tanh(k + query[a])),
        )[0],
    );
    const weights = place === null ? softmax(scores) : oneHot(place, values.length);
    const context = zeros(W_k.shape[1]);
    weights.forEach((w, i) => values[i].forEach((h, k) => (context[k] += w * h)));
    const state = gruStep(layer, joined(row(targets, id), context), before).h;
    const output = linear(W_c, joined(context, state)).map(Math.tanh);
    return { weights, state, shares: softmax(linear(W_o, output, b_o)) };
  };

  // The most probable word again and again, up to the end or the longest: each with its
  // probability p, the weights, and all shares. Step t looks only at place forced[t], if
  // that is one of the source; `own` is what the step would be if it were not forced.
  const write = (memory, longest, forced = {}) => {
    const words = [];
    let state = memory.first;
    let id = START;
    while (id !== END && words.length < longest) {
      const place = memory.values[forced[words.length]] ? forced[words.length] : null;
      const own = next(memory, state, id);
      const step = place === null ? own : next(memory, state, id, place);
      state = step.state;
      id = largest(step.shares);
      words.push({
        word: target_words[id],
        id,
        p: step.shares[id],
        end: id === END,
        weights: step.weights,
        shares: step.shares,
        place,
        own: { weights: own.weights, shares: own.shares, id: largest(own.shares) },
      });
    }
    return words;
  };
  const known = (token) => ids.has(token);
  return { known, read, next, write };
}
