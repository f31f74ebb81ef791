// The question of the rollout: do the patches that it ranks high cost the answer most?
import { number, predict } from "../kit/draw.js";
import { agreement } from "./occlusion.js";

const STRONG = 0.7; // rank correlations from here on, and from here
const WEAK = 0.3;
const answerTo = (r) => (r >= STRONG ? "strong" : r >= WEAK ? "weak" : "none");

// now() gives the reading of the picture; reveal(on) is called.
export function agreementQuestion({ now, reveal }) {
  const verdict = (guess) => {
    const { changes, ...one } = now();
    if (changes.includes(null)) return "Each patch is covered in turn …";
    const r = agreement({ changes, ...one });
    if (r === null) return "No patch changes the answer, so there is no order.";
    const right = guess === answerTo(r);
    const told = guess === null ? "" : right ? " As you said." : " Not as you said.";
    return `Rank correlation of rollout and fall over the ${changes.length} patches: ${number(r)}.${told}`;
  };
  return predict({
    question: () =>
      "If each patch is covered in turn: do the patches that the rollout ranks high cost the answer most? Give the rank correlation: 1 is the same order, 0 is none.",
    choices: [
      ["strong", `${STRONG} or more`],
      ["weak", `${WEAK} to ${STRONG}`],
      ["none", `below ${WEAK}`],
    ],
    verdict,
    reveal: () => reveal(true),
    again: () => reveal(false),
  });
}

// The same of many readings; `working` while some patches are not covered yet.
export function overallText(readings, working) {
  const found = readings
    .map(agreement)
    .filter((r) => r !== null)
    .sort((a, b) => a - b);
  if (working || !found.length)
    return `${found.length} of ${readings.length} pictures …`;
  const middle = (found[(found.length - 1) >> 1] + found[found.length >> 1]) / 2;
  return `Over ${found.length} pictures it goes from ${number(found[0])} to ${number(found.at(-1))}; the median is ${number(middle)}.`;
}
