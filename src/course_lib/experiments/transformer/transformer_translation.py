"""The running task once more: a Transformer, and the best of chapter 4.

Both see the same pairs, in the same order, for as many steps. A step of the Transformer
is one pass over all words at once; the recurrent model's is one word after another.

Two more Transformers: one with a single head of the same width (the paper's table 3,
row A), and one with the paper's sinusoids instead of rotary positions, which is the one
that runs in the page. Besides BLEU: the time of a training step, and of greedy
decoding, in which both write one word after another.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from torch import nn

import course_lib
from course_lib.experiments.attention.decoders import Sizes
from course_lib.experiments.attention.decoders import build as recurrent
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo
from course_lib.experiments.machine import seconds
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.training_cost import random_pairs, training_cost
from course_lib.experiments.transformer.translators import build
from course_lib.experiments.translation import (
    Corpus,
    Name,
    Trained,
    best_by_quarter,
    bleu_by_quarter,
    corpus_bleu,
    export_translator,
    forced,
    learn_to_translate,
    lengths_by_quarter,
    perplexity,
    read,
    teacher_forced_loss,
    tokens_of_a_pair,
    translate,
)
from course_lib.training import Setting, Training, weight_count
from course_lib.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

MODELS = {
    "transformer": "Transformer",
    "one_head": "Transformer, one head",
    "sinusoidal": "Transformer, sinusoids",
    "bahdanau": "GRU with Bahdanau's attention",
}


@dataclass(frozen=True)
class Config:
    """Transformer and recurrent model, trained for as many steps on the same pairs."""

    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train: int = 40_000  # pairs of the grammar; the others take all of theirs
    test: int = 800  # pairs of the grammar; the others have their own
    size: int = 64  # C
    heads: int = 4  # H
    inner: int = 128  # inside the feed-forward network
    blocks: int = 2  # of encoder and of decoder; pre-norm, rotary positions
    embedding: int = 64  # E of the recurrent model
    hidden: int = 128  # H of its decoder; the encoder has half of it each way
    steps: int = 1200  # optimiser steps
    dropout: float = 0.0  # the grammar has no end of pairs; 29,000 captions do
    label_smoothing: float = 0.0  # of the Transformers' targets
    batch: int = 64  # pairs of similar length
    learning_rate: float = 6e-3  # Adam, the peak of both; falls in a straight line
    warmup: int = 100  # optimiser steps up to the Transformer's peak
    longest: int = 80  # tokens of a translation, then it is cut
    measure_every: int = 200  # optimiser steps between points of the curves
    written: int = 5  # times that the test sentences are translated against the clock
    timed: int = 9  # training steps of each that are timed
    timed_length: int = 20  # tokens of each source and target in these


SCALES = {
    "quick": Config(
        train=2_000,
        test=60,
        size=32,
        heads=2,
        inner=32,
        blocks=1,
        embedding=16,
        hidden=32,
        steps=60,
        warmup=10,
        longest=20,
        measure_every=30,
        written=1,
        timed=2,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="multi30k",
        size=256,
        inner=1024,
        blocks=3,
        embedding=256,
        hidden=512,
        steps=750,  # 7 times round the captions
        dropout=0.3,
        label_smoothing=0.1,
        batch=256,
        learning_rate=1.4e-3,
        warmup=200,
        longest=120,
        measure_every=125,
        timed=15,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train the four, translate the test sentences, and let them run for time."""
    corpus = read(config.corpus, config.train, config.test, setting.seed)
    models = untrained(config, corpus, setting.seed)
    series: dict[str, Any] = {
        "lengths": lengths_by_quarter(corpus.test),
        "best": best_by_quarter(corpus),
        "perplexity": {},
        "quarters": {},
    }
    metrics: dict[str, float] = {}
    memo = Memo(setting, "scores")
    total = len(models) * config.steps
    for done, (name, model) in enumerate(models.items()):
        smoothing = 0.0 if name == "bahdanau" else config.label_smoothing
        series["perplexity"][name] = yield from learn_to_translate(
            model,
            corpus,
            loss=partial(teacher_forced_loss, label_smoothing=smoothing),
            batch=config.batch,
            training=plan(config, name),
            setting=setting,
            name=name,
            every=config.measure_every,
            done=done * config.steps,
            total=total,
        )
        if name not in memo.parts:
            memo.keep(name, measure(model, corpus, config.longest))
        series["quarters"][name], scores = memo.parts[name]
        metrics |= {f"{measure}_{name}": value for measure, value in scores.items()}
    yield Progress(total, total, {}, "against the clock", timing=True)
    metrics |= decoding_speed(models, corpus, config, setting.device)
    page = Trained(models["sinusoidal"].cpu(), corpus, setting.seed)
    metrics |= _costs(config, corpus, setting)
    metrics["heads_gain"] = metrics["bleu_transformer"] - metrics["bleu_one_head"]
    metrics["transformer_over_bahdanau"] = (
        metrics["bleu_transformer"] - metrics["bleu_bahdanau"]
    )
    metrics["rotary_gain"] = metrics["bleu_transformer"] - metrics["bleu_sinusoidal"]
    for measured in ("ms", "decoded"):
        metrics[f"{measured}_ratio"] = (
            metrics[f"{measured}_bahdanau"] / metrics[f"{measured}_transformer"]
        )
    tokens = total * config.batch * tokens_of_a_pair(corpus.train)
    return Outcome(metrics, series, round(tokens), model=page)


