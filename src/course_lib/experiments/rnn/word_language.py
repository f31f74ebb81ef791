"""Which language is this word? An RNN reads the letters in order, and order counts.

Four classifiers get the same training words, the same number of batches, and batches in
which each language is equally likely:

- ``rnn``: the RNN of this chapter, many to one;
- ``letters``: a bag of characters, that is, logistic regression on letter counts;
- ``shuffled``: the same RNN, but the letters of each word, in training and in test, are
  shuffled: if order did not matter, it would do as well as ``rnn``;
- ``ngrams``: logistic regression on counts of letters, pairs and triples. It sees local
  order without any recurrence: the baseline that an honest page must show.

The score is the mean of the accuracies per language (balanced accuracy) on words that
no classifier has seen.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import babel
import torch
from torch import nn
from torch.nn import functional as F

import course_lib
from course_lib.data.words import ALPHABET, Words, languages, surnames
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.halving import both_precisions, halved
from course_lib.experiments.learning import learn
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.rnn.word_classifiers import (
    BalancedBatches,
    CountClassifier,
    Part,
    balanced_accuracy,
    encode,
    encode_ngrams,
    ngrams,
)
from course_lib.rnn import RNN, SequenceClassifier
from course_lib.training import Setting, Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

CLASSIFIERS = ("rnn", "letters", "shuffled", "ngrams")
SOURCES = {"cldr": languages, "surnames": surnames}


@dataclass(frozen=True)
class Config:
    """One budget for every classifier; the learning rate is each one's own."""

    source: Literal["cldr", "surnames"] = "cldr"  # surnames: the real set, downloaded
    hidden_size: int = 48  # H: larger ones overfit these few thousand words
    steps: int = 900  # optimiser steps: the validation accuracy is flat by then
    batch: int = 128  # words, each language equally likely
    learning_rate: float = 2e-3  # Adam, for the RNNs
    linear_learning_rate: float = 2e-2  # Adam, for letters and ngrams
    ngram: int = 3  # longest n-gram counted
    measure_every: int = 100  # optimiser steps between points of the curves


