"""One vector for a sentence of any length: how does BLEU fall as sources get longer?

Cho et al. (2014b) saw it first, and the dashed lines of figure 2 of Bahdanau et al.
(2015) show it: an encoder-decoder translates short sentences well and long ones badly.

Two models of different size learn the same pairs. Both show the context to the decoder
at every step, so that it can't be forgotten while writing; what does not go into it is
lost all the same. Four things could look like a bottleneck and are measured apart:

- a decoder that stumbles over its own mistakes: so each next word is also asked for
  with the true words before it;
- words that come out in the wrong order: so the share of the reference's words that
  occur at all is counted as well;
- a long sentence has more than one right translation: so the *best possible* score is
  known, that of the translation which the grammar itself holds most probable;
- sentences that are rare in training: so the lengths of training and test are drawn
  from one distribution, and the longest quarter is a quarter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import course_lib
from course_lib.decoding import Hypothesis
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.translation import (
    Corpus,
    Name,
    Trained,
    accuracy,
    best_by_quarter,
    bleu_by_quarter,
    corpus_bleu,
    encoder_decoder,
    export_translator,
    forced,
    learn_to_translate,
    lengths_by_quarter,
    perplexity,
    read,
    tokens_of_a_pair,
    translate,
)
from course_lib.metrics import by_quarter, exact_match
from course_lib.seq2seq import Seq2Seq
from course_lib.training import Setting, Training, weight_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

SIZES = ("small", "large")
SAYS = {"small": "64 numbers", "large": "256 numbers"}
SHOWN = (3, 9, 24)  # source tokens of the translations that the page shows


@dataclass(frozen=True)
class Config:
    """Two models; the small one gets more steps, and about as many seconds."""

    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train: int = 20_000  # pairs of the grammar; the others take all of theirs
    test: int = 800  # pairs of the grammar; the others have their own
    small_embedding: int = 32  # E
    small_hidden: int = 64  # numbers in the context: the encoder reads one way
    small_steps: int = 3600  # optimiser steps
    large_embedding: int = 64  # E
    large_hidden: int = 128  # half the numbers in the context: it reads both ways
    large_steps: int = 1500  # optimiser steps
    dropout: float = 0.0  # the grammar has no end of pairs; 29,000 captions do
    batch: int = 64  # pairs of similar length
    learning_rate: float = 3e-3  # Adam
    longest: int = 80  # tokens of a translation, then it is cut
    measure_every: int = 300  # optimiser steps between points of the curves


SCALES = {
    "quick": Config(
        train=4_000,
        test=120,
        small_steps=40,
        large_hidden=64,
        large_steps=300,
        longest=40,
        measure_every=100,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="multi30k",
        small_embedding=128,
        small_hidden=256,
        small_steps=3600,  # as at scale cpu
        large_embedding=256,
        large_hidden=512,
        large_steps=2500,  # 11 times round the captions
        dropout=0.3,
        batch=128,
        learning_rate=1e-3,
    ),
}


def build(config: Config, size: str, corpus: Corpus, seed: int) -> Seq2Seq:
    """One of the two models, before training."""
    return encoder_decoder(
        corpus,
        getattr(config, f"{size}_embedding"),
        getattr(config, f"{size}_hidden"),
        seed,
        bidirectional=size == "large",
        dropout=config.dropout,
    )


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train both, translate the test sentences, and look at them by length."""
    corpus = read(config.corpus, config.train, config.test, setting.seed)
    metrics: dict[str, float] = {}
    series: dict[str, Any] = {
        "lengths": lengths_by_quarter(corpus.test),
        "best": best_by_quarter(corpus),
        "perplexity": {},
        "context": {},
        "weights": {},
    }
    steps = {size: getattr(config, f"{size}_steps") for size in SIZES}
    done = 0
    for size in SIZES:
        model = build(config, size, corpus, setting.seed)
        series["perplexity"][size] = yield from learn_to_translate(
            model,
            corpus,
            batch=config.batch,
            training=Training(steps[size], config.learning_rate),
            setting=setting,
            name=size,
            every=config.measure_every,
            done=done,
            total=sum(steps.values()),
        )
        done += steps[size]
        measured, by_length = measure(corpus, model, config.longest)
        metrics |= {f"{name}_{size}": value for name, value in measured.items()}
        series |= {f"{name}_{size}": value for name, value in by_length.items()}
        series["context"][size] = model.encoder.hidden_size
        series["weights"][size] = weight_count(model)
        if size == "small":
            trained = Trained(model.cpu(), corpus, setting.seed)
    metrics["best_fall"] = series["best"][0] - series["best"][-1]
    metrics["gain_longest"] = (
        metrics["bleu_longest_large"] - metrics["bleu_longest_small"]
    )
    tokens = round(done * config.batch * tokens_of_a_pair(corpus.train))
    return Outcome(metrics, series, tokens, trained)


