"""What if the decoder may look back? BLEU by length, with and without attention.

The solid lines of figure 2 of Bahdanau et al. (2015), and the fifth suspect of chapter
3: that its network was too weak, or trained too little, for long sentences. Two models
of the same sizes learn the same pairs for as many steps. One has the encoder's last
states at every step, the other chooses among all of them.

A third is the second again, but trained on short sentences only, as the paper's
RNNsearch-30. That a model *can* look at any place does not mean that it has learned to
find its way through a length that it never saw. Long sentences also hold words and
turns that short ones don't; how many of their words it never read is counted.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from course_lib.attention import AttentionSeq2Seq
from course_lib.experiments.attention.decoders import Sizes, build
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.translation import (
    Corpus,
    Name,
    Part,
    accuracy,
    best_by_quarter,
    bleu_by_quarter,
    corpus_bleu,
    forced,
    learn_to_translate,
    lengths_by_quarter,
    perplexity,
    read,
    tokens_of_a_pair,
    translate,
)
from course_lib.metrics import by_quarter
from course_lib.seq2seq import Seq2Seq
from course_lib.training import Setting, Training, weight_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

MODELS = ("none", "attention", "short")


@dataclass(frozen=True)
class Config:
    """Three models of one size, trained for as many steps."""

    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train: int = 40_000  # pairs of the grammar; the others take all of theirs
    test: int = 800  # pairs of the grammar; the others have their own
    short: int = 10  # source tokens, at most, of what the third model is trained on
    embedding: int = 64  # E
    hidden: int = 128  # H of the decoder; the encoder has half of it each way
    steps: int = 1500  # optimiser steps of each
    dropout: float = 0.0  # the grammar has no end of pairs; 29,000 captions do
    batch: int = 64  # pairs of similar length
    learning_rate: float = 6e-3  # Adam; falls to 0 in a straight line
    longest: int = 80  # tokens of a translation, then it is cut
    measure_every: int = 300  # optimiser steps between points of the curves


SCALES = {
    "quick": Config(
        train=2_000,
        test=60,
        short=8,
        embedding=32,
        hidden=64,
        steps=100,
        longest=20,
        measure_every=50,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="multi30k",
        short=12,
        embedding=256,
        hidden=512,
        steps=1000,  # 9 times round the captions
        dropout=0.3,
        batch=256,
        learning_rate=1.4e-3,
        measure_every=125,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train the three, translate the test sentences, and look at them by length."""
    corpus = read(config.corpus, config.train, config.test, setting.seed)
    lengths = corpus.test.lengths()
    short = shorter(corpus.train, config.short)
    series: dict[str, Any] = {
        "lengths": lengths_by_quarter(corpus.test),
        "best": best_by_quarter(corpus),
        "unread": by_quarter(
            lengths, lambda rows: unread(short, corpus.test.of(rows).sources)
        ),
        "perplexity": {},
        "weights": {},
    }
    metrics: dict[str, float] = {"unread_longest": series["unread"][-1]}
    tokens = 0.0
    for done, name in enumerate(MODELS):
        model = _model(config, name, corpus, setting.seed)
        taught = corpus._replace(train=short) if name == "short" else corpus
        series["perplexity"][name] = yield from learn_to_translate(
            model,
            taught,
            batch=config.batch,
            training=Training(config.steps, config.learning_rate, schedule="linear"),
            setting=setting,
            name=name,
            every=config.measure_every,
            done=done * config.steps,
            total=len(MODELS) * config.steps,
        )
        found = translate(model, corpus.test.sources, config.longest)
        given = forced(model, corpus.test)
        quarters = bleu_by_quarter(corpus, corpus.test, found)
        series[f"bleu_{name}"] = quarters
        series[f"forced_{name}"] = by_quarter(
            lengths, lambda rows, given=given: accuracy([given[i] for i in rows])
        )
        series["weights"][name] = weight_count(model)
        metrics |= {
            f"bleu_{name}": corpus_bleu(corpus, corpus.test, found),
            f"bleu_shortest_{name}": quarters[0],
            f"bleu_longest_{name}": quarters[-1],
            f"fall_{name}": quarters[0] - quarters[-1],
            f"forced_longest_{name}": series[f"forced_{name}"][-1],
            f"perplexity_{name}": perplexity(given),
        }
        tokens += config.steps * config.batch * tokens_of_a_pair(taught.train)
    for name, low, high in (
        ("gain", "none", "attention"),
        ("lost_by_short", "short", "attention"),
    ):
        for place in ("shortest", "longest"):
            metrics[f"{name}_{place}"] = (
                metrics[f"bleu_{place}_{high}"] - metrics[f"bleu_{place}_{low}"]
            )
    return Outcome(metrics, series, round(tokens))


