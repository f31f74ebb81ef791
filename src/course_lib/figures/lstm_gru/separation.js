// Which cell tells the marked letters of a text from the others? A cell and a threshold
// are a guess at "marked". Its balanced accuracy is the mean of two shares, that of the
// marked letters on one side of the threshold and that of the others on the other side.

const sides = (marked) => {
  const yes = marked.filter(Boolean).length;
  return { yes, no: marked.length - yes };
};

const sorted = (values) =>
  Array.from(values, (_, t) => t).sort((s, t) => values[s] - values[t]);

// The best threshold for values (T,) and marked (T,) booleans, at which "above" or
// "below" means marked; of equally good ones, the one in the widest gap.
export function separate(values, marked, order = sorted(values)) {
  const { yes, no } = sides(marked);
  let best = { score: 0, gap: 0 };
  let [low, lowYes] = [0, 0]; // letters below the threshold, and the marked among them
  for (let n = 0; n + 1 < order.length; n++) {
    low += 1;
    if (marked[order[n]]) lowYes += 1;
    const gap = values[order[n + 1]] - values[order[n]];
    if (gap === 0) continue;
    const share = ((yes - lowYes) / yes + (low - lowYes) / no) / 2;
    const score = Math.max(share, 1 - share);
    if (score < best.score || (score === best.score && gap <= best.gap)) continue;
    const threshold = values[order[n]] + gap / 2;
    best = { score, threshold, above: share >= 0.5, gap };
  }
  return best;
}

// What a cell and a threshold, found earlier, say of each letter.
export const judged = (values, { threshold, above }) =>
  Array.from(values, (value) => value > threshold === above);

// The balanced accuracy of such a guess.
export function tested(guess, marked) {
  const { yes, no } = sides(marked);
  const hits = guess.filter((says, t) => says && marked[t]).length;
  const rejections = guess.filter((says, t) => !says && !marked[t]).length;
  return (hits / yes + rejections / no) / 2;
}

// All cells, best first, and in `elsewhere` in how many of the T - 1 other places some
// cell fits the same marks as well as the best one fits them here. The marks are moved
// along the text, and what is pushed out at its end comes in at its start.
export function rank(cells, marked) {
  const orders = cells.map(sorted);
  const range = (values) => Math.max(...values) - Math.min(...values);
  const ranking = cells
    .map((values, cell) => ({ cell, ...separate(values, marked, orders[cell]) }))
    .map(({ gap, ...one }) => ({ ...one, margin: gap / (range(cells[one.cell]) || 1) }))
    .sort((a, b) => b.score - a.score || b.margin - a.margin);
  const enough = ranking[0].score - 1e-9;
  let elsewhere = 0;
  for (let by = 1; by < marked.length; by++) {
    const moved = [...marked.slice(by), ...marked.slice(0, by)];
    elsewhere += cells.some(
      (values, cell) => separate(values, moved, orders[cell]).score >= enough,
    );
  }
  return { ranking, elsewhere };
}
