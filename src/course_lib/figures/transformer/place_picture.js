// One picture: the words with their clocks, lines from them to their columns in a map of
// the codes, and the product of the pinned place with every place.
import { board, number, svg } from "../kit/draw.js";
import { LEFT, clocks, handText } from "./clocks.js";
import { codeMap } from "./code_map.js";
import { CURVE, productCurve } from "./product_curve.js";

const FAN = 38; // from the clocks down to the map
const RIGHT = 8;

const said = (v) => (v === null ? "none" : number(v));

// now() gives { words, places, coding, at, columns, similar, compared }: the pinned place,
// how many places there are, what similar(place) compares with it, and how that is called.
// pin(place) is called on a click.
export function placePicture({ now, pin }) {
  const draws = codeMap();
  let parts = null; // of what is drawn

  const draw = (width) => {
    const { words, places, coding, at, columns, similar, compared } = now();
    const column = (text, place, quantity) => {
      return { text, place, quantity, code: coding.code(place) };
    };
    const shown = [
      column(width < 480 ? "pin" : "pinned", at, "ink"),
      ...words.map((word, n) => column(word, places[n], "position")),
    ];
    const font = getComputedStyle(picture.box).fontFamily;
    const clock = clocks({ width, font, columns: shown, coding });
    const cell = (width - LEFT - RIGHT) / columns;
    const x = (place) => LEFT + (place + 0.5) * cell;
    const marked = [...places.map((p) => [p, "position"]), [at, "ink"]];
    const top = clock.height + FAN;
    const map = draws({
      left: LEFT,
      top,
      cell,
      columns,
      coding,
      frames: marked,
      pairs: clock.pairs,
    });
    const link = ({ place, quantity }, n) =>
      svg("path", {
        d: `M${clock.x(n)} ${clock.height}v6L${x(place)} ${top - 3}`,
        style: `fill: none; stroke: var(--${quantity})`,
        "stroke-width": 1.25,
      });
    const curve = top + map.height + 52;
    const values = Array.from({ length: columns }, (_, p) => similar(p));
    parts = { clock, map, cell, curve, x };
    return {
      nodes: [
        ...clock.nodes,
        ...shown.flatMap((one, n) => (one.place < columns ? [link(one, n)] : [])),
        ...map.nodes,
        ...productCurve({
          left: LEFT,
          right: width - RIGHT,
          top: curve,
          x,
          values,
          dots: marked,
          title: compared,
        }),
      ],
      height: curve + CURVE + 12,
      says: [
        ...words.map((word, n) => `${word} at place ${places[n]}`),
        compared,
        ...[0, 1, 2, 5, 10, 20]
          .map((step) => at + step)
          .filter((p) => p < columns)
          .map((p) => `p = ${p}: ${said(values[p])}`),
      ].join("; "),
    };
  };

  // What is there: a place, and the pair of a clock or the dimension of the map.
  const hit = (px, py) => {
    if (!parts) return null;
    const { clock, map, cell, curve, x } = parts;
    if (py < clock.height) {
      const found = clock.at(px, py);
      return found && { ...found, place: [now().at, ...now().places][found.n] };
    }
    const place = Math.floor((px - LEFT) / cell);
    const c = map.at(py);
    if (place < 0 || place >= now().columns) return null;
    return c !== null || py > curve - 10 ? { place, c, x: x(place) } : null;
  };
  const say = (px, py) => {
    const found = hit(px, py);
    if (!found) return null;
    const { words, coding, similar } = now();
    const { place, n, pair, c, x } = found;
    const code = coding.code(place);
    const tell = (y, text) => ({ x, y, text });
    if (n !== undefined) {
      const name = n ? `“${words[n - 1]}”, place ${place}` : `place ${place}`;
      const hand = code ? handText(code, pair, coding) : "no code";
      return tell(found.y - 12, pair === null ? name : `${name}, ${hand}`);
    }
    if (c === null) return tell(parts.curve, `place ${place}: ${said(similar(place))}`);
    const value = code ? number(code[c]) : "none";
    return tell(py, `place ${place}, dimension ${c}: ${value}`);
  };
  const picture = board({
    name: "The codes of the places",
    draw,
    say,
    pin: (px, py) => {
      const place = hit(px, py)?.place;
      if (place < now().columns) pin(place);
    },
  });
  return picture;
}
