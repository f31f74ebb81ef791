// The reader sets the gates of one memory cell, by hand, over 21 steps.
import {
  button,
  frame,
  make,
  number,
  row,
  segments,
  slider,
  subscript,
} from "../kit/draw.js";
import { assign } from "../kit/values.js";
import {
  CHALLENGES,
  GATES,
  STEPS,
  constant,
  run,
  stream,
  untouched,
  wanted,
} from "./gates.js";
import { unrolledCell } from "./gate_picture.js";

const two = (value) => value.toFixed(2);

function render({ model, el }) {
  const body = frame({ model, el });
  const gates = { LSTM: untouched("LSTM"), GRU: untouched("GRU") };
  let now = 0; // the step that is looked at
  let scope = "every";
  let read; // { xs, bits }
  let steps;
  let goal;

  const cell = () => model.get("cell");
  const challenge = () => CHALLENGES[model.get("challenge")];
  const own = () => gates[cell()];
  const set = (key, value) => assign(model, { [key]: value });
  const setGate = (name, t, value) => {
    own()[name][t] = value;
    update();
  };
  const go = (t) => {
    now = Math.max(0, Math.min(STEPS - 1, t));
    update();
  };

  const picture = unrolledCell({
    cell,
    gates: own,
    steps: () => steps,
    goal: () => goal,
    bits: () => read.bits,
    mark: () => read.bits.length === 2,
    now: () => now,
    go,
    set: (name, t, value) => {
      now = t;
      setGate(name, t, value);
    },
  });

  // -- controls ------------------------------------------------------------------------
  const cells = segments({
    name: "cell",
    options: [
      ["LSTM", "LSTM"],
      ["GRU", "GRU"],
    ],
    value: cell(),
    change: (v) => set("cell", v),
  });
  const tasks = segments({
    name: "challenge",
    options: Object.keys(CHALLENGES).map((key) => [key, key]),
    value: model.get("challenge"),
    change: (v) => set("challenge", v),
  });
  const asks = make("p", { class: "says" });
  // With room for the longest, or the picture would jump under a pointer that drags.
  const verdict = make("p", {
    style: "font-weight: 400; min-height: clamp(2.9em, 150px - 12.6cqi, 7.25em)",
    "aria-live": "polite",
  });
  const solution = () => challenge().solution({ cell: cell(), xs: read.xs });
  const show = button("Show me", () => {
    gates[cell()] = solution();
    update();
  });
  const reset = button("Reset the gates", () => {
    gates[cell()] = untouched(cell());
    update();
  });
  const other = button("Other bits", () => set("seed", model.get("seed") + 1));
  const task = make(
    "div",
    { class: "predict", role: "group", "aria-label": "Challenge" },
    verdict,
    row(show, reset, other),
  );
  const scopes = segments({
    name: "the sliders set",
    options: [
      ["every", "every step"],
      ["one", "the chosen step"],
    ],
    value: scope,
    change: (v) => {
      scope = v;
      update();
    },
  });
  const scrub = slider({
    name: "chosen step",
    min: 1,
    max: STEPS,
    step: 1,
    value: 1,
    shown: (t) => `${t} of ${STEPS}`,
    change: (t) => go(t - 1),
    accent: "input",
  });
  const mixed = (name) =>
    scope === "every" && own()[name].some((v) => v !== own()[name][0]);
  const sliders = Object.fromEntries(
    Object.entries(GATES).map(([kind, names]) => [
      kind,
      Object.fromEntries(
        Object.entries(names).map(([name, [does]]) => [
          name,
          slider({
            name: `${name}, ${does} gate`,
            min: 0,
            max: 1,
            step: 0.05,
            value: 0,
            shown: (v) => (kind === cell() && mixed(name) ? "mixed" : two(v)),
            change: (v) => {
              if (scope === "every") own()[name] = constant(v);
              else own()[name][now] = v;
              update();
            },
            accent: "gate",
          }),
        ]),
      ),
    ]),
  );
  const rows = Object.fromEntries(
    Object.entries(sliders).map(([kind, all]) => [
      kind,
      row(...Object.values(all).map(({ box }) => box)),
    ]),
  );
  const equation = make("p", { class: "note" });
  const legend = make("p", { class: "note" });

  const arithmetic = () => {
    const { x, before, candidate, kept, shown } = steps[now];
    const [t, old] = [subscript(now + 1), subscript(now)];
    const [at, b] = [(name) => two(own()[name][now]), (text) => make("b", {}, text)];
    const signed = (value) => (value < 0 ? `(${number(value)})` : number(value));
    if (cell() === "LSTM")
      return [
        `c${t} = f c${old} + i tanh(3x${t}) = ${at("f")} · ${signed(before)} + ${at("i")} · ${signed(candidate)} = `,
        b(number(kept)),
        `; h${t} = o tanh(c${t}) = `,
        b(number(shown)),
      ];
    return [
      `n${t} = tanh(3(x${t} + r h${old})) = tanh(3(${number(x)} + ${at("r")} · ${signed(before)})) = `,
      b(number(candidate)),
      `; h${t} = z h${old} + (1 − z) n${t} = ${at("z")} · ${signed(before)} + ${two(1 - own().z[now])} · ${signed(candidate)} = `,
      b(number(kept)),
    ];
  };
  const update = () => {
    const name = model.get("challenge");
    read = stream(name, model.get("seed"));
    steps = run(cell(), own(), read.xs);
    goal = wanted(name, read);
    const missing = challenge().check({ cell: cell(), steps, goal });
    asks.textContent = challenge().asks;
    const said = missing ?? `Done. ${challenge().learned[cell()]}`;
    if (verdict.textContent !== said) verdict.textContent = said;
    task.style.borderColor = `var(--${missing === null ? "output" : "gate"})`;
    show.disabled = solution() === null;
    scrub.set(now + 1);
    for (const [kind, row] of Object.entries(rows))
      row.style.display = kind === cell() ? "" : "none";
    for (const [gate, control] of Object.entries(sliders[cell()]))
      control.set(own()[gate][now]);
    legend.textContent =
      cell() === "LSTM"
        ? "An arrow is as strong as its gate is open: i up, f across, o up again. Solid: c. Dotted: h. Dashed: what c should be."
        : "An arrow is as strong as it lets through: 1 − z up, z across. Solid: h. Dashed: what it should be.";
    equation.replaceChildren(...arithmetic());
    picture.redraw();
    assign(model, {
      value: steps.at(-1).kept,
      gradient: steps[0].gradient,
      met: missing === null,
    });
  };
  body.append(
    row(cells, tasks),
    asks,
    task,
    picture.box,
    legend,
    rows.LSTM,
    rows.GRU,
    row(scopes, scrub.box),
    equation,
  );
  update();
  for (const key of ["cell", "challenge", "seed"])
    model.on(`change:${key}`, () => {
      cells.set(cell());
      tasks.set(model.get("challenge"));
      update();
    });
}

export default { render };
