"""Is attention alignment? Where a model looks, beside the links of the grammar.

Nobody tells the model which word stands for which: it learns to look from translations
alone. The grammar knows (`gold links`), so the alignment error rate is exact. Two
models learn the same pairs, Bahdanau's and Luong's *general* without input feeding, and
are asked where they look while they are made to write the reference.

An error of alignment need not be one of translation. So three things are counted apart:

- words that stand for a source word (they have a *sure* link), and helpers such as
  "the" and "is", whose links are only *possible*;
- of the links that are wrong, those to the token beside the right one: the state of
  an encoder that reads both ways has seen its neighbours too;
- of the words that looked elsewhere, those that were predicted right all the same.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

import course_lib
from course_lib.alignment import entropy, links_from_weights
from course_lib.attention import AttentionSeq2Seq
from course_lib.data.korean_english import Pair
from course_lib.experiments.aligning import (
    agreement,
    best_agreement,
    diagonal_agreement,
    forced_weights,
    gold,
)
from course_lib.experiments.attention.decoders import Sizes, build
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import learn
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.translation import (
    Corpus,
    Forced,
    Trained,
    batches,
    bleu_by_quarter,
    corpus_bleu,
    export_translator,
    forced,
    grammar,
    perplexity,
    teacher_forced_loss,
    tokens_of_a_pair,
    translate,
)
from course_lib.figures.weights import pack, unpack
from course_lib.training import Setting, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

KINDS = ("bahdanau", "luong-general")
SHOWN = (5, 8, 13)  # source tokens of the sentences whose weights are kept
WATCHED = 100  # test sentences that the curves are measured on


@dataclass(frozen=True)
class Config:
    """Two models of one size, small enough that one of them runs in the page."""

    train: int = 40_000  # pairs of the grammar: others have no gold links
    test: int = 800  # pairs
    embedding: int = 48  # E
    hidden: int = 96  # H of the decoder; the encoder has half of it each way
    steps: int = 3000  # optimiser steps of each
    batch: int = 64  # pairs of similar length
    learning_rate: float = 8e-3  # Adam; falls to 0 in a straight line
    longest: int = 80  # tokens of a translation, then it is cut
    measure_every: int = 125  # optimiser steps between points of the curves


SCALES = {
    "quick": Config(
        train=1_500,
        test=60,
        embedding=16,
        hidden=32,
        steps=60,
        longest=20,
        measure_every=30,
    ),
    "cpu": Config(),
    "real": Config(
        train=100_000,
        embedding=64,
        hidden=128,
        steps=8000,
        learning_rate=6e-3,
        measure_every=400,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train both, and compare where they look with the gold links, again and again."""
    corpus = grammar(config.train, 200, config.test, setting.seed)
    pairs = gold(config.test)
    shown = [_nearest(pairs, length) for length in SHOWN]
    metrics = {
        "error_rate_best": best_agreement(pairs).error_rate,
        "error_rate_diagonal": diagonal_agreement(pairs).error_rate,
    }
    series: dict[str, Any] = {"shown": shown}
    for done, kind in enumerate(KINDS):
        model = _build(config, kind, corpus, setting.seed)
        series[kind] = yield from learn(
            model,
            loss=teacher_forced_loss,
            batch_at=batches(corpus.train, config.batch, setting.seed),
            training=Training(config.steps, config.learning_rate, schedule="linear"),
            setting=setting,
            name=kind,
            measure=lambda model=model: watch(
                model, corpus, pairs, shown, config.longest
            ),
            every=config.measure_every,
            done=done * config.steps,
            total=len(KINDS) * config.steps,
        )
        measured = measure(model, corpus, pairs, config.longest)
        metrics |= {f"{name}_{kind}": value for name, value in measured.items()}
        if kind == "bahdanau":
            trained = Trained(model.cpu(), corpus, setting.seed)
        else:
            del series[kind]["weights"]  # the page shows those of the other
    metrics["untrained"] = series["bahdanau"]["error_rate"][0]
    steps = len(KINDS) * config.steps
    tokens = round(steps * config.batch * tokens_of_a_pair(corpus.train))
    return Outcome(metrics, series, tokens, trained)


def watch(
    model: AttentionSeq2Seq,
    corpus: Corpus,
    pairs: Sequence[Pair],
    shown: Sequence[int],
    longest: int,
) -> dict[str, Any]:
    """AER and BLEU on the first sentences, and the weights of those at ``shown``."""
    few = corpus.test.of(range(min(WATCHED, len(pairs))))
    found = translate(model, few.sources, longest)
    looked = agreement(forced_weights(model, few), pairs[: len(few.sources)])
    return {
        "error_rate": looked.error_rate,
        "bleu": corpus_bleu(corpus, few, found),
        "weights": [pack(one) for one in forced_weights(model, corpus.test.of(shown))],
    }