def untrained(config: Config, corpus: Corpus, seed: int) -> dict[str, nn.Module]:
    """The four models."""

    def transformer(heads: int, positions: str = "rotary") -> Transformer:
        sizes = TransformerConfig(
            size=config.size,
            heads=heads,
            inner=config.inner,
            blocks=config.blocks,
            norm="pre",
            positions=positions,
            dropout=config.dropout,
        )
        return build(sizes, corpus, seed)

    words = len(corpus.source), len(corpus.target)
    gru = Sizes(*words, config.embedding, config.hidden, config.dropout)
    return {
        "transformer": transformer(config.heads),
        "one_head": transformer(1),
        "sinusoidal": transformer(config.heads, "sinusoidal"),
        "bahdanau": recurrent("bahdanau", gru, seed),
    }


def plan(config: Config, name: str) -> Training:
    """How a model is trained. The recurrent one needs no warm-up."""
    warmup = 0 if name == "bahdanau" else config.warmup
    return Training(
        config.steps, config.learning_rate, warmup=warmup, schedule="linear"
    )


def measure(
    model: nn.Module, corpus: Corpus, longest: int
) -> tuple[list[float], dict[str, float]]:
    """BLEU by length, and the numbers of one model."""
    found = translate(model, corpus.test.sources, longest)
    quarters = bleu_by_quarter(corpus, corpus.test, found)
    return quarters, {
        "bleu": corpus_bleu(corpus, corpus.test, found),
        "bleu_longest": quarters[-1],
        "perplexity": perplexity(forced(model, corpus.test)),
        "parameters": float(weight_count(model)),
    }


def decoding_speed(
    models: Mapping[str, nn.Module], corpus: Corpus, config: Config, device: str
) -> dict[str, float]:
    """Tokens that each model writes in a second, greedily, all test sentences.

    They take turns, so that all share the machine's moods; the median counts.
    """
    speeds: dict[str, list[float]] = {name: [] for name in models}
    for name, model in [*models.items()] * config.written:
        found: list[Any] = []

        def write(model: nn.Module = model, found: list[Any] = found) -> None:
            found.extend(translate(model, corpus.test.sources, config.longest))

        taken = seconds(write, device)
        tokens = sum(len(one.tokens) + one.ended for one in found)
        speeds[name].append(tokens / taken)
    return {f"decoded_{name}": median(each) for name, each in speeds.items()}


def _costs(config: Config, corpus: Corpus, setting: Setting) -> dict[str, float]:
    """Milliseconds, tokens per second and MiB of a training step, by model."""
    models = untrained(config, corpus, setting.seed)
    shape = config.batch, config.timed_length
    words = len(corpus.source), len(corpus.target)
    pairs = random_pairs(*words, *shape, setting)
    return {
        f"{measure}_{name}": value
        for name, cost in training_cost(models, pairs, config.timed, setting).items()
        for measure, value in cost.items()
    }


