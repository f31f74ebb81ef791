// The one visual language of the figures: a colour for each quantity, numbers in one
// form, hover = number, click = pin, and controls that work by mouse, touch and keys.
import palette from "../palette.json" with { type: "json" };
import { style } from "./style.js";

// make("p", { class: "note", onclick: f }, "text", child)
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(
    document.createElementNS("http://www.w3.org/2000/svg", tag),
    attributes,
    children,
  );
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes))
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null));
  return node;
}

// The card that every figure is drawn in: title, body, caption; the theme of the page
// around it; a shadow root, so that neither the page's styles nor its ids reach in.
export function frame({ model, el }, badge = "runs in this page") {
  const host = make("div", { "data-lm-suppress-shortcuts": "true" });
  host.addEventListener("keydown", (event) => event.stopPropagation());
  const body = make("div");
  const root = make(
    "figure",
    { class: "figure", "aria-labelledby": "title", "aria-describedby": "about" },
    make(
      "header",
      {},
      make("div", { class: "title", id: "title" }, model.get("title")),
      badge && make("div", { class: "badge" }, badge),
    ),
    make("div", { class: "unseen", id: "about" }, model.get("description")),
    body,
    make("figcaption", {}, model.get("caption")),
  );
  const colors = (mode) =>
    Object.entries(palette)
      .map(([name, color]) => `--${name}: ${color[mode]};`)
      .join(" ");
  const variables = `.figure { ${colors("light")} } .figure.dark { ${colors("dark")} }`;
  host.attachShadow({ mode: "open" }).append(make("style", {}, variables, style), root);
  el.replaceChildren(host);
  followTheme(root);
  return body;
}

// The book says html[data-theme], JupyterLab body[data-jp-theme-light], Colab
// html[theme], VS Code body[data-vscode-theme-kind]; else the system decides.
function followTheme(root) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => {
    const page = document.documentElement;
    const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
    const said = page.dataset.theme ?? page.getAttribute("theme");
    if (said === "dark" || said === "light") return said === "dark";
    if (jpThemeLight) return jpThemeLight === "false";
    if (vscodeThemeKind) return !vscodeThemeKind.includes("light");
    return system.matches;
  };
  const follow = () => root.classList.toggle("dark", dark());
  const watch = new MutationObserver(follow);
  for (const node of [document.documentElement, document.body])
    watch.observe(node, { attributes: true });
  system.addEventListener("change", follow);
  follow();
}

// -- numbers and colours ---------------------------------------------------------------

// -0.4217 -> "−0.42": a true minus sign, so that columns of numbers align
export function number(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

export const signedNumber = (value, digits = 2) =>
  (value > 0 ? "+" : "") + number(value, digits);

export function percent(share) {
  if (share > 0 && share < 0.005) return "<\u00a01\u00a0%";
  if (share < 1 && share > 0.995) return ">\u00a099\u00a0%";
  return `${Math.round(100 * share)}\u00a0%`;
}

// 0.00517 -> "5.2 × 10⁻³"; numbers near 1 stay as they are
export function scientific(value, { precision = 2 } = {}) {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return "∞";
  if (value >= 100 && value < 1000) return String(Math.round(value));
  if (value >= 0.01 && value < 100) return value.toPrecision(precision);
  const [digits, exponent] = value.toExponential(precision - 1).split("e");
  return `${digits} × 10${superscript(Number(exponent))}`;
}

export const superscript = (integer) =>
  String(integer).replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(c)]);

export const subscript = (integer) =>
  String(integer).replace(/./g, (c) => "₀₁₂₃₄₅₆₇₈₉"[c]);

// A colour for a number in -1 … 1: red, nothing, blue.
export const signed = (value) =>
  mix(value < 0 ? "negative" : "positive", Math.min(1, Math.abs(value)));

// The colour of a quantity for a share of it, 0 … 1.
export const mix = (quantity, share) =>
  `color-mix(in oklab, var(--${quantity}) ${Math.round(100 * share)}%, var(--cell))`;

// -- the drawing of a time step --------------------------------------------------------

