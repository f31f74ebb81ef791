"""Does a wider beam translate better? Whose fault is a wrong translation?

A model is trained once and decodes the same test sentences with beams of 1 (greedy) to
16. Its own log-probability of what it found says how well the search did, BLEU says how
good the translation is. The two need not agree.

Of a translation that is not the reference, it can be told who is to blame. Where the
model gives the reference a higher probability than what was found, the search failed: a
*search error*. Where it prefers its own wrong sentence, a perfect search would not have
helped: a *model error* (Stahlberg & Byrne 2019 count like this, with exact search).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from course_lib.decoding import Hypothesis
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.translation import (
    Corpus,
    Name,
    bleu_by_quarter,
    corpus_bleu,
    encoder_decoder,
    forced,
    learn_to_translate,
    read,
    tokens_of_a_pair,
    translate,
)
from course_lib.metrics import by_quarter
from course_lib.training import Setting, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

WIDTHS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Config:
    """The large model of ``context-bottleneck``, trained as there."""

    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train: int = 20_000  # pairs of the grammar; the others take all of theirs
    test: int = 400  # pairs of the grammar; the others have their own
    embedding: int = 64  # E
    hidden: int = 128  # half the numbers in the context: the encoder reads both ways
    steps: int = 1500  # optimiser steps
    dropout: float = 0.0  # the grammar has no end of pairs; 29,000 captions do
    batch: int = 64  # pairs of similar length
    learning_rate: float = 3e-3  # Adam
    alpha: float = 1.0  # the length penalty, where there is one (Wu et al. 2016)
    longest: int = 80  # tokens of a translation, then it is cut
    measure_every: int = 300  # optimiser steps between points of the curves


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train, then decode with every width, without and with the length penalty."""
    corpus = read(config.corpus, config.train, config.test, setting.seed)
    model = encoder_decoder(
        corpus, config.embedding, config.hidden, setting.seed, dropout=config.dropout
    )
    total = config.steps + len(WIDTHS) * 2
    curve = yield from learn_to_translate(
        model,
        corpus,
        batch=config.batch,
        training=Training(config.steps, config.learning_rate),
        setting=setting,
        name="model",
        every=config.measure_every,
        done=0,
        total=total,
    )
    given = [-one.losses.sum().item() for one in forced(model, corpus.test)]
    series: dict[str, Any] = {"width": list(WIDTHS), "perplexity": curve}
    metrics: dict[str, float] = {}
    for penalty, alpha in (("plain", 0.0), ("penalised", config.alpha)):
        rows = []
        for width in WIDTHS:
            found = translate(model, corpus.test.sources, config.longest, width, alpha)
            rows.append(measure(corpus, found, given))
            if penalty == "plain" and width in (WIDTHS[0], WIDTHS[-1]):
                series[f"bleu_by_quarter_{width}"] = bleu_by_quarter(
                    corpus, corpus.test, found
                )
                series[f"search_by_quarter_{width}"] = by_quarter(
                    corpus.test.lengths(),
                    lambda at, found=found: search_errors(corpus, found, given, at),
                )
            done = config.steps + len(WIDTHS) * (penalty != "plain") + len(rows)
            yield Progress(done, total, {}, f"beam of {width}, {penalty}")
        series[penalty] = {key: [row[key] for row in rows] for key in rows[0]}
        for width, row in zip(WIDTHS, rows, strict=True):
            metrics[f"bleu_{width}_{penalty}"] = row["bleu"]
    plain = series["plain"]
    metrics |= {
        "greedy_search_errors": plain["search_errors"][0],
        "beam_search_errors": plain["search_errors"][-1],
        "score_gain": plain["score"][-1] - plain["score"][0],
        "beam_gain": metrics["bleu_4_plain"] - metrics["bleu_1_plain"],
        "widest_gain": metrics[f"bleu_{WIDTHS[-1]}_plain"] - metrics["bleu_1_plain"],
        "length_greedy": plain["length"][0],
        "length_widest": plain["length"][-1],
        "length_penalised": series["penalised"]["length"][-1],
    }
    tokens = round(config.steps * config.batch * tokens_of_a_pair(corpus.train))
    return Outcome(metrics, series, tokens, model)


def measure(
    corpus: Corpus, found: Sequence[Hypothesis], given: Sequence[float]
) -> dict[str, float]:
    """BLEU, score, length and search errors of translations of the test sentences.

    ``given`` are the model's log-probabilities of the references.
    """
    every = range(len(found))
    words = sum(len(one.tokens) for one in found)
    return {
        "bleu": corpus_bleu(corpus, corpus.test, found),
        "score": sum(one.log_probability for one in found) / len(found),
        "length": words / sum(len(target) for target in corpus.test.targets),
        "wrong": sum(_wrong(corpus, found, i) for i in every) / len(found),
        "search_errors": search_errors(corpus, found, given, every),
    }


