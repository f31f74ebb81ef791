// Three layers learn the same task from the same data, and the first to learn it wins.
import {
  button,
  frame,
  make,
  percent,
  predict,
  row,
  segments,
  slider,
} from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { assign } from "../kit/values.js";
import { player } from "../kit/player.js";
import { chartPicture, lanesPicture, sequencePicture } from "./race_pictures.js";
import { BUDGET, KINDS, NAMES, REACHED, WINDOW, race } from "./recall.js";

const SETTINGS = ["lag", "hidden", "bias", "rate", "seed"];
const LAGS = [5, 10, 15, 20, 30, 40]; // of a sweep
const SLICE = 12; // milliseconds of a frame that training may take

// "the RNN and the GRU"
function list(kinds) {
  const names = kinds.map((kind) => `the ${NAMES[kind]}`);
  return names.length < 2
    ? names.join()
    : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

// How a race ended, in a sentence or two.
export function outcome({ lanes }) {
  const finished = lanes
    .filter((lane) => lane.learned !== null)
    .sort((one, other) => one.learned - other.learned);
  const rest = lanes.filter((lane) => lane.learned === null).map(({ kind }) => kind);
  if (!finished.length) return `None of them learned it within ${BUDGET} steps.`;
  const said = finished.map(
    ({ kind, learned }) => `the ${NAMES[kind]} at step ${learned}`,
  );
  const late = rest.length ? ` Not within ${BUDGET} steps: ${list(rest)}.` : "";
  return `Learned by ${said.join(", ")}.${late}`;
}

// The first to finish: one kind, several that tie, or none.
export function winners({ lanes }) {
  const best = Math.min(...lanes.map((lane) => lane.learned ?? Infinity));
  return lanes.filter(({ learned }) => learned === best).map(({ kind }) => kind);
}

function render({ model, el }) {
  const body = frame({ model, el }, "trains in this page");
  const records = {}; // layer and its setting -> lag -> seed -> step at which learned
  let run;
  let sweeping = false;
  let result = ""; // of a sweep that has ended

  const settings = () => Object.fromEntries(SETTINGS.map((k) => [k, model.get(k)]));
  const record = (kind, lag) => {
    const { hidden, bias, rate } = settings();
    const setting = `${kind} ${hidden} ${rate}${kind === "lstm" ? ` ${bias}` : ""}`;
    return ((records[setting] ??= {})[lag] ??= {});
  };
  const known = (lag, seed) => KINDS.every((kind) => seed in record(kind, lag));
  const over = () => run.steps > 0 && !run.running();
  const reset = () => {
    run = race(settings());
    result = "";
  };
  const keep = () => {
    for (const { kind, learned } of run.lanes)
      record(kind, model.get("lag"))[model.get("seed")] = learned;
  };
  const advance = () => {
    if (!run.running()) return;
    run.step();
    if (!run.running()) keep();
  };
  // One frame: as many steps as fit. A sweep goes on to the next lag that it lacks.
  const tick = () => {
    const begun = performance.now();
    do advance();
    while (run.running() && performance.now() - begun < SLICE);
    if (!run.running() && sweeping) {
      const lag = LAGS.find((one) => !known(one, model.get("seed")));
      if (lag !== undefined) {
        if (lag === model.get("lag")) reset();
        else model.set("lag", lag); // resets, by its listener
        update();
        return true;
      }
      sweeping = false;
      result = swept();
    }
    update();
    return run.running();
  };
  const swept = () => {
    const lags = (kind) =>
      LAGS.filter((lag) => record(kind, lag)[model.get("seed")] !== null);
    const said = KINDS.map((kind) => {
      const learned = lags(kind);
      return `the ${NAMES[kind]} ${learned.length ? learned.join(", ") : "none"}`;
    });
    return `Lags learned with seed ${model.get("seed")}: ${said.join("; ")}. Sweep again for another seed.`;
  };

  let charted = ""; // what the chart shows
  const pictures = {
    sequence: sequencePicture(() => run),
    lanes: lanesPicture(() => run),
    chart: chartPicture({
      lags: LAGS,
      lag: () => model.get("lag"),
      record,
      pick: (lag) => set("lag", lag),
    }),
  };

  // -- controls ------------------------------------------------------------------------
  const set = (key, value) => {
    stop();
    assign(model, { [key]: value });
  };
  const play = player(body, tick, (on) => {
    raceButton.textContent = on ? "Pause" : "Race";
    sweepButton.setAttribute("aria-pressed", String(on && sweeping));
    update();
  });
  const stop = () => {
    sweeping = false;
    play.set(false);
  };
  const go = () => {
    sweeping = false;
    if (!run.running()) reset();
    play.set(true);
  };
  const raceButton = button("Race", () => (play.playing ? stop() : go()), {
    class: "main",
  });
  const sweepButton = button("Sweep the lags", () => {
    if (sweeping) return stop();
    stop();
    while (LAGS.every((lag) => known(lag, model.get("seed"))))
      model.set("seed", model.get("seed") + 1);
    sweeping = true;
    reset();
    const first = LAGS.find((lag) => !known(lag, model.get("seed")));
    model.set("lag", first);
    play.set(true);
  });
  const buttons = [
    raceButton,
    button("One step", () => {
      stop();
      advance();
      update();
    }),
    button("Reset", () => {
      stop();
      reset();
      update();
    }),
    button("Another seed", () => set("seed", model.get("seed") + 1)),
    sweepButton,
  ];
  const bet = predict({
    question: () => `Lag ${model.get("lag")}: who will learn it first?`,
    choices: [...Object.entries(NAMES), ["none", `none in ${BUDGET} steps`]],
    reveal: () => go(),
    verdict: (guess) => {
      if (!over()) {
        if (guess === null) return "They learn from the same sequences.";
        return guess === "none"
          ? "You say that none will. See."
          : `You say the ${NAMES[guess]}. See.`;
      }
      const first = winners(run);
      const none = run.lanes.every(({ learned }) => learned === null);
      const right = none ? guess === "none" : first.includes(guess);
      const told = guess === null ? "" : right ? " As you said." : " Not as you said.";
      const ahead = none ? "None of them learned it" : `First: ${list(first)}`;
      return `${ahead}.${told}`;
    },
  });
  const controls = {
    lag: slider({
      name: "lag",
      min: 1,
      max: 60,
      step: 1,
      value: model.get("lag"),
      shown: (n) => plural(n, "step"),
      change: (v) => set("lag", v),
      accent: "input",
    }),
    hidden: slider({
      name: "hidden size H",
      min: 2,
      max: 32,
      step: 1,
      value: model.get("hidden"),
      shown: String,
      change: (v) => set("hidden", v),
      accent: "state",
    }),
    bias: segments({
      name: "forget bias of the LSTM",
      options: [0, 1, 3].map((v) => [v, String(v)]),
      value: model.get("bias"),
      change: (v) => set("bias", v),
    }),
    rate: segments({
      name: "learning rate of all",
      options: [0.003, 0.01, 0.03].map((v) => [v, String(v)]),
      value: model.get("rate"),
      change: (v) => set("rate", v),
    }),
  };
  const status = make("p", { class: "says" });
  const verdict = make("p", {
    class: "note",
    style: "color: var(--ink)",
    "aria-live": "polite",
  });
  const update = () => {
    model.set("step", run.steps);
    model.set(
      "learned",
      over()
        ? Object.fromEntries(run.lanes.map(({ kind, learned }) => [kind, learned]))
        : null,
    );
    status.replaceChildren(
      "seed ",
      make("b", {}, String(model.get("seed"))),
      " · step ",
      make("b", {}, String(run.steps)),
      ` of ${BUDGET}`,
    );
    const text = sweeping
      ? `Sweeping: lag ${model.get("lag")} of ${LAGS.join(", ")}, seed ${model.get("seed")}.`
      : result ||
        (over()
          ? outcome(run)
          : `Learned means ${percent(REACHED)} right over ${WINDOW} steps.`);
    if (verdict.textContent !== text) verdict.textContent = text;
    bet.box.style.display = sweeping ? "none" : "";
    bet.update();
    pictures.sequence.redraw();
    pictures.lanes.redraw();
    const lags = LAGS.map((lag) => KINDS.map((kind) => record(kind, lag)));
    const shown = JSON.stringify([model.get("lag"), lags]);
    if (shown !== charted) {
      charted = shown; // only then: what is redrawn under the pointer can't be clicked
      pictures.chart.redraw();
    }
    if (!play.playing) model.save_changes();
  };
  body.append(
    row(controls.lag.box, controls.hidden.box),
    row(controls.bias, controls.rate),
    bet.box,
    row(...buttons),
    status,
    verdict,
    pictures.sequence.box,
    pictures.lanes.box,
    make(
      "p",
      { class: "note" },
      "Learned in how many of the seeds that you ran. Click or tap a lag to race over it.",
    ),
    pictures.chart.box,
  );
  for (const key of SETTINGS)
    model.on(`change:${key}`, () => {
      controls[key]?.set(model.get(key));
      reset();
      if (!sweeping) bet.ask();
      update();
    });
  reset();
  update();
}

export default { render };
