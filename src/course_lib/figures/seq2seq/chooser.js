// Which sentence is read: a rung of a ladder, or what the reader types.
import { button, field, make, off, row, slider } from "../kit/draw.js";

export const chooserStyle = `
.wide { display: block; margin: 8px 0; }
.wide input { width: 100%; color: var(--ink); }
`;

// The model has ladder, rung and text. choose(changes, target) is called with what is to
// be read, and what it should say: "" for a sentence of the reader's own. known(token)
// says whether the vocabulary has it, `longest` counts characters.
export function chooser({ model, ladders, known, longest, choose }) {
  const rungs = () => ladders[model.get("ladder") - 1].rungs;
  const rung = () => rungs()[model.get("rung") - 1];
  const isRung = () => model.get("text") === rung().text;
  const load = (ladder, number) => {
    const all = ladders[ladder - 1].rungs;
    const to = Math.max(1, Math.min(all.length, number));
    const { text, target } = all[to - 1];
    choose({ ladder, rung: to, text }, target);
  };
  // Where a text is a rung, or null.
  const found = (text) => {
    for (const [l, ladder] of ladders.entries())
      for (const [r, one] of ladder.rungs.entries())
        if (one.text === text) return [l + 1, r + 1];
    return null;
  };

  const buttons = ladders.map(({ name }, l) =>
    button(name, () => load(l + 1, model.get("rung"))),
  );
  const by = (many) => () => load(model.get("ladder"), model.get("rung") + many);
  const shorter = button("Shorter", by(-1));
  const longer = button("Longer", by(1), { class: "main" });
  const height = slider({
    name: "rung",
    min: 1,
    max: rungs().length,
    step: 1,
    value: model.get("rung"),
    shown: (n) => `${n} of ${rungs().length}`,
    change: (n) => load(model.get("ladder"), n),
    accent: "input",
  });
  const input = field("a Korean sentence", model.get("text"), (text) => {
    const place = found(text);
    if (place) load(...place);
    else choose({ text }, "");
  });
  input.maxLength = longest;
  input.lang = "ko";
  const note = make("p", { class: "note", "aria-live": "polite" });

  // What the network knows of the tokens that it reads.
  const told = (tokens) => {
    const strange = tokens.filter((token) => !known(token));
    if (!tokens.length) return "Type a sentence, or choose one.";
    if (strange.length)
      return `Not in the vocabulary, so read as <unk>: ${strange.map((word) => `“${word}”`).join(", ")}.`;
    if (tokens.length === 1) return "The network knows this word.";
    return `The network knows all ${tokens.length} of these tokens.`;
  };
  const update = (tokens) => {
    const [ladder, place] = [model.get("ladder"), model.get("rung")];
    buttons.forEach((node, l) =>
      node.setAttribute("aria-pressed", String(l + 1 === ladder)),
    );
    off(shorter, isRung() && place === 1);
    off(longer, isRung() && place === rungs().length);
    height.input.max = rungs().length;
    height.set(place);
    if (input.value !== model.get("text")) input.value = model.get("text");
    note.textContent = told(tokens);
  };
  // Python may choose too; own() is called for a text that is no rung.
  const listen = (heard, own) => {
    heard(["text"], () => {
      const place = found(model.get("text"));
      if (place) load(...place);
      else own();
    });
    heard(["ladder", "rung"], () => load(model.get("ladder"), model.get("rung")));
  };
  return {
    found,
    isRung,
    listen,
    load,
    rung,
    rungs,
    update,
    names: make(
      "div",
      { class: "row", role: "group", "aria-label": "Ladders" },
      ...buttons,
    ),
    climb: row(shorter, longer, height.box),
    typed: make(
      "label",
      { class: "wide" },
      "a Korean sentence: this one, or your own",
      input,
    ),
    note,
  };
}
