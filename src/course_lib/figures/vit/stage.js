// From the picture to the tokens: cut, shuffled once the reader has answered, in a row.
import { arrow, board, label, outline, svg } from "../kit/draw.js";
import { patchAt, patchPixels, patchPlace } from "./pixel_picture.js";
import { cut } from "./pixels.js";
import { rowHeight, tokenAt, tokenRow } from "./token_row.js";

const GAPS = { 1: 2, 2: 4, 4: 8 };
const TOP = 20;
const EDGE = 4; // room for the frame of a patch at the border

// now() gives { counts, side, order, revealed, told, followed }: order[place] is a patch,
// `followed` a patch, both from 0. follow(patch) is called.
export function stage({ now, follow }) {
  let place = null;
  const geometry = (width) => {
    const inner = width - 2 * EDGE;
    const size = Math.min(176, (inner - 44) / 2);
    return { size, right: EDGE + size + 44, row: TOP + size + 38, inner };
  };
  const draw = (width) => {
    const { counts, side, order, revealed, told, followed } = now();
    place = geometry(width);
    const { size, right, row, inner } = place;
    const shape = { size, side, gap: GAPS[side] };
    const patches = cut(counts, side);
    const identity = patches.map((_, t) => t);
    const picture = (left, sequence) =>
      sequence.flatMap((n, t) => {
        const { x, y, width: w } = patchPlace(t, shape);
        const marked = n === followed;
        return [
          patchPixels(left + x, TOP + y, w, patches[n]),
          marked
            ? outline(left + x - 1, TOP + y - 1, w + 2, w + 2, "state", 2.5)
            : null,
        ];
      });
    const sequence = revealed ? order : identity;
    const hidden = [
      outline(right, TOP, size, size, "line"),
      label(right + size / 2, TOP + size / 2 + 5, "?", "middle"),
    ];
    const nodes = [
      label(EDGE, 12, `cut into ${patches.length}`),
      label(right, 12, "shuffled"),
      ...picture(EDGE, identity),
      arrow(
        EDGE + size + 8,
        TOP + size / 2,
        right - 8,
        TOP + size / 2,
        "input",
        revealed,
      ),
      ...(revealed ? picture(right, order) : hidden),
      label(EDGE, row - 10, revealed ? "the tokens, shuffled" : "the tokens"),
      svg(
        "g",
        { transform: `translate(${EDGE} 0)` },
        ...tokenRow(row, inner, {
          patches: sequence.map((n) => patches[n]),
          side,
          at: sequence.indexOf(followed),
          told,
        }),
      ),
    ];
    const height = row + rowHeight(inner);
    const says = `${patches.length} patches of ${side * side} pixels; ${followText(now())}`;
    return { nodes: nodes.filter(Boolean), height, says };
  };
  // Which patch is at a place, and where to say so; 0 is the class token here.
  const find = (px, py) => {
    if (!place) return null;
    const { counts, side, order, revealed } = now();
    const T = counts.length / side ** 2;
    const { size, right, row, inner } = place;
    const sequence = revealed ? order : order.map((_, t) => t);
    if (py >= row) {
      const hit = tokenAt(px - EDGE, py - row, side, T, inner);
      if (!hit) return null;
      const [x, y] = [EDGE + hit.x, row + hit.y];
      return { x, y, patch: hit.t ? sequence[hit.t - 1] : null };
    }
    const shuffled = px >= right;
    if (shuffled && !revealed) return null;
    const t = patchAt(px - (shuffled ? right : EDGE), py - TOP, { size, side });
    return t === null ? null : { x: px, y: py, patch: shuffled ? order[t] : t };
  };
  const say = (px, py) => {
    const hit = find(px, py);
    if (!hit) return null;
    const text =
      hit.patch === null
        ? "class token: no patch"
        : followText({ ...now(), followed: hit.patch });
    return { x: hit.x, y: hit.y, text };
  };
  const pin = (px, py) => {
    const hit = find(px, py);
    if (hit && hit.patch !== null) follow(hit.patch);
  };
  return board({ name: "Patches and tokens", draw, say, pin });
}

// "patch 6 is token 11": where it is read.
export function followText({ order, revealed, followed }) {
  const at = revealed ? order.indexOf(followed) : followed;
  return `patch ${followed + 1} is token ${at + 1}`;
}
