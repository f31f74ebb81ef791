// One time step as a picture of its equation, h_t = tanh(W_x x_t + W_h h_{t-1} + b).
import {
  board,
  grid,
  label,
  outline,
  signed,
  signedNumber,
  subscript,
  svg,
} from "../kit/draw.js";

// step() gives { t, letter, before, fromInput, state } of the step shown, or null;
// pinned() the unit whose row is marked, or null.
export function arithmetic({ network, step, pinned, pin }) {
  const H = network.hidden;
  const top = 48;
  let cell; // pixels for a unit
  let blocks = []; // what was drawn where

  const draw = (space) => {
    const shown = step();
    blocks = [];
    if (!shown) return { nodes: [label(0, 20, "Read a letter first.")], height: 30 };
    const { t, letter, before, fromInput, state } = shown;
    const [strip, gap] = space > 480 ? [20, 34] : [12, 16];
    cell = Math.max(3, Math.min(6, Math.floor((space - 4 * strip - 5 * gap) / H)));
    const side = H * cell;
    const [old, next] = [`h${subscript(t - 1)}`, `h${subscript(t)}`];
    const nodes = [
      label(gap / 2, 16, `${next} = tanh(Wₓx + Wₕ ${old} + b),  x = “${letter}”`),
    ];
    let left = gap / 2;
    // a vector or a matrix in its frame, its name above, what follows it beside
    const block = (name, quantity, columns, width, value, then) => {
      const right = left + columns * width;
      nodes.push(
        grid(left, top, H, columns, width, cell, (i, j) => signed(value(i, j))),
        outline(left, top, right - left, side, quantity, 1),
        label((left + right) / 2, top - 9, name, "middle", quantity),
        svg(
          "text",
          {
            class: "strong",
            x: right + gap / 2,
            y: top + side / 2 + 5,
            "text-anchor": "middle",
          },
          then,
        ),
      );
      blocks.push({ name, left, right, width, columns, value });
      left = right + gap;
    };
    block("Wₓx", "weight", 1, strip, (i) => fromInput[i], "+");
    block("Wₕ", "weight", H, cell, (i, j) => network.W_h.data[i * H + j], "·");
    block(old, "state", 1, strip, (i) => before[i], "+");
    block("b", "weight", 1, strip, (i) => network.bias[i], "→");
    block(next, "state", 1, strip, (i) => state[i], "");
    if (pinned() !== null)
      nodes.push(outline(2, top + pinned() * cell - 1, left - gap, cell + 2));
    const unit = pinned();
    const says =
      `step ${t}, letter “${letter}”, ${H} units` +
      (unit === null ? "" : `; unit ${unit + 1} becomes ${signedNumber(state[unit])}`);
    return { nodes, height: top + side + 4, says };
  };
  const unitAt = (y) => {
    const unit = Math.floor((y - top) / cell);
    return blocks.length && unit >= 0 && unit < H ? unit : null;
  };
  const say = (x, y) => {
    const unit = unitAt(y);
    const at = blocks.find(({ left, right }) => x >= left && x < right);
    if (unit === null || !at) return null;
    const j = Math.floor((x - at.left) / at.width);
    const place = at.columns > 1 ? `${unit + 1}, ${j + 1}` : unit + 1;
    return { x, y, text: `${at.name}[${place}] = ${signedNumber(at.value(unit, j))}` };
  };
  return board({
    name: "The arithmetic of one step",
    draw,
    say,
    pin: (_, y) => unitAt(y) !== null && pin(unitAt(y)),
  });
}
