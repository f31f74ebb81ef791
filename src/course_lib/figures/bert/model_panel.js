// One of the two models: the words that it sees, shaded by whom it asks, and its list.
import { make, mix, percent } from "../kit/draw.js";
import { nextStyle, nextWords } from "../transformer/next_words.js";

const DEEPEST = 0.5; // a share of 1 is shaded so much: the word must stay legible

export const panelStyle = `
${nextStyle}
.models { display: flex; flex-wrap: wrap; gap: 14px 28px; margin: 12px 0 4px; }
.models section { flex: 1 1 300px; min-width: 0; }
.models h3 { font-size: 15px; font-weight: 650; margin: 0; }
.models .note { margin: 0 0 4px; min-height: 0; }
.seen { display: flex; flex-wrap: wrap; gap: 3px; margin: 4px 0 8px; }
.seen span { padding: 1px 6px; border: 1px solid var(--line); border-radius: 5px;
  font-size: 13.5px; background: var(--fill, var(--paper)); }
.seen .asked { border: 2px solid var(--output); font-weight: 600; }
.seen .hidden { border-style: dotted; background: none; color: var(--quiet);
  text-decoration: line-through; }
.models .next li { grid-template-columns: minmax(132px, 46%) 1fr 48px; }
`;

// put(word id) is called.
export function modelPanel({ name, about, put }) {
  const seen = make("div", { class: "seen", lang: "ko", "aria-hidden": "true" });
  const says = make("p", { class: "unseen" });
  const bars = nextWords(put);
  const attention = make("p", { class: "note" });
  const box = make(
    "section",
    { "aria-label": name },
    make("h3", {}, name),
    make("p", { class: "note" }, about),
    says,
    seen,
    bars.list,
    attention,
  );
  // words: [{ text, hidden, share }] with a share of the attention, or null; `asked` is
  // the place of the gap among them; best: as nextWords has it; `asks` is whose attention
  // that is.
  const show = ({ words, asked, best, asks }) => {
    seen.replaceChildren(
      ...words.map(({ text, hidden, share }, i) => {
        const fill = share === null ? null : mix("attention", DEEPEST * share);
        const kind = hidden ? "hidden" : i === asked ? "asked" : null;
        return make("span", { class: kind, style: fill && `--fill: ${fill}` }, text);
      }),
    );
    const texts = (all) => all.map(({ text }) => text).join(" ");
    const [before, hidden] = [false, true].map((no) =>
      texts(words.filter((one) => one.hidden === no)),
    );
    says.textContent = `It sees: ${before}.${hidden ? ` It does not see: ${hidden}.` : ""}`;
    bars.set(best);
    const most = words.filter(({ share }) => share !== null);
    most.sort((a, b) => b.share - a.share);
    attention.hidden = !most.length;
    attention.textContent = `${asks} asks most: ${most
      .slice(0, 3)
      .map(({ text, share }) => `${text} ${percent(share)}`)
      .join(", ")}.`;
  };
  return { box, show };
}
