// Words in columns, each with the clocks of its place below: a row for each pair that is
// shown. A hand ends at (sin, cos), clockwise from twelve, as on a clock.
import { label, number, svg } from "../kit/draw.js";

const SHOWN = [0, 0.1, 0.2, 0.3, 0.5, 1]; // of the pairs, from fast to slow
const HEAD = 44; // word and place
export const LEFT = 50; // what stands before the first column

export const shownPairs = (C) => [
  ...new Set(SHOWN.map((share) => Math.round(share * (C / 2 - 1)))),
];

// "6.3", "410", "54k": places until the hand of pair i is round
export function period(i, C) {
  const places = 2 * Math.PI * 10000 ** ((2 * i) / C);
  if (places < 10) return places.toFixed(1);
  return places < 1000 ? places.toFixed(0) : `${(places / 1000).toFixed(0)}k`;
}

// The start of a text that fits.
function fitting(pen, text, width) {
  if (pen.measureText(text).width <= width) return text;
  let short = text;
  while (short.length > 1 && pen.measureText(`${short}…`).width > width)
    short = short.slice(0, -1);
  return `${short}…`;
}

// columns are [{ text, place, code, quantity }], code null where the place has none.
// at(x, y) gives the column and the pair there.
export function clocks({ width, font, columns, coding }) {
  const { kind, C, longest } = coding;
  const pen = document.createElement("canvas").getContext("2d");
  const pairs = shownPairs(C);
  const beside = (i) => (kind === "learned" ? `pair ${i}` : period(i, C));
  const slot = Math.min(190, (width - LEFT) / columns.length);
  const size = slot < 48 ? 12 : 14;
  pen.font = `650 ${size}px ${font}`;
  const radius = Math.min(17, slot / 2 - 2);
  const pitch = 2 * radius + 7;
  const x = (n) => LEFT + (n + 0.5) * slot;
  const y = (row) => HEAD + (row + 0.5) * pitch;
  const nodes = [label(LEFT - 8, 34, "place", "end")];
  pairs.forEach((i, row) => nodes.push(label(LEFT - 8, y(row) + 4, beside(i), "end")));
  columns.forEach(({ text, place, code, quantity }, n) => {
    const name = label(x(n), 14, fitting(pen, text, slot - 4), "middle");
    name.setAttribute("class", "word");
    name.style = `fill: var(--${quantity}); font-size: ${size}px`;
    const where = label(x(n), 34, String(place), "middle");
    where.setAttribute("class", "strong");
    nodes.push(name, where);
    pairs.forEach((i, row) => {
      const hand = code && [code[2 * i], code[2 * i + 1]].map((v) => v / longest);
      nodes.push(...clock(x(n), y(row), radius, hand, quantity));
    });
  });
  const at = (px, py) => {
    const n = Math.floor((px - LEFT) / slot);
    const row = Math.floor((py - HEAD) / pitch);
    if (n < 0 || n >= columns.length || py < 0 || row >= pairs.length) return null;
    return { n, x: x(n), y: row < 0 ? 20 : y(row), pair: row < 0 ? null : pairs[row] };
  };
  return { nodes, height: HEAD + pairs.length * pitch, x, at, pairs };
}

function clock(x, y, radius, hand, quantity) {
  const face = svg("circle", { cx: x, cy: y, r: radius, class: "face" });
  const noon = svg("path", { d: `M${x} ${y - radius}v3`, class: "noon" });
  if (!hand) return [face, label(x, y + 4, "–", "middle")];
  const [right, up] = hand.map((v) => v * radius);
  const style = `stroke: var(--${quantity}); fill: var(--${quantity})`;
  const d = `M${x} ${y}l${right.toFixed(2)} ${(-up).toFixed(2)}`;
  return [
    face,
    noon,
    svg("path", { d, style, "stroke-width": 2.25, "stroke-linecap": "round" }),
    svg("circle", { cx: x, cy: y, r: 1.75, style }),
  ];
}

// The hand of a pair, in numbers.
export function handText(code, i, { kind, C }) {
  const [one, other] = [code[2 * i], code[2 * i + 1]];
  const degrees = (360 + (Math.atan2(one, other) * 180) / Math.PI) % 360;
  if (kind === "learned") return `pair ${i}: ${number(one)}, ${number(other)}`;
  const says =
    kind === "rotary"
      ? `turned by ${degrees.toFixed(0)}°`
      : `sin ${number(one)}, cos ${number(other)}`;
  return `pair ${i}: ${says}; round in ${period(i, C)} places`;
}

export const clockStyle = `
svg .face { fill: none; stroke: var(--line); stroke-width: 1.25; }
svg .noon { stroke: var(--quiet); stroke-width: 1; }
svg text.word { font-weight: 650; }
`;
