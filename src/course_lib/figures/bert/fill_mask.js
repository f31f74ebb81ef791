// The fill-mask bench: a sentence with gaps, and two models that fill them.
import { button, frame, make, percent, slider } from "../kit/draw.js";
import { values } from "../kit/values.js";
import { best } from "../transformer/next_words.js";
import { SPECIAL, gaps } from "./gaps.js";
import { modelPanel, panelStyle } from "./model_panel.js";
import { changes, changesText, swapPanel } from "./swap.js";
import { rowStyle, tokenRow } from "./token_row.js";
import {
  asked,
  gapsOf,
  put,
  removed,
  shifted,
  textOf,
  toggled,
  tokensOf,
  widened,
} from "./tokens.js";

const SHOWN = 5; // words of a list

const NAMES = { both: "Both ways", left: "Left to right" };
const HOW = "Click a word to mask it, click again to show it.";
const NO_GAP = "No word is masked, so nothing is asked. ";
const STRANGE =
  " Left to right never met a [MASK] in training: with a gap before this one its list means little.";

function render({ model, el }) {
  const { glosses, longest, pieces, ...weights } = model.get("weights");
  const network = gaps({ pieces, ...weights });
  const sentences = model.get("sentences");
  const body = frame({ model, el });
  const gloss = (word) => glosses[network.idOf(word)] ?? "";
  const called = (word) => (gloss(word) ? `${word} (${gloss(word)})` : word);
  const nameOf = (id) => called(pieces[id]);

  // The Korean word itself, or the first with this meaning.
  const wordFor = (text) => {
    const word = text.trim().toLowerCase();
    const means = (id) => glosses[id].toLowerCase().split(" / ").includes(word);
    return pieces.find((piece, id) => id >= SPECIAL && (piece === word || means(id)));
  };

  // -- what the reader edits -----------------------------------------------------------
  let tokens = [];
  let chosen = 0;
  let gap = -1; // the place that is asked about, or -1 without any
  let found = null; // what the models say of it
  let news = "";
  let swapped = null; // the key of the word that the question swaps

  const sentence = () => sentences[model.get("sentence") - 1];
  const look = (key) => {
    gap = asked(tokens, chosen, key);
    found = gap < 0 ? null : network.at(tokens, gap);
  };
  // What stands there now, and which word is chosen; `told` if the reader is told
  // elsewhere what came of it.
  const edit = (next, at = chosen, told = false) => {
    const before = { key: tokens[gap]?.key, found };
    tokens = next;
    chosen = Math.max(0, Math.min(tokens.length - 1, at));
    look(before.key);
    const same = before.found && found && tokens[gap].key === before.key;
    news = same && !told ? changesText(changes(before.found, found), nameOf) : "";
    update();
  };
  const choose = (at) => {
    const before = tokens[gap]?.key;
    chosen = at;
    look(before);
    if (tokens[gap]?.key !== before) news = "";
    update();
  };
  const start = (text, masked, at) => {
    const { text: own, swap } = sentence();
    tokens = tokensOf(text.trim() || own, masked ?? []).slice(0, longest);
    swapped = textOf(tokens) === own ? tokens[swap.at - 1].key : null;
    chosen = Math.min(at ?? gapsOf(tokens)[0] ?? 1, tokens.length) - 1;
    news = "";
    look();
  };
  const load = () => {
    start(sentence().text, [sentence().gap], null);
    update();
  };
  const restart = () => {
    question.ask();
    row.clear();
    load();
  };
  const row = tokenRow({
    wordFor,
    words: pieces.slice(SPECIAL).map((word) => [word, gloss(word)]),
    edit: {
      // A gap that is not asked about is first asked about, then shown.
      toggle: (i) =>
        tokens[i].masked && i !== gap ? choose(i) : edit(toggled(tokens, i), i),
      choose,
      shift: (by) => edit(shifted(tokens, chosen, by), chosen + by),
      remove: () => tokens.length > 1 && edit(removed(tokens, chosen)),
      widen: () => tokens.length < longest && edit(widened(tokens, chosen), chosen + 1),
      put: (word) => edit(put(tokens, chosen, word)),
    },
  });

  // -- the question --------------------------------------------------------------------
  const effects = new Map(); // by sentence
  const effect = () => {
    const { text, gap: place, swap } = sentence();
    if (!effects.has(text)) {
      const before = tokensOf(text, [place]);
      const after = put(before, swap.at - 1, swap.words[0]);
      const [one, other] = [before, after].map((all) => network.at(all, place - 1));
      effects.set(text, changes(one, other));
    }
    return effects.get(text);
  };
  const question = swapPanel({
    now: () => {
      const { text, gap: place, swap } = sentence();
      return { ...swap, old: text.split(" ")[swap.at - 1], behind: swap.at > place };
    },
    effect,
    nameOf,
    called,
    swap: (word, told) => {
      const at = tokens.findIndex(({ key }) => key === swapped);
      if (at >= 0) edit(put(tokens, at, word), chosen, told);
    },
    restore: load,
  });

  // -- what is shown -------------------------------------------------------------------
  const heads = network.blocks * network.heads;
  const headName = (n) => {
    const [block, head] = [
      Math.floor((n - 1) / network.heads),
      (n - 1) % network.heads,
    ];
    return `block ${block + 1}, head ${head + 1}`;
  };
  const shade = slider({
    name: "attention",
    min: 0,
    max: heads,
    step: 1,
    value: model.get("head"),
    shown: (n) => (n ? headName(n) : "not shown"),
    change: (n) => set({ head: n }),
    accent: "attention",
  });
  const fill = (id) => {
    if (id < SPECIAL) return;
    const at = gap;
    edit(put(tokens, at, pieces[id]), at);
    row.focus(at); // the list may be gone
  };
  const panels = {
    both: modelPanel({ name: NAMES.both, about: "sees all the words", put: fill }),
    left: modelPanel({
      name: NAMES.left,
      about: "sees what is before the gap",
      put: fill,
    }),
  };
  const items = (shares) =>
    best(shares, SHOWN).map((id) => ({
      id,
      text: `${pieces[id]} ${glosses[id]}`,
      share: shares[id],
      chosen: false,
    }));
  const showModel = (name) => {
    const { shares, looks } = found[name];
    const n = model.get("head") - 1;
    const weights =
      n < 0 ? null : looks[Math.floor(n / network.heads)][n % network.heads];
    const texts = tokens.map(({ word, masked }) => (masked ? "[MASK]" : word));
    const unread = name === "left" ? gap + 1 : -1; // asked for before it is reached
    const words = ["[CLS]", ...texts, "[SEP]"].map((text, i) => ({
      text: i === unread ? "?" : text,
      hidden: name === "left" && i > gap + 1,
      share: weights?.[i] ?? null,
    }));
    const asks = name === "both" ? "The gap" : "The word before the gap";
    panels[name].show({ words, asked: gap + 1, best: items(shares), asks });
  };
  const names = sentences.map(({ name }, n) =>
    button(name, () => set({ sentence: n + 1 })),
  );
  const note = make("p", { class: "note" });
  const says = make("p", { class: "says", "aria-live": "polite" });
  const models = make("div", { class: "models" }, panels.both.box, panels.left.box);
  const full = make("div", {}, says, models, shade.box);

  const { set, report, heard } = values(model, (changes) =>
    "sentence" in changes ? restart() : update(),
  );
  const list = ({ shares }) =>
    best(shares, SHOWN).map((id) => [pieces[id], shares[id]]);
  const summary = () =>
    Object.entries(NAMES)
      .map(([name, called]) => {
        const [id] = best(found[name].shares, 1);
        return `${called}: ${nameOf(id)}, ${percent(found[name].shares[id])}.`;
      })
      .join(" ");
  const update = () => {
    names.forEach((node, n) =>
      node.setAttribute("aria-pressed", String(n + 1 === model.get("sentence"))),
    );
    row.show(
      tokens.map(({ word, masked }) => ({ word, gloss: gloss(word), gap: masked })),
      { chosen, asked: gap, most: longest },
    );
    const strange = tokens.slice(0, Math.max(0, gap)).some(({ masked }) => masked);
    note.textContent = (found ? "" : NO_GAP) + HOW + (strange ? STRANGE : "");
    full.hidden = !found;
    shade.set(model.get("head"));
    if (found) {
      says.textContent = news || summary();
      Object.keys(NAMES).forEach(showModel);
    }
    const here = tokens.find(({ key }) => key === swapped);
    question.box.hidden = !here;
    if (here) question.update(here.word);
    const lists = Object.keys(NAMES).map((name) => [
      name,
      found ? list(found[name]) : [],
    ]);
    report({
      text: textOf(tokens),
      masked: gapsOf(tokens),
      at: chosen + 1,
      ...Object.fromEntries(lists),
    });
  };

  body.append(
    make("style", {}, rowStyle, panelStyle),
    make("div", { class: "row", role: "group", "aria-label": "Sentences" }, ...names),
    row.row,
    row.tools,
    note,
    question.box,
    full,
  );
  start(model.get("text"), model.get("masked"), model.get("at"));
  update();
  heard(["text", "masked", "at"], () => {
    start(model.get("text"), model.get("masked"), model.get("at"));
    update();
  });
  heard(["head"], update);
  heard(["sentence"], restart);
}

export default { render };
