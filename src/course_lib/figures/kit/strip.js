// Small things side by side, wrapped into lines. One of them is pinned, by a click, a tap
// or the arrow keys; point at one for its number. Where they can be marked, a drag or
// Shift with the arrows marks all that it passes, or unmarks them if the first one was
// marked; the space bar does it to the pinned one.
import { make } from "./draw.js";

export const stripStyle = `
.strip-box { position: relative; margin: 6px 0; }
.strip { touch-action: pan-y; user-select: none; -webkit-user-select: none;
  cursor: pointer; border-radius: 6px; }
.strip[hidden] { display: none; }
.strip .pinned { outline: 2px solid var(--ink); outline-offset: -1px; border-radius: 2px;
  position: relative; }
`;

// say(n) gives the number that is there as text, pin(n) is called, mark(positions) too.
export function strip({ name, kind, say, pin, mark = null }) {
  const tip = make("div", { class: "tip", hidden: "", "aria-hidden": "true" });
  const list = make("div", {
    class: `strip ${kind}`,
    role: "listbox",
    tabindex: 0,
    "aria-label": name,
    "aria-multiselectable": mark && "true",
  });
  const box = make("div", { class: "strip-box" }, list, tip);
  const all = list.children;
  let pinned = 0;
  let marks = []; // positions
  let sweep = null; // { from, marks before it, whether it marks or unmarks }
  let dragged = false; // so the click that ends it pins nothing

  const begin = (from) => (sweep = { from, before: marks, on: !marks.includes(from) });
  const reach = (to) => {
    const [low, high] = [Math.min(sweep.from, to), Math.max(sweep.from, to)];
    const inside = (t) => t >= low && t <= high;
    const rest = sweep.before.filter((t) => !inside(t));
    const passed = Array.from({ length: high - low + 1 }, (_, n) => low + n);
    mark(sweep.on ? [...rest, ...passed].sort((a, b) => a - b) : rest);
  };

  const at = ({ clientX, clientY }) => {
    const hit = list.getRootNode().elementFromPoint(clientX, clientY);
    return hit?.parentNode === list ? Number(hit.dataset.n) : null;
  };
  let place = null; // of the pointer
  const tell = () => {
    tip.hidden = place === null || place >= all.length;
    if (tip.hidden) return;
    tip.textContent = say(place);
    const { offsetLeft, offsetTop, offsetWidth } = all[place];
    const half = tip.offsetWidth / 2;
    const most = Math.max(half, box.clientWidth - half);
    const middle = offsetLeft + offsetWidth / 2;
    tip.style.left = `${Math.min(Math.max(middle, half), most)}px`;
    tip.style.top = `${offsetTop}px`;
  };
  list.addEventListener("pointerdown", (event) => {
    place = at(event);
    dragged = false;
    if (mark && place !== null && event.button === 0) begin(place);
    tell();
  });
  list.addEventListener("pointermove", (event) => {
    place = at(event);
    const pressed = sweep && event.buttons & 1;
    if (pressed && place !== null && (place !== sweep.from || dragged)) {
      dragged = true;
      list.setPointerCapture(event.pointerId); // it may end outside
      reach(place);
    }
    tell();
  });
  list.addEventListener("click", (event) => {
    place = at(event); // a tap leaves before it clicks
    if (place !== null && !dragged) pin(place);
    tell();
  });
  for (const type of ["pointerup", "pointercancel", "pointerleave"])
    list.addEventListener(type, (event) => {
      sweep = null;
      if (event.type !== "pointerleave") return;
      place = null;
      tell();
    });

  // the nearest one of the line above or below
  const vertical = (way) => {
    const { offsetTop, offsetLeft } = all[pinned];
    const far = (node) => {
      const lines = way * (node.offsetTop - offsetTop);
      return lines > 2
        ? 1e5 * lines + Math.abs(node.offsetLeft - offsetLeft)
        : Infinity;
    };
    const distances = Array.from(all, far);
    const least = Math.min(...distances);
    return least === Infinity ? pinned : distances.indexOf(least);
  };
  list.addEventListener("keydown", (event) => {
    const { key, shiftKey } = event;
    if (key === " " && mark) {
      begin(pinned);
      reach(pinned);
      sweep = null;
      return event.preventDefault();
    }
    const to = {
      ArrowLeft: () => pinned - 1,
      ArrowRight: () => pinned + 1,
      ArrowUp: () => vertical(-1),
      ArrowDown: () => vertical(1),
      Home: () => 0,
      End: () => all.length - 1,
    }[key]?.();
    if (to === undefined) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(all.length - 1, to));
    if (mark && shiftKey) {
      if (!sweep) begin(pinned);
      reach(next);
    } else sweep = null;
    pin(next);
  });
  list.addEventListener("keyup", ({ key }) => {
    if (key === "Shift") sweep = null;
  });

  // `items` are [{ text, name, fill, kind }]: name and text for those who can't see the
  // colour, which is `fill`; kind is a class.
  const show = (items, now, marked = []) => {
    list.hidden = items.length === 0;
    pinned = now;
    marks = marked;
    const isMarked = new Set(marked);
    while (all.length > items.length) list.lastChild.remove();
    items.forEach(({ text, name: called, fill, kind: look }, n) => {
      const node =
        all[n] ??
        list.appendChild(
          make("span", { role: "option", id: `${kind}${n}`, "data-n": n }),
        );
      if (node.textContent !== text) node.textContent = text;
      const classes = [look, n === now && "pinned", isMarked.has(n) && "marked"];
      node.className = classes.filter(Boolean).join(" ");
      node.style.background = fill;
      node.setAttribute("aria-label", n === now ? say(n) : called);
      node.setAttribute("aria-selected", String(mark ? isMarked.has(n) : n === now));
    });
    if (items.length) list.setAttribute("aria-activedescendant", `${kind}${now}`);
    else list.removeAttribute("aria-activedescendant");
    tell();
  };
  return { box, show };
}
