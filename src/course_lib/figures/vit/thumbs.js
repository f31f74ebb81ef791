// The stored pictures, small and in a row; one of them is chosen.
import { make, svg } from "../kit/draw.js";
import { patchPixels } from "./pixel_picture.js";

export const thumbStyle = `
.thumbs { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 4px; }
.thumbs label { position: relative; width: 44px; height: 44px; padding: 4px; cursor: pointer;
  border: 1px solid var(--line); border-radius: 8px; background: var(--cell); }
.thumbs label:hover { border-color: var(--quiet); }
.thumbs label:has(:checked) { border-color: var(--state);
  box-shadow: inset 0 0 0 1px var(--state); }
.thumbs label:has(:focus-visible) { outline: 3px solid var(--focus); outline-offset: 2px; }
.thumbs input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
`;

// `digits` are [{ label, points }]; change(n) is called, n from 1. set(0) chooses none.
export function thumbs({ digits, change }) {
  const inputs = digits.map(({ label }, n) => {
    const earlier = digits.slice(0, n).filter((other) => other.label === label);
    const name = `a ${label}${earlier.length ? `, number ${earlier.length + 1}` : ""}`;
    return make("input", {
      type: "radio",
      name: "picture",
      value: n + 1,
      "aria-label": name,
      onchange: () => change(n + 1),
    });
  });
  const row = make(
    "div",
    { class: "thumbs" },
    ...inputs.map((input, n) => {
      const picture = svg("svg", { viewBox: "0 0 8 8", "aria-hidden": "true" });
      picture.append(patchPixels(0, 0, 8, digits[n].points));
      return make("label", {}, input, picture);
    }),
  );
  const box = make(
    "fieldset",
    {},
    make("legend", {}, "pictures that no network was trained on"),
    row,
  );
  const set = (n) => inputs.forEach((input, i) => (input.checked = i + 1 === n));
  return { box, set };
}
