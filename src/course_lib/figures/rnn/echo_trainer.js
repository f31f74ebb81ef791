// Trains an RNN in the page to say what it heard `lag` steps ago.
import {
  arrow,
  board,
  button,
  frame,
  label,
  line,
  make,
  mix,
  number,
  percent,
  row,
  segments,
  slider,
  svg,
} from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { assign } from "../kit/values.js";
import { player } from "../kit/player.js";
import { curve } from "../kit/curves.js";
import { training } from "./echo.js";

const LAGS = 20;
const PATIENCE = 800; // steps after which the search gives a lag up
const WINDOW = 20; // steps over which accuracy is averaged
const REACHED = 0.95;
const LINES = [2, 60, 94]; // y of what it hears, should say, says

function render({ model, el }) {
  const body = frame({ model, el }, "trains in this page");
  const records = {}; // settings -> best mean accuracy at each lag
  let run;
  let history;
  let learned; // the step at which this training reached its lag, or null
  let searching = false;
  let result = ""; // of a search that has ended

  const settings = () =>
    Object.fromEntries(
      ["lag", "hidden", "rate", "clip", "seed"].map((k) => [k, model.get(k)]),
    );
  const best = () => {
    const { hidden, rate, clip: limit } = settings();
    return (records[`${hidden} ${rate} ${limit}`] ??= Array(LAGS + 1).fill(null));
  };
  const recent = () => {
    const last = history.slice(-WINDOW);
    return (
      last.reduce((sum, step) => sum + step.accuracy, 0) / Math.max(1, last.length)
    );
  };
  const horizon = () => {
    let lag = 0;
    while (best()[lag + 1] >= REACHED) lag += 1;
    return lag;
  };
  const reset = () => {
    run = training(settings());
    history = [];
    learned = null;
    result = "";
  };
  const advance = () => {
    const { loss, accuracy, shown } = run.step();
    history.push({ loss, accuracy, shown });
    if (history.length < WINDOW) return false;
    const lag = model.get("lag");
    best()[lag] = Math.max(best()[lag] ?? 0, recent());
    if (learned !== null || recent() < REACHED) return false;
    learned = history.length;
    return true;
  };
  const found = (upTo) => {
    const H = model.get("hidden");
    const said = `Within ${PATIENCE} steps per lag, a network with H = ${H}`;
    if (upTo === LAGS) return `${said} learned every lag up to ${LAGS}.`;
    if (upTo === 0) return `${said} did not learn even lag 1.`;
    const lags = upTo === 1 ? "lag 1" : `the lags from 1 to ${upTo}`;
    return `${said} learned ${lags}, and not lag ${upTo + 1}.`;
  };
  // One frame: a few steps, never longer than the frame. It ends where the lag is
  // learned; a search goes on to the next lag, until one takes too long.
  const tick = () => {
    const start = performance.now();
    let goesOn = true;
    for (let n = 0; goesOn && n < 3 && performance.now() - start < 10; n++) {
      goesOn = !advance();
      if (!searching) continue;
      const lag = model.get("lag");
      const gaveUp = history.length >= PATIENCE;
      if (learned !== null && lag < LAGS) {
        model.set("lag", lag + 1); // resets, by its listener
        return true;
      }
      if (goesOn && !gaveUp) continue;
      searching = goesOn = false;
      result = found(learned === null ? lag - 1 : lag);
    }
    update();
    return goesOn;
  };

  // -- the pictures --------------------------------------------------------------------
  const echo = board({
    name: "What the network hears, should say, and says",
    draw: (space) => {
      const { shown } = history.at(-1) ?? { shown: null };
      const lag = model.get("lag");
      const count = lag + 12;
      const left = 74;
      const pitch = Math.min(30, (space - left) / count);
      const cell = pitch * 0.84;
      const rows = [
        ["hears", "input"],
        ["should say", "baseline"],
        ["says", "output"],
      ];
      const nodes = rows.map(([name, quantity], r) =>
        label(0, LINES[r] + 18, name, "start", quantity),
      );
      for (let t = 0; t < count; t++) {
        const cells = [
          shown && (shown.xs[t][0] + 1) / 2,
          shown && shown.targets[t],
          shown && t >= lag ? shown.output[t] : null,
        ];
        cells.forEach((value, r) => {
          const wrong = r === 2 && value !== null && value > 0.5 !== cells[1] > 0.5;
          nodes.push(
            svg("rect", {
              x: left + t * pitch,
              y: LINES[r],
              width: cell,
              height: 26,
              rx: 4,
              style:
                value === null
                  ? "fill: none; stroke: var(--line); stroke-dasharray: 2 3"
                  : `fill: ${mix(rows[r][1], value)}; stroke: var(--${wrong ? "negative" : rows[r][1]})`,
              "stroke-width": wrong ? 2.5 : 1,
            }),
          );
        });
      }
      const from = left + cell / 2;
      const to = from + lag * pitch;
      nodes.push(
        line(
          [
            [from, 29],
            [from, 37],
            [to, 37],
          ],
          "ink",
          1.5,
        ),
        arrow(to, 37, to, 56, "ink"),
        label(lag * pitch < 90 ? to + 8 : from + 5, 52, `${plural(lag, "step")} later`),
      );
      layout.echo = { left, pitch, count };
      const said = shown?.output.slice(lag);
      const right = said?.filter((p, n) => p > 0.5 === shown.targets[lag + n] > 0.5);
      const says = shown
        ? `right about ${right.length} of ${said.length} bits, ${plural(lag, "step")} later`
        : "nothing yet";
      return { nodes, height: LINES[2] + 30, says };
    },
    say: (x, y) => {
      const { left, pitch, count } = layout.echo;
      const t = Math.floor((x - left) / pitch);
      const shown = history.at(-1)?.shown;
      if (!shown || t < 0 || t >= count) return null;
      const r = y < 44 ? 0 : y < LINES[2] ? 1 : 2;
      const value = [(shown.xs[t][0] + 1) / 2, shown.targets[t], shown.output[t]][r];
      if (value === null) return { x, y, text: "nothing to say yet" };
      return {
        x,
        y,
        text:
          r < 2
            ? `step ${t + 1}: bit ${value}`
            : `step ${t + 1}: says bit 1 with ${percent(value)}`,
      };
    },
  });
  const layout = {};
  const curves = board({
    name: "Loss and accuracy over the training steps, with chance as a dashed line",
    draw: (space) => {
      const wide = space > 520;
      const width = wide ? (space - 24) / 2 : space;
      const height = 118;
      const last = history.at(-1);
      const place = (n) => ({
        x: wide ? n * (width + 24) : 0,
        y: wide ? 0 : n * (height + 14),
        width,
        height,
      });
      const nodes = [
        ...curve({
          ...place(0),
          name: "accuracy",
          quantity: "output",
          chance: 0.5,
          values: history.map((step) => step.accuracy),
          now: last ? percent(recent()) : "",
          range: [0.3, 1],
          ticks: [
            [0.5, "50"],
            [1, "100"],
          ],
        }),
        ...curve({
          ...place(1),
          name: "loss",
          quantity: "gradient",
          chance: Math.LN2,
          values: history.map((step) => step.loss),
          now: last ? number(last.loss, 3) : "",
          range: [0, 0.9],
          ticks: [
            [0, "0"],
            [0.5, "0.5"],
          ],
        }),
      ];
      const says = last
        ? `after ${plural(history.length, "step")} accuracy ${percent(recent())}, loss ${number(last.loss, 3)}`
        : "no steps yet";
      return { nodes, height: wide ? height + 8 : 2 * height + 22, says };
    },
  });
  const reach = board({
    name: "Which lags have been learned",
    draw: (space) => {
      const row = space < 480 ? LAGS / 2 : LAGS; // boxes in a row
      const pitch = space / row;
      Object.assign(layout, { row, pitch });
      const nodes = [];
      for (let lag = 1; lag <= LAGS; lag++) {
        const accuracy = best()[lag];
        const reached = accuracy >= REACHED;
        const x = ((lag - 1) % row) * pitch + 1;
        const y = 2 + 40 * Math.floor((lag - 1) / row);
        const share = accuracy === null ? 0 : Math.max(0, (accuracy - 0.5) / 0.5);
        nodes.push(
          svg("rect", {
            x,
            y,
            width: pitch - 2,
            height: 34,
            rx: 5,
            style: `fill: ${accuracy === null ? "none" : reached ? "var(--output)" : mix("output", 0.5 * share)}; stroke: var(--${lag === model.get("lag") ? "ink" : "line"})`,
            "stroke-width": lag === model.get("lag") ? 2.5 : 1,
          }),
          svg(
            "text",
            {
              x: x + pitch / 2 - 1,
              y: y + 22,
              "text-anchor": "middle",
              style: `fill: var(--${reached ? "paper" : "ink"})`,
            },
            String(lag),
          ),
        );
      }
      const reached = best().flatMap((accuracy, lag) =>
        accuracy >= REACHED ? [lag] : [],
      );
      const says = reached.length ? `lag ${reached.join(", ")}` : "none so far";
      return { nodes, height: 40 * (LAGS / row), says };
    },
    say: (x, y) => {
      const accuracy = best()[boxAt(x, y)];
      const text = accuracy === null ? "not tried" : `best ${percent(accuracy)}`;
      return { x, y, text: `lag ${boxAt(x, y)}: ${text}` };
    },
    pin: (x, y) => set("lag", boxAt(x, y)),
  });
  const boxAt = (x, y) => {
    const { row, pitch } = layout;
    const lag = 1 + Math.min(row - 1, Math.floor(x / pitch)) + row * Math.floor(y / 40);
    return Math.max(1, Math.min(LAGS, lag));
  };

  // -- controls ------------------------------------------------------------------------
  const set = (key, value) => {
    searching = false;
    assign(model, { [key]: value });
  };
  const play = player(body, tick, (on) => {
    playButton.textContent = on ? "Pause" : "Play";
    searchButton.setAttribute("aria-pressed", String(on && searching));
    if (on) return;
    update();
    model.save_changes();
  });
  const playButton = button(
    "Play",
    () => {
      searching = false;
      play.set(!play.playing);
    },
    { class: "main" },
  );
  const stop = () => {
    searching = false;
    play.set(false);
  };
  const searchButton = button("Find the horizon", () => {
    if (searching) {
      stop();
      return update();
    }
    searching = true;
    model.set("lag", 1);
    reset();
    play.set(false);
    play.set(true);
  });
  const buttons = [
    playButton,
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
    searchButton,
  ];
  const sliders = {
    lag: slider({
      name: "lag",
      min: 1,
      max: LAGS,
      step: 1,
      value: model.get("lag"),
      shown: (v) => plural(v, "step"),
      change: (v) => set("lag", v),
      accent: "input",
    }),
    hidden: slider({
      name: "hidden size H",
      min: 2,
      max: 48,
      step: 1,
      value: model.get("hidden"),
      shown: String,
      change: (v) => set("hidden", v),
      accent: "state",
    }),
  };
  const rate = slider({
    name: "learning rate",
    min: -4,
    max: 0,
    step: 0.25,
    value: Math.log10(model.get("rate")),
    shown: () => String(Number(model.get("rate").toPrecision(2))),
    change: (v) => set("rate", 10 ** v),
    accent: "gradient",
  });
  const limits = [...new Set([null, 1, 0.1, model.get("clip")])];
  const clipping = segments({
    name: "clip the gradient at",
    options: limits.map((v) => [v, v === null ? "never" : String(v)]),
    value: model.get("clip"),
    change: (v) => set("clip", v),
  });
  const key = (text, fill, edge = "1px solid var(--output)") =>
    make("span", { class: "key", style: `--fill: ${fill}; --edge: ${edge}` }, text);
  const legend = make(
    "p",
    { class: "note" },
    key("bit 0", mix("output", 0)),
    key("bit 1", mix("output", 1)),
    key("in between: not sure", mix("output", 0.5)),
    key("wrong", "none", "2.5px solid var(--negative)"),
  );
  const says = make("p", { class: "says" });
  const verdict = make("p", {
    class: "note",
    style: "color: var(--ink)",
    "aria-live": "polite",
  });

  const progress = () => {
    const lag = model.get("lag");
    if (searching)
      return `Searching: lag ${lag}. Learned so far, in a row from lag 1: ${lag - 1 || "none yet"}.`;
    if (learned !== null) return `Lag ${lag} learned after ${learned} steps.`;
    return `Play trains until lag ${lag} is learned: ${percent(REACHED)} right over ${WINDOW} steps.`;
  };
  const update = () => {
    const last = history.at(-1);
    model.set("step", history.length);
    model.set("loss", last ? last.loss : null);
    model.set("accuracy", last ? recent() : null);
    model.set("horizon", horizon());
    says.replaceChildren("step ", make("b", {}, String(history.length)));
    if (last)
      says.append(
        " · accuracy ",
        make("b", {}, percent(recent())),
        " · loss ",
        make("b", {}, number(last.loss, 3)),
      );
    const text = result || progress();
    if (verdict.textContent !== text) verdict.textContent = text;
    for (const picture of [echo, curves, reach]) picture.redraw();
  };
  body.append(
    row(sliders.lag.box, sliders.hidden.box),
    row(rate.box, clipping),
    row(...buttons),
    says,
    verdict,
    echo.box,
    legend,
    curves.box,
    make(
      "p",
      { class: "note" },
      "Lags: filled when learned. Click or tap one to train it.",
    ),
    reach.box,
  );
  for (const key of ["lag", "hidden", "rate", "clip", "seed"])
    model.on(`change:${key}`, () => {
      sliders[key]?.set(model.get(key));
      if (key === "rate") rate.set(Math.log10(model.get("rate")));
      reset();
      update();
    });
  reset();
  update();
}

export default { render };