def search_errors(
    corpus: Corpus,
    found: Sequence[Hypothesis],
    given: Sequence[float],
    rows: Sequence[int],
) -> float:
    """Of the wrong translations among ``rows``, the share that the search is to blame.

    0 where none is wrong.
    """
    wrong = [i for i in rows if _wrong(corpus, found, i)]
    missed = [i for i in wrong if given[i] > found[i].log_probability]
    return len(missed) / len(wrong) if wrong else 0.0


def _wrong(corpus: Corpus, found: Sequence[Hypothesis], i: int) -> bool:
    return found[i].tokens != tuple(corpus.test.targets[i].tolist())


def figure(result: Result) -> Figure:
    """Score and BLEU over the width; whose fault the wrong translations are."""
    from course_lib.figures.palette import color

    figure, (score, bleu, errors) = blank(rows=3, height=2.7)
    places = range(len(WIDTHS))
    draw(
        score,
        places,
        result.runs,
        lambda series: series["plain"]["score"],
        color=color("weight"),
        marker="o",
    )
    score.set_ylabel("log-probability of what it finds")
    for penalty, line, label in (
        ("plain", "-", "ranked by log-probability"),
        ("penalised", "--", "divided by the length penalty"),
    ):
        draw(
            bleu,
            places,
            result.runs,
            lambda series, penalty=penalty: series[penalty]["bleu"],
            color=color("output"),
            linestyle=line,
            marker="o",
            label=label,
        )
    bleu.set_ylabel("BLEU")
    bleu.legend(fontsize=8)
    draw(
        errors,
        places,
        result.runs,
        lambda series: [100 * share for share in series["plain"]["search_errors"]],
        color=color("gradient"),
        marker="o",
    )
    errors.set_ylim(0, 100)
    errors.set_ylabel("wrong translations that\nthe search is to blame for (%)")
    for ax in (score, bleu, errors):
        ax.set_xticks(places, [str(width) for width in WIDTHS])
        ax.set_xlabel("width of the beam")
    return figure


SCALES = {
    "quick": Config(
        train=4_000, test=60, hidden=64, steps=250, longest=30, measure_every=125
    ),
    "cpu": Config(),
    "real": Config(
        corpus="multi30k",
        embedding=256,
        hidden=512,
        steps=2000,  # 9 times round the captions
        dropout=0.3,
        batch=128,
        learning_rate=1e-3,
    ),
}

EXPERIMENT = Experiment(
    name="beam-width",
    chapter="seq2seq",
    claim=(
        "A wider beam finds sentences that the model holds more probable, and gains a "
        "little BLEU at most: what is wrong with a translation is the model's fault, "
        "not the search's."
    ),
    source="Sutskever et al. (2014), table 1; Stahlberg & Byrne (2019)",
    paper=(
        "Sutskever et al., an ensemble of five on newstest2014 English to French: "
        "BLEU 33.00 with a beam of 1, 34.50 with 2, 34.81 with 12"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("score_gain", "a wider beam finds more probable sentences", low=0.1),
            Band("beam_search_errors", "the search is seldom to blame", high=0.3),
        ),
        "cpu": (
            Band("score_gain", "a wider beam finds more probable sentences", low=0.1),
            Band("beam_gain", "a beam of 4 does no harm, and gains little", -0.2, 6),
            Band(
                "beam_search_errors",
                "with the widest beam, the search is hardly ever to blame",
                high=0.1,
            ),
            Band("greedy_search_errors", "for comparison: of greedy decoding"),
            Band("widest_gain", "for comparison: what the widest beam gains"),
            Band("length_greedy", "for comparison: words said by greedy decoding"),
            Band("length_widest", "for comparison: words said by the widest beam"),
            Band("length_penalised", "for comparison: and with the length penalty"),
        ),
        "real": (
            Band("score_gain", "a wider beam finds more probable sentences", low=0.1),
            Band("beam_gain", "a beam of 4 does no harm", low=-0.2),
            Band("beam_search_errors", "the search is hardly ever to blame", high=0.1),
        ),
    },
    figure=figure,
    units={
        "greedy_search_errors": "of the wrong translations",
        "beam_search_errors": "of the wrong translations",
        "score_gain": "nats per sentence, the widest beam less greedy",
        "beam_gain": "BLEU, a beam of 4 less greedy",
        "widest_gain": "BLEU, the widest beam less greedy",
        "length_greedy": "times the words of the references",
        "length_widest": "times the words of the references",
        "length_penalised": "times the words of the references",
    },
)
