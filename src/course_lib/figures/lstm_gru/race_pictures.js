// What is seen of a race: one sequence, the lanes, and who learned which lag.
import { board, label, line, mix, number, percent, svg, token } from "../kit/draw.js";
import { plural } from "../kit/counts.js";
import { BUDGET, KINDS, NAMES, WINDOW, recent, says, size } from "./recall.js";

const LANE = 66; // pixels: height of a lane
const LOSS = 84; // of the losses
const ROW = 34; // of a layer in the chart

// A sequence of the last batch, and what each layer says of it. race() is what runs.
export function sequencePicture(race) {
  const layout = {};
  return board({
    name: "One sequence, and how probable each layer finds the sign that was marked",
    draw: (space) => {
      const { xs, targets } = race().shown;
      const narrow = space < 480;
      const left = narrow ? 44 : 60;
      const pitch = Math.min(24, (space - left) / xs.length);
      const width = pitch - Math.min(2, pitch / 4);
      Object.assign(layout, { pitch, left });
      const nodes = [
        label(0, 21, "hears", "start", "input"),
        svg("rect", {
          x: left - 3,
          y: 1,
          width: width + 6,
          height: 32,
          rx: 7,
          style: "fill: none; stroke: var(--ink); stroke-width: 2",
        }),
      ];
      xs.forEach(([sign], t) => {
        const text = sign > 0 ? "+" : "−";
        if (pitch > 9)
          nodes.push(token(left + t * pitch, 5, width, 24, text, "input", t === 0));
        else
          nodes.push(
            svg("rect", {
              x: left + t * pitch,
              y: 5,
              width,
              height: 24,
              style: `fill: var(--${sign > 0 ? "input" : "cell"})`,
              opacity: t ? 0.5 : 1,
            }),
          );
      });
      const room = space - left - 48;
      nodes.push(
        label(left, 47, "marked"),
        label(left, 71, narrow ? "p(marked sign)" : "probability of the marked sign"),
        line(
          [
            [left + room / 2, 58],
            [left + room / 2, 76 + 22 * 3],
          ],
          "baseline",
          1.5,
          "5 4",
        ),
        label(left + room / 2 + 5, 71, "chance"),
      );
      const right = race().lanes.map((lane) => {
        const p = says(lane, race().shown);
        return targets.at(-1) ? p : 1 - p;
      });
      const bars = right.flatMap((p, n) => {
        const y = 79 + 22 * n;
        return [
          label(0, y + 12, NAMES[KINDS[n]], "start", KINDS[n]),
          svg("rect", {
            x: left,
            y,
            width: room,
            height: 15,
            rx: 3,
            style: "fill: var(--cell)",
          }),
          svg("rect", {
            x: left,
            y,
            width: Math.max(1, room * p),
            height: 15,
            rx: 3,
            style: "fill: var(--output)",
          }),
          label(left + room + 8, y + 12, percent(p)),
        ];
      });
      nodes.splice(-2, 0, ...bars); // the line of chance lies over them
      const told = right.map((p, n) => `${NAMES[KINDS[n]]} ${percent(p)}`);
      return {
        nodes,
        height: 80 + 22 * 3,
        says: `the marked sign was ${targets.at(-1) ? "+" : "−"}, ${plural(xs.length - 1, "step")} ago; its probability: ${told.join(", ")}`,
      };
    },
    say: (x, y) => {
      const t = Math.floor((x - layout.left) / layout.pitch);
      if (y > 36 || t < 0 || t >= race().shown.xs.length) return null;
      const [sign, mark] = race().shown.xs[t];
      return {
        x,
        y,
        text: `step ${t + 1}: ${sign > 0 ? "+1" : "−1"}${mark ? ", marked" : ""}`,
      };
    },
  });
}

const flag = (x, bottom, top, kind) =>
  svg(
    "g",
    { style: `fill: var(--${kind}); stroke: var(--${kind})` },
    svg("line", { x1: x, y1: bottom, x2: x, y2: top, "stroke-width": 1.5 }),
    svg("path", { d: `M${x},${top} l11,4.5 l-11,4.5 z` }),
  );

