// BERT's masking, as course_lib.data.masking has it but for one thing: a text in which no
// place was chosen stays without, so that the shares are exactly those that were set.

export const FATES = ["masked", "other", "itself"]; // of a chosen token

// For each token of each text: its fate, or null, and what the model sees. `texts` are
// lists of { piece, word }, the number of its word; `shares` are { rate, masked, random }.
export function mask(texts, { rate, masked, random, whole }, uniform) {
  const vocabulary = [...new Set(texts.flat().map(({ piece }) => piece))];
  const another = (piece) => {
    const others = vocabulary.filter((one) => one !== piece);
    return others[Math.floor(uniform() * others.length)];
  };
  return texts.map((tokens) => {
    let chosen = false;
    return tokens.map(({ piece, word }, i) => {
      const same = whole && i > 0 && tokens[i - 1].word === word;
      if (!same) chosen = uniform() < rate;
      if (!chosen) return { fate: null, seen: piece };
      const draw = uniform();
      if (draw < masked) return { fate: "masked", seen: "[MASK]" };
      if (draw < masked + random) return { fate: "other", seen: another(piece) };
      return { fate: "itself", seen: piece };
    });
  });
}

// How many of the tokens had each fate.
export function count(fates) {
  const all = fates.flat();
  const of = (wanted) => all.filter(({ fate }) => fate === wanted).length;
  const [masked, other, itself] = FATES.map(of);
  return { tokens: all.length, chosen: all.length - of(null), masked, other, itself };
}

// The standard deviation of the chosen share after so many draws. What is drawn at once, a
// token or a whole word, counts as often as it has tokens.
export function spread(texts, { rate, whole }, draws) {
  const sizes = texts.flatMap((tokens) => {
    if (!whole) return tokens.map(() => 1);
    const words = new Map();
    for (const { word } of tokens) words.set(word, (words.get(word) ?? 0) + 1);
    return [...words.values()];
  });
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const variance = rate * (1 - rate) * sum(sizes.map((n) => n * n));
  return Math.sqrt(variance / draws) / sum(sizes);
}

// The tally against what is expected of it: one row for what is chosen, of all tokens, and
// one for each fate, of what is chosen.
export function compare(total, setting, error) {
  const { masked, random } = setting;
  const fates = [masked, random, Math.max(0, 1 - masked - random)];
  const row = (fate, of, expected, sd) => {
    const share = of ? total[fate] / of : null;
    const off = share !== null && sd > 0 ? (share - expected) / sd : null;
    return { fate, count: total[fate], of, share, expected, sd, off };
  };
  const { tokens, chosen } = total;
  return [
    row("chosen", tokens, setting.rate, error),
    ...FATES.map((fate, n) => {
      const p = fates[n];
      const sd = chosen ? Math.sqrt(Math.max(0, p * (1 - p)) / chosen) : null;
      return row(fate, chosen, p, sd);
    }),
  ];
}
