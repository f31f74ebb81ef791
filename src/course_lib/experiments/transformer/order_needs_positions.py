"""What order is to attention: nothing, until it is told.

Four Transformers learn the same pairs. They differ in how a token's place is told:
added to its vector as sinusoids, added from a learned table, by turning queries and
keys, or not at all (Vaswani et al. 2017, section 3.5 and table 3, row E).

The fourth is not wholly blind. Its encoder is: shuffle the source, and the translation
stays what it was, which is measured. Its decoder may not look ahead, so that the first
word sees one word, the second two, and in that their order can be found.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import course_lib
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.transformer.translators import build
from course_lib.experiments.translation import (
    Name,
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
from course_lib.training import Setting, Training
from course_lib.transformer import TransformerConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

KINDS = {
    "none": "no places",
    "sinusoidal": "sinusoids, added",
    "learned": "a learned table, added",
    "rotary": "queries and keys turned",
}


PLACES = 50  # of the learned table in the page: no source is longer


@dataclass(frozen=True)
class Config:
    """Four models of one size, trained for as many steps on the same pairs."""

    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train: int = 40_000  # pairs of the grammar; the others take all of theirs
    test: int = 400  # pairs of the grammar; the others have their own
    size: int = 64  # C
    heads: int = 4  # H
    inner: int = 128  # inside the feed-forward network
    blocks: int = 2  # of encoder and of decoder; pre-norm
    steps: int = 1200  # optimiser steps of each
    dropout: float = 0.0  # the grammar has no end of pairs; 29,000 captions do
    batch: int = 64  # pairs of similar length
    learning_rate: float = 6e-3  # Adam, its peak; falls to 0 in a straight line
    warmup: int = 100  # optimiser steps up to the peak
    longest: int = 80  # tokens of a translation, then it is cut; places in the table
    measure_every: int = 200  # optimiser steps between points of the curves


SCALES = {
    "quick": Config(
        train=2_000,
        test=60,
        size=32,
        heads=2,
        inner=32,
        blocks=1,
        steps=60,
        warmup=10,
        measure_every=30,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="multi30k",
        size=256,
        inner=1024,
        blocks=3,
        steps=750,  # 7 times round the captions
        dropout=0.3,
        batch=256,
        learning_rate=1.4e-3,
        warmup=150,
        longest=120,
        measure_every=125,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train the four, translate the test sentences, and these again, shuffled."""
    corpus = read(config.corpus, config.train, config.test, setting.seed)
    scrambled = shuffled(corpus.test.sources, setting.seed)
    series: dict[str, Any] = {
        "lengths": lengths_by_quarter(corpus.test),
        "perplexity": {},
        "quarters": {},
    }
    metrics: dict[str, float] = {}
    same = build(config_of(config, "none"), corpus, setting.seed).state_dict()
    for done, kind in enumerate(KINDS):
        model = build(config_of(config, kind), corpus, setting.seed)
        model.load_state_dict(same, strict=False)  # a table is drawn in between
        series["perplexity"][kind] = yield from learn_to_translate(
            model,
            corpus,
            batch=config.batch,
            training=Training(
                config.steps,
                config.learning_rate,
                warmup=config.warmup,
                schedule="linear",
            ),
            setting=setting,
            name=kind,
            every=config.measure_every,
            done=done * config.steps,
            total=len(KINDS) * config.steps,
        )
        found = translate(model, corpus.test.sources, config.longest)
        other = translate(model, scrambled, config.longest)
        quarters = bleu_by_quarter(corpus, corpus.test, found)
        series["quarters"][kind] = quarters
        kept = [a.tokens == b.tokens for a, b in zip(found, other, strict=True)]
        metrics |= {
            f"bleu_{kind}": corpus_bleu(corpus, corpus.test, found),
            f"bleu_longest_{kind}": quarters[-1],
            f"perplexity_{kind}": perplexity(forced(model, corpus.test)),
            f"changed_{kind}": 1 - sum(kept) / len(kept),
        }
        if kind == "learned":
            table = model.source.places.table.weight.detach().cpu().clone()
    metrics["gain"] = metrics["bleu_sinusoidal"] - metrics["bleu_none"]
    metrics["learned_over_sinusoidal"] = (
        metrics["bleu_learned"] - metrics["bleu_sinusoidal"]
    )
    metrics["rotary_over_sinusoidal"] = (
        metrics["bleu_rotary"] - metrics["bleu_sinusoidal"]
    )
    tokens = len(KINDS) * config.steps * config.batch * tokens_of_a_pair(corpus.train)
    return Outcome(metrics, series, round(tokens), model=(table, setting.seed))