// What goes in, in a box of its quantity.
export function token(x, y, width, height, text, quantity, on = true) {
  return svg(
    "g",
    { opacity: on ? 1 : 0.4 },
    svg("rect", {
      x,
      y,
      width,
      height,
      rx: 5,
      style: `fill: var(--paper); stroke: var(--${quantity}); stroke-width: 1.5`,
    }),
    svg(
      "text",
      {
        class: "strong",
        x: x + width / 2,
        y: y + height / 2 + 5,
        "text-anchor": "middle",
        style: `font-size: ${width < 14 ? 12 : 15}px`,
      },
      text,
    ),
  );
}

// A vector as a column of cells, or a matrix as a grid; cell(r, c) gives a colour.
export function grid(x, y, rows, columns, width, height, cell) {
  const group = svg("g", { transform: `translate(${x} ${y})` });
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++)
      group.append(
        svg("rect", {
          x: c * width,
          y: r * height,
          width: width + 0.25, // no hairlines between the cells
          height: height + 0.25,
          style: `fill: ${cell(r, c)}`,
        }),
      );
  return group;
}

export function arrow(x1, y1, x2, y2, quantity, on = true) {
  const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
  return svg(
    "g",
    { opacity: on ? 1 : 0.25, style: `stroke: var(--${quantity}); fill: none` },
    svg("line", { x1, y1, x2, y2, "stroke-width": 1.5 }),
    svg("path", {
      d: "M-4,-3.5 L0,0 L-4,3.5",
      "stroke-width": 1.5,
      transform: `translate(${x2} ${y2}) rotate(${angle})`,
    }),
  );
}

export const line = (points, quantity, width = 2, dash = null) =>
  svg("polyline", {
    points: points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(" "),
    style: `fill: none; stroke: var(--${quantity})`,
    "stroke-width": width,
    "stroke-dasharray": dash,
    "stroke-linejoin": "round",
  });

// A frame: of a quantity, or in ink round what is pinned.
export const outline = (x, y, width, height, quantity = "ink", stroke = 1.5) =>
  svg("rect", {
    x,
    y,
    width,
    height,
    rx: 2,
    style: `fill: none; stroke: var(--${quantity})`,
    "stroke-width": stroke,
  });

export const label = (x, y, text, anchor = "start", quantity = null) =>
  svg(
    "text",
    { x, y, "text-anchor": anchor, style: quantity && `fill: var(--${quantity})` },
    text,
  );

// A drawing that is redrawn whole, at the width that it has. draw(width) gives
// { nodes, width, height, says }, the last its numbers for those who can't see it.
// Point or tap: say(x, y) gives { x, y, text } or null for the number that is there;
// click: pin(x, y).
export function board({ draw, say, pin, name }) {
  const tip = make("div", { class: "tip", hidden: "", "aria-hidden": "true" });
  const picture = svg("svg", { role: "img", "aria-label": name });
  const box = make("div", { class: "board" }, picture, tip);
  const at = (event) => {
    const corner = picture.getBoundingClientRect();
    return [event.clientX - corner.left, event.clientY - corner.top];
  };
  let place = null; // of the pointer
  const tell = () => {
    const said = place && say?.(...place);
    tip.hidden = !said;
    picture.style.cursor = said && pin ? "pointer" : "";
    if (!said) return;
    tip.textContent = said.text;
    const half = tip.offsetWidth / 2;
    const most = Math.max(half, picture.clientWidth - half);
    tip.style.left = `${Math.min(Math.max(said.x, half), most)}px`;
    tip.style.top = `${Math.max(said.y, tip.offsetHeight + 10)}px`;
  };
  const point = (event) => {
    place = event.type === "pointerleave" ? null : at(event);
    tell();
  };
  // A tap leaves before it clicks, so the number of what is tapped stays.
  for (const type of ["pointermove", "pointerleave", "click"])
    picture.addEventListener(type, point);
  if (pin) picture.addEventListener("click", (event) => pin(...at(event)));
  const redraw = () => {
    const space = Math.floor(box.clientWidth);
    if (!space) return; // not shown yet: the observer calls again
    const { nodes, width = space, height, says } = draw(space);
    picture.setAttribute("aria-label", says ? `${name}: ${says}` : name);
    for (const [key, value] of Object.entries({ width, height }))
      picture.setAttribute(key, value);
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.replaceChildren(...nodes);
    tell();
    // what must be scrolled must be reachable by keys
    box.toggleAttribute("tabindex", false);
    if (width > space) box.setAttribute("tabindex", "0");
  };
  let last = 0;
  new ResizeObserver(() => {
    if (box.clientWidth !== last) redraw();
    last = box.clientWidth;
  }).observe(box);
  return { box, redraw };
}