// A lane for each layer with its accuracy, a flag where it has learned, and the losses.
export function lanesPicture(race) {
  const layout = {};
  const wide = (space) => space >= 480;

  const lane = (nodes, one, n, space) => {
    const { left, x } = layout;
    const { kind, learned, accuracies } = one;
    const top = n * LANE + 20;
    const y = (share) => top + 36 * (1 - (Math.max(0.4, share) - 0.4) / 0.6);
    nodes.push(
      across(y(1), "line", 1),
      across(y(0.5), "baseline", 1.25, "5 4"),
      label(left - 5, y(1) + 4, "100", "end"),
      label(left - 5, y(0.5) + 4, "50", "end"),
      label(0, wide(space) ? top + 12 : top - 10, NAMES[kind], "start", kind),
      wide(space)
        ? label(0, top + 28, `${size(one)} weights`)
        : label(40, top - 10, `${size(one)} weights`),
    );
    nodes.at(-2).style.fontWeight = 650;
    let sum = 0;
    const points = accuracies.map((share, at) => {
      sum += share - (at >= WINDOW ? accuracies[at - WINDOW] : 0);
      return [x(at + 1), y(sum / Math.min(at + 1, WINDOW))];
    });
    nodes.push(line(points, kind, 2.25));
    if (!points.length) return;
    const [cx, cy] = points.at(-1);
    nodes.push(svg("circle", { cx, cy, r: 3.5, style: `fill: var(--${kind})` }));
    const beside = learned !== null && wide(space) && cx < space - 150;
    nodes.push(
      beside
        ? label(cx + 16, top - 5, ending(one))
        : label(x(BUDGET), top - 10, ending(one), "end"),
    );
    nodes.at(-1).setAttribute("class", "strong");
    if (learned !== null)
      nodes.push(flag(cx, y(0.4), beside ? top - 14 : top - 4, kind));
  };
  const ending = ({ learned, accuracies }) => {
    if (learned !== null) return `learned at step ${learned}`;
    const now = percent(recent({ accuracies }));
    return race().running() ? now : `not within ${BUDGET} steps: ${now}`;
  };
  const across = (y, ...look) =>
    line(
      [0, BUDGET].map((n) => [layout.x(n), y]),
      ...look,
    );

  const losses = (nodes, space) => {
    const { left, x } = layout;
    const top = 3 * LANE + 18;
    const y = (loss) => top + (LOSS - 24) * (1 - Math.min(loss, 0.9) / 0.9);
    nodes.push(
      label(0, wide(space) ? top + 12 : top - 6, "loss"),
      ...[0, 0.5].flatMap((value) => [
        across(y(value), "line", 1),
        label(left - 5, y(value) + 4, String(value), "end"),
      ]),
      across(y(Math.LN2), "baseline", 1.25, "5 4"),
      label(x(BUDGET), y(Math.LN2) - 4, "chance", "end"),
      ...race().lanes.map(({ kind, losses: all }) => {
        const every = Math.max(1, Math.ceil(all.length / 200));
        const points = all.flatMap((loss, n) =>
          n % every ? [] : [[x(n + 1), y(loss)]],
        );
        return line(points, kind, 1.5);
      }),
      ...(wide(space) ? [100, 200, 300] : [200]).map((n) =>
        label(x(n), top + LOSS - 8, String(n), "middle"),
      ),
      label(x(0), top + LOSS - 8, "0"),
      label(x(BUDGET), top + LOSS - 8, `${BUDGET} steps`, "end"),
    );
  };

  const draw = (space) => {
    const left = wide(space) ? 104 : 40;
    layout.left = left;
    layout.x = (n) => left + ((space - left - 10) * n) / BUDGET;
    const nodes = [];
    race().lanes.forEach((one, n) => lane(nodes, one, n, space));
    losses(nodes, space);
    const told = race().lanes.map((one) => `${NAMES[one.kind]} ${ending(one)}`);
    const text = race().steps
      ? `after ${plural(race().steps, "step")} ${told.join(", ")}`
      : "no steps yet";
    return { nodes, height: 3 * LANE + 18 + LOSS, says: text };
  };
  const say = (x, y) => {
    const share = (x - layout.left) / (layout.x(BUDGET) - layout.left);
    const n = Math.round(share * BUDGET); // training steps
    const seen = race().lanes.filter(({ losses: all }) => n > 0 && n <= all.length);
    const one = race().lanes[Math.floor(y / LANE)];
    if (one && !seen.includes(one)) return null;
    if (one) {
      const now = percent(recent({ accuracies: one.accuracies.slice(0, n) }));
      return { x, y, text: `${NAMES[one.kind]}, step ${n}: ${now}` };
    }
    const told = seen.map(
      (lane) => `${NAMES[lane.kind]} ${number(lane.losses[n - 1])}`,
    );
    return told.length ? { x, y, text: `step ${n}: loss ${told.join(", ")}` } : null;
  };
  return board({
    name: "Accuracy of each layer over the training steps, and below it the losses",
    draw,
    say,
  });
}