def shorter(part: Part, longest: int) -> Part:
    """The pairs whose source has at most ``longest`` tokens."""
    kept = [i for i, length in enumerate(part.lengths()) if length <= longest]
    if not kept:
        raise ValueError(
            f"short: got {longest}, expected at least {min(part.lengths())} tokens, "
            "or there is no such sentence"
        )
    return part.of(kept)


def unread(part: Part, sources: Sequence[torch.Tensor]) -> float:
    """The share of the tokens of ``sources`` that occur in no source of ``part``."""
    known = torch.cat(part.sources).unique()
    return 1 - torch.isin(torch.cat(list(sources)), known).double().mean().item()


def _model(
    config: Config, name: str, corpus: Corpus, seed: int
) -> Seq2Seq | AttentionSeq2Seq:
    sizes = Sizes(
        len(corpus.source),
        len(corpus.target),
        config.embedding,
        config.hidden,
        config.dropout,
    )
    return build("none" if name == "none" else "bahdanau", sizes, seed)


def figure(result: Result) -> Figure:
    """BLEU by length, and how often the next word is right given the true ones."""
    from course_lib.figures.palette import color

    figure, (score, given) = blank(rows=2)
    names = [f"{low} to {high}" for low, high in result.runs[0].series["lengths"]]
    short = result.config["short"]
    styles = {
        "none": ("baseline", "--", "s", "one vector for the sentence"),
        "attention": ("attention", "-", "o", "attention"),
        "short": ("attention", ":", "^", f"attention, trained on up to {short} tokens"),
    }
    for name, (quantity, line, marker, label) in styles.items():
        style = {
            "color": color(quantity),
            "linestyle": line,
            "marker": marker,
            "label": label,
        }
        draw(
            score,
            range(4),
            result.runs,
            lambda series, name=name: series[f"bleu_{name}"],
            **style,
        )
        draw(
            given,
            range(4),
            result.runs,
            lambda series, name=name: [100 * s for s in series[f"forced_{name}"]],
            **style,
        )
    draw(
        score,
        range(4),
        result.runs,
        lambda series: series["best"],
        color=color("baseline"),
        linestyle=(0, (1, 3)),
        label="the best possible",
    )
    score.set_ylim(0, 103)
    score.set_ylabel("BLEU of greedy translations")
    given.set_ylim(0, 103)
    given.set_ylabel("next word right, the true\nwords before it given (%)")
    for ax in (score, given):
        ax.set_xticks(range(4), names)
        ax.set_xlabel("tokens in the source: four groups of equal size")
    score.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))  # off the curves
    return figure


EXPERIMENT = Experiment(
    name="attention-by-length",
    chapter="attention",
    claim=(
        "A decoder that may look at all states of the encoder translates long "
        "sentences far better than one of the same size that gets the last ones only; "
        "but only up to the lengths that it was trained on."
    ),
    source="Bahdanau et al. (2015), figure 2 and table 1",
    paper=(
        "Bahdanau et al., all of newstest2014 English to French, trained on up to 50 "
        "words: BLEU 17.82 without and 26.75 with attention; trained on up to 30 "
        "words: 13.93 and 21.50 (table 1). In figure 2 RNNsearch-50 does not fall with "
        "length"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("perplexity_none", "it learns, without attention", high=200),
            Band("perplexity_attention", "and with it", high=200),
        ),
        "cpu": (
            Band("gain_longest", "attention gains on the longest quarter", low=40),
            Band("gain_shortest", "and on the shortest", low=0),
            Band("fall_none", "without it BLEU falls with length", low=40),
            Band("fall_attention", "with it BLEU falls less", high=30),
            Band(
                "lost_by_short_longest",
                "trained on short sentences only, it loses on the longest quarter",
                low=30,
            ),
            Band(
                "lost_by_short_shortest",
                "for comparison: on the shortest, which are like those it saw",
            ),
            Band(
                "unread_longest",
                "for comparison: of the longest quarter's words, it never read",
            ),
        ),
        "real": (
            Band("bleu_attention", "with attention: captions, test2016", low=24),
            Band("gain_longest", "attention gains on the longest quarter", low=2),
        ),
    },
    figure=figure,
    units={
        "unread_longest": "of the tokens",
        **{
            metric: "BLEU"
            for metric in (
                "gain_longest",
                "gain_shortest",
                "lost_by_short_longest",
                "lost_by_short_shortest",
                *(
                    f"{name}_{model}"
                    for name in ("bleu", "bleu_shortest", "bleu_longest", "fall")
                    for model in MODELS
                ),
            )
        },
        **{f"forced_longest_{model}": "of the tokens" for model in MODELS},
    },
)