def measure(
    corpus: Corpus, model: Seq2Seq, longest: int
) -> tuple[dict[str, float], dict[str, Any]]:
    """Metrics, and series by quarter of the source's length."""
    test = corpus.test
    found = translate(model, test.sources, longest)
    given = forced(model, test)
    texts = [corpus.text(one.tokens) for one in found]
    lengths = test.lengths()
    by_length = {
        "bleu": bleu_by_quarter(corpus, test, found),
        "exact": by_quarter(
            lengths,
            lambda rows: exact_match(
                [texts[i] for i in rows], [test.references[i] for i in rows]
            ),
        ),
        "words": by_quarter(lengths, lambda rows: _words(corpus, rows, found)),
        "forced": by_quarter(lengths, lambda rows: accuracy([given[i] for i in rows])),
    }
    metrics = {
        "bleu": corpus_bleu(corpus, test, found),
        "perplexity": perplexity(given),
    }
    for name in ("bleu", "words", "forced"):
        metrics[f"{name}_shortest"] = by_length[name][0]
        metrics[f"{name}_longest"] = by_length[name][-1]
        metrics[f"{name}_fall"] = by_length[name][0] - by_length[name][-1]
    return metrics, by_length | {"translations": _shown(corpus, texts)}


def _words(corpus: Corpus, rows: Sequence[int], found: Sequence[Hypothesis]) -> float:
    """The share of the references' tokens that occur in the translation, anywhere."""
    hits = total = 0
    for i in rows:
        wanted = Counter(corpus.test.targets[i].tolist())
        hits += (wanted & Counter(found[i].tokens)).total()
        total += wanted.total()
    return hits / total


def _shown(corpus: Corpus, texts: Sequence[str]) -> list[dict[str, str]]:
    """The first test sentence of each length in ``SHOWN``, or the nearest above."""
    lengths = corpus.test.lengths()
    shown = []
    for wanted in SHOWN:
        i = min(
            range(len(lengths)),
            key=lambda i, wanted=wanted: (
                abs(lengths[i] - wanted) + 100 * (lengths[i] < wanted),
                i,
            ),
        )
        shown.append(
            {
                "source": corpus.source_text(corpus.test.sources[i].tolist()),
                "reference": corpus.test.references[i],
                "translation": texts[i],
            }
        )
    return shown


