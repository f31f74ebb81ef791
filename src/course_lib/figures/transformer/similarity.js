// What the pinned place is compared with: its code with every code, or, where nothing is
// added, the query of the first word there with the key of the last one at every place.
import { linear } from "../kit/nn.js";
import { dot } from "./positions.js";
import { layer, vector } from "./tiny_layer.js";

const short = (word) => (word.length > 7 ? `${word.slice(0, 6)}…` : word);

// { similar, compared }: similar(p), null where there is no code, and what it is.
export function similarity(words, at, coding) {
  if (coding.kind === "rotary") return turned(words, at, coding);
  const pinned = coding.code(at);
  const similar = (p) => {
    const code = coding.code(p);
    return pinned && code && dot(pinned, code);
  };
  return { similar, compared: `code of place ${at} · code of place p` };
}

function turned(words, at, { C, turn }) {
  if (!words.length) return { similar: () => null, compared: "q · k / √C" };
  const [W_q, W_k] = layer(C);
  const [first, last] = [words[0], words.at(-1)];
  const q = turn(linear(W_q, vector(first, C)), at);
  const k = linear(W_k, vector(last, C));
  return {
    similar: (p) => dot(q, turn(k, p)) / Math.sqrt(C),
    compared: `q · k / √C: “${short(first)}” at ${at}, “${short(last)}” at p`,
  };
}
