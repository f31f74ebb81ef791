// What there is to say of the future: whether the words before a changed one noticed.
import { number, percent, scientific } from "../kit/draw.js";
import { END } from "../seq2seq/packed.js";

// `leak`, `own` and `target` are of effects.js, text(id) is a word, and `masked` says
// whether the causal mask is there.
export function leakText({ leak, own, target, text, masked }) {
  if (!leak) {
    const sees = masked
      ? "With the mask no word sees those after it."
      : "Without the mask every word sees the words after it, even the one that it should predict.";
    return `${sees} Change the last word: do the predictions before it move?`;
  }
  const { place, by, t, id, from, to } = leak;
  const [was, is] = [own, target].map((ids) => text(ids[place] ?? END));
  const what = `Word ${place + 1} is now “${is}”, not “${was}”.`;
  if (by === 0)
    return `${what} The predictions up to there have not moved at all: largest change 0.`;
  const most = by < 0.005 ? scientific(by) : number(by);
  return `${what} That moves predictions up to there by up to ${most}: at word ${t + 1}, “${text(id)}” goes from ${percent(from)} to ${percent(to)}. The future leaks.`;
}