class Trained(NamedTuple):
    """What ``export`` needs."""

    model: SequenceClassifier
    words: Words
    seed: int


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train the four classifiers, one after another, and test each once."""
    if config.source not in SOURCES:
        raise ValueError(
            f"source: got {config.source!r}, expected one of {', '.join(SOURCES)}"
        )
    words = SOURCES[config.source](setting.seed)
    classes = len(words.labels)
    curves, accuracies = {}, {}
    total = len(CLASSIFIERS) * config.steps
    for number, name in enumerate(CLASSIFIERS):
        yield Progress(number * config.steps, total, note=f"{name}: reading the words")
        model, train, valid, test = _prepare(name, config, words, setting.seed)
        linear = isinstance(model, CountClassifier)
        rate = config.linear_learning_rate if linear else config.learning_rate

        def measure(model=model, valid=valid) -> dict[str, float]:
            accuracy = balanced_accuracy(model, valid, classes).mean().item()
            return {"accuracy": accuracy}

        curves[name] = yield from learn(
            model,
            loss=lambda model, part: F.cross_entropy(
                model(part.tokens, part.mask), part.labels
            ),
            batch_at=BalancedBatches(train, classes, config.batch, setting.seed),
            training=Training(config.steps, rate),
            setting=setting,
            name=name,
            measure=measure,
            every=config.measure_every,
            done=number * config.steps,
            total=total,
        )
        accuracies[name] = balanced_accuracy(model, test, classes)
        if name == "rnn":
            rnn = model
    means = {name: each.mean().item() for name, each in accuracies.items()}
    parts_read = by_letters(rnn.cpu(), words)
    metrics = means | {
        "order": means["rnn"] - means["letters"],
        "order_lost": means["rnn"] - means["shuffled"],
        "shuffled_over_letters": means["shuffled"] - means["letters"],
        "chance": 1 / classes,
        "first_four": parts_read["first"][3],
        "last_four": parts_read["last"][3],
    }
    letters_read = sum(len(word) for word, _ in words.train) / len(words.train)
    series = {
        "label": list(words.labels),
        "valid": curves,
        "test_per_label": {n: each.tolist() for n, each in accuracies.items()},
        "by_letters": parts_read,
        "words": [len(words.train), len(words.valid), len(words.test)],
        "babel": babel.__version__,
    }
    tokens = round(len(CLASSIFIERS) * config.steps * config.batch * letters_read)
    return Outcome(metrics, series, tokens, Trained(rnn, words, setting.seed))


def _prepare(
    name: str, config: Config, words: Words, seed: int
) -> tuple[nn.Module, Part, Part, Part]:
    classes = len(words.labels)
    parts = (words.train, words.valid, words.test)
    torch.manual_seed(seed)
    if name == "ngrams":
        seen = {g for word, _ in words.train for g in ngrams(word, config.ngram)}
        vocabulary = {gram: i for i, gram in enumerate(sorted(seen))}
        encoded = [encode_ngrams(part, vocabulary, config.ngram) for part in parts]
        return CountClassifier(len(vocabulary), classes), *encoded
    order = [1000 * seed + n for n in range(3)] if name == "shuffled" else [None] * 3
    encoded = [encode(part, s) for part, s in zip(parts, order, strict=True)]
    if name == "letters":
        return CountClassifier(len(ALPHABET), classes), *encoded
    layer = RNN(len(ALPHABET), config.hidden_size)
    seen = {character for word, _ in words.train for character in word}
    unseen = [i for i, character in enumerate(ALPHABET) if character not in seen]
    with torch.no_grad():
        layer.W_x[:, unseen] = 0.0  # what training never shows stays silent
    return SequenceClassifier(layer, classes), *encoded


def by_letters(
    model: SequenceClassifier, words: Words, most: int = 12
) -> dict[str, list[float]]:
    """Balanced accuracy if it is shown only the first, or the last, 1 … ``most``."""
    classes = len(words.labels)

    def accuracy(cut: slice) -> float:
        part = encode([(word[cut], label) for word, label in words.test])
        return balanced_accuracy(model, part, classes).mean().item()

    counts = range(1, most + 1)
    return {
        "letters": list(counts),
        "first": [accuracy(slice(n)) for n in counts],
        "last": [accuracy(slice(-n, None)) for n in counts],
    }


def export(config: Config, outcome: Outcome) -> Mapping[str, Any]:
    """The RNN as the page runs it: float16 weights and the record of how they came.

    The record holds the test accuracy of the weights as trained and as rounded.
    """
    from course_lib.experiments.machine import origin

    model, words, seed = outcome.model
    packed, half = halved(model)
    accuracy = balanced_accuracy(half, encode(words.test), len(words.labels))
    return {
        "record": {
            **origin(EXPERIMENT, config, seed),
            "test_words": len(words.test),
            **both_precisions(
                {"accuracy": outcome.metrics["rnn"]},
                {"accuracy": accuracy.mean().item()},
            ),
        },
        "labels": list(words.labels),
        "alphabet": ALPHABET,
        "parameters": {
            name.removeprefix("layer."): value for name, value in packed.items()
        },
    }


def figure(result: Result) -> Figure:
    """Accuracy of the four classifiers, and of the RNN on parts of the words."""
    from course_lib.figures.palette import color

    figure, (bars, reading) = blank(rows=2, height=2.9)
    names = {
        "rnn": "RNN",
        "ngrams": "counts of 1 to 3 letters",
        "letters": "bag of letters",
        "shuffled": "RNN, letters shuffled",
    }
    shades = {"rnn": color("state")}
    means = [100 * result.mean(name) for name in names]
    sds = [100 * (result.sd(name) or 0) for name in names]
    bars.barh(
        list(names.values()),
        means,
        xerr=sds,
        color=[shades.get(name, color("baseline")) for name in names],
        height=0.6,
    )
    bars.axvline(100 * result.mean("chance"), color="black", linestyle=":", linewidth=1)
    bars.text(100 * result.mean("chance") + 0.5, 3.45, "chance", fontsize=8)
    bars.invert_yaxis()
    bars.set_xlabel("balanced accuracy on unseen words (%)")
    for end, style in (("last", "-"), ("first", "--")):
        draw(
            reading,
            result.runs[0].series["by_letters"]["letters"],
            result.runs,
            lambda series, end=end: [100 * a for a in series["by_letters"][end]],
            color=color("state"),
            linestyle=style,
            label=f"only the {end} letters",
        )
    reading.axhline(100 * result.mean("rnn"), color="black", linewidth=1, linestyle=":")
    reading.legend(fontsize=8)
    reading.set_xlabel("letters that the RNN is shown")
    reading.set_ylabel("balanced accuracy (%)")
    return figure


def _bands(rnn: float, order: float, near: float) -> tuple[Band, ...]:
    return (
        Band("rnn", f"the RNN is right for at least {100 * rnn:.0f} %", low=rnn),
        Band(
            "order",
            f"that is at least {100 * order:.0f} points more than a bag of letters",
            low=order,
        ),
        Band(
            "order_lost",
            f"letters shuffled, the same RNN loses at least {100 * order:.0f} points",
            low=order,
        ),
        Band(
            "shuffled_over_letters",
            "and is left with no more than the bag has",
            high=near,
        ),
        Band("letters", "for comparison: the bag of letters"),
        Band("ngrams", "for comparison: counts of letters, pairs and triples"),
        Band("last_four", "for comparison: the RNN, shown only the last four letters"),
        Band("first_four", "for comparison: the RNN, shown only the first four"),
    )


SCALES = {
    "quick": Config(steps=300, measure_every=100, batch=64, learning_rate=5e-3),
    "cpu": Config(),
    "real": Config(source="surnames", hidden_size=64, steps=1500),
}

EXPERIMENT = Experiment(
    name="word-language",
    chapter="rnn",
    claim=(
        "An RNN tells the language of a word better than a bag of its letters does, "
        "because it reads them in order."
    ),
    source="this course; the task as in PyTorch's tutorial on names",
    paper="none: the tutorial states no held-out accuracy",
    scales=SCALES,
    run=run,
    bands={
        "quick": _bands(0.4, 0.06, 0.05),
        "cpu": _bands(0.5, 0.12, 0.03),
        "real": _bands(0.42, 0.05, 0.03),
    },
    figure=figure,
    units={
        name: "balanced accuracy"
        for name in (*CLASSIFIERS, "chance", "first_four", "last_four")
    },
    export=export,
    artefact=Path(course_lib.__file__).parent / "figures" / "rnn" / "stepper.json",
)
