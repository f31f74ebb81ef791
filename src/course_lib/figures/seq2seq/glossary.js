// What the tokens of a Korean sentence mean, as far as the ladders say it.
import { compare } from "./comparison.js";
import { groups } from "./korean.js";

// gloss(tokens, rung): what to show below each token. Those that stand in the rung, in its
// order, have its glosses; another has all that it has anywhere in the ladders.
export function glossary(ladders, known) {
  const found = new Map();
  for (const { rungs } of ladders)
    for (const { text, glosses } of rungs)
      groups(text, known)
        .flat()
        .forEach((token, i) => {
          found.set(token, (found.get(token) ?? new Set()).add(glosses[i]));
        });
  const anywhere = (token) => [...(found.get(token) ?? [])].join(" / ");
  return (tokens, { text, glosses }) => {
    const { ours, theirs } = compare(tokens, groups(text, known).flat());
    const own = glosses.filter((_, i) => theirs[i]);
    return tokens.map((token, i) => (ours[i] ? own.shift() : anywhere(token)));
  };
}
