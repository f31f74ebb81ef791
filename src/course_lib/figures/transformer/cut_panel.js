// What can be cut out of the model, and what that does to a sentence.
import { button, make, number, off, predict, signedNumber } from "../kit/draw.js";
import { PARTS, headName } from "./transformer.js";

export const cutStyle = `
.cuts[hidden] { display: none; }
.cuts .row button { background: var(--paper); }
.cuts button[aria-pressed="true"] { border: 1.5px dashed var(--negative);
  color: var(--negative); box-shadow: none; text-decoration: line-through; }
.cuts .net { border-collapse: collapse; width: 100%; table-layout: fixed; }
.cuts .net :is(th, td) { padding: 2px 6px 2px 0; font-weight: 400; text-align: left;
  font-size: 13.5px; }
.cuts .net th:first-child { width: 34%; color: var(--quiet); }
.cuts .net button { width: 100%; min-height: 32px; padding: 2px 4px; font-size: 13px;
  background: color-mix(in oklab, var(--negative) var(--loss, 0%), var(--paper)); }
.cuts .net small { color: var(--ink); font-size: 12px; }
.outcome { border-collapse: collapse; width: 100%; margin: 8px 0; }
.outcome :is(th, td) { padding: 4px 12px 4px 0; text-align: left; font-weight: 400;
  vertical-align: top; }
.outcome thead th { color: var(--quiet); font-size: 13px; }
.outcome :is(th, td):last-child { text-align: right; padding-right: 0;
  white-space: nowrap; }
.outcome tbody tr + tr { border-top: 1px solid var(--line); }
.outcome tbody th { font-weight: 600; white-space: nowrap; }
@media (pointer: coarse) { .cuts .net button { min-height: 44px; } }
`;

const partNames = {
  mask: "the causal mask",
  scale: "the scale 1/√D",
  residuals: "all residual connections",
  norms: "all norms",
  positions: "the positions",
};
const short = (name) => partNames[name].replace(/^(the|all) /, "");
const placeOf = (name) => {
  const [stack, block, kind, head] = name.split(" ");
  return { where: `${stack} block ${block}`, kind: `${kind}-attention`, head };
};
// What is cut, in words: a part, or "encoder 1 self 2".
export const cutText = (name) => {
  if (name in partNames) return partNames[name];
  const { where, kind, head } = placeOf(name);
  return `head ${head} of the ${kind} in ${where}`;
};

