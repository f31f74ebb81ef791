// Pictures as the set of digits has them: 8 x 8 counts, each of the dots of ink in one
// square of a bitmap. Pictures and bitmaps are flat, row by row.
import { times } from "../kit/attention.js";
import { generator } from "../kit/nn.js";

export const WIDTH = 8; // pixels in a row
const SQUARE = 4; // dots in a row of a pixel
export const MOST = SQUARE * SQUARE; // dots of a pixel
export const POINTS = WIDTH * SQUARE; // in a row of the bitmap

const pixelOf = (x, y) => WIDTH * Math.floor(y / SQUARE) + Math.floor(x / SQUARE);

export function counted(bitmap) {
  const counts = new Array(WIDTH * WIDTH).fill(0);
  bitmap.forEach((inked, i) => {
    counts[pixelOf(i % POINTS, Math.floor(i / POINTS))] += inked;
  });
  return counts;
}

// A bitmap that has these counts: in each square, the dots with the most ink in a
// smooth picture of them.
export function bitmapOf(counts) {
  const at = (x, y) => {
    const [c, r] = [x, y].map((v) => Math.max(0, Math.min(WIDTH - 1, v)));
    return counts[WIDTH * r + c];
  };
  const smooth = (x, y) => {
    const [u, v] = [x, y].map((p) => (p + 0.5) / SQUARE - 0.5);
    const [c, r] = [Math.floor(u), Math.floor(v)];
    const [right, down] = [u - c, v - r];
    const row = (n) => (1 - right) * at(c, n) + right * at(c + 1, n);
    return (1 - down) * row(r) + down * row(r + 1);
  };
  const bitmap = new Array(POINTS * POINTS).fill(0);
  const squares = times(WIDTH * WIDTH, () => []);
  for (let y = 0; y < POINTS; y++)
    for (let x = 0; x < POINTS; x++)
      squares[pixelOf(x, y)].push({ i: POINTS * y + x, ink: smooth(x, y) });
  squares.forEach((points, n) => {
    points.sort((a, b) => b.ink - a.ink);
    for (const { i } of points.slice(0, counts[n])) bitmap[i] = 1;
  });
  return bitmap;
}

// The same drawing as high as the board, as those of the set are, and in its middle.
export function fitted(bitmap) {
  const drawn = times(bitmap.length, (i) => i).filter((i) => bitmap[i]);
  if (!drawn.length) return bitmap;
  const [xs, ys] = [
    drawn.map((i) => i % POINTS),
    drawn.map((i) => Math.floor(i / POINTS)),
  ];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const [width, height] = [Math.max(...xs) - left + 1, Math.max(...ys) - top + 1];
  const scale = Math.max(width, height) / POINTS; // old dots for a new one
  const from = (place, size) => (place + 0.5 - POINTS / 2) * scale + size / 2;
  return bitmap.map((_, i) => {
    const x = Math.floor(from(i % POINTS, width));
    const y = Math.floor(from(Math.floor(i / POINTS), height));
    const inside = x >= 0 && x < width && y >= 0 && y < height;
    return inside ? bitmap[POINTS * (top + y) + left + x] : 0;
  });
}

// Squares of side x side pixels, row by row, each laid flat; and the way back.
export function cut(pixels, side) {
  const columns = WIDTH / side;
  return times(columns * columns, (t) =>
    Float64Array.from({ length: side * side }, (_, i) => pixels[placeOf(t, i, side)]),
  );
}

export function assembled(patches, side) {
  const pixels = new Array(WIDTH * WIDTH);
  patches.forEach((patch, t) =>
    patch.forEach((v, i) => (pixels[placeOf(t, i, side)] = v)),
  );
  return pixels;
}

// Where number i of patch t stands in the picture.
function placeOf(t, i, side) {
  const columns = WIDTH / side;
  const [row, column] = [Math.floor(t / columns), t % columns];
  return WIDTH * (side * row + Math.floor(i / side)) + side * column + (i % side);
}

// The picture whose place t has what was patch order[t].
export function moved(pixels, side, order) {
  const patches = cut(pixels, side);
  return assembled(
    order.map((n) => patches[n]),
    side,
  );
}

// With the patch t empty.
export const covered = (pixels, side, t) =>
  assembled(
    cut(pixels, side).map((patch, n) => (n === t ? patch.map(() => 0) : patch)),
    side,
  );

// Shuffle number `tries` of T patches, never the order that they came in.
export function shuffled(T, tries) {
  const { uniform } = generator(tries);
  const order = times(T, (t) => t);
  do
    for (let i = T - 1; i > 0; i--) {
      const j = Math.floor(uniform() * (i + 1));
      [order[i], order[j]] = [order[j], order[i]];
    }
  while (order.every((n, t) => n === t));
  return order;
}
