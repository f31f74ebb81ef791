// The sentences that were tried: how long each is, and how much of it came out right.
import { board, label, line, percent, svg } from "../kit/draw.js";

const [LEFT, TOP, HEIGHT, BOTTOM] = [44, 24, 150, 40]; // pixels

const shortened = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

// tried() gives [{ text, tokens, score }], text() what is looked at; path() are the
// texts that belong together; pick(text) is called.
export function triedPicture({ tried, text, path, pick }) {
  let dots = [];
  const draw = (space) => {
    const longest = Math.max(35, ...tried().map(({ tokens }) => tokens));
    const right = space - 12;
    const x = (tokens) => LEFT + ((right - LEFT) * tokens) / longest;
    const y = (score) => TOP + HEIGHT * (1 - score);
    const across = (v) => [LEFT, right].map((at) => [at, y(v)]);
    const nodes = [label(2, 12, "words right, in order", "start", "output")];
    for (const v of [0, 0.5, 1])
      nodes.push(
        line(across(v), "line", 1),
        label(LEFT - 6, y(v) + 4, percent(v), "end"),
      );
    for (let tokens = 0; tokens <= longest; tokens += 10)
      nodes.push(label(x(tokens), y(0) + 18, String(tokens), "middle"));
    nodes.push(label(right, y(0) + 34, "tokens in the source", "end", "input"));
    dots = tried().map((one) => ({ ...one, x: x(one.tokens), y: y(one.score) }));
    const own = path()
      .map((rung) => dots.find((dot) => dot.text === rung))
      .filter(Boolean);
    if (own.length > 1)
      nodes.push(
        line(
          own.map((dot) => [dot.x, dot.y]),
          "output",
          1.5,
          "4 4",
        ),
      );
    const isNow = (dot) => dot.text === text();
    dots.sort((one, other) => isNow(one) - isNow(other)); // it lies on top
    for (const dot of dots) {
      const now = isNow(dot);
      const look = now
        ? "fill: var(--output); stroke: var(--ink)"
        : "fill: var(--output); stroke: var(--paper)";
      nodes.push(
        svg("circle", {
          cx: dot.x,
          cy: dot.y,
          r: now ? 7 : 5,
          style: look,
          "stroke-width": 2,
        }),
      );
    }
    const said = [...tried()]
      .sort((one, other) => one.tokens - other.tokens)
      .map(({ tokens, score }) => `${tokens} tokens ${percent(score)}`);
    return {
      nodes,
      height: TOP + HEIGHT + BOTTOM,
      says: said.length ? said.join(", ") : "nothing yet",
    };
  };
  const near = (x, y) => {
    const far = (dot) => Math.hypot(dot.x - x, dot.y - y);
    const best = dots.reduce((a, b) => (a && far(a) <= far(b) ? a : b), null);
    return best && far(best) < 16 ? best : null;
  };
  return board({
    name: "Length and score of the sentences tried",
    draw,
    say: (x, y) => {
      const dot = near(x, y);
      if (!dot) return null;
      const { tokens, score, text: sentence } = dot;
      const told = `${tokens} tokens, ${percent(score)}: ${shortened(sentence)}`;
      return { x: dot.x, y: dot.y - 4, text: told };
    },
    pin: (x, y) => {
      const dot = near(x, y);
      if (dot) pick(dot.text);
    },
  });
}
