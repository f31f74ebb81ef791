// The encoder's state as cells in rows: as many after one word as after forty.
import {
  board,
  grid,
  label,
  number,
  outline,
  signed,
  signedNumber,
} from "../kit/draw.js";
import { norm } from "../kit/nn.js";

const ROW = 22; // pixels for a cell
const GAP = 5;

// step() gives what was read, { state, count, all }: the state or null after `count` of
// `all` tokens; hidden is its size.
export function contextPicture({ hidden, step }) {
  let place; // of the cells: columns, their width
  const draw = (space) => {
    const { state, count, all } = step();
    const rows = space < 560 && hidden % 2 === 0 && hidden > 16 ? 2 : 1;
    const columns = hidden / rows;
    const width = (space - 4) / columns;
    place = { columns, width, rows };
    const whole = all > 0 && count === all;
    const nodes = [
      label(2, 12, whole ? "the context" : "state", "start", "state"),
      label(space - 2, 12, `${hidden} numbers`, "end"),
    ];
    for (let r = 0; r < rows; r++) {
      const y = 20 + r * (ROW + GAP);
      const cell = (_, c) => (state ? signed(state[r * columns + c]) : "var(--cell)");
      nodes.push(
        grid(2, y, 1, columns, width, ROW, cell),
        outline(2, y, columns * width, ROW, "state", whole ? 2.5 : 1),
      );
    }
    const bottom = 20 + rows * (ROW + GAP) + 14;
    nodes.push(
      label(2, bottom, "−1"),
      grid(20, bottom - 10, 1, 22, 3, 10, (_, c) => signed((c - 10.5) / 10.5)),
      label(90, bottom, "+1"),
    );
    const after = state
      ? `after ${count} of ${all} tokens, norm ${number(norm(state))}`
      : "nothing is read";
    return { nodes, height: bottom + 6, says: `${hidden} numbers, ${after}` };
  };
  const say = (x, y) => {
    const { state } = step();
    const r = Math.floor((y - 20) / (ROW + GAP));
    const c = Math.floor((x - 2) / place.width);
    if (!state || r < 0 || r >= place.rows || c < 0 || c >= place.columns) return null;
    const k = r * place.columns + c;
    return {
      x,
      y: 20 + r * (ROW + GAP),
      text: `number ${k + 1}: ${signedNumber(state[k])}`,
    };
  };
  return board({ name: "The state of the encoder", draw, say });
}
