// The same words in another order, through one head: are the outputs the same vectors?
import {
  board,
  button,
  label,
  make,
  number,
  predict,
  scientific,
  segments,
} from "../kit/draw.js";
import { generator } from "../kit/nn.js";
import { without } from "./positions.js";
import { shades } from "./shades.js";
import { ROUNDING, apart, outputs } from "./tiny_layer.js";

const STRIP = { height: 12, pitch: 40 };

// Another order of n words: the reverse first, then at random; order[place] = word.
export function shuffle(n, tries) {
  const start = Array.from({ length: n }, (_, i) => i);
  if (tries === 1 || n < 3) return start.reverse();
  const { uniform } = generator(tries);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1));
    [start[i], start[j]] = [start[j], start[i]];
  }
  // as typed is no shuffle
  return start.every((word, i) => word === i) ? start.reverse() : start;
}

// { typed, mixed, far }: the outputs of each word, by its number in the typed sentence,
// and their largest difference; null where a place has no code.
export function compare(words, order, places, coding) {
  if (places.some((p) => p >= coding.end)) return null;
  const typed = outputs(words, places, coding);
  const moved = outputs(
    order.map((n) => words[n]),
    places,
    coding,
  );
  const mixed = words.map((_, n) => moved[order.indexOf(n)]);
  return { typed, mixed, far: words.map((_, n) => apart(typed[n], mixed[n])) };
}

export function verdict(found, on, guess) {
  if (!found) return "There is no code for one of the places: move the sentence back.";
  const far = Math.max(...found.far);
  const same = far < ROUNDING;
  const least = far ? `at most ${scientific(far)}, which is rounding` : "exactly 0";
  const says = same
    ? `The same vectors, only moved: they differ by ${least}.${on ? "" : " Attention alone does not know the order."}`
    : `Other vectors: they differ by up to ${scientific(far)}. Now the order counts.`;
  if (guess === null) return says;
  return `${says} ${(guess === "same") === same ? "As" : "Not as"} you said.`;
}

// now() gives { words, places, coding, order, on }; set({ order, positions }) is called.
export function shufflePart({ now, set }) {
  let revealed = false;
  let found = null;
  let tries = 1;
  const quoted = (words) => `“${words.join(" ")}”`;
  const inOrder = () => now().order.map((n) => now().words[n]);
  const switches = segments({
    name: "positions",
    options: [
      ["off", "off"],
      ["on", "on"],
    ],
    value: now().on ? "on" : "off",
    change: (v) => set({ positions: v }),
  });
  const mixing = button("Shuffle", () =>
    set({ order: shuffle(now().words.length, ++tries) }),
  );
  const sentence = make("p", { class: "says" });
  const question = predict({
    question: () =>
      now().words.length < 2
        ? "Type two words, or more."
        : `One head of attention reads ${quoted(now().words)}, then ${quoted(inOrder())}, positions ${now().on ? "on" : "off"}. Does a word get another output?`,
    choices: [
      ["same", "No, the same vector"],
      ["other", "Yes, another one"],
    ],
    verdict: (guess) => verdict(found, now().on, guess),
    reveal: () => {
      revealed = true;
      update();
    },
    again: () => {
      revealed = false;
      if (found) update();
    },
  });
  let place = null;
  const draw = (width) => {
    const { words, coding } = now();
    const { C } = coding;
    const left = 76;
    const right = 84;
    const cell = (width - left - right) / C;
    place = { left, cell };
    const nodes = words.flatMap((word, n) => {
      const y = n * STRIP.pitch + 8;
      const strip = (top, values) =>
        shades(left, top, 1, C, cell, STRIP.height, (_, c) => values[c] / 2);
      const short = word.length > 9 ? `${word.slice(0, 8)}…` : word;
      const name = label(left - 10, y + 17, short, "end");
      name.setAttribute("class", "strong");
      if (!revealed || !found) return [name, label(left, y + 17, "?")];
      const far = label(width, y + 17, scientific(found.far[n]), "end");
      far.setAttribute("class", "strong");
      return [
        name,
        strip(y, found.typed[n]),
        strip(y + STRIP.height + 2, found.mixed[n]),
        far,
      ];
    });
    const says =
      revealed && found
        ? words.map((word, n) => `${word}: ${scientific(found.far[n])}`).join("; ")
        : "hidden until you answer";
    return { nodes, height: words.length * STRIP.pitch + 4, says };
  };
  const say = (px, py) => {
    if (!place || !revealed || !found) return null;
    const n = Math.floor(py / STRIP.pitch);
    const c = Math.floor((px - place.left) / place.cell);
    const { words, coding } = now();
    if (n < 0 || n >= words.length || c < 0 || c >= coding.C) return null;
    const pair = [found.typed[n][c], found.mixed[n][c]].map((v) => number(v, 3));
    return {
      x: place.left + (c + 0.5) * place.cell,
      y: n * STRIP.pitch + 8,
      text: `“${words[n]}”, ${c}: ${pair[0]} typed, ${pair[1]} shuffled`,
    };
  };
  const picture = board({
    name: "Outputs as typed and shuffled, max |difference|",
    draw,
    say,
  });
  const legend = make(
    "p",
    { class: "note" },
    "Above: as typed; below: shuffled. Right: max |difference|.",
  );
  const update = () => {
    const { words, places, coding, order, on } = now();
    found = words.length
      ? compare(words, order, places, on ? coding : without(coding.C))
      : null;
    switches.set(on ? "on" : "off");
    mixing.disabled = words.length < 2;
    sentence.textContent = `${quoted(words)} → ${quoted(inOrder())}`;
    question.update();
    picture.redraw();
    return found && Math.max(...found.far);
  };
  const box = make(
    "div",
    {},
    question.box,
    make("div", { class: "row shuffle" }, switches, mixing, sentence),
    picture.box,
    legend,
  );
  return {
    box,
    update,
    forget: question.forget,
    again: () => (tries = 1),
  };
}
