"""Bahdanau's, Luong's, which score, fed or not: ten decoders on one budget.

Luong et al. (2015) compare their choices one after another, each on top of the last
(their tables 1 and 4). Here everything else is kept: the same encoder, sizes, sentences
and optimiser steps, and only the attention differs. Four things are measured of each.

- How well it translates, and how well its attention agrees with the gold links.
- What a training step costs in time: all take turns on the same batch, and the median
  counts, so that a busy machine is busy for all of them.
- What it costs in memory: the tensors that the forward pass keeps for the backward one,
  counted in bytes, which no machine changes.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_lib.experiments.aligning import agreement, forced_weights, gold
from course_lib.experiments.attention.decoders import KINDS, NAMES, Sizes, build
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import REPORT_EVERY, Memo
from course_lib.experiments.plots import blank
from course_lib.experiments.training_cost import random_pairs, training_cost
from course_lib.experiments.translation import (
    Name,
    batches,
    bleu_by_quarter,
    corpus_bleu,
    forced,
    perplexity,
    read,
    teacher_forced_loss,
    tokens_of_a_pair,
    translate,
)
from course_lib.training import Setting, Training, train, weight_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

SAYS = {
    "none": "none",
    "bahdanau": "Bahdanau",
    "bahdanau-coverage": "Bahdanau, coverage",
    "luong-dot": "Luong, dot",
    "luong-general": "Luong, general",
    "luong-concat": "Luong, concat",
    "luong-local-p": "Luong, local-p",
    "luong-dot-fed": "Luong, dot, fed",
    "luong-general-fed": "Luong, general, fed",
    "luong-concat-fed": "Luong, concat, fed",
    "luong-local-p-fed": "Luong, local-p, fed",
}
COLUMNS = {  # head, digits, scale and width
    "bleu": ("BLEU", 1, 1, 12),
    "bleu_longest": ("longest", 1, 1, 12),
    "error_rate": ("AER", 2, 1, 13),
    "tokens": ("k/s", 1, 1e-3, 12),
    "mib": ("MiB", 0, 1, 5),
}


@dataclass(frozen=True)
class Config:
    """One budget for all."""

    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train: int = 40_000  # pairs of the grammar; the others take all of theirs
    test: int = 400  # pairs of the grammar; the others have their own
    embedding: int = 48  # E
    hidden: int = 96  # H of the decoder; the encoder has half of it each way
    steps: int = 800  # optimiser steps of each
    dropout: float = 0.0  # the grammar has no end of pairs; 29,000 captions do
    batch: int = 64  # pairs of similar length
    learning_rate: float = 1.2e-2  # Adam; falls to 0 in a straight line
    longest: int = 80  # tokens of a translation, then it is cut
    timed: int = 9  # training steps of each that are timed
    timed_length: int = 20  # tokens of each source and target in these


SCALES = {
    "quick": Config(
        train=2_000, test=60, embedding=16, hidden=32, steps=20, longest=20, timed=2
    ),
    "cpu": Config(),
    "real": Config(
        corpus="multi30k",
        embedding=256,
        hidden=512,
        steps=400,  # 3.5 times round the captions, ten times over
        dropout=0.3,
        batch=256,
        learning_rate=1.4e-3,
        timed=15,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train each, test each, then let them take turns against the clock."""
    corpus = read(config.corpus, config.train, config.test, setting.seed)
    pairs = gold(config.test) if config.corpus == "grammar" else None
    sizes = Sizes(
        len(corpus.source),
        len(corpus.target),
        config.embedding,
        config.hidden,
        config.dropout,
    )
    memo = Memo(setting, "kinds")
    total = len(NAMES) * config.steps
    for place, name in enumerate(NAMES):
        if name in memo.parts:  # finished before a kill
            continue
        model = build(name, sizes, setting.seed).to(setting.device)
        training = Training(config.steps, config.learning_rate, schedule="linear")
        batch_at = batches(corpus.train, config.batch, setting.seed)
        for step in train(
            model, teacher_forced_loss, batch_at, training, setting, name
        ):
            if step.number % REPORT_EVERY == 0:
                done = place * config.steps + step.number
                yield Progress(done, total, {f"{name} loss": step.loss}, SAYS[name])
        found = translate(model, corpus.test.sources, config.longest)
        part = {
            "bleu": corpus_bleu(corpus, corpus.test, found),
            "quarters": bleu_by_quarter(corpus, corpus.test, found),
            "perplexity": perplexity(forced(model, corpus.test)),
            "weights": weight_count(model),
        }
        if pairs and name in KINDS:
            weights = forced_weights(model, corpus.test)
            part["error_rate"] = agreement(weights, pairs).error_rate
        memo.keep(name, part)
    parts = {name: dict(memo.parts[name]) for name in NAMES}
    yield Progress(total, total, {}, "against the clock", timing=True)
    for name, cost in costs(config, sizes, setting).items():
        parts[name] |= cost
    tokens = round(total * config.batch * tokens_of_a_pair(corpus.train))
    return Outcome(metrics_of(parts), {"parts": parts}, tokens)


