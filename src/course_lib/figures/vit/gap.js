import { needed } from "../kit/needed.js";
import { number } from "../kit/draw.js";

// Mean and standard deviation over the seeds; runs has a list of numbers for each seed.
export function over(runs) {
  const columns = runs[0].map((_, i) => runs.map((run) => run[i]));
  const sum = (values) => values.reduce((total, v) => total + v, 0);
  const mean = columns.map((values) => sum(values) / runs.length);
  const sd = columns.map((values, i) =>
    Math.sqrt(sum(values.map((v) => (v - mean[i]) ** 2)) / (runs.length - 1)),
  );
  return { mean, sd };
}

// By how many points `other` is behind `one`, seed by seed: what all arms of a seed have
// in common, its pictures, is not in the deviation. The runs have four digits; counted in
// the last of them a gap of nothing is 0, and not almost.
export function gap(one, other) {
  const digits = (v, s, i) => Math.round(1e4 * (v - other.runs[s][i]));
  const { mean, sd } = over(
    one.runs.map((run, s) => run.map((v, i) => digits(v, s, i))),
  );
  return { mean: mean.map((v) => v / 100), sd: sd.map((v) => v / 100) };
}

// From which count on the gap is closed, read off the line between the points: { count },
// { more: true } if it is open with the most pictures, { less: true } if it never was.
export function closed(counts, gaps) {
  const open = Math.max(
    0,
    gaps.findLastIndex((v) => v > 0),
  );
  return needed(
    counts.slice(open),
    gaps.slice(open).map((v) => -v),
    0,
  );
}

// Whether the seeds cannot tell who is ahead.
export const unsure = (mean, sd) => Math.abs(mean) <= sd;

export const plusMinus = (mean, sd) => `${number(mean, 1)} ± ${number(sd, 1)}`;

// "behind “residual network” by 27.8 ± 2.1 points"
export function standing(mean, sd, name) {
  const size = `${plusMinus(Math.abs(mean), sd)} points`;
  if (unsure(mean, sd))
    return `level with “${name}” as far as the seeds tell (${size})`;
  return `${mean > 0 ? "behind" : "ahead of"} “${name}” by ${size}`;
}
