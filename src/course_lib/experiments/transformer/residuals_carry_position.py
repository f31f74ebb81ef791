"""Residual connections carry a token's place through the blocks, and its word as well.

Six blocks, drawn at random and never trained, read random words with the code of their
places added once, before the first block. A linear probe is asked after each block: at
which place does this vector stand? The blocks are one and the same in three networks:

    with      x + part(x), as in the paper
    without   part(x) alone
    again     part(x) alone, but the code of the places is added before each block

Attention gives a token a weighted mean of all tokens. Without x itself beside it, the
means of two tokens of a sentence soon differ by next to nothing, and what a vector says
is which sentence it is in: the matrix of a sentence's vectors comes close to rank 1,
faster with each block (Dong et al. 2021). Who only knows the sentence can at best guess
its most frequent word. Told again, the place comes back, but not the word.

The probe is ridge regression onto the places, one against all, in closed form: no
training could have failed. It sees numbers with mean 0 and variance 1, so small ones
count as much as large ones. It is fitted on some sentences and asked about others.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data.batching import generator
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.plots import blank, draw
from course_lib.positions import sinusoids
from course_lib.training import Setting
from course_lib.transformer import Block, Stack, TransformerConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

KINDS = ("with", "without", "again")
NORMS = ("post", "pre")


@dataclass(frozen=True)
class Config:
    """Untrained blocks; only a linear probe is fitted."""

    places: int = 16  # words in a sentence
    words: int = 20  # of the language; which word stands where is drawn at random
    size: int = 256  # C
    narrow: int = 64  # another C, for comparison
    heads: int = 4  # H
    blocks: int = 6  # as in the paper
    fitted: int = 1000  # sentences that the probe is fitted on
    asked: int = 500  # others, that it is asked about
    ridge: float = 1e-2  # penalty of the probe's weights, for each fitted token


def vectors(x: Tensor, code: Tensor, blocks: Any, kind: str) -> Iterator[Tensor]:
    """``x (B, n, C)`` before the first block, and what each block makes of it.

    ``code (n, C)`` of the places is in ``x`` already.
    """
    yield x
    for block in blocks:
        x = one_block(block, x + code if kind == "again" else x, kind == "with")
        yield x


def one_block(block: Block, x: Tensor, residual: bool) -> Tensor:
    """``x (B, n, C)`` -> ``(B, n, C)``. With ``residual`` it is the block itself."""

    def hear(x: Tensor) -> Tensor:
        return block.attention(x, block.attention.look_at(x))

    for part, around in (
        (hear, block.after_attention),
        (block.feed_forward, block.after_feed_forward),
    ):
        heard = part(around.before(x))
        x = around(x if residual else torch.zeros_like(x), heard)
    return x


def probe(x: Tensor, labels: Tensor, fitted: int, ridge: float) -> float:
    """The share of labels that a linear probe tells right in sentences it never saw.

    ``x (N, n, C)`` of N sentences, ``labels (N, n)``; it is fitted on the first ones.
    """
    mean, deviation = x[:fitted].mean(dim=(0, 1)), x[:fitted].std(dim=(0, 1))
    x = (x - mean) / (deviation + 1e-12)
    X = x[:fitted].flatten(0, 1)  # (M, C)
    Y = F.one_hot(labels[:fitted].flatten()).to(X)
    Y = Y - Y.mean(dim=0)  # (M, K)
    penalty = ridge * len(X) * torch.eye(X.shape[1]).to(X)
    W = torch.linalg.solve(X.T @ X + penalty, X.T @ Y)  # (C, K)
    right = (x[fitted:] @ W).argmax(dim=-1) == labels[fitted:]
    return right.double().mean().item()


def spread(x: Tensor) -> float:
    """How far a sentence's vectors are from their mean, as a share of their norm."""
    return ((x - x.mean(dim=1, keepdim=True)).norm() / x.norm()).item()


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Both norms and both sizes; for each, the same blocks in three networks."""
    sizes = {"": config.size, "_narrow": config.narrow}
    jobs = list(product(NORMS, sizes, KINDS))
    total, done = len(jobs) * (config.blocks + 1), 0
    series: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    sentences = config.fitted + config.asked
    shape = sentences, config.places
    words = torch.randint(config.words, shape, generator=generator(setting.seed, 0))
    words = words.to(setting.device)
    places = torch.arange(config.places, device=setting.device)
    told = {"place": places.expand(shape), "word": words}
    for norm, narrow, kind in jobs:
        C = sizes[narrow]
        stack = _stack(config, C, norm, setting)
        code = sinusoids(places, C).double()
        table = torch.randn(config.words, C, generator=generator(setting.seed, C))
        first = table.double().to(setting.device)[words] + code  # (N, n, C)
        name = f"{kind}_{norm}{narrow}"
        found = series[name] = {"place": [], "word": [], "spread": []}
        with torch.no_grad():
            for x in vectors(first, code, stack.blocks, kind):
                for what, labels in told.items():
                    share = probe(x, labels, config.fitted, config.ridge)
                    found[what].append(share)
                found["spread"].append(spread(x))
                done += 1
                curves = {f"{name}: place": found["place"][-1]}
                yield Progress(done, total, curves, name.replace("_", ", "))
        for what, values in found.items():
            metrics[f"{what}_{name}"] = values[-1]
        metrics[f"place_{name}_2"] = found["place"][2]
    often = F.one_hot(words).sum(dim=1).amax(dim=1)  # (N,)
    metrics["word_from_sentence"] = often.double().mean().item() / config.places
    metrics["place_input"] = series["with_post"]["place"][0]
    tokens = len(jobs) * words.numel()
    return Outcome(metrics, series, tokens)


def _stack(config: Config, size: int, norm: str, setting: Setting) -> Stack:
    """Blocks as the course's encoder draws them, the same for every kind."""
    torch.manual_seed(setting.seed)
    sizes = TransformerConfig(
        size, config.heads, 4 * size, config.blocks, norm, dropout=0.0
    )
    return Stack(sizes).double().to(setting.device)


