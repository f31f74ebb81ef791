"""What do the cells of a trained LSTM stand for? (Karpathy, Johnson & Fei-Fei 2016)

They looked at the cells of character models, one by one, and saw some that were on
inside quotes, some that followed the depth of nesting, some that counted along the
line. Here the text is made so that these matter and are known exactly: lists in lists,
``course_lib.data.nested``, where the right bracket to close with was decided up to
hundreds of characters before, and where between quotation marks brackets mean nothing.

An LSTM, a GRU and an RNN of about as many weights learn to guess the next character,
with as many steps. Then, on text that none has seen:

- how often the closing mark that comes, ``)``, ``]``, ``}`` or ``"``, is the one of the
  four that the network held most likely, by the distance to what it closes;
- how well the best single cell tells a concept, such as being inside quotes. That cell
  is chosen on one text and measured on another. A cell of 96 is easily found by chance,
  so the same is done with the LSTM as it was before training, and with the RNN;
- how well a linear function of all the cells tells it: a concept may be there without
  a cell of its own;
- what is lost if the cell that tells best of quotes is held at its mean, and what if
  another is: does the network use what we read there?
"""

from __future__ import annotations

import statistics
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

import course_lib
from course_lib.data.batching import Sampler, generator
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.halving import both_precisions, halved
from course_lib.experiments.learning import learn
from course_lib.experiments.lstm_gru.cell_figure import figure
from course_lib.experiments.lstm_gru.cell_measures import (
    DISTANCES,
    by_distance,
    closed_right,
    others,
    perplexity,
    shares,
    silenced,
    well_written,
)
from course_lib.experiments.lstm_gru.layers import (
    LAYERS,
    hidden_size_for,
    weights_of,
)
from course_lib.experiments.lstm_gru.readable_cells import Told, memory, tell
from course_lib.experiments.lstm_gru.structured_texts import (
    Corpus,
    nested_lists,
    the_time_machine,
)
from course_lib.experiments.next_character import window_loss
from course_lib.rnn import LanguageModel
from course_lib.training import Setting, Training, weight_count

KINDS = ("lstm", "gru", "rnn")
TEXTS = ("nested", "time-machine")

# The concepts that get metrics; the others are in the figure.
BANDED = {
    "inside quotes": "quotes",
    "brackets open": "depth",
    "length of the line": "line",
}


@dataclass(frozen=True)
class Config:
    """One budget for three networks; a learning rate each, the best of three tried."""

    text: Literal["nested", "time-machine"] = "nested"  # nested: lists in lists
    characters: int = 1_000_000  # of nested lists to learn from
    measured: int = 24_000  # characters to choose cells on, as many to measure on
    hidden_size: int = 96  # H of the LSTM; the others get as many weights
    length: int = 128  # T, characters per window
    batch: int = 16  # windows
    steps: int = 3000  # optimiser steps of each network
    lstm_rate: float = 1e-2  # Adam, as for the others
    gru_rate: float = 1e-2  # Adam, too
    rnn_rate: float = 1e-3  # Adam, too: larger ones were worse
    lines: int = 200  # that each network writes, to be checked
    measure_every: int = 250  # optimiser steps between points of the curves


# In this order in the table. A text without brackets to close lacks some.
METRICS = (
    "perplexity_lstm",
    "perplexity_gru",
    "perplexity_rnn",
    "rnn_over_lstm",
    "brackets_lstm",
    "brackets_gru",
    "brackets_rnn",
    "brackets_last",
    "score_quotes_lstm",
    "score_quotes_untrained",
    "score_quotes_rnn",
    "probe_quotes_lstm",
    "probe_quotes_rnn",
    "score_depth_lstm",
    "score_depth_rnn",
    "score_line_lstm",
    "silenced_quotes",
    "silenced_other",
)


class Trained(NamedTuple):
    """What ``export`` needs."""

    model: LanguageModel
    corpus: Corpus
    told: dict[str, Told]
    seed: int


def build(config: Config, kind: str, symbols: int, seed: int) -> LanguageModel:
    """A network of ``kind``, before training."""
    most = weights_of("lstm", symbols, config.hidden_size)
    size = hidden_size_for(kind, symbols, most)
    torch.manual_seed(seed)
    options = {"forget_bias": 1.0} if kind == "lstm" else {}
    return LanguageModel(LAYERS[kind](symbols, size, **options))


