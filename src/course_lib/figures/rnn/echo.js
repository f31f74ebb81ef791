// The delayed echo: say at every step which bit came `lag` steps ago.
import { generator } from "../kit/nn.js";
import { adam, bptt, clip, elman, initial } from "../kit/train.js";

const BATCH = 16; // sequences

// One training, from its seed: step() makes one update and gives what it measured on a
// batch that the network had never seen.
export function training({ lag, hidden, rate, clip: limit, seed }) {
  const parameters = initial(elman, 1, hidden, generator(seed));
  const random = generator(seed + 1);
  const update = adam(parameters, { rate });
  const sequence = () => {
    const bits = Array.from({ length: lag + 12 }, () => Number(random.uniform() < 0.5));
    return {
      xs: bits.map((bit) => [2 * bit - 1]),
      targets: bits.map((_, t) => (t < lag ? null : bits[t - lag])),
    };
  };
  const step = () => {
    const batch = Array.from({ length: BATCH }, sequence);
    const { loss, accuracy, gradient, outputs } = bptt(elman, parameters, batch);
    const size = clip(gradient, limit);
    update(gradient);
    return { loss, accuracy, size, shown: { ...batch[0], output: outputs[0] } };
  };
  return { parameters, step };
}
