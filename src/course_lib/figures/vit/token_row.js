// What the network gets: the patches one behind another, each with the number of its
// place, and first the class token.
import { label, outline, svg } from "../kit/draw.js";
import { patchPixels } from "./pixel_picture.js";

const TILES = { 1: 15, 2: 27, 4: 48 }; // width by the side of a patch
const GAP = 5;
const BELOW = 15; // room for the number

// Where token t stands in lines of this width; token 0 is the class token.
function layout(side, T, width) {
  const tile = TILES[side];
  const pitch = tile + GAP;
  const columns = Math.max(1, Math.floor((width + GAP) / pitch));
  const place = (t) => ({
    x: (t % columns) * pitch,
    y: Math.floor(t / columns) * (tile + BELOW + 4),
  });
  const lines = Math.ceil((T + 1) / columns);
  return { tile, place, height: lines * (tile + BELOW + 4) };
}

// The height that is enough for every side, so that nothing jumps.
export const rowHeight = (width) =>
  Math.max(...Object.keys(TILES).map((s) => layout(s, (8 / s) ** 2, width).height));

// `patches` are counts, in the order in which they are read; `at` is the place, from 0,
// that is marked; `told` says whether the network is told the places.
export function tokenRow(top, width, { patches, side, at, told }) {
  const { tile, place } = layout(side, patches.length, width);
  const nodes = patches.flatMap((patch, n) => {
    const { x, y } = place(n + 1);
    const number = label(
      x + tile / 2,
      top + y + tile + 12,
      n + 1,
      "middle",
      "position",
    );
    number.style.fontSize = "10.5px";
    return [
      patchPixels(x, top + y, tile, patch),
      told ? number : null,
      n === at ? outline(x - 2, top + y - 2, tile + 4, tile + 4, "state", 2.5) : null,
    ];
  });
  const first = svg("rect", {
    x: 0.75,
    y: top + 0.75,
    width: tile - 1.5,
    height: tile - 1.5,
    rx: 3,
    style: "fill: none; stroke: var(--weight); stroke-width: 1.5",
  });
  const name = label(tile / 2, top + tile / 2 + 4, "c", "middle", "weight");
  return [first, name, ...nodes.filter(Boolean)];
}

// The token at a place of the row, from its top left corner, or null.
export function tokenAt(x, y, side, T, width) {
  const { tile, place } = layout(side, T, width);
  for (let t = 0; t <= T; t++) {
    const { x: left, y: top } = place(t);
    if (x >= left && x < left + tile + GAP && y >= top && y < top + tile + BELOW)
      return { t, x: left + tile / 2, y: top };
  }
  return null;
}