def metrics_of(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Everything by decoder, and the differences that the claim is about."""
    metrics = {
        f"{measure}_{name}": float(value)
        for name, part in parts.items()
        for measure, value in (part | {"bleu_longest": part["quarters"][-1]}).items()
        if measure != "quarters"
    }

    def gain(name: str, over: str, measure: str = "bleu") -> float:
        return metrics[f"{measure}_{name}"] - metrics[f"{measure}_{over}"]

    fed = [name for name in KINDS if name.endswith("-fed")]
    gains = [gain(name, name.removesuffix("-fed")) for name in fed]
    return metrics | {
        "gain_bahdanau": gain("bahdanau", "none", "bleu_longest"),
        "gain_least": min(gain(name, "none", "bleu_longest") for name in KINDS),
        "gain_additive": gain("luong-concat", "luong-general"),
        "gain_dot": gain("luong-dot", "luong-general"),
        "gain_order": gain("luong-concat", "bahdanau"),
        "gain_feeding": sum(gains) / len(gains),
        "feeding_ms": metrics["ms_luong-general-fed"] / metrics["ms_luong-general"],
        "additive_mib": metrics["mib_luong-concat"] / metrics["mib_luong-general"],
    }


def costs(
    config: Config, sizes: Sizes, setting: Setting
) -> dict[str, dict[str, float]]:
    """Of one training step of each: ms, target tokens per second, and MiB kept."""
    models = {name: build(name, sizes, setting.seed) for name in NAMES}
    shape = config.batch, config.timed_length
    batch = random_pairs(sizes.source, sizes.target, *shape, setting)
    return training_cost(models, batch, config.timed, setting)


def table(result: Result) -> str:
    """All of it as text: a line for each decoder, ± one standard deviation."""
    names = max(map(len, SAYS.values()))
    heads = (f"{head:>{width}}" for head, _, _, width in COLUMNS.values())
    lines = [" " * names + "".join(heads)]
    for name, says in SAYS.items():
        cells = []
        for column, (_, digits, scale, width) in COLUMNS.items():
            metric = f"{column}_{name}"
            cell = "–"
            if metric in result.runs[0].metrics:
                mean, sd = result.mean(metric), result.sd(metric) or 0.0
                cell = f"{scale * mean:.{digits}f}"
                if digits:  # a count has none
                    cell += f" ± {scale * sd:.{digits}f}"
            cells.append(f"{cell:>{width}}")
        lines.append(f"{says:<{names}}" + "".join(cells))
    return "\n".join(lines)


def figure(result: Result) -> Figure:
    """BLEU against speed, and the alignment error against BLEU."""
    from course_lib.figures.palette import color

    figure, (speed, links) = blank(rows=2)
    names = [name for name in SAYS if name != "none"]
    low = {  # labels below their points, where they would overprint
        speed: ("bahdanau", "luong-local-p", "luong-concat"),
        links: ("bahdanau-coverage", "luong-general", "luong-concat"),
    }
    for ax, x, y, shown in (
        (speed, "tokens", "bleu", SAYS),
        (links, "bleu", "error_rate", names),
    ):
        for name in shown:
            fed, before = name.endswith("fed"), name.startswith("bahdanau")
            quantity = "query" if before else "attention"
            ax.errorbar(
                result.mean(f"{x}_{name}"),
                result.mean(f"{y}_{name}"),
                xerr=result.sd(f"{x}_{name}") or 0.0,
                yerr=result.sd(f"{y}_{name}") or 0.0,
                color=color("baseline" if name == "none" else quantity),
                marker="s" if fed else "o",
                markerfacecolor="none" if fed else None,
            )
            ax.annotate(
                name.removeprefix("luong-").removesuffix("-fed"),
                (result.mean(f"{x}_{name}"), result.mean(f"{y}_{name}")),
                xytext=(5, -9 if name in low[ax] else 4),
                textcoords="offset points",
                fontsize=7,
            )
    speed.set_xlabel("target tokens trained on per second")
    speed.set_ylabel("BLEU")
    links.set_xlabel("BLEU")
    links.set_ylabel("alignment error rate")
    return figure


_UNITS = {
    "bleu": "BLEU",
    "bleu_longest": "BLEU",
    "error_rate": "AER",
    "ms": "ms per training step",
    "tokens": "tokens/s",
    "mib": "MiB",
}

EXPERIMENT = Experiment(
    name="attention-kinds",
    chapter="attention",
    claim=(
        "On one short budget the score decides more than the order: the additive one "
        "learns soonest, in both, and costs memory; general learns latest. Input "
        "feeding costs speed and gains nothing here."
    ),
    source="Luong et al. (2015), tables 1, 4 and 6",
    paper=(
        "Luong et al., newstest2014 English to German, BLEU: no attention 14.0, global "
        "attention (location) 16.8, with input feeding 18.1, local-p (general) with "
        "input feeding 19.0 (table 1, each added to the one before)"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("additive_mib", "the additive score takes memory: times", low=1.2),
            Band("perplexity_bahdanau", "it learns something", high=500),
        ),
        "cpu": (
            Band("gain_bahdanau", "Bahdanau over none, longest quarter", low=20),
            Band("gain_additive", "concat over general, both of Luong's order", low=10),
            Band("gain_dot", "dot over general", low=5),
            Band("gain_order", "Luong's order over Bahdanau's, both additive", -10, 10),
            Band("gain_feeding", "input feeding, the mean over four scores", high=0),
            Band("feeding_ms", "input feeding: times the time of a step", low=1.2),
            Band("additive_mib", "the additive score: times the memory", low=1.5),
            Band("gain_least", "for comparison: the worst over none, longest quarter"),
        ),
        "real": (
            Band("bleu_bahdanau", "Bahdanau's on captions, test2016", low=18),
            Band("gain_least", "the least that any gains on the longest", low=0),
        ),
    },
    figure=figure,
    units={
        **{
            f"{measure}_{name}": unit
            for measure, unit in _UNITS.items()
            for name in (KINDS if measure == "error_rate" else NAMES)
        },
        **{
            f"gain_{of}": "BLEU"
            for of in ("bahdanau", "least", "additive", "dot", "order", "feeding")
        },
        "feeding_ms": "times general without it",
        "additive_mib": "times general",
    },
    timed=True,
)
