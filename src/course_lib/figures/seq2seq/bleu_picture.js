// The words of a translation and of its reference, and under them a bar for each run of
// n words: filled where it counts, dashed where it is clipped, thin where it is absent.
import { board, label, mix, outline, svg } from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { counted, matched, ngrams } from "./bleu.js";

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const BOX = 28; // pixels: height of a word
const BAR = 8;
const TRACK = 12; // from bar to bar

const times = (count) => ["not", "once", "twice"][count] ?? `${count} times`;

// What happens to the n-gram at `place` of the translation, in a sentence.
export function fate(ours, theirs, place) {
  const gram = ours[place];
  const mark = matched(ours, theirs)[place];
  const [here, there] = [ours, theirs].map((all) => counted(all).get(gram) ?? 0);
  const said = {
    counts: `the reference has it ${times(there)}: it counts`,
    clipped: `used ${times(here)}, but the reference has it ${times(there)}: this one is too many and does not count`,
    absent: "the reference does not have it: it does not count",
  };
  return `“${gram}”: ${said[mark]}.`;
}

// Each n-gram that is used more often than the reference allows, in a sentence.
export function clippings(ours, theirs) {
  const most = counted(theirs);
  return [...counted(ours)]
    .filter(([gram, count]) => most.has(gram) && count > most.get(gram))
    .map(
      ([gram, count]) =>
        `“${gram}” is used ${times(count)}, the reference has it ${times(most.get(gram))}: ${most.get(gram)} of ${count} count.`,
    );
}

// texts() gives { translation, reference }, lists of words; n() from 1 to 4; at() is the
// n-gram of the translation that is looked at, or null; pick(place) chooses one.
export function wordsPicture({ texts, n, at, pick }) {
  const pen = document.createElement("canvas").getContext("2d");
  let hits = [];

  const shortened = (word, most) => {
    pen.font = `15px ${FONT}`;
    if (pen.measureText(word).width <= most) return word;
    let end = word.length;
    while (end > 1 && pen.measureText(`${word.slice(0, end)}…`).width > most) end--;
    return `${word.slice(0, end)}…`;
  };
  // Words in lines, as text flows: { text, x, y, width, line } of each.
  const flow = (words, space, top, pitch) => {
    let [x, row] = [1, 0];
    const placed = words.map((word) => {
      const text = shortened(word, space - 20);
      const width = Math.ceil(pen.measureText(text).width) + 14;
      if (x > 1 && x + width > space - 1) [x, row] = [1, row + 1];
      const own = { text, x, y: top + row * pitch, width, row };
      x += width + 6;
      return own;
    });
    return { placed, bottom: top + (words.length ? row + 1 : 0) * pitch };
  };
  // The bar of an n-gram, in two parts where its words stand in two lines.
  const parts = (placed, first, length) => {
    const rows = new Map();
    for (const word of placed.slice(first, first + length)) {
      const part = rows.get(word.row) ?? { x: word.x, y: word.y + BOX + 4 };
      rows.set(word.row, { ...part, width: word.x + word.width - part.x });
    }
    return [...rows.values()].map((part) => ({
      ...part,
      y: part.y + (first % length) * TRACK,
    }));
  };
  const bar = ({ x, y, width }, mark, quantity) => {
    const looks = {
      counts: `fill: var(--${quantity})`,
      clipped: `fill: none; stroke: var(--${quantity}); stroke-width: 1.5; stroke-dasharray: 4 3`,
      absent: "fill: var(--line)",
    };
    const thin = mark === "absent";
    return svg("rect", {
      x: x + 1,
      y: y + (thin ? 3 : 0.75),
      width: width - 2,
      height: thin ? 2 : BAR - 1.5,
      rx: thin ? 1 : 3,
      style: looks[mark],
    });
  };

  const row = (side, top, space) => {
    const ours = side === "translation";
    const quantity = ours ? "output" : "baseline";
    const { translation, reference } = texts();
    const [own, other] = (
      ours ? [translation, reference] : [reference, translation]
    ).map((all) => ngrams(all, n()));
    const marks = matched(own, other);
    const { placed, bottom } = flow(
      texts()[side],
      space,
      top + 20,
      BOX + n() * TRACK + 12,
    );
    const covered = placed.map((_, w) =>
      marks.some((mark, i) => mark === "counts" && i <= w && w < i + n()),
    );
    const now = at();
    const looked = now === null ? null : ngrams(translation, n())[now];
    const nodes = [label(1, top + 11, side, "start", quantity)];
    placed.forEach(({ text, x, y, width }, w) => {
      nodes.push(
        svg("rect", {
          x,
          y,
          width,
          height: BOX,
          rx: 5,
          style: `fill: ${covered[w] ? mix(quantity, 0.22) : "none"}; stroke: var(--line)`,
        }),
        svg("text", {
          x: x + width / 2,
          y: y + 19,
          "text-anchor": "middle",
          style: "font-size: 15px; fill: var(--ink)",
        }),
      );
      nodes.at(-1).textContent = text;
      if (ours || n() === 1)
        hits.push({ x, y, width, height: BOX + 2, side, place: w });
    });
    own.forEach((gram, i) => {
      const all = parts(placed, i, n());
      nodes.push(...all.map((part) => bar(part, marks[i], quantity)));
      hits.push(
        ...all.map((part) => ({
          ...part,
          y: part.y - 2,
          height: TRACK,
          side,
          place: i,
        })),
      );
      const chosen = ours ? i === now : gram === looked;
      if (chosen)
        for (const { x, y, width } of all)
          nodes.push(outline(x - 1, y - 1.5, width + 2, BAR + 3, "ink", 1.5));
    });
    return { nodes, bottom, marks, own };
  };

  const hit = (x, y) =>
    hits.findLast(
      (one) =>
        x >= one.x && x <= one.x + one.width && y >= one.y && y <= one.y + one.height,
    );
  const lists = () => {
    const { translation, reference } = texts();
    return { translation: ngrams(translation, n()), reference: ngrams(reference, n()) };
  };

  return board({
    name: "The words of both, and the runs of words that match",
    draw: (space) => {
      hits = [];
      const first = row("translation", 0, space);
      const second = row("reference", first.bottom + 4, space);
      const told = (mark) =>
        first.own.filter((_, i) => first.marks[i] === mark).map((gram) => `“${gram}”`);
      const said = [
        ["counts", "counting"],
        ["clipped", "one too many"],
        ["absent", "not in the reference"],
      ]
        .filter(([mark]) => told(mark).length)
        .map(([mark, text]) => `${text}: ${told(mark).join(", ")}`);
      return {
        nodes: [...first.nodes, ...second.nodes],
        height: Math.max(40, second.bottom - 6),
        says: `${plural(first.own.length, `${n()}-gram`)}; ${said.join("; ")}`,
      };
    },
    say: (x, y) => {
      const one = hit(x, y);
      const { translation, reference } = lists();
      if (one?.side === "reference") {
        const gram = reference[one.place];
        const count = counted(translation).get(gram) ?? 0;
        return gram
          ? { x, y: one.y, text: `“${gram}”: in the translation ${times(count)}` }
          : null;
      }
      if (!one || !(one.place in translation)) return null;
      const mark = matched(translation, reference)[one.place];
      const short = { counts: "counts", clipped: "one too many", absent: "absent" };
      return { x, y: one.y, text: `“${translation[one.place]}”: ${short[mark]}` };
    },
    pin: (x, y) => {
      const one = hit(x, y);
      if (one?.side === "translation" && one.place < lists().translation.length)
        pick(one.place);
    },
  });
}
