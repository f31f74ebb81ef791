// The question of the bench: the patches change places, and whose answer changes?
import { percent, predict, scientific } from "../kit/draw.js";

const FELT = 0.01; // a probability has moved where it moved so far
const ROUNDING = 1e-9;
const ANSWERS = [
  ["with", "only with positions"],
  ["without", "only without"],
  ["both", "both"],
  ["none", "neither"],
];

// The class whose probability moved most, and what is said before and after.
export function change(before, after) {
  const by = before.map((share, k) => Math.abs(after[k] - share));
  const top = (shares) => shares.indexOf(Math.max(...shares));
  const k = top(by);
  return {
    ...{ k, from: before[k], to: after[k], by: by[k] },
    ...{ answer: top(before), other: top(after) },
  };
}

export function answerTo({ learned, none }) {
  const [one, other] = [learned.by >= FELT, none.by >= FELT];
  if (one !== other) return one ? "with" : "without";
  return one ? "both" : "none";
}

export function changeText({ k, from, to, by, answer, other }, classes) {
  if (by < ROUNDING)
    return by ? `the same but for rounding (${scientific(by)})` : "exactly the same";
  if (by < FELT) return "no probability moves by 1\u00a0%";
  const moves = `${classes[k]} goes from ${percent(from)} to ${percent(to)}`;
  return answer === other
    ? `${moves}, the answer stays ${classes[answer]}`
    : `${moves}, and the answer from ${classes[answer]} to ${classes[other]}`;
}

// effect() gives what is shown: how many patches, and { learned, none }, each as `change`
// gives it; `none` is null where no network was trained without positions, and `side` is
// where one was. `accuracy` is that of both, `patches` their number there; reveal(on) is
// called.
export function orderQuestion({ classes, effect, accuracy, side, patches, reveal }) {
  return predict({
    question: () =>
      `Two networks learned from the same ${patches} patches, one with positions, one without. Now the patches change places. Whose ten probabilities change?`,
    choices: ANSWERS,
    verdict: (guess) => {
      const { T, ...found } = effect();
      const learned = `${T} patches with positions: ${changeText(found.learned, classes)}.`;
      if (!found.none)
        return `${learned} No network without positions was trained for this side; for side ${side} there is one.`;
      const right = guess === answerTo(found);
      const told = guess === null ? "" : right ? " As you said." : " Not as you said.";
      const scores = `The one without is right for ${percent(accuracy.none)} of the test pictures, the one with them for ${percent(accuracy.learned)}.`;
      return `${learned} Without: ${changeText(found.none, classes)}.${told} ${scores}`;
    },
    reveal: () => reveal(true),
    again: () => reveal(false),
  });
}
