// Recall: say the first sign after `lag` steps with others. Three layers learn it from
// the same sequences, each from its own default start.
import { gru, lstm } from "../kit/gated.js";
import { generator } from "../kit/nn.js";
import { adam, bptt, clip, elman, initial, read } from "../kit/train.js";

export const BUDGET = 400; // training steps for each layer
export const WINDOW = 20; // steps over which accuracy is averaged
export const REACHED = 0.95;
const BATCH = 16; // sequences, all of them new at every step
const LIMIT = 1; // norm to which a gradient is clipped
const INPUTS = 2; // a sign and a mark

const CELLS = { rnn: elman, lstm, gru };
export const NAMES = { rnn: "RNN", lstm: "LSTM", gru: "GRU" };
export const KINDS = Object.keys(NAMES);

// At every step a sign, -1 or +1, and a mark, which only the first step carries. The
// answer, the marked sign, is asked for after the last step only.
function sequence(lag, random) {
  const signs = Array.from({ length: lag + 1 }, () =>
    random.uniform() < 0.5 ? -1 : 1,
  );
  return {
    xs: signs.map((sign, t) => [sign, Number(t === 0)]),
    targets: [...Array(lag).fill(null), Number(signs[0] > 0)],
  };
}

const start = (kind, hidden, bias, seed) => {
  const parameters = initial(CELLS[kind], INPUTS, hidden, generator(seed));
  if (kind === "lstm") parameters.b.fill(bias, hidden, 2 * hidden); // of the forget gate
  return parameters;
};

// A race from its seed. step() trains every layer that has not finished on one batch;
// a layer finishes once it was right about 95 % of what it heard in the last 20 steps,
// all of it before it was trained on that.
export function race({ lag, hidden, bias, rate, seed }) {
  const random = generator(seed + 1);
  const lanes = KINDS.map((kind) => {
    const parameters = start(kind, hidden, bias, seed);
    const update = adam(parameters, { rate });
    return { kind, parameters, update, losses: [], accuracies: [], learned: null };
  });
  // what is shown before the first step is what that step trains on
  const shown = sequence(lag, generator(seed + 1));
  const self = { lanes, steps: 0, shown, step, running };
  function running() {
    return self.steps < BUDGET && lanes.some((lane) => lane.learned === null);
  }
  function step() {
    const batch = Array.from({ length: BATCH }, () => sequence(lag, random));
    self.shown = batch[0];
    self.steps += 1;
    for (const lane of lanes) {
      if (lane.learned !== null) continue;
      const { loss, accuracy, gradient } = bptt(
        CELLS[lane.kind],
        lane.parameters,
        batch,
      );
      clip(gradient, LIMIT);
      lane.update(gradient);
      lane.losses.push(loss);
      lane.accuracies.push(accuracy);
      if (self.steps >= WINDOW && recent(lane) >= REACHED) lane.learned = self.steps;
    }
  }
  return self;
}

export function recent({ accuracies }) {
  const last = accuracies.slice(-WINDOW);
  return last.reduce((sum, share) => sum + share, 0) / Math.max(1, last.length);
}

// The probability that a lane gives to the first sign having been +1.
export const says = ({ kind, parameters }, { xs }) =>
  1 / (1 + Math.exp(-read(CELLS[kind], parameters, xs).logits.at(-1)));

// Of the layer alone, without the output.
export const size = ({ parameters: { W_x, W_h, b, b_n } }) =>
  W_x.length + W_h.length + b.length + (b_n?.length ?? 0);