def measure(
    model: AttentionSeq2Seq, corpus: Corpus, pairs: Sequence[Pair], longest: int
) -> dict[str, float]:
    """What is counted of all test sentences."""
    test = corpus.test
    weights = forced_weights(model, test)
    given = forced(model, test)
    found = translate(model, test.sources, longest)
    words = list(_words(weights, pairs, given))
    off = [word for word in words if not word.linked]
    looked = agreement(weights, pairs)
    return {
        "error_rate": looked.error_rate,
        "sure": _share([word.linked for word in words if word.sure]),
        "helpers": _share([word.linked for word in words if not word.sure]),
        "beside": _share([word.beside for word in off]),
        "right_though_off": _share([word.right for word in off]),
        "right": _share([word.right for word in words]),
        "entropy": torch.cat([entropy(one) for one in weights]).mean().item(),
        "bleu": corpus_bleu(corpus, test, found),
        "bleu_longest": bleu_by_quarter(corpus, test, found)[-1],
        "perplexity": perplexity(given),
    }


class _Word(NamedTuple):
    """One target word, and the source token that it looked at most."""

    sure: bool  # does it have a sure link?
    linked: bool  # was one of its links found?
    beside: bool  # if not, was it the token beside one?
    right: bool  # was the word the most probable?


def _words(
    weights: Sequence[Tensor], pairs: Sequence[Pair], given: Sequence[Forced]
) -> Generator[_Word]:
    for one, pair, said in zip(weights, pairs, given, strict=True):
        for i, j in sorted(links_from_weights(one)):
            sure = {k for k, at in pair.sure if at == j}
            linked = sure or {k for k, at in pair.possible if at == j}
            near = {k + step for k in linked for step in (-1, 1)}
            yield _Word(
                bool(sure), i in linked, i in near - linked, bool(said.right[j])
            )


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")


def _nearest(pairs: Sequence[Pair], length: int) -> int:
    """The first pair whose source has ``length`` tokens, or about as many."""
    return min(range(len(pairs)), key=lambda i: abs(len(pairs[i].source) - length))


def _build(config: Config, kind: str, corpus: Corpus, seed: int) -> AttentionSeq2Seq:
    sizes = Sizes(
        len(corpus.source), len(corpus.target), config.embedding, config.hidden
    )
    return build(kind, sizes, seed)


def growth(result: Result) -> dict[str, Any]:
    """What :class:`~course_lib.figures.attention.AlignmentGrowth` shows of a result."""
    series = result.runs[0].series
    kept = series["bahdanau"]
    pairs = gold(result.config["test"])
    sentences = [
        {
            "source": list(pairs[i].source),
            "target": [*pairs[i].target, "</s>"],
            "links": [list(link) for link in sorted(pairs[i].sure)],
            "weights": [
                [[round(weight, 3) for weight in row] for row in unpack(weights[n])]
                for weights in kept["weights"]
            ],
        }
        for n, i in enumerate(series["shown"])
    ]
    curves = {name: kept[name] for name in ("step", "error_rate", "bleu")}
    return {**curves, "sentences": sentences}


def figure(result: Result) -> Figure:
    """AER while training, and which words look at the ones that they stand for."""
    from course_lib.figures.palette import color

    figure, (curve, parts) = blank(rows=2)
    styles = {"bahdanau": ("-", "Bahdanau"), "luong-general": ("--", "Luong, general")}
    for kind, (line, label) in styles.items():
        draw(
            curve,
            result.runs[0].series[kind]["step"],
            result.runs,
            lambda series, kind=kind: series[kind]["error_rate"],
            color=color("attention"),
            linestyle=line,
            label=label,
        )
    for name, label in (("diagonal", "the diagonal"), ("best", "the best possible")):
        mean = result.mean(f"error_rate_{name}")
        curve.axhline(mean, color=color("baseline"), linestyle=":")
        curve.text(
            0.99,
            mean + 0.01,
            label,
            transform=curve.get_yaxis_transform(),
            ha="right",
            va="bottom",
            fontsize=8,
        )
    curve.set_ylim(0, 1)
    curve.set_xlabel("optimiser steps")
    curve.set_ylabel("alignment error rate")
    curve.legend(fontsize=8, loc="center right")
    names = {
        "sure": "words with\na sure link",
        "helpers": "helpers",
        "right_though_off": "predicted right\nthough looking\nelsewhere",
    }
    for n, (kind, (_, label)) in enumerate(styles.items()):
        found = [f"{name}_{kind}" for name in names]
        parts.bar(
            [place + 0.4 * n - 0.2 for place in range(len(names))],
            [100 * result.mean(metric) for metric in found],
            0.38,
            yerr=[100 * (result.sd(metric) or 0.0) for metric in found],
            color=color("attention" if kind == "bahdanau" else "baseline"),
            label=label,
        )
    parts.set_xticks(range(len(names)), names.values())
    parts.set_ylim(0, 100)
    parts.set_xlabel("at the end of training")
    parts.set_ylabel("of the words (%)")
    parts.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))  # off the bars
    return figure


