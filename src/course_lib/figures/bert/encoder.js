// A small model of course_lib.bert on one text: vectors, attention weights, words.
import { named, plus } from "../kit/attention.js";
import { gelu, stack } from "../kit/encoder.js";
import { linear } from "../kit/nn.js";
import { row } from "../seq2seq/packed.js";

// Letters: T tokens, C numbers of each, H heads, V vocabulary. With `causal` no token sees
// a later one.
export function encoder(parameters, H, causal) {
  const { of, vector, layer, norm } = named(parameters);
  const [words, places, segments] = ["words", "places.table", "segments"].map((name) =>
    of(`bert.embedding.${name}.weight`),
  );
  const embedded = norm("bert.embedding.norm");
  const { blocks, read: through } = stack(parameters, "bert.encoder", {
    heads: H,
    norm: "post",
  });
  const dense = layer("words.dense");
  const ready = norm("words.norm");
  const bias = vector("words.output.bias");

  // Token ids -> vectors xs[0] of the embedding and xs[n] after block n, each (T, C), and
  // weights[n][h] (T, T): in row t, those of token t for each token.
  const read = (ids) => {
    const first = ids.map((id, t) =>
      embedded(plus(plus(row(words, id), row(places, t)), row(segments, 0))),
    );
    return through(first, causal);
  };
  // A token's last vector (C,) -> a logit for each word (V,).
  const logitsOf = (x) => linear(words, ready(dense(x).map(gelu)), bias);
  return { blocks, read, logitsOf };
}
