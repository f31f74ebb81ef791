// The most probable next words as bars; a click puts one of them into the target.
import { button, make, percent } from "../kit/draw.js";

export const nextStyle = `
.next { list-style: none; margin: 4px 0; padding: 0; display: grid; gap: 3px; }
.next li { display: grid; grid-template-columns: minmax(84px, 30%) 1fr 52px; gap: 8px;
  align-items: center; }
.next button { min-height: 30px; padding: 1px 9px; text-align: left; overflow: hidden;
  text-overflow: ellipsis; white-space: nowrap; }
.next button[aria-pressed="true"] { border-color: var(--output); color: var(--output);
  box-shadow: inset 0 0 0 1px var(--output); }
.next i { height: 14px; border-radius: 3px; background: var(--cell); overflow: hidden; }
.next u { display: block; height: 100%; background: var(--output); }
.next b { text-align: right; font-weight: 600; font-size: 13.5px; }
@media (pointer: coarse) { .next button { min-height: 44px; } }
`;

export const best = (shares, count) =>
  [...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, count);

// put(id) is called. set([{ id, text, share, chosen }])
export function nextWords(put) {
  const list = make("ol", { class: "next" });
  let ids = [];
  const rows = [];
  const row = (n) => {
    const node = button("", () => put(ids[n]));
    const [bar, share] = [make("u"), make("b")];
    list.append(make("li", {}, node, make("i", {}, bar), share));
    return { node, bar, share };
  };
  const set = (words) => {
    ids = words.map(({ id }) => id);
    words.forEach(({ text, share, chosen }, n) => {
      rows[n] ??= row(n);
      rows[n].node.textContent = text;
      rows[n].node.setAttribute("aria-pressed", String(chosen));
      rows[n].node.setAttribute("aria-label", `put “${text}” there`);
      rows[n].bar.style.width = `${100 * share}%`;
      rows[n].share.textContent = percent(share);
    });
  };
  return { list, set };
}