COLORS = {"with": "state", "without": "negative", "again": "key"}
LABELS = {
    "with": "with residuals",
    "without": "without",
    "again": "without, places told again",
}


def figure(result: Result) -> Figure:
    """By block: the place and the word, told right, and how alike vectors are."""
    from course_lib.figures.palette import color

    figure, axes = blank(rows=3, height=2.7)
    depths = range(result.config["blocks"] + 1)
    for ax, what in zip(axes, ("place", "word", "spread"), strict=True):
        for kind, norm in product(KINDS, NORMS):
            draw(
                ax,
                depths,
                result.runs,
                lambda series, of=(f"{kind}_{norm}", what): series[of[0]][of[1]],
                color=color(COLORS[kind]),
                linestyle="-" if norm == "post" else "--",
                marker=".",
                label=LABELS[kind] if norm == "post" else None,
            )
        ax.set_xlabel("blocks passed (dashed: pre-norm)")
    for ax, what, guess in (
        (axes[0], "place", 1 / result.config["places"]),
        (axes[1], "word", result.mean("word_from_sentence")),
    ):
        ax.axhline(guess, color="grey", linestyle=":", label="by guessing")
        ax.set_ylabel(f"{what} told right")
        ax.set_ylim(0, 1.05)
    axes[2].set_ylabel("distance from the sentence's mean")
    axes[2].set_yscale("log")
    axes[0].legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def _bands(kept: float) -> tuple[Band, ...]:
    return (
        Band("place_input", "a linear probe tells the place before the blocks", 0.9, 1),
        Band("place_with_post", "after the last block, with residuals", kept, 1),
        Band("place_without_post", "the same, without", high=0.15),
        Band("place_without_post_2", "already after the second block", high=0.15),
        Band("place_with_pre", "the norm before each part: with residuals", kept, 1),
        Band("place_without_pre", "the same, without", high=0.15),
        Band("place_again_post", "without, but with the places told again"),
        Band("place_again_pre", "the same, the norm before each part"),
        Band("word_with_post", "the word: with residuals", 0.95, 1),
        Band("word_without_post", "the word: without", high=0.3),
        Band("word_from_sentence", "the word, if only its sentence were known"),
        Band("word_again_post", "the word: without, but with the places told again"),
        Band("place_with_post_narrow", "narrower vectors, the place: with residuals"),
        Band("place_without_post_narrow", "the same, without", high=0.15),
    )


EXPERIMENT = Experiment(
    name="residuals-carry-position",
    chapter="transformer",
    claim=(
        "The code of a place is added once, before the first block. Through six "
        "untrained blocks residual connections carry it, so that a linear probe can "
        "tell it. Without them it is lost after two, and of the word no more is left "
        "than the sentence that it is in."
    ),
    source="Vaswani & Huang (2019), lecture in Stanford CS224n; He et al. (2016)",
    paper=(
        "no number is given; the lecture shows attention without residuals, which no "
        "longer follows the places, and says that residuals carry them"
    ),
    scales={
        "quick": Config(size=64, narrow=32, heads=2, words=10, fitted=200, asked=100),
        "cpu": Config(),
        "real": Config(size=512, narrow=128, heads=8, fitted=4000, asked=1000),
    },
    run=run,
    precision="float64",  # or after four blocks without residuals rounding is all
    bands={"quick": _bands(0.4), "cpu": _bands(0.7), "real": _bands(0.7)},
    figure=figure,
    units=dict.fromkeys(("place_input", "word_from_sentence"), "of the tokens")
    | {
        f"{what}_{kind}_{norm}{narrow}{after}": unit
        for what, after, unit in (
            ("place", "", "of the tokens"),
            ("place", "_2", "of the tokens"),
            ("word", "", "of the tokens"),
            ("spread", "", "of the norm"),
        )
        for kind in KINDS
        for norm in NORMS
        for narrow in ("", "_narrow")
    },
    shared=False,
)
