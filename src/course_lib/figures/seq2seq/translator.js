// A trained encoder-decoder that reads a sentence into one vector and writes from it.
import { gruStep } from "../kit/gated.js";
import { linear, softmax } from "../kit/nn.js";
import { END, START, UNKNOWN, largest, opened, row } from "./packed.js";

// From packed weights, those of course_lib.seq2seq with one GRU on each side and the
// context fed at every step, to functions. Tokens are words here.
export function translator({ source_words, target_words, parameters }) {
  const { of, vector, gru } = opened(parameters);
  const side = (name) => ({
    embedding: of(`${name}.embedding.weight`), // (V, E)
    layer: gru(`${name}.layer`),
  });
  const [encoder, decoder] = [side("encoder"), side("decoder")];
  const [W_s, b_s] = [of("bridge.parts.0.weight"), vector("bridge.parts.0.bias")];
  const [W_o, b_o] = [of("decoder.output.weight"), vector("decoder.output.bias")];
  const hidden = W_s.shape[1];
  const ids = new Map(source_words.map((word, id) => [word, id]));

  // { token, id, state } after each token. What an earlier reading has in common with
  // this one is taken over, so a longer sentence costs only what is new.
  const read = (tokens, earlier = []) => {
    let same = 0;
    while (same < tokens.length && tokens[same] === earlier[same]?.token) same++;
    const steps = earlier.slice(0, same);
    for (const token of tokens.slice(same)) {
      const id = ids.get(token) ?? UNKNOWN;
      const before = steps.at(-1)?.state ?? new Float64Array(hidden);
      const { h } = gruStep(encoder.layer, row(encoder.embedding, id), before);
      steps.push({ token, id, state: h });
    }
    return steps;
  };

  // The decoder's state before its first token: tanh(W context + b).
  const start = (context) => linear(W_s, context, b_s).map(Math.tanh);
  const next = (context, state, id) => {
    const x = Float64Array.from([...row(decoder.embedding, id), ...context]); // (E + H,)
    const { h } = gruStep(decoder.layer, x, state);
    return { state: h, logits: linear(W_o, h, b_o) };
  };

  // The most probable word again and again, { word, p }; the last one is the end, unless
  // it takes more than `longest` words to come to it.
  const write = (context, longest) => {
    const words = [];
    let state = start(context);
    let id = START;
    while (id !== END && words.length < longest) {
      const said = next(context, state, id);
      state = said.state;
      id = largest(said.logits);
      words.push({
        word: target_words[id],
        p: softmax(said.logits)[id],
        end: id === END,
      });
    }
    return words;
  };
  const known = (token) => ids.has(token);
  return { hidden, known, read, start, next, write };
}
