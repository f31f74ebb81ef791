// A sentence, token by token: what it says, what the model sees, what it must find.
import { make } from "../kit/draw.js";

export const rowStyle = `
.texts { display: grid; gap: 8px; margin: 8px 0; }
.gaps { list-style: none; margin: 0; padding: 6px 10px; display: flex; flex-wrap: wrap;
  gap: 6px; border: 1px solid var(--line); border-radius: 8px; }
.gaps.plain > li { grid-template-rows: 24px 28px 24px; }
.gaps > li { display: grid; grid-template-rows: 40px 28px 24px; gap: 2px; min-width: 58px;
  text-align: center; align-items: center; }
.gaps .head { text-align: left; color: var(--quiet); font-size: 12.5px; min-width: 38px; }
.gaps .head span:first-child { align-self: start; }
.gaps .text { line-height: 1.25; align-self: start; }
.gaps small { display: block; color: var(--quiet); font-size: 11.5px; }
.gaps .special { min-width: 0; color: var(--quiet); font-size: 12.5px; }
.seen { display: block; padding: 2px 6px; border: 1.5px solid var(--line); line-height: 20px;
  border-radius: 6px; white-space: nowrap; }
.special .seen { border-color: transparent; padding: 2px 0; }
.seen.masked { background: var(--ink); color: var(--paper); border-color: var(--ink);
  font-size: 12.5px; }
.seen.other { border: 1.5px dashed var(--negative); color: var(--negative); }
.seen.itself { border-color: var(--output); color: var(--output); }
.find { color: var(--quiet); }
.find.asked { color: var(--ink); font-weight: 650; }
.key.masked { --fill: var(--ink); --edge: none; }
.key.other { --fill: none; --edge: 1.5px dashed var(--negative); }
.key.itself { --fill: none; --edge: 1.5px solid var(--output); }
.key.free { --fill: none; --edge: 1.5px solid var(--line); }
`;

const SIGNS = { masked: "", other: "⇄ ", itself: "= " };
const SAYS = {
  masked: () => "chosen, the model sees [MASK]",
  other: (seen) => `chosen, the model sees another word, ${seen}`,
  itself: () => "chosen, the model sees the word itself",
};

const hidden = (tag, attributes, ...children) =>
  make(tag, { ...attributes, "aria-hidden": "true" }, ...children);

function token({ piece, gloss }, { fate, seen }, told) {
  const about = fate ? SAYS[fate](seen) : "not chosen";
  const asks = !told ? "" : fate ? `, must find ${piece}` : ", nothing to find";
  const name = gloss ? `${piece} ${gloss.replace(/[()]/g, "")}` : piece;
  return make(
    "li",
    {},
    hidden("span", { class: "text" }, piece, gloss ? make("small", {}, gloss) : null),
    hidden(
      "span",
      { class: fate ? `seen ${fate}` : "seen" },
      `${fate ? SIGNS[fate] : ""}${seen}`,
    ),
    hidden(
      "span",
      { class: told && fate ? "find asked" : "find" },
      !told ? "?" : fate ? piece : "·",
    ),
    make("span", { class: "unseen" }, `${name}: ${about}${asks}`),
  );
}

const special = (text) =>
  hidden(
    "li",
    { class: "special" },
    make("span", { class: "text" }, text),
    make("span", { class: "seen" }, text),
    make("span", { class: "find" }, ""),
  );

const heads = () =>
  hidden(
    "li",
    { class: "head" },
    ...["text", "it sees", "it finds"].map((text) => make("span", {}, text)),
  );

// A node for one text that has set(fates, told): what became of its tokens, and whether
// what is to be found is shown.
export function gapRow({ lang, tokens }, number) {
  const glossed = tokens.some(({ gloss }) => gloss);
  const list = make("ol", {
    class: glossed ? "gaps" : "gaps plain",
    lang,
    "aria-label": `Sentence ${number}`,
  });
  const set = (fates, told) =>
    list.replaceChildren(
      heads(),
      special("[CLS]"),
      ...tokens.map((one, i) => token(one, fates[i], told)),
      special("[SEP]"),
    );
  return Object.assign(list, { set });
}

export const legend = () =>
  make(
    "p",
    { class: "note" },
    ...[
      ["free", "not chosen"],
      ["masked", "shown as [MASK]"],
      ["other", "⇄ another word"],
      ["itself", "= itself"],
    ].map(([fate, text]) => make("span", { class: `key ${fate}` }, text)),
  );