def export(config: Config, outcome: Outcome) -> dict[str, Any]:
    """Bahdanau's model of the first seed, for the page."""
    corpus = outcome.model.corpus
    names = ("bleu", "bleu_longest", "perplexity", "error_rate")
    return export_translator(
        EXPERIMENT,
        config,
        outcome.model,
        {name: outcome.metrics[f"{name}_bahdanau"] for name in names},
        lambda half: measure(half, corpus, gold(config.test), config.longest),
    )


def _bands(bahdanau: float) -> tuple[Band, ...]:
    return (
        Band("error_rate_bahdanau", "Bahdanau: error of alignment", high=bahdanau),
        Band("error_rate_luong-general", "Luong, general: the same", high=0.4),
        Band("untrained", "for comparison: Bahdanau before training"),
        Band("error_rate_diagonal", "for comparison: always the diagonal"),
        Band("error_rate_best", "for comparison: the best with one link a word"),
        Band(
            "sure_bahdanau",
            "Bahdanau: words with a sure link that look there most",
            low=0.75,
        ),
        Band(
            "helpers_bahdanau",
            "Bahdanau: helpers that look at one of theirs",
            high=0.75,
        ),
        Band(
            "right_though_off_bahdanau",
            "Bahdanau: words that look elsewhere and are predicted right all the same",
            low=0.7,
        ),
        Band("right_bahdanau", "Bahdanau: of all words, predicted right"),
        Band("entropy_bahdanau", "Bahdanau: entropy of the weights"),
        Band("beside_bahdanau", "Bahdanau: wrong links beside a right one"),
        Band("bleu_bahdanau", "Bahdanau: how well it translates"),
        Band("bleu_longest_bahdanau", "Bahdanau: the same of the longest quarter"),
        Band("sure_luong-general", "Luong, general: words with a sure link"),
        Band("helpers_luong-general", "Luong, general: helpers"),
        Band(
            "right_though_off_luong-general",
            "Luong, general: predicted right though looking elsewhere",
        ),
        Band("right_luong-general", "Luong, general: of all words, predicted right"),
        Band("entropy_luong-general", "Luong, general: entropy of the weights"),
        Band("bleu_luong-general", "Luong, general: how well it translates"),
    )


EXPERIMENT = Experiment(
    name="attention-alignment",
    chapter="attention",
    claim=(
        "Attention learns from translations alone which words belong together, but it "
        "is no alignment: helpers look where they like, and a word may look elsewhere "
        "and be right."
    ),
    source="Bahdanau et al. (2015), figure 3; Luong et al. (2015), table 6",
    paper=(
        "Luong et al., English to German, AER on 508 sentences aligned by hand: 0.34 "
        "for local-m and for their ensemble, 0.32 for the Berkeley aligner (table 6). "
        "Bahdanau et al. show four sentences, and no number"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("error_rate_best", "one link for a word: the best possible", high=0.1),
            Band("error_rate_bahdanau", "Bahdanau's error", high=0.95),
        ),
        "cpu": _bands(bahdanau=0.3),
        "real": _bands(bahdanau=0.15),
    },
    figure=figure,
    units={
        **{
            f"{name}_{kind}": unit
            for name, unit in (
                ("error_rate", "AER"),
                ("sure", "of these words"),
                ("helpers", "of these words"),
                ("beside", "of the wrong links"),
                ("right_though_off", "of these words"),
                ("right", "of the words"),
                ("entropy", "nats"),
                ("bleu", "BLEU"),
                ("bleu_longest", "BLEU"),
            )
            for kind in KINDS
        },
        "untrained": "AER",
        "error_rate_best": "AER",
        "error_rate_diagonal": "AER",
    },
    export=export,
    artefact=Path(course_lib.__file__).parent / "figures/attention/attention_lab.json",
)
