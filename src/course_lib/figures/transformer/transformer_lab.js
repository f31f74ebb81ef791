// A trained Transformer, from the reader's sentence to the next word, open at any stage.
import { button, field, frame, make, off, percent } from "../kit/draw.js";
import { values } from "../kit/values.js";
import { chooser, chooserStyle } from "../seq2seq/chooser.js";
import { glossary } from "../seq2seq/glossary.js";
import { groups } from "../seq2seq/korean.js";
import { END } from "../seq2seq/packed.js";
import { cutPanel, cutStyle, cutText } from "./cut_panel.js";
import { effects, losses } from "./effects.js";
import { flow, flowStyle, stagesOf } from "./flow.js";
import { leakText } from "./leak_text.js";
import { miniStyle } from "./mini.js";
import { best, nextStyle, nextWords } from "./next_words.js";
import { stagePanel, stageStyle } from "./stage_panel.js";
import { targetWords, wordsStyle } from "./target_words.js";
import { transformer } from "./transformer.js";

const LONGEST = 300; // characters typed
const SHOWN = 5; // next words
const SPECIAL = 4; // words that nobody types

const MAPS =
  "A small map is one head: who looks at whom. In the decoder those above look at the English so far, those below at the Korean.";
const HOW =
  "Below each word is its probability, the words before it being given. Press a bar, or type, to put another word in the place of the chosen one.";

const style = `
.step { margin: 18px 0 4px; font-weight: 650; }
.step:first-of-type { margin-top: 0; }
.step span { display: inline-block; min-width: 22px; margin-right: 8px; text-align: center;
  border-radius: 11px; background: var(--ink); color: var(--paper); font-size: 13px; }
.step + .note { margin-top: 0; min-height: 0; }
.said { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: flex-start; }
.said > div { flex: 1 1 300px; min-width: 0; }
.said .note { margin: 0; min-height: 0; }
.said .own { display: flex; flex-wrap: wrap; gap: 8px; margin-top: 8px; }
.said .own input[aria-invalid="true"] { border: 1.5px dashed var(--negative); }
.said .own input { flex: 1 1 150px; width: 0; color: var(--ink); }
`;

const step = (n, text) =>
  make("p", { class: "step" }, make("span", {}, String(n)), text);