def figure(result: Result) -> Figure:
    """BLEU by length; the perplexity by training time, as a step takes on average."""
    from course_lib.figures.palette import color

    figure, (score, curve) = blank(rows=2)
    runs = result.runs
    names = [f"{low} to {high}" for low, high in runs[0].series["lengths"]]
    styles = {
        "transformer": ("attention", "-", "o"),
        "one_head": ("query", ":", "D"),
        "sinusoidal": ("position", "--", "^"),
        "bahdanau": ("gru", "-.", "s"),
    }
    for name, (quantity, line, marker) in styles.items():
        style = {
            "color": color(quantity),
            "linestyle": line,
            "marker": marker,
            "label": MODELS[name],
        }
        draw(score, range(4), runs, lambda s, n=name: s["quarters"][n], **style)
        steps = runs[0].series["perplexity"][name]["step"][1:]
        each = result.mean(f"ms_{name}") / 1e3
        draw(
            curve,
            [step * each for step in steps],
            runs,
            lambda s, n=name: s["perplexity"][n]["valid"][1:],
            **style,
        )
    draw(
        score,
        range(4),
        runs,
        lambda series: series["best"],
        color=color("baseline"),
        linestyle=(0, (1, 3)),
        label="the best possible",
    )
    score.set_ylim(0, 103)
    score.set_ylabel("BLEU of greedy translations")
    score.set_xticks(range(4), names)
    score.set_xlabel("tokens in the source: four groups of equal size")
    score.legend(fontsize=8, loc="lower left")
    curve.set_ylim(bottom=1)
    curve.set_ylabel("perplexity, validation")
    curve.set_xlabel("seconds of training: steps times the time of one")
    return figure


def export(config: Config, outcome: Outcome) -> Mapping[str, Any]:
    """The Transformer of the first seed that has sinusoids, for the page."""
    model, corpus, _ = outcome.model
    names = ("bleu", "bleu_longest", "perplexity")
    return {
        "config": asdict(model.config),
        **export_translator(
            EXPERIMENT,
            config,
            outcome.model,
            {name: outcome.metrics[f"{name}_sinusoidal"] for name in names},
            lambda half: measure(half, corpus, config.longest)[1],
        ),
    }


EXPERIMENT = Experiment(
    name="transformer-translation",
    chapter="transformer",
    claim=(
        "Trained for as many steps, and in less time, a small Transformer with rotary "
        "positions translates better than a recurrent model with attention; with the "
        "paper's sinusoids it is behind. In as many steps four heads do better than "
        "one."
    ),
    source="Vaswani et al. (2017), table 2 and table 3, row (A)",
    paper=(
        "Vaswani et al., newstest2014 English to German: 27.3 BLEU for 3.3e18 FLOP of "
        "training, the best recurrent model before it (GNMT) 24.6 for 2.3e19 (table "
        "2). One head 24.9, four 25.5, eight 25.8 (table 3, newstest2013)"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("perplexity_transformer", "it learns something", high=500),
            Band("perplexity_bahdanau", "and so does the other", high=500),
        ),
        "cpu": (
            Band("transformer_over_bahdanau", "over the recurrent model", low=0),
            Band("ms_ratio", "a step of the recurrent model takes", low=1.1),
            Band("heads_gain", "four heads over one", low=0),
            Band("rotary_gain", "for comparison: rotary positions over sinusoids"),
            Band("decoded_ratio", "for comparison: the recurrent model writes"),
        ),
        "real": (
            Band("bleu_transformer", "captions, test2016", low=30),
            Band("transformer_over_bahdanau", "over the recurrent model", low=0),
        ),
    },
    figure=figure,
    export=export,
    artefact=Path(course_lib.__file__).parent
    / "figures/transformer/transformer_lab.json",
    units={
        **{
            f"{measure}_{name}": unit
            for name in MODELS
            for measure, unit in (
                ("bleu", "BLEU"),
                ("bleu_longest", "BLEU"),
                ("decoded", "tokens/s"),
                ("parameters", "parameters"),
            )
        },
        **{
            f"{measure}_{name}": unit
            for name in MODELS
            for measure, unit in (
                ("ms", "ms per training step"),
                ("tokens", "tokens/s"),
                ("mib", "MiB"),
            )
        },
        **dict.fromkeys(
            ("heads_gain", "rotary_gain", "transformer_over_bahdanau"), "BLEU"
        ),
        "ms_ratio": "times as long",
        "decoded_ratio": "times as many tokens in a second",
    },
    timed=True,
)
