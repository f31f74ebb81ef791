// The words of the workshop, and a colour for each; the colours can be averaged.

export const WORDS = [
  { word: "나", gloss: "I", hue: 255 },
  { word: "는", gloss: "(topic)", hue: 310 },
  { word: "배", gloss: "stomach", hue: 25 },
  { word: "가", gloss: "(subject)", hue: 85 },
  { word: "고프다", gloss: "hungry", hue: 150 },
];

// As OKLab has it, [L, a, b]: equally light, so that no word looks more important.
export const colors = WORDS.map(({ hue }) => {
  const angle = (hue * Math.PI) / 180;
  return [0.66, 0.15 * Math.cos(angle), 0.15 * Math.sin(angle)];
});

export const css = ([L, a, b]) =>
  `oklab(${L.toFixed(3)} ${a.toFixed(3)} ${b.toFixed(3)})`;

// "배 (stomach)"
export const glossed = (i) =>
  `${WORDS[i].word} (${WORDS[i].gloss.replace(/[()]/g, "")})`;
