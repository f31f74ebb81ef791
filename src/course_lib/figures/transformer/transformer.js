// The Transformer of course_lib.transformer on one sentence, with every number on the
// way, and with parts of it cut out.
import { attend, joined, named, plus, times } from "../kit/attention.js";
import { linear, softmax } from "../kit/nn.js";
import { END, START, UNKNOWN, largest, row } from "../seq2seq/packed.js";
import { sinusoid } from "./positions.js";

// Cuts are a set of names: of these, and of heads.
export const PARTS = ["mask", "scale", "residuals", "norms", "positions"];

// "encoder 1 self": the attention of a block, and its head; blocks and heads from 1.
export const attentionName = (stack, block, kind) => `${stack} ${block} ${kind}`;
export const headName = (attention, head) => `${attention} ${head}`;

// Letters: T tokens that ask, S that are asked, C numbers of a token, H heads, D = C / H.
// A list of tokens is an array of vectors. `cuts` says what is left out.
export function transformer({ config, source_words, target_words, parameters }) {
  const { size: C, heads: H, blocks, norm, positions, tied } = config;
  const D = C / H;
  const { of, layer, norm: normOf } = named(parameters);
  const attentionOf = (name, params) => ({
    name,
    W_q: layer(`${params}.W_q`),
    W_k: layer(`${params}.W_k`),
    W_v: layer(`${params}.W_v`),
    W_o: layer(`${params}.W_o`),
    norm: normOf(`${params.replace(/\w+$/, "after_$&")}.norm`),
  });
  const stackOf = (stack, kinds) => ({
    blocks: times(blocks, (n) => {
      const at = `${stack}.blocks.${n}`;
      return {
        attentions: Object.entries(kinds).map(([kind, called]) =>
          attentionOf(attentionName(stack, n + 1, kind), `${at}.${called}`),
        ),
        W_1: layer(`${at}.feed_forward.W_1`),
        W_2: layer(`${at}.feed_forward.W_2`),
        norm: normOf(`${at}.after_feed_forward.norm`),
      };
    }),
    norm: norm === "pre" ? normOf(`${stack}.norm`) : null,
  });
  const encoder = stackOf("encoder", { self: "attention" });
  const decoder = stackOf("decoder", { self: "attention", cross: "cross_attention" });
  const [sources, targets] = ["source", "target"].map((side) =>
    of(`${side}.words.weight`),
  );
  const W_out = tied ? targets : of("output.weight");
  const [sourceIds, targetIds] = [source_words, target_words].map(
    (words) => new Map(words.map((word, id) => [word, id])),
  );

  // -- parts ---------------------------------------------------------------------------
  // A word's vector and the code of its place; the first word stands at place `first`.
  const embed = (words, ids, cuts, first = 0) => {
    const own = ids.map((id) => row(words, id).map((v) => v * Math.sqrt(C)));
    const told = positions !== "none" && !cuts.has("positions");
    const places = own.map((_, t) =>
      told ? sinusoid(first + t, C) : new Float64Array(C),
    );
    return { words: own, places, sum: own.map((x, t) => plus(x, places[t])) };
  };
  const seenBy = ({ W_k, W_v }, xs) => ({ keys: xs.map(W_k), values: xs.map(W_v) });

  // What each of xs hears from tokens whose keys and values are given. The queries are
  // the last of the keys where `causal`.
  const hear = (part, xs, { keys, values }, cuts, causal) => {
    const queries = xs.map(part.W_q);
    const sees = (t) => (causal ? keys.length - queries.length + t + 1 : keys.length);
    const later = (t, s) => s >= sees(t);
    const scale = cuts.has("scale") ? 1 : Math.sqrt(D);
    const heads = attend(queries, keys, values, H, { sees, scale }).map((head, h) => {
      const on = !cuts.has(headName(part.name, h + 1));
      return { ...head, on, scale, later };
    });
    const none = new Float64Array(D);
    const heard = xs.map((_, t) =>
      part.W_o(joined(heads.map(({ on, mixed }) => (on ? mixed[t] : none)))),
    );
    return { name: part.name, heads, heard };
  };

  const apply = (one, xs, cuts) => (cuts.has("norms") ? xs : xs.map(one));
  // A part with its norm, before it or after the sum, and what goes past it.
  const around = (one, xs, cuts, part) => {
    const made = part(norm === "pre" ? apply(one, xs, cuts) : xs);
    const sum = cuts.has("residuals") ? made : xs.map((x, t) => plus(x, made[t]));
    return { made, after: norm === "pre" ? sum : apply(one, sum, cuts) };
  };
  // Through all blocks. `past` is what was seen before xs, one for each block, `memory`
  // the encoder's output.
  const through = (stack, xs, cuts, { causal = false, past = [], memory = null }) => {
    const seen = [];
    const traces = stack.blocks.map((block, n) => {
      const before = xs;
      const attentions = block.attentions.map((part, cross) => {
        let trace;
        const { after } = around(part.norm, xs, cuts, (x) => {
          let from = cross ? memory.seen[n] : seenBy(part, x);
          if (!cross && past[n])
            from = {
              keys: [...past[n].keys, ...from.keys],
              values: [...past[n].values, ...from.values],
            };
          if (!cross) seen.push(from);
          trace = hear(part, x, from, cuts, causal && !cross);
          return trace.heard;
        });
        xs = after;
        return trace;
      });
      const alone = around(block.norm, xs, cuts, (all) =>
        all.map((x) => block.W_2(block.W_1(x).map((v) => Math.max(0, v)))),
      );
      xs = alone.after;
      return { before, attentions, alone: alone.made, after: xs };
    });
    return {
      blocks: traces,
      seen,
      last: stack.norm ? apply(stack.norm, xs, cuts) : xs,
    };
  };

  // -- what the page asks for ----------------------------------------------------------
  const none = new Set();
  const read = (tokens, cuts = none) => {
    const ids = tokens.map((token) => sourceIds.get(token) ?? UNKNOWN);
    const embedded = embed(sources, ids, cuts);
    const trace = through(encoder, embedded.sum, cuts, {});
    const seen = decoder.blocks.map(({ attentions: [, cross] }) =>
      seenBy(cross, trace.last),
    );
    return { ...trace, embedded, seen };
  };
  // `previous` are target ids, and come after the `past` ones.
  const decode = (previous, memory, cuts = none, past = []) => {
    const first = past.length ? past[0].keys.length : 0;
    const embedded = embed(targets, previous, cuts, first);
    const causal = !cuts.has("mask");
    return {
      ...through(decoder, embedded.sum, cuts, { causal, past, memory }),
      embedded,
    };
  };
  const logitsOf = (x) => linear(W_out, x);
  // Teacher forcing: a target, without its end, is given. Logits and shares (V,) of what
  // comes after the start and after each of its words.
  const force = (ids, memory, cuts = none) => {
    const trace = decode([START, ...ids], memory, cuts);
    const logits = trace.last.map(logitsOf);
    return { ...trace, logits, shares: logits.map(softmax) };
  };
  // The most probable word again and again: ids without the end. With the mask, keys and
  // values of the words before stay as they were; without it, all must be made anew.
  const write = (memory, longest, cuts = none) => {
    const anew = cuts.has("mask");
    const ids = [];
    let past = [];
    while (ids.length < longest) {
      const previous = anew ? [START, ...ids] : [ids.at(-1) ?? START];
      const { last, seen } = decode(previous, memory, cuts, past);
      if (!anew) past = seen;
      const id = largest(logitsOf(last.at(-1)));
      if (id === END) break;
      ids.push(id);
    }
    return ids;
  };
  const wordVector = (id) => row(W_out, id);
  return {
    heads: H,
    width: D,
    size: C,
    attentions: [...encoder.blocks, ...decoder.blocks].flatMap(({ attentions }) =>
      attentions.map(({ name }) => name),
    ),
    knownSource: (word) => sourceIds.has(word),
    idOf: (word) => targetIds.get(word),
    wordOf: (id) => target_words[id],
    read,
    force,
    write,
    wordVector,
  };
}

// Of each word of a target and of its end, by the logits at each place.
export const logProbabilities = (ids, logits) =>
  [...ids, END].map((id, t) => {
    const top = Math.max(...logits[t]);
    const all = logits[t].reduce((sum, z) => sum + Math.exp(z - top), 0);
    return logits[t][id] - top - Math.log(all);
  });
