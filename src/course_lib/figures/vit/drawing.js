// A board of 32 x 32 dots to draw on, by mouse, touch or keys.
import { button, make, row, segments, svg } from "../kit/draw.js";
import { POINTS, fitted } from "./pixels.js";

const RADIUS = { pen: 1.9, eraser: 2.9 }; // in dots
const HOW =
  "Draw large, from top to bottom, or fit what you drew. Keys: arrows move, space puts the pen down or lifts it.";

export const drawingStyle = `
.drawing { flex: 0 0 auto; width: min(256px, 100%); }
.drawing svg { width: 100%; height: auto; touch-action: none; cursor: crosshair;
  border: 1px solid var(--quiet); border-radius: 6px; background: var(--cell); }
.drawing .ink { fill: var(--ink); shape-rendering: crispEdges; }
.drawing .squares { stroke: var(--line); stroke-width: 1; fill: none;
  vector-effect: non-scaling-stroke; }
.drawing .hand { fill: none; stroke: var(--focus); stroke-width: 2; visibility: hidden;
  vector-effect: non-scaling-stroke; }
.drawing .hand.down { fill: var(--focus); fill-opacity: .4; }
.drawing svg:focus-visible .hand { visibility: visible; }
.drawing .row { gap: 8px; align-items: end; }
`;

// The dots that a round brush covers on its way between two places.
export function stroke(from, to, radius) {
  const found = new Set();
  const steps = Math.max(
    1,
    Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])),
  );
  const near = Math.ceil(radius);
  for (let n = 0; n <= steps; n++) {
    const [x, y] = [0, 1].map((d) => from[d] + ((to[d] - from[d]) * n) / steps);
    for (let j = Math.floor(y) - near; j <= y + near; j++)
      for (let i = Math.floor(x) - near; i <= x + near; i++) {
        const inside = Math.min(i, j) >= 0 && Math.max(i, j) < POINTS;
        if (inside && Math.hypot(i + 0.5 - x, j + 0.5 - y) <= radius)
          found.add(POINTS * j + i);
      }
  }
  return found;
}

// change(bitmap) is called with every stroke; show(bitmap) shows another one.
export function drawing({ change }) {
  let bitmap = [];
  let tool = "pen";
  let last = null; // where the pointer was, while it draws
  const hand = { at: [POINTS / 2, POINTS / 2], down: false }; // that the keys move

  const ink = svg("path", { class: "ink" });
  const ring = svg("circle", { class: "hand" });
  const lines = Array.from({ length: POINTS / 4 - 1 }, (_, n) => {
    return `M${4 * n + 4} 0v${POINTS}M0 ${4 * n + 4}h${POINTS}`;
  });
  const told = make("span", { class: "unseen", "aria-live": "polite" });
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${POINTS} ${POINTS}`,
      role: "application",
      tabindex: 0,
      "aria-label": "Drawing board",
      "aria-describedby": "how",
    },
    svg("path", { class: "squares", d: lines.join("") }),
    ink,
    ring,
  );
  const show = (next) => {
    bitmap = next;
    ink.setAttribute(
      "d",
      bitmap
        .map((inked, i) =>
          inked ? `M${i % POINTS} ${Math.floor(i / POINTS)}h1v1h-1z` : "",
        )
        .join(""),
    );
  };
  const redraw = (next) => {
    show(next);
    change(next);
  };
  const draw = (from, to) => {
    const next = [...bitmap];
    for (const i of stroke(from, to, RADIUS[tool])) next[i] = tool === "pen" ? 1 : 0;
    redraw(next);
  };

  // -- mouse and touch -----------------------------------------------------------------
  const at = ({ clientX, clientY }) => {
    const { left, top, width, height } = picture.getBoundingClientRect();
    return [((clientX - left) / width) * POINTS, ((clientY - top) / height) * POINTS];
  };
  picture.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    picture.setPointerCapture(event.pointerId); // a stroke may leave the board
    last = at(event);
    draw(last, last);
  });
  picture.addEventListener("pointermove", (event) => {
    if (!last) return;
    const to = at(event);
    draw(last, to);
    last = to;
  });
  for (const type of ["pointerup", "pointercancel"])
    picture.addEventListener(type, () => (last = null));

  // -- keys ----------------------------------------------------------------------------
  const showHand = () => {
    const [cx, cy] = hand.at;
    for (const [name, value] of Object.entries({ cx, cy, r: RADIUS[tool] }))
      ring.setAttribute(name, value);
    ring.classList.toggle("down", hand.down);
  };
  const put = (down) => {
    hand.down = down;
    told.textContent = `The ${tool} is ${down ? "down" : "up"}.`;
    if (down) draw(hand.at, hand.at);
    showHand();
  };
  picture.addEventListener("keydown", (event) => {
    const step = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }[event.key];
    if (event.key === " ") put(!hand.down);
    else if (step) {
      const to = hand.at.map((v, d) => Math.max(0, Math.min(POINTS, v + step[d])));
      if (hand.down) draw(hand.at, to);
      hand.at = to;
      showHand();
    } else return;
    event.preventDefault();
  });
  picture.addEventListener("blur", () => hand.down && put(false));
  showHand();

  const tools = segments({
    name: "tool",
    options: [
      ["pen", "pen"],
      ["eraser", "eraser"],
    ],
    value: tool,
    change: (next) => {
      tool = next;
      showHand();
    },
  });
  const fit = button("Fit", () => redraw(fitted(bitmap)));
  const clear = button("Clear", () => redraw(bitmap.map(() => 0)));
  const box = make(
    "div",
    { class: "drawing" },
    picture,
    row(tools, fit, clear),
    make("p", { class: "note", id: "how" }, HOW),
    told,
  );
  return { box, show };
}
