// The three models at work on a sentence, in the form in which traces are stored.
import { joined, plus } from "../kit/attention.js";
import { attender } from "../attention/attender.js";
import { translator } from "../seq2seq/translator.js";
import { transformer } from "../transformer/transformer.js";

export const LONGEST = 60; // words of a translation, then it is cut

const spoken = (steps) => ({
  words: steps.filter(({ end }) => !end).map(({ word }) => word),
  ended: steps.at(-1).end,
});

// A matrix of the kit: its rows one after another.
const matrix = (rows) => ({
  shape: [rows.length, rows[0].length],
  data: joined(rows),
});

// trace(chapter, tokens): the words and whether they ended; `states`, the encoder's (S, H)
// of the model without attention; `looks` (T + 1, S) of the others, for each word and for
// the end, for the Transformer the mean of its last block's heads.
export function translators(weights) {
  const [plain, looking, parallel] = [
    translator(weights.seq2seq),
    attender(weights.attention),
    transformer(weights.transformer),
  ];
  const traces = {
    seq2seq(tokens) {
      const steps = plain.read(tokens);
      const said = plain.write(steps.at(-1).state, LONGEST);
      return { ...spoken(said), states: matrix(steps.map(({ state }) => state)) };
    },
    attention(tokens) {
      const said = looking.write(looking.read(tokens), LONGEST);
      return { ...spoken(said), looks: matrix(said.map((step) => step.weights)) };
    },
    transformer(tokens) {
      const memory = parallel.read(tokens);
      const ids = parallel.write(memory, LONGEST);
      const ended = ids.length < LONGEST;
      const [, { heads }] = parallel.force(ids, memory).blocks.at(-1).attentions;
      const mean = (t) =>
        heads
          .map((head) => head.weights[t])
          .reduce(plus)
          .map((w) => w / heads.length);
      const rows = Array.from({ length: ids.length + ended }, (_, t) => mean(t));
      return { words: ids.map(parallel.wordOf), ended, looks: matrix(rows) };
    },
  };
  return {
    known: (token) =>
      plain.known(token) && looking.known(token) && parallel.knownSource(token),
    words: weights.attention.source_words,
    trace: (chapter, tokens) => traces[chapter](tokens),
  };
}
