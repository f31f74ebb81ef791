// One model beside the others: what it has read, what it keeps, what it writes.
import { make, percent } from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { compare } from "../seq2seq/comparison.js";
import { fillSaid } from "../seq2seq/compared_words.js";
import { contextPicture } from "../seq2seq/context_picture.js";

const LEAST = 0.05; // of the attention: less is not shown

export const columnStyle = `
.columns { display: grid; gap: 18px; grid-template-columns: repeat(3, minmax(0, 1fr)); }
.column { min-width: 0; border-top: 3px solid var(--line); padding-top: 6px; }
.column .name { display: flex; flex-wrap: wrap; gap: 0 10px; margin: 0;
  justify-content: space-between; font-weight: 650; }
.column .name a { color: var(--state); font-weight: 400; font-size: 14px; }
.column .note { min-height: 2.9em; margin: 4px 0; }
.korean { list-style: none; display: flex; flex-wrap: wrap; gap: 4px; padding: 0;
  margin: 6px 0; }
.korean li { position: relative; text-align: center; min-width: 38px; padding: 1px 5px 5px;
  border: 1.5px solid var(--input); border-radius: 6px; font-size: 15px;
  line-height: 1.3; overflow: hidden; }
.korean small { display: block; font-size: 11.5px; color: var(--quiet); }
.korean .unread { border-style: dotted; border-color: var(--line); color: var(--quiet); }
.korean .gone { border-style: dotted; color: var(--quiet); }
.korean .looked { border-color: var(--attention); box-shadow: inset 0 0 0 1px var(--attention); }
.korean .bar { position: absolute; left: 0; bottom: 0; height: 5px;
  background: var(--attention); }
.column .board { margin: 6px 0; }
.column .said { align-items: flex-start; }
.judged { margin: 6px 0; font-weight: 600; }
.judged:empty { display: none; }
@container (max-width: 560px) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .column .note { min-height: 1.45em; }
}
`;

// How many steps a model has to read: all words at once, or one after another.
export const readingSteps = (chapter, count) => (chapter === "transformer" ? 1 : count);

// Of the translations that are allowed, the one that is nearest to these words: which of
// the words are in it, and whether they are all of it.
export function judge({ words, ended }, allowed) {
  const all = allowed.map((one) => compare(words, one.split(" ")));
  const best = all.reduce((a, b) => (b.share > a.share ? b : a));
  const wrong = best.ours.filter((hit) => !hit).length;
  const missing = best.theirs.filter((hit) => !hit).length;
  return { ours: best.ours, wrong, missing, right: ended && !wrong && !missing };
}

// `address` is that of the model's chapter, or null. show() wants { tokens, glosses,
// trace, at, verdict }: a trace of traces.js, steps, and what judge() says or null.
export function column({ chapter, name, number: place, learned }, address) {
  const link = address && make("a", { href: address }, `Chapter ${place} →`);
  const korean = make("ol", { class: "korean", "aria-label": "What it reads" });
  const now = make("p", { class: "note" });
  const said = make("ol", { class: "said", "aria-label": "What it writes" });
  const judged = make("p", { class: "judged" });
  let kept = { state: null, count: 0, all: 0 };
  let picture = null; // of the vector that is all it keeps
  const pictureBox = make("div");
  const box = make(
    "section",
    { class: "column", "aria-label": name },
    make("p", { class: "name" }, name, link || ""),
    korean,
    pictureBox,
    now,
    said,
    judged,
    make("p", { class: "note" }, `Learned from ${learned}.`),
  );

  const chip = (token, gloss, kinds, share) =>
    make(
      "li",
      { class: kinds.filter(Boolean).join(" ") || null },
      make("span", { lang: "ko" }, token),
      make("small", {}, gloss || "\u00a0"),
      share < LEAST
        ? null
        : make("span", { class: "bar", style: `width: ${100 * share}%` }),
    );
  const named = (token, gloss) => (gloss ? `${token} (${gloss})` : token);

  const show = ({ tokens, glosses, trace, at, verdict }) => {
    const reads = readingSteps(chapter, tokens.length);
    const seen = Math.round((tokens.length * Math.min(at, reads)) / reads);
    const steps = trace.words.length + trace.ended;
    const written = Math.max(0, Math.min(at - reads, steps));
    const done = at >= reads + steps;
    // Nobody asks where the end looked, so the last word stays.
    const t = Math.min(written, trace.words.length) - 1;
    const row = (matrix, r) =>
      matrix.data.subarray(r * matrix.shape[1], (r + 1) * matrix.shape[1]);
    const looks = trace.looks && t >= 0 ? row(trace.looks, t) : null;
    const most = looks && looks.indexOf(Math.max(...looks));
    const gone = trace.states && seen === tokens.length;
    korean.replaceChildren(
      ...tokens.map((token, i) => {
        const kinds = [i >= seen && "unread", gone && "gone", i === most && "looked"];
        return chip(token, glosses[i], kinds, looks?.[i] ?? 0);
      }),
    );
    if (trace.states) {
      const hidden = trace.states.shape[1];
      if (!picture) {
        picture = contextPicture({ hidden, step: () => kept });
        pictureBox.append(picture.box);
      }
      const state = seen ? row(trace.states, seen - 1) : null;
      kept = { state, count: seen, all: tokens.length };
      picture.redraw();
    }
    const word = t >= 0 ? `“${trace.words[t]}”` : "";
    if (!seen) now.textContent = "Nothing is read yet.";
    else if (seen < tokens.length)
      now.textContent = `Step ${at}: ${plural(seen, "word")} of ${tokens.length} read.`;
    else if (!written)
      now.textContent =
        reads === 1
          ? `Step 1: all ${plural(seen, "word")} read at once.`
          : `Step ${reads}: all read.`;
    else if (!looks)
      now.textContent = `${word} came from the ${trace.states.shape[1]} numbers alone.`;
    else {
      const where = [...looks.keys()]
        .sort((a, b) => looks[b] - looks[a])
        .filter((i, n) => n === 0 || (n < 2 && looks[i] >= LEAST))
        .map((i) => `${named(tokens[i], glosses[i])} ${percent(looks[i])}`);
      now.textContent = `${word} looked at ${where.join(", ")}.`;
    }
    const shown = [
      ...trace.words.map((text) => ({ word: text })),
      ...(trace.ended ? [{ end: true }] : []),
    ].slice(0, written);
    fillSaid(said, shown, done && verdict ? [...verdict.ours, true] : null);
    const counts = `${plural(reads, "step")} to read, ${steps} to write.`;
    const faults =
      verdict &&
      [
        verdict.wrong && `${verdict.wrong} wrong`,
        verdict.missing && `${verdict.missing} missing`,
        !trace.ended && "no end",
      ]
        .filter(Boolean)
        .join(", ");
    if (!done) judged.textContent = "";
    else if (!verdict) judged.textContent = counts;
    else
      judged.textContent = verdict.right
        ? `✓ Right. ${counts}`
        : `✗ Lost: ${faults}. ${counts}`;
  };
  return { box, show };
}
