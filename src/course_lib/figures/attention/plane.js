// Vectors as arrows from the middle of a plane; their tips can be dragged.
import { board, grid, label, line, number, outline, svg } from "../kit/draw.js";

export const REACH = 3; // the largest coordinate
const LARGEST = 400; // pixels
const MARGIN = 12;
const NEAR = 24; // from a tip, where it can be gripped
const CELLS = 27;

// To a step of 0.1 inside the plane.
export const allowed = (x) =>
  Math.round(10 * Math.max(-REACH, Math.min(REACH, x))) / 10 + 0; // no −0

// About, in pixels: Hangul is twice as wide as Latin.
const wideOf = (text) =>
  [...text].reduce((sum, letter) => sum + (letter > "ᄀ" ? 13.5 : 7), 0);

export const pair = ([x, y]) => `(${number(x)}, ${number(y)})`;

// arrows() gives { id, at, quantity, text, gloss, fill, wide, dash, fixed, inward, says } of each;
// ground(at) a colour or null; path() the corners of a chain, each with a fill; chosen()
// the id of the arrow that is chosen; grip(id) chooses one, move(id, at) drags it.
export function plane({ name, arrows, ground, path, chosen, grip, move, says }) {
  let size = LARGEST;
  const unit = () => (size / 2 - MARGIN) / REACH;
  const pixel = ([x, y]) => [size / 2 + x * unit(), size / 2 - y * unit()];
  const point = (x, y) => [(x - size / 2) / unit(), (size / 2 - y) / unit()];

  const drawn = ({ id, at, quantity, fill, wide, dash }) => {
    const [x, y] = pixel(at);
    const [x0, y0] = pixel([0, 0]);
    const angle = (Math.atan2(y - y0, x - x0) * 180) / Math.PI;
    const r = wide ? 8 : dash ? 3 : 6.5;
    const color = `var(--${quantity})`;
    const node = svg(
      "g",
      {},
      svg("line", {
        x1: x0,
        y1: y0,
        x2: x,
        y2: y,
        style: `stroke: ${color}`,
        "stroke-width": wide ? 4 : dash ? 1.5 : 2.25,
        "stroke-dasharray": dash ? "4 3" : null,
      }),
    );
    const long = Math.hypot(x - x0, y - y0) > 20;
    if (long && !dash)
      node.append(
        svg("path", {
          d: "M-9,-5.5 L0,0 L-9,5.5 Z",
          transform: `translate(${x} ${y}) rotate(${angle}) translate(${-r} 0)`,
          style: `fill: ${color}`,
        }),
      );
    node.append(
      svg("circle", {
        cx: x,
        cy: y,
        r,
        style: `fill: ${fill ?? color}; stroke: ${color}`,
        "stroke-width": 2,
      }),
    );
    if (id === chosen()) node.append(ring(x, y, r + 4));
    return node;
  };
  const ring = (cx, cy, r) =>
    svg("circle", { cx, cy, r, style: "fill: none; stroke: var(--ink)" });

  const named = ({ at, text, gloss, quantity, inward }, tips) => {
    const [x, y] = pixel(at);
    const width = Math.max(wideOf(text), wideOf(gloss ?? ""));
    const height = gloss ? 29 : 15;
    const above = at[1] >= 0 || inward ? y - height - 4 : y + 6;
    const top = Math.max(2, Math.min(size - height - 4, above));
    const within = (px) => Math.max(3, Math.min(size - width - 3, px));
    const sides = [within(x + 10), within(x - 10 - width)];
    if (at[0] < 0 !== Boolean(inward)) sides.reverse(); // first away from the middle
    const free = (px) =>
      !tips.some(
        ([tx, ty]) =>
          tx > px - 8 && tx < px + width + 8 && ty > top - 8 && ty < top + height + 8,
      );
    const left = sides.find(free) ?? sides[0];
    const halo = "paint-order: stroke; stroke: var(--paper); stroke-width: 3.5px";
    const own = (dy, said, style) => {
      const node = label(left, top + dy, said);
      node.setAttribute("style", `${halo}; ${style}`);
      return node;
    };
    const first = own(13, text, `fill: var(--${quantity}); font-weight: 650`);
    return gloss ? [first, own(27, gloss, "fill: var(--ink)")] : [first];
  };

  const draw = (space) => {
    size = Math.min(space, LARGEST);
    const side = size / CELLS;
    const at = (r, c) => point((c + 0.5) * side, (r + 0.5) * side);
    const color = (r, c) => ground?.(at(r, c)) ?? "var(--soft)";
    const nodes = [
      ground?.([0, 0])
        ? grid(0, 0, CELLS, CELLS, side, side, color)
        : svg("rect", { width: size, height: size, style: "fill: var(--soft)" }),
      ...[
        [
          [-REACH, 0],
          [REACH, 0],
        ],
        [
          [0, -REACH],
          [0, REACH],
        ],
      ].map((ends) => line(ends.map(pixel), "line", 1)),
      outline(0.5, 0.5, size - 1, size - 1, "line", 1),
    ];
    const all = arrows();
    nodes.push(...all.map(drawn));
    const chain = path?.() ?? [];
    chain.slice(1).forEach(({ at: end, fill }, i) => {
      const [[x1, y1], [x2, y2]] = [chain[i].at, end].map(pixel);
      const look = {
        x1,
        y1,
        x2,
        y2,
        "stroke-linecap": "round",
        style: `stroke: ${fill}`,
      };
      nodes.push(svg("line", { ...look, "stroke-width": 5 }));
    });
    const tips = all.filter(({ dash }) => !dash).map(({ at }) => pixel(at));
    for (const one of all.filter(({ text }) => text)) {
      const own = pixel(one.at).join();
      nodes.push(
        ...named(
          one,
          tips.filter((tip) => tip.join() !== own),
        ),
      );
    }
    nodes[0].setAttribute("shape-rendering", "crispEdges"); // no seams in the ground
    // Events go to the drawing itself: what it holds is gone when it is drawn anew, and
    // a touch whose target is gone can't be kept from scrolling the page.
    const whole = svg("g", { style: "pointer-events: none" }, ...nodes);
    return { nodes: [whole], width: size, height: size, says: says() };
  };

  // The arrow whose tip is nearest; of those that can be moved, if `gripped`.
  const nearest = (x, y, gripped) => {
    const away = ({ id, at }) => {
      const [tx, ty] = pixel(at);
      return Math.hypot(tx - x, ty - y) - (id === chosen() ? 4 : 0); // it lies on top
    };
    const near = arrows()
      .filter(({ fixed }) => !(gripped && fixed))
      .map((one) => ({ one, far: away(one) }))
      .filter(({ far }) => far <= NEAR)
      .sort((a, b) => a.far - b.far);
    return near[0]?.one ?? null;
  };

  const picture = board({
    name,
    draw,
    say: (x, y) => {
      const one = nearest(x, y, false);
      if (!one) return null;
      const [tx, ty] = pixel(one.at);
      return { x: tx, y: ty - 8, text: one.says };
    },
  });

  const surface = picture.box.querySelector("svg");
  let held = null; // { id, dx, dy }: where the tip is from the pointer
  const place = (event) => {
    const corner = surface.getBoundingClientRect();
    return [event.clientX - corner.left, event.clientY - corner.top];
  };
  surface.addEventListener("pointerdown", (event) => {
    const [x, y] = place(event);
    const one = nearest(x, y, true);
    if (!one) return;
    event.preventDefault(); // no text is marked
    surface.setPointerCapture(event.pointerId); // the tip is drawn anew as it moves
    const [tx, ty] = pixel(one.at);
    held = { id: one.id, dx: tx - x, dy: ty - y };
    grip(one.id);
  });
  // A finger that grips a tip does not scroll the page; anywhere else it does.
  surface.addEventListener(
    "touchstart",
    (event) => held && event.touches.length === 1 && event.preventDefault(),
    { passive: false },
  );
  surface.addEventListener("pointermove", (event) => {
    const [x, y] = place(event);
    surface.style.cursor = held ? "grabbing" : nearest(x, y, true) ? "grab" : "";
    if (!held) return;
    const [old] = arrows().filter(({ id }) => id === held.id);
    const at = point(x + held.dx, y + held.dy).map(allowed);
    if (at.some((v, i) => v !== old.at[i])) move(held.id, at);
  });
  for (const type of ["pointerup", "pointercancel"])
    surface.addEventListener(type, () => (held = null));
  return picture;
}