def read(config: Config, seed: int) -> Corpus:
    """The text of ``config``. Raises ``ValueError`` for another."""
    if config.text not in TEXTS:
        raise ValueError(
            f"text: got {config.text!r}, expected one of {', '.join(TEXTS)}"
        )
    if config.text == "time-machine":
        return the_time_machine(config.length)
    return nested_lists(config.characters, config.measured, config.length, seed)


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train the three networks, one after another, and look into their cells."""
    corpus = read(config, setting.seed)
    metrics: dict[str, float] = {}
    told: dict[str, dict[str, Told]] = {}
    series: dict[str, Any] = {"perplexity": {}, "hidden_size": {}, "weights": {}}
    sampler = Sampler(len(corpus.starts), config.batch, setting.seed)
    for number, kind in enumerate(KINDS):
        model = build(config, kind, len(corpus.characters), setting.seed)
        hush_unseen(model, corpus)
        if kind == "lstm":
            told["untrained"] = look(model, corpus)
        series["perplexity"][kind] = yield from learn(
            model,
            loss=window_loss,
            batch_at=lambda step: corpus.windows(sampler(step), config.length),
            training=Training(config.steps, getattr(config, f"{kind}_rate")),
            setting=setting,
            name=kind,
            measure=lambda model=model: {"valid": perplexity(model, corpus.choose)},
            every=config.measure_every,
            done=number * config.steps,
            total=len(KINDS) * config.steps,
        )
        model.cpu()
        told[kind] = look(model, corpus)
        metrics[f"perplexity_{kind}"] = perplexity(model, corpus.test)
        if corpus.test.closings is not None:
            hits = closed_right(model, corpus)
            found = shares(hits, corpus)
            metrics |= {f"{name}_{kind}": share for name, share in found.items()}
            series.setdefault("closing", {})[kind] = by_distance(hits, corpus)
            metrics[f"written_{kind}"] = well_written(
                model, corpus, config.lines, generator(setting.seed, config.steps)
            )
        series["hidden_size"][kind] = model.layer.hidden_size
        series["weights"][kind] = weight_count(model)
        if kind == "lstm":
            lstm = model
    if (closings := corpus.test.closings) is not None:
        series["closing"]["last"] = by_distance(closings.last, corpus)
        series["closing"]["far"] = list(DISTANCES)
        metrics["brackets_last"] = shares(closings.last, corpus)["brackets"]
    series["told"] = {
        network: {name: list(found) for name, found in of.items()}
        for network, of in told.items()
    }
    metrics |= _of_cells(told)
    cell = told["lstm"]["inside quotes"].cell
    metrics["silenced_quotes"] = silenced(lstm, corpus.test, cell)
    metrics["silenced_other"] = statistics.median(
        silenced(lstm, corpus.test, other) for other in others(cell, config.hidden_size)
    )
    metrics["rnn_over_lstm"] = metrics["perplexity_rnn"] / metrics["perplexity_lstm"]
    metrics = {name: metrics[name] for name in METRICS if name in metrics}
    tokens = len(KINDS) * config.steps * config.batch * config.length
    trained = Trained(lstm, corpus, told["lstm"], setting.seed)
    return Outcome(metrics, series, tokens, trained)


def hush_unseen(model: LanguageModel, corpus: Corpus) -> None:
    """Zero the weights of characters that training never shows: they stay silent."""
    seen = set(corpus.train.unique().tolist())
    unseen = [i for i in range(len(corpus.characters)) if i not in seen]
    with torch.no_grad():
        model.layer.W_x[:, unseen] = 0.0


def look(model: LanguageModel, corpus: Corpus) -> dict[str, Told]:
    """How well the cells of ``model`` tell each concept of the text."""
    parts = (corpus.choose, corpus.test)
    cells = [memory(model, part.tokens)[part.mask] for part in parts]  # (N, H)
    return tell([part.concepts for part in parts], cells)


def _of_cells(told: Mapping[str, Mapping[str, Told]]) -> dict[str, float]:
    return {
        f"{what}_{name}_{network}": getattr(of[concept], what)
        for network, of in told.items()
        for concept, name in BANDED.items()
        if concept in of
        for what in ("score", "probe")
    }


SCALES = {
    "quick": Config(
        characters=100_000, measured=6_000, hidden_size=32, length=64, steps=400
    ),
    "cpu": Config(),
    "real": Config(text="time-machine", hidden_size=256, lstm_rate=3e-3),
}

# What the page of the cell microscope offers to read.
EXAMPLES = (
    'Peru, [Chad, {Oman, "Fiji (Togo, Iraq", Niue}, Cuba], Mali\n',
    '{Kenya, (Samoa, [Iran], "Nepal] }Benin", [Spain, {Qatar}]), Chile}, Japan\n',
    '(Malta, "Ghana, [Haiti Libya", [[Laos, India], Guam, {Yemen, "Italy)"}], Egypt)\n',
)


def export(config: Config, outcome: Outcome) -> Mapping[str, Any]:
    """The LSTM as the page runs it: float16 weights and the record of how they came.

    The record holds the perplexity on the test text as trained and as rounded. Of each
    concept the cell that tells it best, with its score on the test text.
    """
    from course_lib.experiments.machine import origin

    model, corpus, told, seed = outcome.model
    packed, half = halved(model)
    return {
        "record": {
            **origin(EXPERIMENT, config, seed),
            "test_characters": int(corpus.test.mask.sum()),
            **both_precisions(
                {"perplexity": outcome.metrics["perplexity_lstm"]},
                {"perplexity": perplexity(half, corpus.test)},
            ),
        },
        "alphabet": corpus.characters.characters,
        "examples": list(EXAMPLES),
        "cells": [
            {"cell": found.cell, "concept": concept, "score": round(found.score, 3)}
            for concept, found in told.items()
        ],
        "parameters": packed,
    }


def _quotes(least: float, untrained: float) -> tuple[Band, ...]:
    return (
        Band(
            "score_quotes_lstm",
            "the best single cell of the LSTM tells whether a quotation is open",
            low=least,
        ),
        Band(
            "score_quotes_untrained",
            "before training, the best of as many cells did not",
            high=untrained,
        ),
    )


EXPERIMENT = Experiment(
    name="cell-states",
    chapter="lstm_gru",
    claim=(
        "An LSTM that only guesses the next character comes to keep single cells that "
        "a person can read, such as one for an open quotation. An RNN of as many "
        "weights knows of quotations as well, but in no single unit."
    ),
    source="Karpathy, Johnson & Fei-Fei (2016)",
    paper=(
        "cells that are on inside quotes, or follow the length of a line; no score is "
        "given, and most cells could not be interpreted"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            *_quotes(0.6, 0.8),
            Band("rnn_over_lstm", "the RNN learns more slowly", low=1.2),
        ),
        "cpu": (
            *_quotes(0.75, 0.7),
            Band(
                "score_quotes_rnn", "no single unit of the RNN tells it so", high=0.85
            ),
            Band(
                "probe_quotes_rnn",
                "yet all units of the RNN together do: it knows",
                low=0.95,
            ),
            Band("probe_quotes_lstm", "as do all cells of the LSTM", low=0.9),
            Band(
                "score_depth_lstm",
                "a cell of the LSTM follows how many brackets are open",
                low=0.7,
            ),
            Band(
                "brackets_rnn",
                "the RNN guesses among the three kinds of closing bracket",
                high=0.45,
            ),
            Band("brackets_lstm", "the LSTM knows many of them", low=0.45),
            Band(
                "rnn_over_lstm",
                "the RNN is less sure of the next character, at as many weights",
                low=1.02,
            ),
            Band(
                "brackets_last",
                "for comparison: naming the kind of bracket that was opened last",
            ),
            Band("silenced_quotes", "the LSTM without its cell for quotes"),
            Band("silenced_other", "and without another cell, for comparison"),
        ),
        "real": _quotes(0.7, 0.75),
    },
    figure=figure,
    units={
        **dict.fromkeys(("score_depth_lstm", "score_depth_rnn"), "correlation"),
        "score_line_lstm": "correlation",
        **dict.fromkeys(
            (name for name in METRICS if "_quotes_" in name), "balanced accuracy"
        ),
        **dict.fromkeys(
            (name for name in METRICS if name.startswith("brackets")),
            "of the closing brackets",
        ),
        "silenced_quotes": "times the perplexity, with that cell held at its mean",
        "silenced_other": "times the perplexity, with another one held",
        "rnn_over_lstm": "times the LSTM's perplexity",
    },
    export=export,
    artefact=Path(course_lib.__file__).parent / "figures/lstm_gru/cell_microscope.json",
)