def figure(result: Result) -> Figure:
    """BLEU by length, and what is left of it when mistakes and order don't count."""
    from course_lib.figures.palette import color

    figure, (score, parts) = blank(rows=2)
    names = [f"{low} to {high}" for low, high in result.runs[0].series["lengths"]]
    contexts = result.runs[0].series["context"]
    styles = {"small": ("--", "s"), "large": ("-", "o")}
    for size in SIZES:
        line, marker = styles[size]
        draw(
            score,
            range(4),
            result.runs,
            lambda series, size=size: series[f"bleu_{size}"],
            color=color("state"),
            linestyle=line,
            marker=marker,
            label=f"context of {contexts[size]} numbers",
        )
    draw(
        score,
        range(4),
        result.runs,
        lambda series: series["best"],
        color=color("baseline"),
        linestyle=":",
        label="the best possible",
    )
    score.set_ylim(0, 103)
    score.set_ylabel("BLEU of greedy translations")
    for name, quantity, marker, label in (
        ("forced", "output", "o", "next word right, the true words before it given"),
        ("words", "weight", "s", "words of the reference that were said at all"),
        ("exact", "baseline", "^", "sentences right, word for word"),
    ):
        draw(
            parts,
            range(4),
            result.runs,
            lambda series, name=name: [100 * s for s in series[f"{name}_large"]],
            color=color(quantity),
            marker=marker,
            label=label,
        )
    parts.set_ylim(0, 103)
    parts.set_ylabel(f"context of {contexts['large']} numbers (%)")
    for ax in (score, parts):
        ax.set_xticks(range(4), names)
        ax.set_xlabel("tokens in the source: four groups of equal size")
    score.legend(fontsize=8, loc="lower left")
    parts.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0, 1))  # off the curves
    return figure


def export(config: Config, outcome: Outcome) -> dict[str, Any]:
    """The small model of the first seed, for the bottleneck lab."""
    corpus = outcome.model.corpus
    names = ("bleu", "bleu_shortest", "bleu_longest", "perplexity")
    return export_translator(
        EXPERIMENT,
        config,
        outcome.model,
        {name: outcome.metrics[f"{name}_small"] for name in names},
        lambda half: measure(corpus, half, config.longest)[0],
    )


def _fall(size: str, least: float) -> Band:
    return Band(
        f"bleu_fall_{size}",
        f"{SAYS[size]}: BLEU falls from the shortest to the longest quarter",
        low=least,
    )


EXPERIMENT = Experiment(
    name="context-bottleneck",
    chapter="seq2seq",
    claim=(
        "An encoder-decoder that has one vector for the whole source translates short "
        "sentences well and long ones badly; a longer vector moves that and does not "
        "mend it."
    ),
    source="Cho et al. (2014b); Bahdanau et al. (2015), figure 2",
    paper=(
        "Bahdanau et al.: BLEU 17.82 without and 26.75 with attention on all of "
        "newstest2014 English to French (table 1); figure 2 shows the one without "
        "falling steadily beyond some 20 words"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("bleu_fall_large", "BLEU falls with length", low=3),
            Band("forced_fall_large", "so does the next word", low=0.0),
        ),
        "cpu": (
            _fall("small", 30),
            _fall("large", 30),
            Band("best_fall", "that of the best possible translations does not", -5, 5),
            Band("bleu_shortest_large", "short sentences come out well", low=60),
            Band(
                "gain_longest",
                "four times the numbers: the longest quarter gains BLEU",
                low=0,
            ),
            Band("bleu_longest_large", "and stays far below the shortest", high=35),
            Band(
                "forced_fall_large",
                "the share of next words that are right, with the true words before "
                "them given, falls too: by",
                low=0.05,
            ),
            Band(
                "words_fall_large",
                "and that of the reference's words that are said at all: by",
                low=0.1,
            ),
        ),
        "real": (
            Band("bleu_large", "it translates captions", low=20),
            _fall("large", 5),
        ),
    },
    figure=figure,
    units={
        **{
            f"{name}_{part}_{size}": "of the tokens"
            for name in ("words", "forced")
            for part in ("shortest", "longest", "fall")
            for size in SIZES
        },
        "gain_longest": "BLEU",
        **dict.fromkeys(
            (
                f"{name}_{size}"
                for name in ("bleu", "bleu_shortest", "bleu_longest", "bleu_fall")
                for size in SIZES
            ),
            "BLEU",
        ),
        "best_fall": "BLEU",
    },
    export=export,
    artefact=Path(course_lib.__file__).parent / "figures/seq2seq/bottleneck_lab.json",
)
