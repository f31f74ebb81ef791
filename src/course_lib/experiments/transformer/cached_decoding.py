"""Writing one word after another: what the cache of keys and values saves.

In training a decoder sees all words at once. When it writes it does not: each word
waits for the one before it, as in a recurrent network. Without a cache all words so far
go through the network again for every new one. With it only the new one does, and looks
at the keys and values that the others have left.

FLOP are counted for the n-th token, with the cache and without, and both are timed.
Reading n tokens at once, as for a prompt or in training, is timed beside them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from course_lib.data.batching import generator
from course_lib.decoding import evaluating
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.machine import seconds
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.transformer.race import slope
from course_lib.training import Setting
from course_lib.transformer import GPT, TransformerConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

WAYS = {
    "cached": "one more token, with the cache",
    "again": "one more token, all read again",
    "prompt": "each token of a prompt, read at once",
}


@dataclass(frozen=True)
class Config:
    """A small GPT with random weights: what it writes does not matter here."""

    size: int = 256  # C
    heads: int = 4  # H
    blocks: int = 4  # of attention and feed-forward network
    vocabulary: int = 1000  # V
    lengths: tuple[int, ...] = (32, 64, 128, 256, 512, 1024)  # n, tokens so far
    rounds: int = 7  # each times every length once; their median counts
    written: int = 48  # tokens written in both ways, to compare the logits


SCALES = {
    "quick": Config(
        size=64, blocks=2, vocabulary=100, lengths=(16, 32, 64), rounds=2, written=8
    ),
    "cpu": Config(),
    "real": Config(
        size=1024,
        heads=16,
        blocks=12,  # half of GPT-2 medium: 16,384 tokens are read many times
        vocabulary=50_000,
        lengths=(256, 1024, 4096, 16_384),
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Compare the logits, count, and then time all lengths in each round."""
    model = build(config, setting)
    # The counter can't look into a fused attention.
    written_out = build(config, setting, path="written_out")
    total = len(config.lengths) * (config.rounds + 1) + config.written
    done = 0
    with evaluating(model):
        differ = list(differences(model, config, setting))
    for apart in differ:
        done += 1
        yield Progress(done, total, {"logits differ by": apart}, "compared")
    jobs: dict[tuple[str, int], Callable[[], object]] = {}
    flop: dict[tuple[str, int], int] = {}
    with evaluating(model):
        for n in config.lengths:
            tokens = drawn(config, n, setting)
            jobs["cached", n], jobs["again", n] = next_token(model, tokens)
            for way, work in zip(
                ("cached", "again"), next_token(written_out, tokens), strict=True
            ):
                flop[way, n] = count(work)
    taken: dict[tuple[str, int], list[float]] = {job: [] for job in jobs}
    for _ in range(config.rounds + 1):  # the first is to warm up
        for n in config.lengths:
            with evaluating(model):
                for way in ("cached", "again"):
                    job = way, n
                    taken[job].append(seconds(jobs[job], setting.device))
            done += 1
            ms = {f"{w}: ms": 1e3 * taken[w, n][-1] for w in ("cached", "again")}
            yield Progress(done, total, ms, f"{n} tokens")
    series = _series(config, flop, taken)
    longest = {way: series["ms"][way][-1] for way in WAYS}
    metrics = {
        "differ": max(differ),
        "flop_slope_cached": slope(config.lengths, series["mflop"]["cached"]),
        "flop_slope_again": slope(config.lengths, series["mflop"]["again"]),
        "flop_saved": series["mflop"]["again"][-1] / series["mflop"]["cached"][-1],
        "time_slope_cached": slope(config.lengths, series["ms"]["cached"]),
        "time_slope_again": slope(config.lengths, series["ms"]["again"]),
        "time_saved": longest["again"] / longest["cached"],
        "prompt_gains": longest["cached"] / longest["prompt"],
        "cache_mib": cache_mib(model, config.lengths[-1]),
    }
    passes = 2 * (config.rounds + 1) * sum(config.lengths)
    return Outcome(metrics, series, passes)


def build(config: Config, setting: Setting, path: str = "fused") -> GPT:
    """The untrained GPT; the same seed gives both paths the same parameters."""
    torch.manual_seed(setting.seed)
    sizes = TransformerConfig(
        size=config.size,
        heads=config.heads,
        inner=4 * config.size,
        blocks=config.blocks,
        norm="pre",
        dropout=0.0,
        path=path,
    )
    return GPT(sizes, config.vocabulary).to(setting.device)


def next_token(
    model: GPT, tokens: torch.Tensor
) -> tuple[Callable[[], object], Callable[[], object]]:
    """What gives the logits after ``tokens (1, n)``: with the cache, and without."""
    _, state = model(tokens[:, :-1])
    return lambda: model(tokens[:, -1:], state), lambda: model(tokens)


