// A picture under a map of its patches: colour is the map, small squares are the ink.
import { outline, svg } from "../kit/draw.js";
import { patchPixels, patchPlace } from "./pixel_picture.js";
import { MOST, cut } from "./pixels.js";

const GAP = 1;
const INK = 0.5; // of a pixel that is full of ink, along its side

// color(t) is that of patch t, or null for one that is not known yet. Without a map, the
// picture as it is; `hidden` is the patch that is covered, or null.
export function heat(left, top, { counts, size, side, color, hidden = null }) {
  const patches = cut(counts, side);
  const nodes = patches.flatMap((patch, t) => {
    const place = patchPlace(t, { size, side, gap: GAP });
    const [x, y, width] = [left + place.x, top + place.y, place.width];
    if (t === hidden)
      return [
        patchPixels(
          x,
          y,
          width,
          patch.map(() => 0),
        ),
        cross(x, y, width),
      ];
    if (!color) return [patchPixels(x, y, width, patch)];
    const fill = `fill: ${color(t) ?? "var(--cell)"}`;
    return [
      svg("rect", { x, y, width, height: width, style: fill }),
      ...Array.from(patch, (count, i) => ink(x, y, width / side, i, side, count)),
    ];
  });
  return nodes.filter(Boolean);
}

function ink(left, top, pixel, i, side, count) {
  if (!count) return null;
  const width = INK * pixel * Math.sqrt(count / MOST);
  const at = (n) => (n + 0.5) * pixel - width / 2;
  const [x, y] = [left + at(i % side), top + at(Math.floor(i / side))];
  return svg("rect", { x, y, width, height: width, style: "fill: var(--ink)" });
}

function cross(x, y, width) {
  const d = `M${x} ${y}l${width} ${width}m0 ${-width}l${-width} ${width}`;
  const style = "stroke: var(--output); stroke-width: 1.5";
  return svg(
    "g",
    {},
    svg("path", { d, style }),
    outline(x + 1, y + 1, width - 2, width - 2, "output", 2),
  );
}
