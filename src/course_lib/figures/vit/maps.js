// Four pictures of one digit: as it is read, one head's attention, the rollout, and what
// happens where a patch is covered.
import { board, label, mix, number, percent, signed } from "../kit/draw.js";
import { heat } from "./heat.js";
import { patchAt } from "./pixel_picture.js";

const TOP = 20;
const GAP = 18;

// A change of a probability in words, in points of 100.
export function points(change) {
  if (change === 0) return "no change";
  const size = Math.abs(100 * change);
  const way = change < 0 ? "a fall" : "a rise";
  return size < 0.1
    ? `${way} of less than 0.1 points`
    : `${way} of ${number(size, 1)} points`;
}

// now() gives { counts, side, looks, flow, changes, hidden, title }: for each patch its
// attention in a head, its rollout, and the change where it is covered (null: not known);
// `hidden` is the patch that is covered, from 0, or null. preview(t) gives the change of
// one patch; cover(t) is called.
export function maps({ now, preview, cover }) {
  let place = null;
  const draw = (width) => {
    const columns = width > 560 ? 4 : 2;
    const size = Math.min(280, Math.floor((width - GAP * (columns - 1)) / columns));
    const pitch = { x: size + GAP, y: size + TOP + 14 };
    place = { columns, size, pitch };
    const { counts, side, looks, flow, changes, hidden, title } = now();
    const shade = (values) => {
      const most = Math.max(...values);
      return (t) => mix("attention", 0.9 * (values[t] / most));
    };
    const known = changes.filter((v) => v !== null).map(Math.abs);
    const most = Math.max(1e-12, ...known);
    const change = (t) =>
      changes[t] === null ? null : signed((0.9 * changes[t]) / most);
    const all = [
      { name: "what it reads", color: null, hidden },
      { name: title, color: shade(looks) },
      { name: "rollout, all blocks", color: shade(flow) },
      { name: "change if covered", color: change },
    ];
    const nodes = all.flatMap(({ name, ...rest }, n) => {
      const [x, y] = [(n % columns) * pitch.x, Math.floor(n / columns) * pitch.y];
      return [
        label(x, y + 12, name),
        ...heat(x, y + TOP, { counts, size, side, ...rest }),
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
      ? `; ${list(changes, points)}, of ${known.length} covered`
      : "";
    const says = `the largest of ${title}: ${list(looks, percent)}; of the rollout: ${list(flow, percent)}${found}`;
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