function render({ model, el }) {
  const weights = model.get("weights");
  const network = transformer(weights);
  const { ladders, config } = weights;
  const stages = stagesOf(config.blocks);
  const known = network.knownSource;
  const gloss = glossary(ladders, known);
  const body = frame({ model, el });

  let tokens = [];
  let glosses = [];
  let found = null; // the effects of the cuts, or null without a sentence
  const { set, report, heard } = values(model, () => update());

  const chosen = chooser({
    model,
    ladders,
    known,
    longest: LONGEST,
    choose: (changes) => set({ ...changes, target: "", at: null }),
  });

  // -- the target ----------------------------------------------------------------------
  const text = (id) => (id === END ? "end" : network.wordOf(id));
  const sentence = (ids) => ids.map(text).join(" ");
  const given = () => {
    const words = model.get("target").split(" ").filter(Boolean);
    const ids = words.map(network.idOf);
    return ids.length && ids.every((id) => id >= 0 && id !== END) ? ids : null;
  };
  // Of what is chosen, from 0; the last word if nothing is.
  const now = () => {
    const last = found.target.length;
    return Math.min((model.get("at") ?? Math.max(1, last)) - 1, last);
  };
  const put = (id, t = now()) => {
    const { target, own } = found;
    const rest = id === END ? [] : [id, ...target.slice(t + 1)];
    const next = [...target.slice(0, t), ...rest];
    const same = next.length === own.length && next.every((id, n) => id === own[n]);
    set({ target: same ? "" : sentence(next), at: t + 1 });
  };
  const words = targetWords((t) => set({ at: t + 1 }));
  const bars = nextWords((id) => put(id));
  const after = make("p", { class: "note" });
  const names = make(
    "datalist",
    { id: "words" },
    ...weights.target_words.slice(SPECIAL).map((value) => make("option", { value })),
  );
  const typed = field("another English word", "", (value) => {
    const id = network.idOf(value.trim());
    typed.setAttribute("aria-invalid", String(value !== "" && !(id >= SPECIAL)));
  });
  typed.setAttribute("list", "words");
  typed.setAttribute("placeholder", "another word");
  typed.addEventListener("change", () => {
    const id = network.idOf(typed.value.trim());
    if (!(id >= SPECIAL)) return;
    typed.value = "";
    put(id);
  });
  const reset = button("Its own words", () => set({ target: "" }));

  // -- the stages ----------------------------------------------------------------------
  const items = (t) => {
    const { logits, shares } = found.cut.run;
    return best(shares[t], SHOWN).map((id) => ({
      id,
      text: text(id),
      share: shares[t][id],
      logit: logits[t][id],
      vector: network.wordVector(id),
      chosen: id === (found.target[t] ?? END),
    }));
  };
  const korean = () => tokens.map((text, i) => ({ text, gloss: glosses[i] }));
  const english = () => ["start", ...found.target.map(text)].map((text) => ({ text }));
  const runs = () => ({ encoder: found.cut.memory, decoder: found.cut.run });
  const cuts = () => new Set(model.get("cut"));
  const stage = () => stages[Math.min(model.get("stage"), stages.length) - 1];
  const picture = flow({
    stages,
    heads: network.heads,
    now: () => ({ stage: stages.indexOf(stage()), runs: runs(), best: items(now()) }),
    open: (n) => set({ stage: n + 1 }),
  });
  const panel = stagePanel({
    norm: config.norm,
    now: () => {
      const one = stage();
      const source = one.stack === "encoder";
      const t = now();
      return {
        stage: one,
        part: source && model.get("part") === "cross" ? "self" : model.get("part"),
        head: Math.min(model.get("head"), network.heads) - 1,
        run: runs()[one.stack],
        rows: source ? korean() : english(),
        columns: korean(),
        chosen: source ? null : t,
        cuts: cuts(),
        size: network.size,
        best: items(t),
        x: found.cut.run.last[t],
        asks: english()[t].text,
        cuttable: !cutting.box.hidden,
      };
    },
    setPart: (part) => set({ part }),
    setHead: (h) => set({ head: h + 1 }),
    toggle: (name) => toggle(name),
  });

  // -- cuts ----------------------------------------------------------------------------
  const toggle = (name) => {
    const before = model.get("cut");
    const without = before.filter((one) => one !== name);
    set({ cut: without.length < before.length ? without : [...before, name] });
  };
  const cutting = cutPanel({
    attentions: network.attentions,
    heads: network.heads,
    toggle,
    restore: () => model.get("cut").length && set({ cut: [] }),
    measure: () => ({
      words: sentence(found.target),
      losses: losses(network, tokens, found.target),
    }),
    // the second most probable word in place of the last one, or its own words again
    tempt: () => {
      if (found.leak) return set({ target: "" });
      const t = Math.max(0, found.own.length - 1);
      const [second] = best(found.whole.run.shares[t], 3).filter(
        (id) => id !== END && id !== found.target[t],
      );
      put(second, t);
    },
    opened: () => panel.update(),
  });
  // -- what is shown -------------------------------------------------------------------
  const wordItems = () => {
    const { target, whole, cut, leak } = found;
    return [...target, END].map((id, t) => {
      const [was, is] = [whole, cut].map(({ run }) => run.shares[t][id]);
      const fell = percent(was) !== percent(is);
      const changed = leak && leak.place === t;
      return {
        text: text(id),
        small: fell ? `${percent(was)} → ${percent(is)}` : percent(is),
        called: [
          `${text(id)}, word ${t + 1}`,
          fell ? `${percent(was)}, with the cuts ${percent(is)}` : percent(is),
          changed && "changed",
        ]
          .filter(Boolean)
          .join(", "),
        kinds: [changed && "changed", is < was - 0.05 && "fell"],
      };
    });
  };
  const full = make("div");
  const update = () => {
    tokens = groups(model.get("text").slice(0, LONGEST), known).flat();
    glosses = gloss(tokens, chosen.rung());
    chosen.update(tokens);
    full.hidden = !tokens.length;
    found = tokens.length ? effects(network, tokens, given(), cuts()) : null;
    report({
      translation: found ? sentence(found.own) : "",
      cut_translation: found ? sentence(found.cut.own) : "",
      log_probability: found?.whole.sum ?? null,
      cut_log_probability: found?.cut.sum ?? null,
      leak: found?.leak?.by ?? null,
    });
    if (!found) return;
    const t = now();
    words.show(wordItems(), t);
    const before = ["start", ...found.target.slice(0, t).map(text)].slice(-3).join(" ");
    after.textContent = `Word ${t + 1}, after “${t > 2 ? "… " : ""}${before}”, may be:`;
    bars.set(items(t));
    off(reset, !found.leak);
    picture.update();
    panel.update();
    const { whole, cut } = found;
    cutting.update({
      cuts: cuts(),
      words: sentence(found.target),
      whole: { says: sentence(found.own), sum: whole.sum },
      cut: { says: `${sentence(cut.own)}${cut.ended ? "" : " …"}`, sum: cut.sum },
      news: leakText({ ...found, text, masked: !cuts().has("mask") }),
      changed: Boolean(found.leak),
    });
    status.replaceChildren(
      MAPS,
      ...(cuts().size
        ? [make("b", {}, ` Shown without ${[...cuts()].map(cutText).join(", ")}.`)]
        : []),
    );
  };
  const status = make("p", { class: "note" });

  full.append(
    step(2, "It writes English, word by word. Choose one"),
    make(
      "div",
      { class: "said" },
      make(
        "div",
        {},
        words.box,
        make("p", { class: "note" }, HOW),
        make("div", { class: "own" }, typed, names, reset),
      ),
      make("div", {}, after, bars.list),
    ),
    step(3, "Follow it through the model: open a stage"),
    picture.list,
    status,
    panel.box,
    step(4, "Cut a part out"),
    cutting.asked,
    cutting.box,
  );
  body.append(
    make(
      "style",
      {},
      style,
      chooserStyle,
      wordsStyle,
      nextStyle,
      miniStyle,
      flowStyle,
      stageStyle,
      cutStyle,
    ),
    step(1, "It reads Korean: choose a sentence, or type one"),
    chosen.names,
    chosen.climb,
    chosen.typed,
    chosen.note,
    full,
  );
  if (model.get("cut").length) cutting.show();
  update();
  heard(["target", "at", "stage", "part", "head", "cut"], update);
  chosen.listen(heard, () => set({ target: "", at: null }));
}

export default { render };
