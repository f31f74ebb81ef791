// Words that follow words, one column for each step: the tree of a search or of draws.
import { board, label, mix, svg } from "../kit/draw.js";

const WIDE = 78; // pixels: a node
const HIGH = 36;
const ROW = 43; // from node to node
const TOP = 24; // of the first row; the steps' numbers stand above
const GAP = 26; // least room between columns, for the edges
const CUT = 14; // extra room for the line under which nodes are pruned

const edge = (x1, y1, x2, y2, quantity, width) =>
  svg("path", {
    d: `M${x1},${y1} C${(x1 + x2) / 2},${y1} ${(x1 + x2) / 2},${y2} ${x2},${y2}`,
    style: `fill: none; stroke: var(--${quantity})`,
    "stroke-width": width,
  });

// tree() gives { columns, count, rows, cut, head, says }. A column is a list of nodes
// { word, below, kind, parent, share, star, winner, told }: kind is "kept", "over", "pruned" or
// "more"; parent is a place in the column before, null for the start; `count` columns and
// `rows` rows have room; `cut` is the number of rows above the line, or null; chosen() is
// [column, place] or null, and choose(column, place) is called by a click.
export function treePicture({ tree, chosen, choose, name }) {
  let layout = {};
  const x = (column) => column * layout.pitch;
  const y = (place) =>
    TOP + ROW * place + (layout.cut !== null && place >= layout.cut ? CUT : 0);

  // The places of a node and of all those that it follows, by column.
  const line = ([column, place]) => {
    const places = [];
    for (let c = column, at = place; c >= 0 && at !== null; c--) {
      places[c] = at;
      at = tree().columns[c][at].parent;
    }
    return places;
  };
  const looks = ({ kind, share }) =>
    ({
      kept: `fill: ${share === undefined ? "var(--paper)" : mix("output", 0.45 * share)}; stroke: var(--output); stroke-width: 2`,
      over: "fill: var(--output); stroke: var(--output); stroke-width: 2",
      pruned: "fill: var(--paper); stroke: var(--line); stroke-dasharray: 4 3",
    })[kind];
  const text = (x, y, said, style, strong) =>
    svg(
      "text",
      { x, y, "text-anchor": "middle", style, class: strong && "strong" },
      said,
    );
  const node = (column, place, one, pinned) => {
    const [left, top] = [x(column + 1), y(place)];
    const middle = left + WIDE / 2;
    if (one.kind === "more") return [text(middle, top + 15, one.word, null, false)];
    const color = { kept: "ink", over: "paper", pruned: "quiet" }[one.kind];
    return [
      svg("rect", {
        x: left,
        y: top,
        width: WIDE,
        height: HIGH,
        rx: 7,
        style: looks(one),
      }),
      ...(pinned
        ? [
            svg("rect", {
              x: left - 3,
              y: top - 3,
              width: WIDE + 6,
              height: HIGH + 6,
              rx: 9,
              style: "fill: none; stroke: var(--ink); stroke-width: 1.5",
            }),
          ]
        : []),
      text(
        middle,
        top + 16,
        `${one.star ? "★ " : ""}${one.word}`,
        `fill: var(--${color}); font-size: 14px; font-weight: ${one.kind === "pruned" ? 400 : 650}`,
      ),
      text(middle, top + 30, one.below, `fill: var(--${color})`),
    ];
  };

  const draw = (space) => {
    const { columns, count, rows, cut, head, says } = tree();
    const pitch = Math.max(WIDE + GAP, Math.min(150, (space - WIDE - 6) / count));
    const width = Math.max(space, count * pitch + WIDE + 6);
    layout = { pitch, cut };
    const height = y(rows - 1) + HIGH + 4;
    const pinned = chosen();
    const marked = pinned ? line(pinned) : [];
    const faint = [];
    const strong = [];
    const nodes = [];
    columns.forEach((column, c) => {
      nodes.push(label(x(c + 1) + WIDE / 2, 12, `${head} ${c + 1}`, "middle"));
      column.forEach((one, place) => {
        if (place >= rows) return;
        if (one.kind !== "more") {
          const on = marked[c] === place;
          const from = [x(c) + WIDE, y(one.parent ?? 0) + HIGH / 2];
          const to = [x(c + 1), y(place) + HIGH / 2];
          const look = on
            ? ["ink", 2.5]
            : one.kind === "pruned"
              ? ["line", 1.25]
              : ["output", one.winner ? 4.5 : 2];
          (one.kind === "pruned" && !on ? faint : strong).push(
            edge(...from, ...to, ...look),
          );
        }
        const isPinned = pinned && pinned[0] === c && pinned[1] === place;
        nodes.push(...node(c, place, one, isPinned));
      });
    });
    const start = [
      svg("rect", {
        x: 3,
        y: y(0),
        width: WIDE - 3,
        height: HIGH,
        rx: 7,
        style: "fill: var(--paper); stroke: var(--input); stroke-width: 1.5",
      }),
      text(WIDE / 2 + 2, y(0) + 22, "start", "fill: var(--input); font-size: 14px"),
    ];
    const aside = (said, below, quantity) =>
      svg(
        "text",
        {
          x: x(1) - 16,
          y: y(cut) + below,
          "text-anchor": "end",
          style: `fill: var(--${quantity}); stroke: var(--paper); stroke-width: 5px; paint-order: stroke`,
        },
        said,
      );
    const bar =
      cut !== null && cut < rows && columns.length
        ? [
            svg("line", {
              x1: x(1) - 10,
              x2: x(columns.length) + WIDE + 4,
              y1: y(cut) - (ROW - HIGH + CUT) / 2,
              y2: y(cut) - (ROW - HIGH + CUT) / 2,
              style: "stroke: var(--baseline)",
              "stroke-width": 1.5,
              "stroke-dasharray": "6 4",
            }),
            aside("kept", -11, "output"),
            aside("pruned", 9, "quiet"),
          ]
        : [];
    return {
      nodes: [...faint, ...strong, ...bar, ...start, ...nodes],
      width,
      height,
      says,
    };
  };
  const hit = (px, py) => {
    const column = Math.floor(px / layout.pitch) - 1;
    const nodes = tree().columns[column];
    if (!nodes || px - x(column + 1) > WIDE) return null;
    const place = nodes.findIndex((_, at) => py >= y(at) && py <= y(at) + HIGH);
    if (place < 0 || place >= tree().rows || nodes[place].kind === "more") return null;
    return [column, place];
  };
  const { box, redraw } = board({
    name,
    draw,
    say: (px, py) => {
      const at = hit(px, py);
      if (!at) return null;
      const [column, place] = at;
      return {
        x: x(column + 1) + WIDE / 2,
        y: y(place),
        text: tree().columns[column][place].told,
      };
    },
    pin: (px, py) => {
      const at = hit(px, py);
      if (at) choose(...at);
    },
  });
  // On a narrow page: the newest column is in view.
  const follow = () => {
    const right = x(tree().columns.length) + WIDE + 8;
    box.scrollLeft = Math.max(0, right - box.clientWidth);
  };
  return { box, redraw, follow };
}
