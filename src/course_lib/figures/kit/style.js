// The look of every figure. Colours of quantities come from palette.json, as
// --state, --weight, …; the rest is here.
export const style = `
:host { display: block; }
.figure {
  --paper: #ffffff; --ink: #1f2328; --quiet: #59636e; --line: #d1d9e0; --soft: #f3f5f7;
  --cell: #eceff2; --focus: #0969da; color-scheme: light;
  margin: 0; padding: 14px 16px; border: 1px solid var(--line); border-radius: 12px;
  background: var(--paper); color: var(--ink); position: relative;
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  font-variant-numeric: tabular-nums; container-type: inline-size; text-align: left;
}
.figure.dark {
  --paper: #14181e; --ink: #e6edf3; --quiet: #a3adb8; --line: #363d47; --soft: #1d232b;
  --cell: #252c35; --focus: #79b8ff; color-scheme: dark;
}
* { box-sizing: border-box; }
header { display: flex; gap: 4px 12px; align-items: baseline; flex-wrap: wrap;
  justify-content: space-between; margin-bottom: 10px; }
.title { font-weight: 650; font-size: 16px; }
.badge { color: var(--quiet); font-size: 12.5px; white-space: nowrap; }
.badge::before { content: ""; display: inline-block; width: 7px; height: 7px;
  margin-right: 6px; border-radius: 50%; background: var(--output); }
figcaption:empty { display: none; }
figcaption { margin-top: 12px; padding-top: 10px; border-top: 1px solid var(--line);
  color: var(--quiet); font-size: 13.5px; }
.row { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; margin: 8px 0; }
.grow { flex: 1 1 220px; }
.note { color: var(--quiet); font-size: 13.5px; margin: 6px 0; min-height: 1.45em; }
.note b, .says b { color: var(--ink); font-weight: 650; }
.option { flex-direction: row; min-height: 44px; gap: 10px; align-items: flex-start; padding: 8px 10px;
  margin-top: 6px; border: 1px solid var(--line); border-radius: 8px; cursor: pointer;
  color: var(--ink); font-size: 15px; }
.option:hover { border-color: var(--quiet); }
.option input { width: 18px; height: 18px; margin: 2px 0 0; flex: none; accent-color: var(--state); }
.option.right { border-color: var(--output); box-shadow: inset 3px 0 var(--output); }
.option.wrong { border-color: var(--negative); box-shadow: inset 3px 0 var(--negative); }
legend.question { color: var(--ink); font-size: 16px; font-weight: 600; margin-bottom: 4px; }
.says { margin: 8px 0; min-height: 1.45em; }
.says:empty { margin: 0; min-height: 0; }
.key { display: inline-flex; align-items: center; gap: 5px; margin-right: 14px;
  vertical-align: middle; }
.key::before { content: ""; box-sizing: border-box; width: 16px; height: 16px; border-radius: 3px;
  background: var(--fill); border: var(--edge); }
button, input[type="text"], select { font: inherit; color: inherit; min-height: 36px;
  border: 1px solid var(--line); border-radius: 8px; background: var(--soft);
  padding: 4px 12px; margin: 0; }
button { cursor: pointer; }
button:hover { border-color: var(--quiet); }
button.main { background: var(--ink); color: var(--paper); border-color: var(--ink);
  min-width: 84px; font-weight: 600; }
button[aria-pressed="true"] { border-color: var(--state); color: var(--state);
  box-shadow: inset 0 0 0 1px var(--state); }
button:is(:disabled, [aria-disabled="true"]) { opacity: .5; cursor: default; }
input[type="text"] { background: var(--paper); border-color: var(--quiet); font-size: 16px; }
label { display: flex; flex-direction: column; gap: 2px; font-size: 13.5px;
  color: var(--quiet); }
label b { color: var(--ink); font-weight: 600; }
input[type="range"] { width: 100%; height: 28px; margin: 0; accent-color: var(--accent, var(--state));
  cursor: pointer; }
fieldset { border: 0; margin: 0; padding: 0; min-width: 0; }
legend { padding: 0; font-size: 13.5px; color: var(--quiet); }
.segments { display: inline-flex; border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden; margin-top: 2px; }
.segments label { position: relative; display: grid; place-items: center; min-height: 36px;
  padding: 0 13px; cursor: pointer; color: var(--ink); background: var(--soft); }
.segments label + label { border-left: 1px solid var(--line); }
.segments input { position: absolute; inset: 0; opacity: 0; margin: 0; cursor: pointer; }
.segments label:has(:checked) { background: var(--ink); color: var(--paper); }
.segments label:has(:focus-visible) { outline: 3px solid var(--focus); outline-offset: -3px; }
:is(button, input, summary, [tabindex]):focus-visible {
  outline: 3px solid var(--focus); outline-offset: 2px; }
.predict { border-left: 3px solid var(--output); background: var(--soft); margin: 10px 0;
  padding: 10px 12px; border-radius: 0 8px 8px 0; }
.predict p { margin: 0 0 8px; font-weight: 600; }
.predict .row { margin: 0; gap: 8px; }
.predict button { background: var(--paper); }
.predict.done { display: flex; flex-wrap: wrap; gap: 8px 14px; align-items: center; }
.predict.done p { margin: 0; flex: 1 1 240px; font-weight: 400; }
.board { position: relative; overflow-x: auto; border-radius: 8px; margin: 12px 0; }
.board[hidden] { display: none; }
svg { display: block; overflow: visible; font: inherit; }
svg text { fill: var(--quiet); font-size: 12px; }
svg text.strong { fill: var(--ink); font-weight: 650; }
.tip { position: absolute; pointer-events: none; z-index: 3; background: var(--ink);
  color: var(--paper); padding: 3px 8px; border-radius: 6px; font-size: 13px;
  white-space: nowrap; transform: translate(-50%, calc(-100% - 10px)); }
details { margin-top: 8px; border-top: 1px solid var(--line); padding-top: 4px; }
summary { cursor: pointer; min-height: 36px; padding: 7px 0; font-weight: 600; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
@media (pointer: coarse) {
  button, .segments label, input[type="text"], summary { min-height: 44px; }
  input[type="range"] { height: 44px; }
}
@container (max-width: 420px) { .title { font-size: 15px; } }
`;
