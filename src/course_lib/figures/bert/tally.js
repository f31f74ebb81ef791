// All draws so far against what is expected of them: a table, and a picture in which the
// share of chosen tokens settles.
import { board, label, line, make, number, signedNumber, svg } from "../kit/draw.js";
import { grouped } from "../kit/counts.js";

export const tallyStyle = `
.tally { border-collapse: collapse; margin: 6px 0; }
.tally :is(th, td) { padding: 3px 18px 3px 0; text-align: right; font-weight: 400;
  white-space: nowrap; }
.tally th:first-child { text-align: left; }
.tally :is(th, td):last-child { padding-right: 0; }
.tally thead th { color: var(--quiet); font-size: 13px; }
.tally tbody tr:first-child > * { border-bottom: 1px solid var(--line); }
.tally b { font-weight: 650; }
@container (max-width: 480px) { .tally :is(th, td) { padding-right: 9px; font-size: 13.5px; }
  .tally .count { display: none; }
  .tally th:first-child { white-space: normal; } }
`;

const NAMES = {
  chosen: "chosen, of all",
  masked: "of these [MASK]",
  other: "of these another",
  itself: "of these itself",
};

const tenth = (share) => `${number(100 * share, 1)}\u00a0%`;

// A node that has set(rows), of masking.js's compare.
export function tallyTable() {
  const body = make("tbody");
  const heads = ["", "count", "share", "expected", "off by"];
  const table = make(
    "table",
    { class: "tally" },
    make("caption", { class: "unseen" }, "All draws so far"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...heads.map((text) =>
          text ? make("th", { scope: "col", class: text }, text) : make("td"),
        ),
      ),
    ),
    body,
  );
  const cells = ({ count, of, share, expected, sd, off }) => [
    ["count", `${grouped(count)} of ${grouped(of)}`],
    ["", share === null ? "–" : make("b", {}, tenth(share))],
    ["", sd === null ? tenth(expected) : `${number(100 * expected, 1)} ± ${tenth(sd)}`],
    ["", off === null ? "–" : `${signedNumber(off, 1)} sd`],
  ];
  const set = (rows) =>
    body.replaceChildren(
      ...rows.map((row) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, NAMES[row.fate]),
          ...cells(row).map(([kind, inside]) =>
            make("td", { class: kind || null }, inside),
          ),
        ),
      ),
    );
  return Object.assign(table, { set });
}

const HEIGHT = 130;
const LEFT = 42;
const LEAST = 100; // draws that the axis has room for

// now() gives { each, rate, chosen, error }: the tokens of one draw, the share that is
// expected, how many were chosen after each draw, and the error after n draws.
export function funnel(now) {
  let width = 1;
  const scale = () => {
    const { each, rate, chosen, error } = now();
    const most = Math.max(LEAST, chosen.length);
    const reach = 3 * error(1);
    const [low, high] = [Math.max(0, rate - reach), Math.min(1, rate + reach)];
    const x = (n) => LEFT + ((width - LEFT - 12) * Math.log(n)) / Math.log(most);
    const y = (share) => {
      const inside = Math.max(low, Math.min(high, share));
      return 22 + (HEIGHT * (high - inside)) / (high - low);
    };
    // draws at even distances of the axis: more points than pixels say nothing
    const places = [...Array(201).keys()].map((i) => Math.round(most ** (i / 200)));
    return {
      each,
      rate,
      chosen,
      error,
      most,
      low,
      high,
      x,
      y,
      places: [...new Set(places)],
    };
  };
  const share = ({ chosen, each }, n) => chosen[n - 1] / (n * each);

  const draw = (space) => {
    width = space;
    const at = scale();
    const { each, rate, chosen, error, most, low, high, x, y, places } = at;
    const band = (times) => {
      const edge = (sign) =>
        places.map((n) => [x(n), y(rate + sign * times * error(n))]);
      const points = [...edge(1), ...edge(-1).reverse()];
      return svg("polygon", {
        points: points.map((p) => p.map((v) => v.toFixed(1)).join(",")).join(" "),
        style: "fill: var(--baseline)",
        opacity: 0.16,
      });
    };
    const seen = places.filter((n) => n <= chosen.length);
    if (seen.at(-1) !== chosen.length) seen.push(chosen.length);
    const end = [x(chosen.length), y(share(at, chosen.length))];
    const ticks = [1, 10, 100, 1000, 10000].filter((n) => n <= most);
    const levels = [low, rate, high];
    const nodes = [
      label(0, 11, "chosen so far, of all tokens", "start", "output"),
      label(width - 12, 11, "grey: ± 1 and 2 sd", "end"),
      band(2),
      band(1),
      line(
        [
          [x(1), y(rate)],
          [x(most), y(rate)],
        ],
        "baseline",
        1.5,
        "5 4",
      ),
      ...levels.map((v) =>
        label(LEFT - 6, y(v) + 4, `${Math.round(100 * v)} %`, "end"),
      ),
      ...ticks.map((n, i) =>
        label(
          x(n),
          HEIGHT + 38,
          grouped(n * each),
          !i ? "start" : x(n) > width - 40 ? "end" : "middle",
        ),
      ),
      label(width - 12, HEIGHT + 54, "tokens", "end"),
      line(
        seen.map((n) => [x(n), y(share(at, n))]),
        "output",
        2,
      ),
      svg("circle", {
        cx: end[0],
        cy: end[1],
        r: 5,
        style: "fill: var(--output); stroke: var(--paper); stroke-width: 1.5",
      }),
    ];
    const n = chosen.length;
    return {
      nodes,
      height: HEIGHT + 60,
      says: `after ${grouped(n * each)} tokens ${tenth(share(at, n))}, expected ${number(100 * rate, 1)} ± ${tenth(error(n))}`,
    };
  };
  const say = (px, py) => {
    const at = scale();
    if (px < LEFT - 8 || py < 16 || py > HEIGHT + 28) return null;
    const far = ((px - LEFT) / (width - LEFT - 12)) * Math.log(at.most);
    const n = Math.max(1, Math.min(at.chosen.length, Math.round(Math.exp(far))));
    return {
      x: at.x(n),
      y: at.y(share(at, n)),
      text: `${grouped(n * at.each)} tokens: ${tenth(share(at, n))}, expected ± ${tenth(at.error(n))}`,
    };
  };
  return board({ name: "The share of chosen tokens", draw, say });
}
