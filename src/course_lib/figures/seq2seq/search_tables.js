// The numbers of a search as tables: what has ended, what was drawn, one step, the model.
import { make, number, percent } from "../kit/draw.js";
import { lengthPenalty, normalised, ranked, whole } from "./decoding.js";
import { spoken } from "./search_words.js";
import { START, rowAfter, said } from "./word_table.js";

const LISTED = 8; // of the sequences that were drawn

export const tableStyle = `
table { border-collapse: collapse; width: 100%; margin: 4px 0; font-size: 14px; }
caption { text-align: left; font-weight: 650; padding: 4px 0; }
th, td { text-align: right; padding: 4px 6px; border-top: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 400; font-size: 13px; border: 0; }
:is(th, td):nth-child(2) { text-align: left; width: 99%; }
tr.out td { color: var(--quiet); }
tr.best td { font-weight: 650; color: var(--output); }
.rows { display: grid; gap: 2px 20px; margin: 6px 0; font-size: 14px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
.rows div { display: flex; gap: 8px; padding: 2px 0; border-top: 1px solid var(--line); }
.rows dt { flex: 0 0 78px; color: var(--input); }
.rows dd { margin: 0; }
.rows .now dt { color: var(--ink); font-weight: 650; }
.rows .now { box-shadow: inset 3px 0 var(--output); padding-left: 6px; }
`;

// Lines are { values, look }; a table without any is not shown.
function fillTable(node, title, head, lines) {
  node.replaceChildren(
    make("caption", {}, title),
    make(
      "thead",
      {},
      make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name))),
    ),
    make(
      "tbody",
      {},
      ...lines.map(({ values, look }) =>
        make("tr", { class: look }, ...values.map((value) => make("td", {}, value))),
      ),
    ),
  );
  node.style.display = lines.length ? "" : "none";
}

export function fillEnded(node, { table, ended, alpha, width, end, done }) {
  const order = ranked(ended, alpha);
  const lines = order.map((one, rank) => {
    const penalty = lengthPenalty(whole(one, end).length, alpha);
    const divided = [number(penalty), number(normalised(one, alpha))];
    return {
      values: [
        String(rank + 1),
        spoken(table, one),
        number(one.score),
        ...(alpha > 0 ? divided : []),
      ],
      look: rank >= width ? "out" : done && !rank ? "best" : null,
    };
  });
  const cut = order.length > width ? `, of which the best ${width} count` : "";
  const penalties = alpha > 0 ? ["÷ penalty", "= normalised"] : [];
  fillTable(
    node,
    `Ended so far${cut}`,
    ["rank", "sequence", "log p", ...penalties],
    lines,
  );
}

// `draws` are those so far, `most` all that there will be; isBest(one) marks some.
export function fillDrawn(node, { table, draws, most, end, isBest }) {
  const counts = new Map();
  for (const one of draws) {
    const key = whole(one, end).join(" ");
    counts.set(key, { one, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  const order = [...counts.values()].sort(
    (a, b) => b.count - a.count || b.one.score - a.one.score,
  );
  const lines = order.slice(0, LISTED).map(({ one, count }) => ({
    values: [
      `${count}×`,
      spoken(table, one),
      percent(count / draws.length),
      percent(Math.exp(one.score)),
    ],
    look: isBest(one) ? "best" : null,
  }));
  const rest =
    order.length > LISTED
      ? `, the ${LISTED} most frequent of ${order.length} sequences`
      : "";
  const head = ["drawn", "sequence", "share", "model"];
  fillTable(node, `Drawn: ${draws.length} of ${most}${rest}`, head, lines);
}

export function fillStep(node, { table, candidates, at }) {
  const lines = candidates.map((one, place) => ({
    values: [
      String(place + 1),
      said(table, one.tokens).join(" "),
      number(Math.exp(one.own)),
      number(one.score),
      one.over ? "ended" : one.kept ? "kept" : "pruned",
    ],
    look: one.kept ? null : "out",
  }));
  const head = ["rank", "words", "p of the last", "score", "and so"];
  fillTable(node, `Step ${at}: all continuations`, head, lines);
}

// The model; the rows that `beam`, a list of tokens, asks for are marked.
export function fillModel(node, { table, next, beam }) {
  const now = new Set(beam.map((tokens) => rowAfter(table, said(table, tokens)).name));
  node.replaceChildren(
    ...Object.keys(table.rows).map((name) => {
      const logs = next.row(name);
      const shares = Object.keys(table.rows[name])
        .map((word) => [word, Math.exp(logs[table.words.indexOf(word)])])
        .sort(([, one], [, other]) => other - one)
        .map(([word, p]) => `${word} ${p.toFixed(2)}`);
      const whole = name.includes(" ") || name === START;
      return make(
        "div",
        { class: now.has(name) ? "now" : null },
        make("dt", {}, whole ? name : `… ${name}`),
        make("dd", {}, shares.join(" · ")),
      );
    }),
  );
}
