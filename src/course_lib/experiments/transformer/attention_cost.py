"""Table 1 of Vaswani et al. (2017), measured: a layer that reads n tokens of d numbers.

                          self-attention      recurrent      convolution, width k
    products              n² d                n d²           k n d²
    one after another     O(1)                n              O(1)
    longest path          1                   n              log n (dilated), n / k

The table leaves constants out, and the projections to queries, keys, values and output.
With them, and in FLOP, forward (a multiplication and an addition are two):

    attention             4 n² d  +  8 n d²
    LSTM                             16 n d²
    RNN                               4 n d²

An LSTM layer and an attention layer make as many products at n = 2d, not at n = d. That
is counted, and exact. In time they cross where the machine says: an LSTM that reads one
sequence multiplies matrices with vectors, one after another, and that is slow work.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import product
from statistics import fmean
from typing import Any

import torch

from course_lib.data.batching import generator
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.transformer.cost_figure import figure
from course_lib.experiments.transformer.layer_costs import (
    FLOP,
    build,
    count_flop,
    kept_mib,
    path,
)
from course_lib.experiments.transformer.race import Race, crossing, slope
from course_lib.training import Setting

PATHS = ("attention", "rnn", "lstm", "lstm_open")  # whose gradients are measured
RACERS = ("attention", "lstm", "core", "rnn")
AGAINST = {"attention": "lstm", "core": "rnn"}
LECTURE = 1000  # n and d of "attention is 4 times cheaper than an LSTM"


@dataclass(frozen=True)
class Config:
    """Every layer reads and writes vectors of d numbers."""

    head: int = 64  # D, numbers in a head, where times and gradients are measured
    lengths: tuple[int, ...] = (8, 16, 32, 64)  # n, for chains and gradients
    size: int = 128  # d, likewise
    counted: tuple[int, ...] = (16, 64, 100)  # n, and each of them as d: FLOP
    memory_lengths: tuple[int, ...] = (512, 1024, 2048)  # n, for memory
    memory_heads: int = 8  # H, of layers with the d above
    sizes: tuple[int, int] = (128, 256)  # d, for times: a small one, a large one
    batches: tuple[int, int] = (1, 16)  # sequences side by side: one alone, a batch
    longest: tuple[int, int] = (16, 4)  # the longest n of each, in units of d
    backward: bool = False  # times are of the forward pass, or of both
    rounds: int = 9  # each times every layer once; their median counts


def multiples(longest: int) -> list[float]:
    """n in units of d: 1/2, 1, 2, … up to ``longest``."""
    found = [0.5]
    while found[-1] < longest:
        found.append(2 * found[-1])
    return found


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Chains and gradients, FLOP, memory; then times, all layers in each round."""
    counted = [*product(config.counted, config.counted), (LECTURE, LECTURE)]
    races = {
        (f"{small}_{alone}", int(times * size)): (batch, size, int(times * size))
        for alone, batch, longest in zip(
            ("alone", "batch"), config.batches, config.longest, strict=True
        )
        for small, size in zip(("small", "large"), config.sizes, strict=True)
        for times in multiples(longest)
    }
    total = len(config.lengths) * len(PATHS) + len(counted)
    total += 2 * len(config.memory_lengths) + (config.rounds + 1) * len(races)
    done = 0

    def step(curves: Mapping[str, float], note: str) -> Progress:
        nonlocal done
        done += 1
        return Progress(done, total, curves, note)

    paths: dict[str, dict[str, list[float]]] = {
        name: {"chain": [], "reach": []} for name in PATHS
    }
    heads = max(1, config.size // config.head)
    for length, name in product(config.lengths, PATHS):
        sizes = length, config.size, heads
        found = path(name, *sizes, setting.seed, setting.device)
        for what, value in found._asdict().items():
            paths[name][what].append(value)
        curves = {f"{name}: gradient at the first token": found.reach}
        yield step(curves, f"{name}, n = {length}: paths")

    flop: dict[str, list[int]] = {name: [] for name in FLOP}
    for length, size in counted:
        for name in FLOP:
            flop[name].append(count_flop(name, length, size))
        yield step({}, f"n = {length}, d = {size}: FLOP counted")

    memory: dict[str, list[float]] = {"written_out": [], "fused": []}
    for length, (name, kept) in product(config.memory_lengths, memory.items()):
        sizes = length, config.size, config.memory_heads
        kept.append(kept_mib(*sizes, name == "fused", setting.device))
        yield step({f"{name}: MiB": kept[-1]}, f"{name}, n = {length}: memory")

    started = {key: _race(config, setting, *sizes) for key, sizes in races.items()}
    for _ in range(config.rounds + 1):  # the first is to warm up
        for (kind, n), race in started.items():
            ms = {f"{name}: ms": 1e3 * taken for name, taken in race.lap().items()}
            yield step(ms if kind == "large_alone" else {}, f"{kind}, n = {n}: timed")

    series = {
        "paths": paths,
        "counted": counted,
        "flop": flop,
        "memory": memory,
        "times": _times(started),
    }
    tokens = sum(batch * length for batch, _, length in races.values())
    passes = tokens * len(RACERS) * (config.rounds + 1)
    return Outcome(_metrics(config, series), series, passes)


def _race(config: Config, setting: Setting, batch: int, size: int, length: int) -> Race:
    heads = max(1, size // config.head)
    layers = {
        name: build(name, size, heads, fused=True, seed=setting.seed).to(setting.device)
        for name in RACERS
    }
    x = torch.randn(batch, length, size, generator=generator(setting.seed, length))
    return Race(layers, x.to(setting.device), config.backward)


def _times(started: Mapping[tuple[str, int], Race]) -> dict[str, dict[str, Any]]:
    """For each kind of race its lengths, and each layer's milliseconds there."""
    times: dict[str, dict[str, Any]] = {}
    for (kind, length), race in started.items():
        batch, _, size = race.x.shape
        found = times.setdefault(kind, {"batch": batch, "size": size, "lengths": []})
        found["lengths"].append(length)
        for name, taken in race.medians.items():
            found.setdefault(name, []).append(1e3 * taken)
    return times


def _metrics(config: Config, series: Mapping[str, Any]) -> dict[str, float]:
    paths, counted, flop = series["paths"], series["counted"], series["flop"]
    off = [
        abs(count / FLOP[name](*sizes) - 1)
        for name, counts in flop.items()
        for sizes, count in zip(counted, counts, strict=True)
    ]
    metrics = {"flop_error": max(off)}
    for name, counts in flop.items():  # the last is the lecture's
        metrics[f"gflop_{name}"] = counts[-1] / 1e9
    for name in ("core", "attention"):
        metrics[f"cheaper_{name}"] = flop["lstm"][-1] / flop[name][-1]
    steps = config.lengths[-1] - config.lengths[0]
    for name, found in paths.items():
        metrics[f"chain_{name}"] = found["chain"][-1]
        grown = found["chain"][-1] - found["chain"][0]
        metrics[f"chain_grows_{name}"] = grown / steps
        metrics[f"reach_{name}"] = found["reach"][-1]
    for name, kept in series["memory"].items():
        metrics[f"memory_slope_{name}"] = slope(config.memory_lengths, kept)
    metrics["memory_ratio"] = (
        series["memory"]["written_out"][-1] / series["memory"]["fused"][-1]
    )
    return metrics | _timed(series["times"], passes=3 if config.backward else 1)


def _timed(times: Mapping[str, Any], passes: int) -> dict[str, float]:
    """Crossings in units of d; speeds at n = 2d; powers of n, means over the sizes."""
    metrics = {}
    for kind, found in times.items():
        lengths, size = found["lengths"], found["size"]
        for name, other in AGAINST.items():
            at = crossing(lengths, found[name], found[other])
            metrics[f"crossing_{name}_{kind}"] = at / size
        at = lengths.index(2 * size)
        for name in ("attention", "lstm"):
            flop = passes * found["batch"] * FLOP[name](2 * size, size)
            metrics[f"rate_{name}_{kind}"] = flop / found[name][at] / 1e6
    alone = times["small_alone"], times["large_alone"]
    for end, few in (("short", slice(3)), ("long", slice(-3, None))):
        for name in ("attention", "lstm"):
            powers = [slope(one["lengths"][few], one[name][few]) for one in alone]
            metrics[f"time_slope_{end}_{name}"] = fmean(powers)
    return metrics


COUNTED = (
    Band("flop_error", "what is counted is the closed form: it is off by", 0, 0),
    Band("cheaper_core", "at n = d = 1000 the bare core is cheaper than an LSTM", 4, 4),
    Band(
        "cheaper_attention",
        "and the whole attention layer, with its projections",
        1.3333,
        1.3334,
    ),
    Band("chain_grows_lstm", "products that wait for each other: LSTM", 1, 1),
    Band("chain_grows_rnn", "the same, RNN", 1, 1),
    Band("chain_grows_attention", "the same, attention", 0, 0),
    Band("chain_attention", "attention needs, however long the sequence", 4, 4),
)


def _bands(far: float, written_out: float) -> tuple[Band, ...]:
    """``far`` is what may be left of a recurrent gradient at the longest n."""
    return (
        *COUNTED,
        Band(
            "reach_attention",
            "untrained, the gradient at the first token, over that at the last but "
            "one: attention",
            0.5,
            2,
        ),
        Band("reach_rnn", "the same, RNN", high=far),
        Band("reach_lstm", "the same, LSTM", high=far),
        Band("reach_lstm_open", "the same, an LSTM whose forget gate starts open"),
        Band(
            "memory_slope_written_out",
            "memory kept by attention grows with this power of n: written out",
            written_out,
            2.1,
        ),
        Band("memory_slope_fused", "the same, fused", 0.9, 1.1),
        Band("memory_ratio", "written out keeps, at the longest n"),
    )


# An LSTM that reads one sequence is slow for its FLOP, so the crossing is late.
ONE_CORE = (
    Band("time_slope_long_attention", "time grows with this power of n", 1.4, 2.2),
    Band("time_slope_long_lstm", "the same, LSTM", 0.8, 1.2),
    Band(
        "crossing_attention_small_alone",
        "FLOP are equal at n = 2d; one sequence takes longer than in an LSTM from n =",
        1,
        15,
    ),
    Band("crossing_attention_large_alone", "the same, with the larger d", 1, 15),
    Band("crossing_attention_large_batch", "the same, a batch", 0.7, 3.9),
    Band("crossing_attention_small_batch", "a batch, with the smaller d"),
    Band("rate_attention_large_alone", "n = 2d, one sequence: attention runs at"),
    Band("rate_lstm_large_alone", "the same, LSTM"),
    Band("rate_attention_large_batch", "n = 2d, a batch: attention runs at"),
    Band("rate_lstm_large_batch", "the same, LSTM"),
    Band(
        "crossing_core_small_alone",
        "one sequence: the bare core takes longer than an RNN from n =",
    ),
    Band("crossing_core_large_alone", "the same, with the larger d"),
)

GPU = (
    Band(
        "time_slope_short_attention", "while the GPU has room, time grows with", 0, 0.5
    ),
    Band("time_slope_short_lstm", "the same, LSTM", 0.8, 1.2),
    Band("time_slope_long_attention", "when it is full, with", 1.0, 2.2),
    Band("time_slope_long_lstm", "the same, LSTM", 0.8, 1.2),
    Band("crossing_attention_large_alone", "one sequence: slower than an LSTM from"),
    Band("crossing_attention_large_batch", "a batch: slower than an LSTM from"),
)

EXPERIMENT = Experiment(
    name="attention-cost",
    chapter="transformer",
    claim=(
        "Attention makes n²d products where an LSTM makes nd². No more than four "
        "products of matrices wait for each other, however long the sequence; in an "
        "LSTM n do. A layer of attention, with its projections, makes as many FLOP as "
        "an LSTM at n = 2d: at n = d = 1000 it is 1.33 times cheaper, and 4 times only "
        "without them. To its gradient every token is as near as every other one. What "
        "it keeps for the backward pass grows with n² if written out, and with n if "
        "fused."
    ),
    source="Vaswani et al. (2017), table 1",
    paper=(
        "per layer: self-attention O(n²·d) operations, O(1) sequential, longest path "
        "O(1); recurrent O(n·d²), O(n), O(n); convolution O(k·n·d²), O(1), O(log_k(n))"
    ),
    scales={
        "quick": Config(
            head=16,
            lengths=(4, 8, 16, 32),
            size=64,
            counted=(8, 12),
            memory_lengths=(256, 512, 1024),
            sizes=(16, 32),
            batches=(1, 2),
            longest=(4, 2),
            rounds=2,
        ),
        "cpu": Config(),
        "real": Config(
            size=512,
            memory_lengths=(1024, 2048, 4096, 8192),
            sizes=(256, 512),
            batches=(1, 16),
            longest=(32, 8),
            backward=True,
            rounds=15,
        ),
    },
    run=run,
    precision="float32",  # of times and memory; gradients are in double precision
    bands={
        "quick": _bands(far=1e-3, written_out=1.6),
        "cpu": _bands(far=1e-6, written_out=1.8) + ONE_CORE,
        "real": _bands(far=1e-6, written_out=1.8) + GPU,
    },
    figure=figure,
    units={"flop_error": "of the whole"}
    | {f"gflop_{name}": "GFLOP" for name in FLOP}
    | {f"cheaper_{name}": "times" for name in ("core", "attention")}
    | {f"chain_{name}": "products" for name in PATHS}
    | {f"chain_grows_{name}": "products per token" for name in PATHS}
    | {f"memory_slope_{name}": "power of n" for name in ("written_out", "fused")}
    | {"memory_ratio": "times as much"}
    | {f"reach_{name}": "times" for name in PATHS}
    | {
        f"crossing_{name}_{size}_{batch}": "d"
        for name in AGAINST
        for size in ("small", "large")
        for batch in ("alone", "batch")
    }
    | {
        f"rate_{name}_{size}_{batch}": "GFLOP/s"
        for name in ("attention", "lstm")
        for size in ("small", "large")
        for batch in ("alone", "batch")
    }
    | {
        f"time_slope_{end}_{name}": "power of n"
        for end in ("short", "long")
        for name in ("attention", "lstm")
    },
    shared=False,
    timed=True,
)