def drawn(config: Config, length: int, setting: Setting) -> torch.Tensor:
    """Random tokens ``(1, length)``."""
    tokens = torch.randint(
        config.vocabulary, (1, length), generator=generator(setting.seed, length)
    )
    return tokens.to(setting.device)


def differences(model: GPT, config: Config, setting: Setting) -> Iterator[float]:
    """How far the logits of each token, read alone, are from those of all at once."""
    tokens = drawn(config, config.written, setting)
    whole, _ = model(tokens)
    state = None
    for t in range(config.written):
        logits, state = model(tokens[:, t : t + 1], state)
        yield (logits[:, 0] - whole[:, t]).abs().max().item()


def count(work: Callable[[], object]) -> int:
    """The FLOP of ``work``, forward only."""
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def cache_mib(model: GPT, length: int) -> float:
    """What the keys and values of ``length`` tokens take, in MiB of float32."""
    config = model.config
    return 2 * config.blocks * config.size * length * 4 / 2**20


def _series(
    config: Config,
    flop: dict[tuple[str, int], int],
    taken: dict[tuple[str, int], list[float]],
) -> dict[str, Any]:
    mflop = {
        way: [flop[way, n] / 1e6 for n in config.lengths] for way in ("cached", "again")
    }
    ms = {
        way: [1e3 * statistics.median(taken[way, n][1:]) for n in config.lengths]
        for way in ("cached", "again")
    }
    ms["prompt"] = [
        whole / n for whole, n in zip(ms["again"], config.lengths, strict=True)
    ]
    return {"lengths": list(config.lengths), "mflop": mflop, "ms": ms}


def figure(result: Result) -> Figure:
    """FLOP and time of the next token against the tokens before it."""
    from course_lib.figures.palette import color

    figure, (counted, timed) = blank(rows=2)
    lengths = result.runs[0].series["lengths"]
    styles = {
        "cached": ("attention", "-", "o"),
        "again": ("baseline", "--", "s"),
        "prompt": ("output", ":", "^"),
    }
    for way, (quantity, line, marker) in styles.items():
        style = {
            "color": color(quantity),
            "linestyle": line,
            "marker": marker,
            "label": WAYS[way],
        }
        draw(timed, lengths, result.runs, lambda s, w=way: s["ms"][w], **style)
        if way != "prompt":
            draw(counted, lengths, result.runs, lambda s, w=way: s["mflop"][w], **style)
    counted.set_ylabel("MFLOP for the next token")
    timed.set_ylabel("ms")
    for ax in (counted, timed):
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_xticks(lengths, [str(n) for n in lengths])
        ax.minorticks_off()
        ax.set_xlabel("tokens so far")
        ax.legend(fontsize=8)
    return figure


EXPERIMENT = Experiment(
    name="cached-decoding",
    chapter="transformer",
    claim=(
        "Writing is one token after another, in a Transformer too. Keeping keys and "
        "values changes no logit, and turns the cost of the n-th token from all n "
        "tokens once more into one token that looks at n."
    ),
    source="Vaswani et al. (2017), section 3.1; Shazeer (2019), section 2.4",
    paper="no number: both papers count operations",
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("differ", "the largest difference of any logit", high=1e-4),
            Band("flop_saved", "FLOP of the last token: times fewer", low=30),
        ),
        "cpu": (
            Band("differ", "the largest difference of any logit", high=1e-4),
            Band("flop_slope_cached", "FLOP with the cache: the power of n", 0.05, 0.5),
            Band("flop_slope_again", "FLOP without: the power of n", 1.05, 1.5),
            Band("flop_saved", "FLOP of the 1024th token: times fewer", low=900),
            Band("time_saved", "time of the 1024th token: times less", low=10),
            Band(
                "prompt_gains",
                "a token of a prompt, read at once: times less than one written",
                low=1.5,
            ),
            Band("cache_mib", "for comparison: the cache of 1024 tokens"),
        ),
        "real": (
            Band("differ", "the largest difference of any logit", high=1e-3),
            Band("flop_saved", "FLOP of the last token: times fewer", low=5000),
            Band("time_saved", "its time: times less", low=5),
        ),
    },
    figure=figure,
    units={
        "differ": "logits",
        "flop_slope_cached": "power of n",
        "flop_slope_again": "power of n",
        "time_slope_cached": "power of n",
        "time_slope_again": "power of n",
        "flop_saved": "times",
        "time_saved": "times",
        "prompt_gains": "times",
        "cache_mib": "MiB",
    },
    shared=False,
    timed=True,
)
