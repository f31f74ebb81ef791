// Two sentences as columns of buttons, and lines between them as wide as the weights.
import { board, button, make, svg } from "../kit/draw.js";

const WIDEST = 11; // pixels for a weight of 1
const LEAST = 0.01; // below it no line is drawn

export const fanStyle = `
.fan { position: relative; display: grid; gap: 0 8px;
  grid-template-columns: auto minmax(60px, 1fr) auto; }
.fan ol { list-style: none; margin: 0; padding: 0; display: flex; flex-direction: column;
  justify-content: space-between; gap: 3px; min-width: 0; }
.fan li { display: flex; }
.fan button { flex: 1; display: flex; gap: 0 6px; align-items: baseline;
  padding: 2px 9px; text-align: left; border: 1.5px solid var(--line); flex-wrap: wrap;
  background: var(--paper); word-break: keep-all; overflow-wrap: anywhere; }
.fan ol:last-of-type { min-width: min-content; }
.fan ol:last-of-type button { overflow-wrap: normal; }
.fan ol:first-of-type button { justify-content: flex-end; }
.fan small { color: var(--quiet); font-size: 12px; white-space: nowrap; }
.fan .unknown { border: 1.5px dashed var(--negative); }
.fan .changed { border: 2px dashed var(--ink); }
.fan .forced { background: var(--soft); border: 2.5px solid var(--ink); }
.fan button[aria-pressed="true"] { border-color: var(--attention); color: var(--attention);
  box-shadow: inset 0 0 0 2px var(--attention); }
.fan .board { margin: 0; overflow: hidden; }
.fan svg { position: absolute; } /* or it would hold the columns apart */
@media (pointer: fine) {
  .fan button { min-height: 30px; }
  .fan.long button { min-height: 25px; padding-block: 0; }
}
`;

// One column: buttons of which the arrow keys choose one, so the tab key passes them all.
function column({ name, point, pick, keys }) {
  const list = make("ol", { "aria-label": name });
  const nodes = () => [...list.querySelectorAll("button")];
  const place = (event) => nodes().indexOf(event.target.closest?.("button"));
  const on = (kind, act) =>
    list.addEventListener(kind, (event) => {
      const n = place(event);
      if (n >= 0) act(n, event);
    });
  on("pointerover", (n) => point(n));
  on("focusin", (n) => {
    nodes().forEach((node, m) => (node.tabIndex = m === n ? 0 : -1));
    point(n);
  });
  for (const kind of ["pointerleave", "focusout"])
    list.addEventListener(kind, () => point(null));
  on("click", (n) => pick(n));
  const go = (n) => nodes()[Math.max(0, Math.min(nodes().length - 1, n))]?.focus();
  on("keydown", (n, event) => {
    const moves = {
      ArrowUp: () => go(n - 1),
      ArrowDown: () => go(n + 1),
      Home: () => go(0),
      End: () => go(Infinity),
      ...keys,
    };
    if (!moves[event.key]) return;
    event.preventDefault();
    moves[event.key](n);
  });
  // `items` are [{ text, small, called, kinds, pressed, lang }]: called by name, of kinds.
  const show = (items) => {
    while (list.children.length > items.length) list.lastChild.remove();
    items.forEach(({ text, small, called, kinds, pressed, lang = null }, n) => {
      const node =
        list.children[n]?.firstChild ??
        list.appendChild(make("li", {}, button("", null, { tabindex: n ? -1 : 0 })))
          .firstChild;
      node.className = kinds.filter(Boolean).join(" ");
      node.setAttribute("aria-label", called);
      node.setAttribute("aria-pressed", String(pressed));
      node.replaceChildren(
        make("span", { lang }, text),
        ...(small ? [make("small", {}, small)] : []),
      );
    });
    if (items.length && !nodes().some((node) => node.tabIndex === 0))
      nodes()[0].tabIndex = 0;
  };
  const middle = (n) => {
    const { offsetTop, offsetHeight } = nodes()[n];
    return offsetTop - list.offsetTop + offsetHeight / 2;
  };
  return { list, show, middle, go };
}

// now() gives { weights, row, column, chosen, forced(t) }: weights[t][i], the row and the
// column that are shown alone, the chosen row, or null for each, and whether the reader
// has placed the attention of a row. point({ row }) or point({ column }) is called with
// what is pointed at, null for nothing; the others as their names say.
export function fan({ now, point, pickRow, pickColumn, release, leave }) {
  const across = { Escape: () => leave() };
  const sources = column({
    name: "The Korean sentence",
    point: (n) => point({ column: n }),
    pick: pickColumn,
    keys: { ...across, ArrowRight: () => targets.go(now().chosen ?? 0) },
  });
  const targets = column({
    name: "The translation",
    point: (n) => point({ row: n }),
    pick: pickRow,
    keys: {
      ...across,
      ArrowLeft: (t) => {
        const weights = now().weights[t];
        sources.go(weights.indexOf(Math.max(...weights)));
      },
      Delete: release,
      Backspace: release,
    },
  });
  const draw = (width) => {
    const { weights, row, column: pointed, forced } = now();
    const lines = [];
    weights.forEach((all, t) =>
      all.forEach((w, i) => {
        if (w < LEAST) return;
        const shown = (row === null && pointed === null) || t === row || i === pointed;
        const [from, to] = [sources.middle(i), targets.middle(t)];
        lines.push(
          svg("path", {
            d: `M0,${from} C${width / 2},${from} ${width / 2},${to} ${width},${to}`,
            "stroke-width": Math.max(0.75, WIDEST * w).toFixed(2),
            opacity: shown ? (0.25 + 0.6 * w).toFixed(2) : 0.05,
            style: `fill: none; stroke: var(--${forced(t) ? "ink" : "attention"})`,
          }),
        );
      }),
    );
    const height = Math.max(sources.list.offsetHeight, targets.list.offsetHeight);
    return { nodes: lines, height, says: `${lines.length} lines` };
  };
  const picture = board({ name: "The weights as lines", draw });
  const watch = new ResizeObserver(picture.redraw); // words may need more lines
  for (const { list } of [sources, targets]) watch.observe(list);
  const box = make("div", { class: "fan" }, sources.list, picture.box, targets.list);
  const show = (source, target) => {
    sources.show(source);
    targets.show(target);
  };
  return { box, show, redraw: picture.redraw };
}