def config_of(config: Config, kind: str) -> TransformerConfig:
    """The sizes of one of the four."""
    return TransformerConfig(
        size=config.size,
        heads=config.heads,
        inner=config.inner,
        blocks=config.blocks,
        norm="pre",
        positions=kind,
        longest=config.longest,
        dropout=config.dropout,
    )


def shuffled(sources: Sequence[Tensor], seed: int) -> list[Tensor]:
    """The same tokens in another order, each source by itself."""
    drawn = torch.Generator().manual_seed(seed)
    return [source[torch.randperm(len(source), generator=drawn)] for source in sources]


def figure(result: Result) -> Figure:
    """BLEU by length, and the perplexity while they learn."""
    from course_lib.figures.palette import color

    figure, (score, curve) = blank(rows=2)
    runs = result.runs
    names = [f"{low} to {high}" for low, high in runs[0].series["lengths"]]
    styles = {
        "none": ("baseline", "--", "s"),
        "sinusoidal": ("position", "-", "o"),
        "learned": ("weight", "-.", "^"),
        "rotary": ("query", ":", "D"),
    }
    steps = runs[0].series["perplexity"]["none"]["step"]
    for kind, (quantity, line, marker) in styles.items():
        style = {
            "color": color(quantity),
            "linestyle": line,
            "marker": marker,
            "label": KINDS[kind],
        }
        draw(score, range(4), runs, lambda s, k=kind: s["quarters"][k], **style)
        draw(
            curve,
            steps[1:],
            runs,
            lambda s, k=kind: s["perplexity"][k]["valid"][1:],
            **style,
        )
    score.set_ylim(0, 103)
    score.set_ylabel("BLEU of greedy translations")
    score.set_xticks(range(4), names)
    score.set_xlabel("tokens in the source: four groups of equal size")
    curve.set_ylim(bottom=1)
    curve.set_ylabel("perplexity, validation")
    curve.set_xlabel("optimiser steps")
    curve.legend(fontsize=8)
    return figure


def export(config: Config, outcome: Outcome) -> dict[str, Any]:
    """The source's learned table of places, for the clock."""
    from course_lib.experiments.machine import origin
    from course_lib.figures.weights import pack

    table, seed = outcome.model
    return {
        "record": {
            **origin(EXPERIMENT, config, seed),
            "bleu_learned": round(outcome.metrics["bleu_learned"], 6),
        },
        "table": pack(table[:PLACES]),
    }


EXPERIMENT = Experiment(
    name="order-needs-positions",
    chapter="transformer",
    claim=(
        "Without positions a source is a bag of words: shuffling it changes no "
        "translation, and BLEU falls. It does not fall to nothing: the words are all "
        "there, and the decoder's mask tells it an order. Sinusoids learn no later "
        "than a table of places; rotary positions learn soonest."
    ),
    source="Vaswani et al. (2017), section 3.5 and table 3, row (E)",
    paper=(
        "Vaswani et al., newstest2013 English to German, BLEU: sinusoids 25.8, learned "
        "positions 25.7 (table 3). They give no number without positions"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("changed_none", "shuffled sources translated otherwise", high=0.01),
            Band("perplexity_sinusoidal", "it learns something", high=500),
        ),
        "cpu": (
            Band("gain", "sinusoids over no places", low=5),
            Band(
                "changed_none",
                "without places, shuffled sources translated otherwise",
                high=0.01,
            ),
            Band("changed_sinusoidal", "with sinusoids", low=0.5),
            Band("learned_over_sinusoidal", "a learned table over sinusoids", high=2),
            Band("rotary_over_sinusoidal", "turned over sinusoids", low=5),
            Band("bleu_none", "for comparison: without places"),
        ),
        "real": (
            Band("gain", "sinusoids over no places, captions, test2016", low=2),
            Band("changed_none", "shuffled sources translated otherwise", high=0.01),
        ),
    },
    figure=figure,
    export=export,
    artefact=Path(course_lib.__file__).parent
    / "figures/transformer/position_clock.json",
    units={
        **{
            f"{measure}_{kind}": unit
            for kind in KINDS
            for measure, unit in (
                ("bleu", "BLEU"),
                ("bleu_longest", "BLEU"),
                ("changed", "of the sentences"),
            )
        },
        **dict.fromkeys(
            ("gain", "learned_over_sinusoidal", "rotary_over_sinusoidal"), "BLEU"
        ),
    },
)
