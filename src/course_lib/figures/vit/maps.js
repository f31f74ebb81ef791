// Four pictures of one digit: as it is read, one head's attention, the rollout, and what
// happens where a patch is covered.
import { board, label, mix, number, percent, signed } from "../kit/draw.js";
import { heat } from "./heat.js";
import { patchAt } from "./pixel_picture.js";

const TOP = 20;
const GAP = 18;
const BELOW = 36; // two lines under a map
const FULL = 0.5; // the change of a probability that has the full colour
export const FULL_POINTS = 100 * FULL;

// A change of a probability in words, in points of 100.
export function points(change) {
  if (change === 0) return "no change";
  const size = Math.abs(100 * change);
  const way = change < 0 ? "a fall" : "a rise";
  return size < 0.1
    ? `${way} of less than 0.1 points`
    : `${way} of ${number(size, 1)} points`;
}

// The smallest and the largest share, and what each patch would have if all had the same.
export function range(shares) {
  const text = (v) => number(100 * v, 1);
  const mean = shares.reduce((sum, v) => sum + v, 0) / shares.length;
  return [
    `${text(Math.min(...shares))} to ${text(Math.max(...shares))}\u00a0%`,
    `all alike: ${text(mean)}\u00a0%`,
  ];
}

// The largest fall of those that are known: changes[t] is null where none is.
export function fall(changes) {
  const known = changes.filter((v) => v !== null);
  if (!known.length) return ["no patch was covered"];
  const most = -Math.min(0, ...known);
  const size = most < 0.001 ? "less than 0.1" : number(100 * most, 1);
  return most ? ["largest fall:", `${size} points`] : ["no fall"];
}

// The colour of a change, on one scale for all pictures.
export const colorOf = (change) =>
  change === null ? null : signed(0.9 * Math.max(-1, Math.min(1, change / FULL)));

// now() gives { counts, side, looks, flow, changes, hidden, title }: for each patch its
// attention in a head, its rollout, and the change where it is covered (null: not known);
// `hidden` is the patch that is covered, from 0, or null. preview(t) gives the change of
// one patch; cover(t) is called.
export function maps({ now, preview, cover }) {
  let place = null;
  const draw = (width) => {
    const columns = width > 560 ? 4 : 2;
    const size = Math.min(280, Math.floor((width - GAP * (columns - 1)) / columns));
    const pitch = { x: size + GAP, y: size + TOP + BELOW + 14 };
    place = { columns, size, pitch };
    const { counts, side, looks, flow, changes, hidden, title } = now();
    const shade = (values) => {
      const most = Math.max(...values);
      return (t) => mix("attention", 0.9 * (values[t] / most));
    };
    const known = changes.filter((v) => v !== null);
    const change = (t) => colorOf(changes[t]);
    const all = [
      { name: "what it reads", color: null, hidden, below: [] },
      { name: title, color: shade(looks), below: range(looks) },
      { name: "rollout, all blocks", color: shade(flow), below: range(flow) },
      { name: "change if covered", color: change, below: fall(changes) },
    ];
    const nodes = all.flatMap(({ name, below, ...rest }, n) => {
      const [x, y] = [(n % columns) * pitch.x, Math.floor(n / columns) * pitch.y];
      return [
        label(x, y + 12, name),
        ...heat(x, y + TOP, { counts, size, side, ...rest }),
        ...below.map((text, i) => label(x, y + TOP + size + 16 * (i + 1), text)),
      ];
    });
    const list = (values, text) =>
      values
        .map((v, t) => [t, v])
        .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]))
        .slice(0, 3)
        .map(([t, v]) => `patch ${t + 1}: ${text(v)}`)
        .join(", ");
    const found = known.length
      ? `; ${list(
          changes.map((v) => v ?? 0),
          points,
        )}, of ${known.length} covered`
      : "";
    const says = `the largest of ${title}: ${list(looks, percent)} (${range(looks).join(", ")}); of the rollout: ${list(flow, percent)} (${range(flow).join(", ")})${found}`;
    const lines = all.length / columns;
    return { nodes, height: lines * pitch.y - 10, says };
  };
  const find = (px, py) => {
    if (!place) return null;
    const { columns, size, pitch } = place;
    const [column, line] = [Math.floor(px / pitch.x), Math.floor(py / pitch.y)];
    if (column >= columns || column < 0 || line < 0) return null;
    const n = line * columns + column;
    const { side } = now();
    const t = patchAt(px - column * pitch.x, py - line * pitch.y - TOP, { size, side });
    return t === null || n > 3 ? null : { n, t };
  };
  const say = (px, py) => {
    const hit = find(px, py);
    if (!hit) return null;
    const { n, t } = hit;
    const { looks, flow } = now();
    const text = [
      () => `without patch ${t + 1}: ${preview(t)}`,
      () => `patch ${t + 1}: ${percent(looks[t])}`,
      () => `patch ${t + 1}: ${percent(flow[t])}`,
      () => `without patch ${t + 1}: ${preview(t)}`,
    ][n]();
    return { x: px, y: py, text };
  };
  const pin = (px, py) => {
    const hit = find(px, py);
    if (hit) cover(hit.t);
  };
  return board({ name: "Maps of the patches", draw, say, pin });
}
