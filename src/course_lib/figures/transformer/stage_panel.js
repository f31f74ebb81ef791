// What an open stage holds: vectors and places, a block, or the next word.
import { make, number, percent, segments } from "../kit/draw.js";
import { attentionPanel, attentionStyle } from "./attention_panel.js";
import { largestOf, strip, stripStyle, strips } from "./strips.js";

export const stageStyle = `
${attentionStyle} ${stripStyle}
.stage { border: 1.5px solid var(--line); border-radius: 8px; padding: 8px 12px;
  margin-top: 8px; }
.stage .note { min-height: 0; margin: 4px 0 8px; }
.logits { width: 100%; border-collapse: collapse; table-layout: fixed; }
.logits :is(th, td) { padding: 4px 10px 4px 0; text-align: right; font-weight: 400; }
.logits :is(th:first-child, thead th:nth-child(2)) { text-align: left; }
.logits thead th { color: var(--quiet); font-size: 13px; }
.logits :is(th, td):nth-child(1) { width: 22%; overflow-wrap: anywhere; }
.logits :is(th, td):nth-child(3) { width: 80px; }
.logits :is(th, td):nth-child(4) { width: 64px; padding-right: 0; }
.logits .x th, .logits .x td { border-bottom: 1px solid var(--line); }
@container (max-width: 480px) { .stage { padding: 8px; } }
`;

// now() gives { stage, part, head, run, rows, columns, chosen, cuts, size, best, x }: the
// stage of flow.js, what is open of it, what its stack did, the tokens that ask and those
// of the source, [{ text, gloss }], the chosen row or null, what is cut, C, the best next
// words [{ text, share, logit, vector }], the vector they are compared with, and whether
// heads may be cut. setPart(part), setHead(head) and toggle(name) are called.
export function stagePanel({ now, norm, setPart, setHead, toggle }) {
  const box = make("div", {
    class: "stage",
    role: "tabpanel",
    id: "stage",
    "aria-label": "The open stage",
  });
  const note = make("p", { class: "note" });
  const vectors = make("div", { class: "strips" });
  const table = make("table", { class: "logits" });
  const kinds = ["self", "cross", "added"];
  const names = {
    self: "self-attention",
    cross: "cross-attention",
    added: "what is added",
  };
  const choices = [kinds, ["self", "added"]].map((some, n) =>
    segments({
      name: "inside this block",
      options: some.map((kind) => [kind, names[kind]]),
      value: "self",
      change: setPart,
    }),
  );
  // two groups of radio buttons must not share a name
  choices[1].querySelectorAll("input").forEach((one) => (one.name = "of the encoder"));
  const attention = attentionPanel({
    now: () => {
      const { run, stage, part, rows, columns, ...rest } = now();
      const cross = part === "cross";
      const trace = run.blocks[stage.n].attentions[cross ? 1 : 0];
      return { ...rest, trace, rows, columns: cross ? columns : rows };
    },
    pick: setHead,
    toggle,
  });

  // -- what each kind of stage says and shows ------------------------------------------
  const words = () => {
    const { run, cuts, size, stage } = now();
    const what =
      stage.stack === "encoder"
        ? "The vector of each Korean word"
        : "The English words are read one place late, behind a start: each row is to say the word after it. The vector of a word";
    note.textContent = cuts.has("positions")
      ? `${what}, times √${size}. The code of its place is cut out: nothing says who comes first.`
      : `${what}, times √${size}, plus the code of its place: the sum goes on.`;
    const { words, places, sum } = run.embedded;
    return [
      ["word", words],
      ["+ place", places],
      ["= sum", sum],
    ];
  };
  const added = () => {
    const { run, stage, cuts } = now();
    const block = run.blocks[stage.n];
    const heard = block.attentions.map(({ heard }, n) => [
      n ? "+ heard from the Korean" : "+ heard from each other",
      heard,
    ]);
    const normed = cuts.has("norms")
      ? "Norms are cut out."
      : norm === "pre"
        ? "Each part reads the vectors through a norm."
        : "After each sum comes a norm.";
    note.textContent = cuts.has("residuals")
      ? `Residual connections are cut out: each part gets only what the part before it made. ${normed}`
      : `What a token hears is added to its vector, and so is what it then makes of that alone, in the feed-forward network. ${normed}`;
    return [
      ["before", block.before],
      ...heard,
      ["+ feed-forward", block.alone],
      ["= after", block.after],
    ];
  };
  const told = () => {
    const { part, stage, cuts } = now();
    const rows = "A row is who asks, a column who is asked; open a head, then a cell.";
    const said = {
      cross: `English tokens ask, the encoder's output answers. ${rows}`,
      encoder: `All Korean tokens ask all. ${rows}`,
      decoder:
        "English tokens ask themselves and those before. A row has read the word it is called by, and is about to say the next one.",
      leaky:
        "The mask is cut out: English tokens ask all, even those that come after. A row has read the word it is called by, and may see the one that it is about to say.",
    };
    const self = stage.stack === "decoder" && cuts.has("mask") ? "leaky" : stage.stack;
    note.textContent = said[part === "cross" ? "cross" : self];
  };
  const next = () => {
    const { best, x, asks } = now();
    note.textContent = `The vector that the last block made of “${asks}”, times the vector of each word: those are the logits. The softmax makes probabilities of them.`;
    const cell = (tag, text) => make(tag, tag === "th" ? { scope: "col" } : {}, text);
    const line = (kind, name, vector, logit, share) =>
      make(
        "tr",
        { class: kind },
        make("th", { scope: "row" }, name),
        make("td", {}, strip(vector, largestOf([vector]))),
        cell("td", logit),
        cell("td", share),
      );
    table.replaceChildren(
      make("caption", { class: "unseen" }, "Logits of the most probable words"),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          ...["", "vector", "x · word", "softmax"].map((text) => cell("th", text)),
        ),
      ),
      make(
        "tbody",
        {},
        line("x", "x", x, "", ""),
        ...best.map(({ text, share, logit, vector }) =>
          line(null, text, vector, number(logit), percent(share)),
        ),
      ),
    );
  };

  let parts = []; // [name, vectors], side by side and with the same colours
  let boards = [];
  const show = (next) => {
    const named = (some) => some.map(([name]) => name).join();
    const same = named(next) === named(parts);
    parts = next;
    if (!same) {
      boards = parts.map(([name], n) =>
        strips({
          name,
          title: name,
          now: () => ({
            rows: now().rows.map(({ text }) => text),
            values: parts[n][1],
            scale: largestOf(...parts.map(([, all]) => all)),
            chosen: now().chosen,
          }),
        }),
      );
      vectors.replaceChildren(...boards.map(({ box }) => box));
    }
    for (const { redraw } of boards) redraw();
  };
  const update = () => {
    const { stage, part } = now();
    const isBlock = stage.kind === "block";
    const maps = isBlock && part !== "added";
    choices.forEach((node, n) => {
      node.hidden = !isBlock || (stage.stack === "decoder" ? n !== 0 : n !== 1);
      if (n === 0 || part !== "cross") node.set(part);
    });
    attention.box.hidden = !maps;
    vectors.hidden = maps || stage.kind === "next";
    table.hidden = stage.kind !== "next";
    if (maps) {
      told();
      attention.update();
    } else if (stage.kind === "next") next();
    else show(isBlock ? added() : words());
  };
  box.append(...choices, note, attention.box, vectors, table);
  return { box, update };
}