// toggle(name) cuts or puts back, restore() puts all back, measure() gives the losses of
// effects.js with the words they are of, { words, losses }; tempt() changes a word;
// opened() is called when the question is answered.
export function cutPanel({
  attentions,
  heads,
  toggle,
  restore,
  measure,
  tempt,
  opened,
}) {
  const toggles = new Map();
  const one = (name, text, called) => {
    const node = button(text, () => toggle(name), { "aria-label": `cut ${called}` });
    toggles.set(name, node);
    return node;
  };
  const parts = make(
    "div",
    { class: "row", role: "group", "aria-label": "Parts to cut out" },
    ...PARTS.map((name) => one(name, short(name), partNames[name])),
  );
  const net = make(
    "table",
    { class: "net" },
    make("caption", { class: "unseen" }, "Heads to cut out"),
    make(
      "tbody",
      {},
      ...attentions.map((at) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, `${placeOf(at).where}, ${placeOf(at).kind}`),
          ...Array.from({ length: heads }, (_, h) => {
            const name = headName(at, h + 1);
            return make("td", {}, one(name, `head ${h + 1}`, cutText(name)));
          }),
        ),
      ),
    ),
  );
  const outcome = make("table", { class: "outcome" });
  const leak = make("span");
  const tempting = button("", tempt);
  const back = button("Put all back", restore, { style: "border-style: dashed" });
  const about = make("p", { class: "note" });
  const anew = button("Measure each head on these words", () => label(measure()));
  parts.append(back);
  const box = make(
    "div",
    { class: "cuts", hidden: "" },
    make(
      "p",
      { class: "note" },
      "Press a part to cut it out, again to put it back. All that stands above follows; log p is the log-probability of the words of step 2.",
    ),
    parts,
    outcome,
    make(
      "p",
      { class: "says", "aria-live": "polite" },
      make("b", {}, "The leak. "),
      leak,
    ),
    tempting,
    make("details", {}, make("summary", {}, "Single heads"), about, anew, net),
  );

  let measured = null; // when the question was answered
  const worst = (losses) =>
    [...losses]
      .filter(([name]) => !PARTS.includes(name))
      .reduce((a, b) => (b[1] > a[1] ? b : a));
  const asked = predict({
    question: () =>
      "Nothing is trained anew. What will hurt this translation most, when it is cut out of the trained model?",
    choices: [
      ["head", "the most important head"],
      ["positions", "the positions"],
      ["residuals", "the residual connections"],
    ],
    reveal: () => {
      measured = measure();
      box.hidden = false;
      label(measured);
      opened();
    },
    verdict: (guess) => {
      const { words, losses } = measured;
      const [name, loss] = worst(losses);
      const all = {
        head: loss,
        positions: losses.get("positions"),
        residuals: losses.get("residuals"),
      };
      const most = Object.keys(all).reduce((a, b) => (all[b] > all[a] ? b : a));
      const texts = {
        head: cutText(name),
        positions: partNames.positions,
        residuals: partNames.residuals,
      };
      const said = Object.keys(all)
        .sort((a, b) => all[b] - all[a])
        .map((key) => `${signedNumber(-all[key], 1)} without ${texts[key]}`);
      const right =
        guess === null ? "" : guess === most ? " As you said." : " Not as you said.";
      return `The log-probability of “${words}” changes by ${said.join(", by ")}.${right}`;
    },
  });
  // How much each head is missed, on its button; nothing where it was not measured.
  let labelled = "";
  const label = ({ words, losses } = { words: "" }) => {
    labelled = words;
    anew.hidden = Boolean(losses);
    about.textContent = losses
      ? `The number is the change in the log-probability of “${words}” without this head alone.`
      : "A head can be cut out of its attention; the others stay.";
    const top = losses && Math.max(1, worst(losses)[1]);
    for (const [name, node] of toggles) {
      if (PARTS.includes(name)) continue;
      const loss = losses?.get(name);
      node.style.setProperty(
        "--loss",
        losses ? `${40 * Math.max(0, loss / top)}%` : "0%",
      );
      node.replaceChildren(
        `${name.replace(/.* /, "head ")} `,
        losses ? make("small", {}, signedNumber(-loss, 1)) : "",
      );
      const change = losses ? `, ${signedNumber(-loss, 1)}` : "";
      node.setAttribute("aria-label", `cut ${cutText(name)}${change}`);
    }
  };
  label();

  const row = (name, says, sum) =>
    make(
      "tr",
      {},
      make("th", { scope: "row" }, name),
      make("td", {}, says || "(nothing)"),
      make("td", {}, number(sum)),
    );
  // `whole` and `cut` are { says, sum } of the two models, `words` the ones that are given,
  // `news` what there is to say of the leak, and `changed` whether a word was changed.
  const update = ({ cuts, whole, cut, words, news, changed }) => {
    for (const [name, node] of toggles)
      node.setAttribute("aria-pressed", String(cuts.has(name)));
    off(back, !cuts.size);
    if (words !== labelled) label();
    outcome.replaceChildren(
      make("caption", { class: "unseen" }, "The whole model and the cut one"),
      make(
        "thead",
        {},
        make(
          "tr",
          {},
          make("td"),
          make("th", { scope: "col" }, "says, left alone"),
          make("th", { scope: "col" }, "log p"),
        ),
      ),
      make(
        "tbody",
        {},
        row("whole", whole.says, whole.sum),
        ...(cuts.size ? [row("cut", cut.says, cut.sum)] : []),
      ),
    );
    leak.textContent = news;
    tempting.textContent = changed ? "Its own words again" : "Change the last word";
  };
  const show = () => (box.hidden = false);
  return { asked: asked.box, box, update, show };
}
