// Weights as a grid: a row for each target word, a column for each source token.
import { board, label, mix, number, outline, svg } from "../kit/draw.js";

const CELL = { least: 16, touched: 24, wished: 28, most: 44, height: 28 };
const TURN = 60; // degrees by which the words of the columns stand up
const GAP = 8; // between words and cells
const FADE = 28; // at the edge beyond which there is more
const rad = (TURN * Math.PI) / 180;

export const columnText = ({ token, gloss }) => (gloss ? `${token} ${gloss}` : token);

// Where the largest weight of a row is.
const top = (weights) => weights.indexOf(Math.max(...weights));

// now() gives { rows, columns, weights, gold, row, column, held }: words, tokens with their
// glosses, weights[t][i], the gold links [[i, t], …], the row and the column that are shown
// alone (or null), and held(t, i): whether the reader put all weight there. point(t, i) is
// called with where the pointer is, or with nulls; pick(t, i) on a click.
export function heatMap({ name, now, point = null, pick = null }) {
  let place = null; // of the cells
  const pen = document.createElement("canvas").getContext("2d");
  const wide = (text) => pen.measureText(text).width;
  const least = matchMedia("(pointer: coarse)").matches ? CELL.touched : CELL.least;
  const draw = (space) => {
    const { rows, columns, weights, gold, row, column, held } = now();
    const texts = columns.map(columnText);
    pen.font = `650 13.5px ${getComputedStyle(map.box).fontFamily}`;
    const left = Math.max(40, ...rows.map(wide)) + GAP;
    const head = Math.max(30, ...texts.map((text) => wide(text) * Math.sin(rad))) + 14;
    // how many cells, and pixels more, there are up to where a column's word ends
    const ends = [
      [columns.length, 0],
      ...texts.map((text, i) => [i + 0.5, 4 + wide(text) * Math.cos(rad)]),
    ];
    const fits = Math.min(
      ...ends.map(([cells, more]) => (space - left - more) / cells),
    );
    const size = Math.max(least, Math.min(CELL.most, Math.floor(fits)));
    place = { left, head, size };
    const x = (i) => left + i * size;
    const y = (t) => head + t * CELL.height;
    const alone = row !== null || column !== null;
    const shown = (t, i) => !alone || t === row || i === column;
    const nodes = columns.map((one, i) => {
      const strong = column === i || (row !== null && top(weights[row]) === i);
      const at = [x(i) + size / 2 + 4, head - GAP + 2];
      const gloss = one.gloss && svg("tspan", { class: "gloss" }, ` ${one.gloss}`);
      return svg(
        "text",
        {
          class: strong ? "strong" : "ink",
          transform: `translate(${at.join(" ")}) rotate(${-TURN})`,
        },
        svg("tspan", { lang: "ko", "font-size": 13.5 }, one.token),
        gloss || null,
      );
    });
    rows.forEach((word, t) => {
      const text = label(left - GAP, y(t) + CELL.height / 2 + 4, word, "end");
      text.setAttribute("class", t === row ? "strong" : "ink");
      nodes.push(text);
      weights[t].forEach((w, i) =>
        nodes.push(...cell(x(i), y(t), size, w, shown(t, i), alone)),
      );
    });
    for (const [i, t] of gold)
      nodes.push(outline(x(i) + 2, y(t) + 2, size - 4, CELL.height - 4, "key", 2));
    rows.forEach((_, t) =>
      columns.forEach((_, i) => {
        if (held?.(t, i)) nodes.push(outline(x(i), y(t), size, CELL.height, "ink", 3));
      }),
    );
    const needed = Math.ceil(Math.max(...ends.map(([cells, more]) => x(cells) + more)));
    const width = needed > space ? needed + FADE : space;
    if (width > space) nodes.push(label(0, 12, "scroll →"));
    const says = rows
      .map((word, t) => {
        const i = top(weights[t]);
        return `${word}: ${columns[i].token} ${number(weights[t][i])}`;
      })
      .join("; ");
    return { nodes, width, height: y(rows.length) + 4, says };
  };
  const at = (x, y) => {
    const { rows, columns } = now();
    const i = Math.floor((x - place.left) / place.size);
    const t = Math.floor((y - place.head) / CELL.height);
    const inside = t >= 0 && t < rows.length && i >= 0 && i < columns.length;
    return inside ? [t, i] : null;
  };
  const say = (x, y) => {
    const hit = place && at(x, y);
    if (!hit) return null;
    const { rows, columns, weights } = now();
    const [t, i] = hit;
    return {
      x: place.left + (i + 0.5) * place.size,
      y: place.head + t * CELL.height,
      text: `${rows[t]} looks at ${columns[i].token}: ${number(weights[t][i], 3)}`,
    };
  };
  const map = board({
    name,
    draw,
    say,
    pin: pick && ((x, y) => at(x, y) && pick(...at(x, y))),
  });
  map.box.classList.add("map");
  if (point) {
    const picture = map.box.querySelector("svg");
    const moved = (event) => {
      const corner = picture.getBoundingClientRect();
      const hit = place && at(event.clientX - corner.left, event.clientY - corner.top);
      point(...(hit ?? [null, null]));
    };
    picture.addEventListener("pointermove", moved);
    picture.addEventListener("pointerleave", () => point(null, null));
  }
  // How wide it would like to be: the part of a row that it takes.
  const wish = () => CELL.wished * now().columns.length + 150;
  // Scrolls the grid, where it must, to the largest weight of a row.
  const see = (t) => {
    if (!place) return; // not drawn yet
    const { left, size } = place;
    const { scrollLeft, clientWidth } = map.box;
    const x = left + top(now().weights[t]) * size;
    if (x < scrollLeft || x + size > scrollLeft + clientWidth - FADE)
      map.box.scrollLeft = x + (size - clientWidth) / 2;
  };
  return { ...map, wish, see };
}

export const goldKey = "--fill: none; --edge: 2px solid var(--key)"; // for a legend

// An event at a cell that is redrawn meanwhile would be lost: the whole takes them all.
export const mapStyle = `
.map svg > * { pointer-events: none; }
.map[tabindex]:not(:hover, :focus-visible) {
  mask-image: linear-gradient(to left, transparent, black ${FADE}px); }
svg text.ink { fill: var(--ink); font-size: 13px; }
svg text.strong { font-size: 13px; }
svg text .gloss { fill: var(--quiet); font-size: 11.5px; font-weight: 400; }
svg text.weight { fill: var(--ink); font-size: 11px; }
svg text.weight.deep { fill: var(--paper); }
`;

// A weight, with its number where its row or its column is shown alone.
function cell(x, y, width, w, shown, numbered) {
  const opacity = shown ? null : 0.3;
  const fill = `fill: ${mix("attention", w)}`;
  const box = svg("rect", {
    class: "cell",
    x: x + 0.5,
    y: y + 0.5,
    width: width - 1,
    height: CELL.height - 1,
    rx: 2,
    opacity,
    style: fill,
  });
  if (!numbered || !shown) return [box];
  const text = label(0, 4, number(w), "middle");
  const turn = width < CELL.wished ? " rotate(-90)" : "";
  const middle = `${x + width / 2} ${y + CELL.height / 2}`;
  text.setAttribute("transform", `translate(${middle})${turn}`);
  text.setAttribute("class", w > 0.55 ? "weight deep" : "weight");
  return [box, text];
}