// -- controls --------------------------------------------------------------------------

export const row = (...nodes) => make("div", { class: "row" }, ...nodes);

export const button = (text, onclick, attributes = {}) =>
  make("button", { type: "button", onclick, ...attributes }, text);

// A button that may not be pressed now; it keeps the focus, if it has it, which `disabled`
// would take away.
export const off = (node, now) => node.setAttribute("aria-disabled", String(now));

export function field(name, value, change) {
  const input = make("input", {
    type: "text",
    "aria-label": name,
    value,
    maxlength: 40,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
  });
  input.addEventListener("input", () => change(input.value));
  return input;
}

// `shown(value)` is what the reader sees beside the name; change(value) is called.
export function slider({ name, min, max, step, value, shown, change, accent }) {
  const out = make("b");
  const input = make("input", { type: "range", min, max, step, "aria-label": name });
  const set = (next) => {
    input.value = next;
    out.textContent = shown(Number(input.value));
    input.setAttribute("aria-valuetext", out.textContent);
  };
  input.addEventListener("input", () => {
    set(input.value);
    change(Number(input.value));
  });
  set(value);
  const box = make(
    "label",
    { class: "grow", style: accent ? `--accent: var(--${accent})` : null },
    make("span", {}, `${name}: `, out),
    input,
  );
  return { box, input, set };
}

// One of a few values, as radio buttons side by side: a node that has set(value). A
// value that is not one of them, which Python may set, gets a button of its own.
export function segments({ name, options, value, change }) {
  const inputs = new Map();
  const row = make("div", { class: "segments" });
  const add = (key, text) => {
    const input = make("input", { type: "radio", name, value: key });
    input.addEventListener("change", () => change(key));
    inputs.set(key, input);
    row.append(make("label", {}, input, text));
  };
  const set = (next) => {
    if (!inputs.has(next)) add(next, String(next));
    inputs.get(next).checked = true;
  };
  for (const option of options) add(...option);
  set(value);
  const node = make("fieldset", {}, make("legend", {}, name), row);
  return Object.assign(node, { set });
}

// Predict, then reveal: the reader answers first, and sees what is true only then.
// verdict(guess) gives the text; a guess of null means "just show me". ask() asks anew;
// forget() keeps the result and drops what was guessed, once that was another question.
export function predict({ question, choices, verdict, reveal, again }) {
  const box = make("div", { class: "predict", role: "group", "aria-label": "Predict" });
  const said = make("p", { "aria-live": "polite", tabindex: -1 });
  let guess;
  const answer = (given) => {
    guess = given;
    box.classList.add("done");
    reveal(given);
    update();
    box.replaceChildren(said, button("Predict again", ask));
    said.focus(); // the button that had the focus is gone
  };
  const ask = (event) => {
    guess = undefined;
    box.classList.remove("done");
    box.replaceChildren(
      make("p", {}, question()),
      row(
        ...choices.map(([key, text]) => button(text, () => answer(key))),
        button("Just show me", () => answer(null), { style: "border-style: dashed" }),
      ),
    );
    again?.();
    if (event) box.querySelector("button").focus();
  };
  const update = () => {
    if (guess === undefined) {
      const asked = box.querySelector("p");
      if (asked.textContent !== question()) asked.textContent = question();
    } else if (said.textContent !== verdict(guess)) said.textContent = verdict(guess);
  };
  const forget = () => (guess = guess === undefined ? guess : null);
  ask();
  return { box, update, ask: () => ask(), forget };
}
