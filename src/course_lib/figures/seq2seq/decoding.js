// What course_lib.decoding does, for one sentence and with every step kept. A model is a
// function next(tokens) -> log-probabilities (V,) of what may come after these tokens.

// Wu et al. 2016, eq. 14; `length` counts the end too.
export const lengthPenalty = (length, alpha) => ((5 + length) / 6) ** alpha;

export const normalised = ({ tokens, score, ended }, alpha) =>
  score / lengthPenalty(tokens.length + Number(ended), alpha);

// The tokens of a hypothesis with its end, if it has one.
export const whole = ({ tokens, ended }, end) => (ended ? [...tokens, end] : tokens);

const hypothesis = ({ tokens, score }, end) => {
  const ended = tokens.at(-1) === end;
  return { tokens: ended ? tokens.slice(0, -1) : tokens, score, ended };
};

// { steps, found }. `found` are the `width` best, best first, each { tokens, score, ended }.
// A step has
//   candidates: all that is possible, best first, each with { tokens, token, parent (its
//     place among the candidates of the step before), own (log-probability of the token),
//     score, kept, over };
//   ended: how many have ended so far; worst: the last of the `width` best of them, by
//     normalised score, or null where there are fewer; bound: the best that can still
//     come of what is left; stop: why the search ends here, or null.
export function beamSearch(next, { end, longest, width, alpha }) {
  let beam = [{ tokens: [], score: 0, place: null }];
  const [steps, ended] = [[], []];
  for (let length = 1; length <= longest; length++) {
    const candidates = beam
      .flatMap((from) =>
        Array.from(next(from.tokens), (own, token) => ({
          tokens: [...from.tokens, token],
          token,
          parent: from.place,
          own,
          score: from.score + own,
        })),
      )
      .filter(({ score }) => score > -Infinity)
      .sort((one, other) => other.score - one.score);
    candidates.forEach((one, place) => {
      one.place = place;
      one.kept = place < width;
      one.over = one.kept && (one.token === end || length === longest);
    });
    beam = candidates.filter(({ kept, over }) => kept && !over);
    ended.push(
      ...candidates.filter(({ over }) => over).map((one) => hypothesis(one, end)),
    );
    const worst = ranked(ended, alpha)[width - 1] ?? null;
    // A score only falls, and the penalty is largest for the longest sequence.
    const bound = beam.length
      ? beam[0].score / lengthPenalty(longest, alpha)
      : -Infinity;
    const beaten = worst !== null && normalised(worst, alpha) >= bound;
    const none = length === longest ? "longest" : "ended";
    const stop = !beam.length ? none : beaten ? "bound" : null;
    steps.push({ candidates, ended: [...ended], worst, bound, stop });
    if (stop) break;
  }
  return { steps, found: ranked(ended, alpha).slice(0, width) };
}

export const ranked = (all, alpha) =>
  [...all].sort((one, other) => normalised(other, alpha) - normalised(one, alpha));

// Every sequence that the model can say, best first: exhaustive search.
export function everySequence(next, { end, longest, alpha }) {
  const all = [];
  const walk = (tokens, score) => {
    Array.from(next(tokens)).forEach((own, token) => {
      if (own === -Infinity) return;
      const longer = { tokens: [...tokens, token], score: score + own };
      if (token === end || longer.tokens.length === longest)
        all.push(hypothesis(longer, end));
      else walk(longer.tokens, longer.score);
    });
  };
  walk([], 0);
  return ranked(all, alpha);
}

// Divided by the temperature, and a distribution again.
export function tempered(logP, temperature) {
  const scaled = Array.from(logP, (v) => v / temperature);
  const top = Math.max(...scaled);
  const sum = scaled.reduce((total, v) => total + Math.exp(v - top), 0);
  return scaled.map((v) => v - top - Math.log(sum));
}

// The probabilities to draw from: the top k, and of all the fewest that reach top p
// together; null is no restriction.
export function restricted(logP, { topK, topP }) {
  const order = logP.map((_, token) => token).sort((a, b) => logP[b] - logP[a]);
  let before = 0;
  const kept = logP.map(() => 0);
  order.forEach((token, rank) => {
    const p = Math.exp(logP[token]);
    const out = (topK !== null && rank >= topK) || (topP !== null && before >= topP);
    if (!out) kept[token] = p;
    before += p;
  });
  const sum = kept.reduce((total, p) => total + p, 0);
  return kept.map((p) => p / sum);
}

// One sequence, token by token; its score is the model's own, before any restriction.
export function sample(next, { end, longest, topK, topP, uniform }) {
  const tokens = [];
  let score = 0;
  do {
    const logP = next(tokens);
    const p = restricted(logP, { topK, topP });
    let left = uniform();
    let token = p.findIndex((share) => (left -= share) < 0);
    if (token < 0) token = p.findLastIndex((share) => share > 0); // sums are rounded
    tokens.push(token);
    score += logP[token];
  } while (tokens.at(-1) !== end && tokens.length < longest);
  return hypothesis({ tokens, score }, end);
}
