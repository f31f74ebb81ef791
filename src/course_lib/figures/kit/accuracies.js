// Accuracies of a few arms over how much there is to learn from, as a picture has them.
import { number } from "./draw.js";
import { grouped } from "./counts.js";
import { needed } from "./needed.js";

// The looks of arms by number, from lists that are repeated: with seven quantities and
// four dashes no two of the first 28 are alike.
const DASHES = [null, "7 3", "2 3", "10 3 2 3"];
export const looks =
  (quantities, dashes = DASHES) =>
  (n) => ({
    quantity: quantities[n % quantities.length],
    dash: dashes[n % dashes.length],
  });

// What the figures ask at a place of the counts: how much the second arm needs for the
// accuracy that the first one has there.
export function compared({ counts, arms, first, second }, place) {
  const level = arms[first].accuracy[place];
  const reach = needed(counts, arms[second].accuracy, level);
  const [one, other] = [first, second].map((n) => arms[n].name);
  return { first: one, second: other, level, count: counts[place], reach };
}

// The picture of all accuracies, for countPicture: the first shown(n) points of arm n,
// and before the answer marks and handle, after it where the second arm is as good.
export function accuracies(now, { unit, look, shown, marks, handle }) {
  const { counts, arms, chance, first, told, place } = now;
  const all = arms.flatMap(({ accuracy, sd }) => accuracy.map((v, i) => v - sd[i]));
  const low = Math.max(0, Math.floor(10 * Math.min(...all, chance ?? 1)) / 10);
  const levels = [...Array(6).keys()].map((i) => (5 - i) / 5).filter((v) => v >= low);
  const { level, count, reach } = compared(now, place);
  const met = told && !reach.more && !reach.less;
  const thin = { quantity: "ink", width: 1.25, dash: "4 3" };
  const down = (at) => [
    [at, level],
    [at, -Infinity],
  ];
  const across = [
    [count, level],
    [reach.count, level],
  ];
  const seen = arms.filter((_, n) => shown(n) > place);
  const hidden = arms.length - seen.length;
  const others = hidden === 1 ? "the other is" : "the others are";
  const said = seen.map(({ name, accuracy }) => `${name} ${number(accuracy[place])}`);
  return {
    counts,
    curves: arms.map(({ name, accuracy, sd }, n) => ({
      name,
      values: accuracy,
      sd,
      look: look(n),
      shown: shown(n),
    })),
    axis: {
      title: "accuracy",
      low,
      high: 1,
      ticks: levels.map((v) => [v, number(v, 1)]),
      say: (v, sd) => `${number(v)} ± ${number(sd)}`,
    },
    base: chance === null ? null : { value: chance, text: "chance" },
    marks: [
      { points: down(count), quantity: "quiet", width: 1, dash: "3 3" },
      ...(told ? [{ points: across, ...thin }] : marks),
      ...(met ? [{ points: down(reach.count), ...thin }] : []),
    ],
    handle: told ? null : handle,
    place,
    says:
      `with ${grouped(count)} ${unit}: ${said.join("; ")}` +
      (hidden ? `; ${others} hidden until you answer` : ""),
  };
}
