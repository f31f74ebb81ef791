// The model as two rows of stages, one below the other; a stage is a tab, and what it
// holds is in it, small.
import { button, make, percent } from "../kit/draw.js";
import { miniMap, miniStrips } from "./mini.js";
import { largestOf } from "./strips.js";

export const flowStyle = `
.flow { display: grid; gap: 6px 16px; margin: 8px 0 0;
  grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); }
.flow button { position: relative; display: flex; flex-direction: column; gap: 5px;
  padding: 6px 7px 8px; background: var(--paper); text-align: left; min-width: 0;
  font-size: 13px; line-height: 1.2; border: 1.5px solid var(--line); }
.flow button:not(.ends)::after { content: "→"; position: absolute; right: -16.5px;
  top: calc(50% - 9px); color: var(--quiet); font-size: 14px; }
.flow button[aria-selected="true"] { border-color: var(--ink);
  box-shadow: inset 0 0 0 1.5px var(--ink); background: var(--soft); }
.flow .look { display: grid; gap: 3px; height: 58px; margin-top: auto;
  grid-auto-flow: column; grid-auto-columns: minmax(0, 1fr); }
.flow .look.two { grid-template-rows: 1fr 1fr; grid-auto-flow: row;
  grid-template-columns: repeat(var(--heads), minmax(0, 1fr)); }
.flow .look.bars { display: flex; flex-direction: column; justify-content: space-between;
  font-size: 11.5px; line-height: 1; color: var(--ink); gap: 0; }
.flow .look.bars span { overflow: hidden; white-space: nowrap; text-overflow: ellipsis;
  padding: 2px 3px; flex: 1; align-content: center; border-radius: 3px;
  background: linear-gradient(to right, color-mix(in oklab, var(--output) 35%, var(--paper))
  var(--share), var(--cell) var(--share)); }
.flow > span { color: var(--quiet); font-size: 12.5px; line-height: 1.25;
  align-self: end; padding-bottom: 4px; }
@container (max-width: 480px) {
  .flow { gap: 6px 12px; }
  .flow button { padding: 5px; font-size: 12px; }
  .flow button:not(.ends)::after { right: -13.5px; font-size: 12px; }
  .flow > span { font-size: 11.5px; }
}
`;

// The stages of a model with N blocks in each stack, in the order of the numbers.
export function stagesOf(N) {
  const blocks = (stack) =>
    Array.from({ length: N }, (_, n) => ({
      stack,
      kind: "block",
      n,
      name: `${stack} block ${n + 1}`,
    }));
  return [
    { stack: "encoder", kind: "words", name: "Korean words" },
    ...blocks("encoder"),
    { stack: "decoder", kind: "words", name: "English words" },
    ...blocks("decoder"),
    { stack: "decoder", kind: "next", name: "next word" },
  ];
}

// now() gives { stage, runs, best }: the number of the open stage, from 0, what the two
// stacks did, and the best next words [{ text, share }]. open(stage) is called.
export function flow({ stages, heads, now, open }) {
  const look = (stage) => {
    const { runs, best } = now();
    const run = runs[stage.stack];
    if (stage.kind === "words")
      return make(
        "div",
        { class: "look" },
        miniStrips(run.embedded.sum, largestOf(run.embedded.sum)),
      );
    if (stage.kind === "next")
      return make(
        "div",
        { class: "look bars" },
        ...best
          .slice(0, 3)
          .map(({ text, share }) =>
            make("span", { style: `--share: ${100 * share}%` }, text),
          ),
      );
    const { attentions } = run.blocks[stage.n];
    const maps = attentions.flatMap((one) =>
      one.heads.map(({ weights, later, on }) => {
        const map = miniMap(weights, later);
        map.classList.toggle("cut", !on);
        return map;
      }),
    );
    return make("div", { class: attentions.length > 1 ? "look two" : "look" }, ...maps);
  };
  const tabs = stages.map((stage, n) => {
    const node = button("", () => open(n), { role: "tab", "aria-controls": "stage" });
    const ends = stages[n + 1]?.stack !== stage.stack;
    node.classList.toggle("ends", ends);
    return node;
  });
  const half = stages.findIndex(({ stack }) => stack === "decoder");
  const go = (n) => {
    open(n);
    tabs[n].focus();
  };
  const list = make(
    "div",
    {
      class: "flow",
      role: "tablist",
      "aria-label": "The stages of the model",
      style: `--columns: ${half + 1}; --heads: ${heads}`,
    },
    ...tabs.slice(0, half),
    make("span", { "aria-hidden": "true" }, "↓ every block below asks it"),
    ...tabs.slice(half),
  );
  list.addEventListener("keydown", (event) => {
    const n = tabs.indexOf(event.target.closest("button"));
    const to = {
      ArrowLeft: n - 1,
      ArrowRight: n + 1,
      ArrowUp: n >= half ? Math.min(n - half, half - 1) : n,
      ArrowDown: n < half ? n + half : n,
      Home: 0,
      End: tabs.length - 1,
    }[event.key];
    if (n < 0 || to === undefined) return;
    event.preventDefault();
    go(Math.max(0, Math.min(tabs.length - 1, to)));
  });
  const update = () => {
    const { stage, best } = now();
    tabs.forEach((node, n) => {
      node.setAttribute("aria-selected", String(n === stage));
      node.tabIndex = n === stage ? 0 : -1;
      const { name, kind } = stages[n];
      const more = kind === "next" ? `: ${best[0].text} ${percent(best[0].share)}` : "";
      node.setAttribute("aria-label", `${n + 1} ${name}${more}`);
      node.replaceChildren(make("span", {}, `${n + 1} ${name}`), look(stages[n]));
    });
  };
  return { list, update };
}