// Rows of layers, columns of lags: learned with how many of the seeds that were run.
// lag() is the present one; record(kind, lag) gives seed -> step at which it learned it,
// or null.
export function chartPicture({ lags, lag, record, pick }) {
  const layout = {};
  const columns = () =>
    lags.includes(lag()) ? lags : [...lags, lag()].sort((one, other) => one - other);
  const count = (kind, at) => {
    const ends = Object.values(record(kind, at));
    return { of: ends.length, good: ends.filter((end) => end !== null).length };
  };
  const find = (x, y) => {
    const { left, pitch } = layout;
    const at = columns()[Math.floor((x - left) / pitch)];
    const kind = KINDS[Math.max(0, Math.floor((y - 20) / ROW))];
    return at && kind ? { at, kind } : null;
  };

  const draw = (space) => {
    const left = space < 480 ? 44 : 104;
    const pitch = (space - left) / columns().length;
    Object.assign(layout, { left, pitch });
    const nodes = [label(0, 14, space < 480 ? "lag" : "lag, in steps")];
    KINDS.forEach((kind, r) => {
      nodes.push(label(0, 42 + ROW * r, NAMES[kind], "start", kind));
      columns().forEach((at, c) => {
        const { of, good } = count(kind, at);
        const all = of > 0 && good === of;
        const share = all ? 1 : (0.5 * good) / Math.max(1, of);
        const middle = left + (c + 0.5) * pitch;
        nodes.push(
          svg("rect", {
            x: left + c * pitch + 1.5,
            y: 22 + ROW * r,
            width: pitch - 3,
            height: ROW - 4,
            rx: 5,
            style: `fill: ${of ? mix(kind, share) : "none"}; stroke: var(--${at === lag() ? "ink" : "line"})`,
            "stroke-dasharray": of ? null : "2 3",
          }),
          label(middle, 42 + ROW * r, of ? `${good}/${of}` : "", "middle"),
        );
        nodes.at(-1).style.fill = `var(--${all ? "paper" : "ink"})`;
        if (r) return;
        nodes.push(label(middle, 14, String(at), "middle"));
        if (at === lag()) nodes.at(-1).setAttribute("class", "strong");
      });
    });
    const told = KINDS.map((kind) => {
      const tried = columns().filter((at) => count(kind, at).of);
      const lines = tried.map((at) => {
        const { of, good } = count(kind, at);
        return `lag ${at} with ${good} of ${of}`;
      });
      return `${NAMES[kind]} ${lines.join(", ") || "not tried"}`;
    });
    return { nodes, height: 22 + 3 * ROW, says: told.join("; ") };
  };
  const say = (x, y) => {
    const hit = find(x, y);
    if (!hit) return null;
    const ends = Object.entries(record(hit.kind, hit.at));
    const told = ends
      .slice(0, 3)
      .map(([seed, end]) => `seed ${seed} ${end === null ? "no" : `step ${end}`}`);
    const text = `${told.join(", ") || "not tried"}${ends.length > 3 ? ", …" : ""}`;
    return { x, y, text: `${NAMES[hit.kind]}, lag ${hit.at}: ${text}` };
  };
  const pin = (x, y) => find(x, y) && pick(find(x, y).at);
  return board({
    name: "With how many seeds each layer learned each lag",
    draw,
    say,
    pin,
  });
}
