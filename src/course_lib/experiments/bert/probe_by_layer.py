"""Which layer knows what a homonym means, and what does fine-tuning add?

배 is a boat, a pear or a belly. A BERT learned from text alone, without labels. Then
it is frozen, and a linear probe is asked which sense is meant, from the one vector that
stands at the homonym: as the embedding gives it, and after each block. Beside it

    untrained    the same probe of the same network with its first numbers
    majority     always the sense that the word most often has
    best         what the grammar itself could tell: some sentences leave it open
    tuned        the last blocks, or all of BERT, learn from the labels as well

The vector of the embedding is that of the word and of its place, whatever stands around
it. All that later ones know beyond that, attention brought. An untrained BERT brings
its neighbours too, but mixed at random.

The probe is ridge regression in closed form: no training could have failed.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch

from course_lib.bert import (
    Bert,
    TokenTagger,
    freeze,
    pretraining_loss,
)
from course_lib.data.korean_english import Drawn, draws
from course_lib.data.korean_english.choices import derivations
from course_lib.data.korean_english.sentences import build
from course_lib.data.wordpiece import WordPiece
from course_lib.experiments.bert import pretraining
from course_lib.experiments.bert.homonyms import (
    SENSES,
    Homonyms,
    batches,
    homonyms,
    most_frequent,
    sense_loss,
)
from course_lib.experiments.bert.layers import alike, first, layers, probes, share
from course_lib.experiments.bert.probe_figure import figure
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.labels import schedule
from course_lib.experiments.learning import learn
from course_lib.training import Setting, Training

LABELS = ("few", "many")
SHARES = ("majority", "embedding", "block_1", "last_block", "probe", "untrained")
SHARES += ("tuned_one", "tuned", "gain")


@dataclass(frozen=True)
class Config:
    """One pre-training; then probes of each layer, and fine-tuning."""

    train: int = 20_000  # sentences of the grammar
    test: int = 3000  # others; the homonyms in them are asked about
    longest: int = 10  # words and particles of a sentence
    few: int = 200  # homonyms with a label, in sentences of the pre-training
    many: int = 3000  # the same
    size: int = 64  # C
    heads: int = 4  # H
    inner: int = 128  # inside the feed-forward network
    blocks: int = 2  # post-norm
    steps: int = 1500  # optimiser steps of the pre-training
    batch: int = 256  # sentences of similar length
    learning_rate: float = 3e-3  # Adam, its peak; falls to 0 in a straight line
    warmup: int = 150  # optimiser steps up to the peak
    ridge: float = 1e-2  # penalty of the probe's weights, for each label
    tuning_steps: int = 300  # optimiser steps of each fine-tuning
    tuning_batch: int = 32  # labels in one of them
    tuning_rate: float = 1e-3  # Adam, its peak; falls to 0 in a straight line


SCALES = {
    "quick": Config(
        train=1200,
        test=300,
        few=40,
        many=200,
        size=32,
        heads=2,
        inner=32,
        blocks=1,
        steps=80,
        batch=64,
        learning_rate=1e-2,
        warmup=8,
        tuning_steps=40,
        tuning_rate=1e-2,
    ),
    "cpu": Config(),
    "real": Config(
        train=50_000,
        test=10_000,
        longest=pretraining.LONGEST,
        many=20_000,
        size=128,
        inner=512,
        blocks=6,
        steps=750,  # of 512: as many sentences as at scale cpu
        batch=512,
        learning_rate=1.4e-3,
        warmup=75,
        tuning_steps=250,
        tuning_batch=256,  # three times round 20,000 labels
        tuning_rate=4e-4,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Pre-train, probe what came out, and fine-tune copies of it."""
    drawn = draws(config.test + config.train, setting.seed, longest=config.longest)
    pairs = [one.pair for one in drawn[config.test :]]
    vocabulary = pretraining.words()
    sizes = config.size, config.heads, config.inner, config.blocks
    untrained = pretraining.small(vocabulary, *sizes, setting.seed)
    model = copy.deepcopy(untrained)
    tuned = [*range(1, config.blocks + 1), "all"]
    total = config.steps + len(LABELS) * len(tuned) * config.tuning_steps
    texts = pretraining.packed(vocabulary, [pair.source for pair in pairs])
    yield from learn(
        model,
        loss=pretraining_loss,
        batch_at=pretraining.gapped_batches(
            texts, config.batch, setting.seed, vocabulary
        ),
        training=Training(
            config.steps, config.learning_rate, warmup=config.warmup, schedule="linear"
        ),
        setting=setting,
        name="pre-training",
        measure=dict,
        every=config.steps,
        done=0,
        total=total,
    )
    labelled = homonyms(pairs, vocabulary, config.many)
    test, ceiling = questions(drawn[: config.test], vocabulary)
    parts = {"few": first(labelled, config.few), "many": labelled}
    states = {
        "probe": (layers(model.bert, labelled), layers(model.bert, test)),
        "untrained": (layers(untrained.bert, labelled), layers(untrained.bert, test)),
    }
    series: dict[str, Any] = {"asked": len(test.texts), "tuned": {}}
    metrics: dict[str, float] = {"best": ceiling}
    for kind, (known, other) in states.items():
        series[kind] = {
            labels: probes(known, other, part, test, config.ridge)
            for labels, part in parts.items()
        }
    done = config.steps
    for labels, part in parts.items():
        found = series["tuned"][labels] = []
        for blocks in tuned:
            tagger = tagger_of(model.bert, blocks, setting.seed)
            name = f"{labels} labels, tuned {blocks}"
            curve = yield from learn(
                tagger,
                loss=sense_loss,
                batch_at=batches(part, config.tuning_batch, setting.seed),
                training=schedule(config.tuning_steps, config.tuning_rate),
                setting=setting,
                name=name,
                measure=lambda tagger=tagger: {"right": share(tagger, test)},
                every=config.tuning_steps,
                done=done,
                total=total,
            )
            found.append(curve["right"][-1])
            done += config.tuning_steps
        by_layer = series["probe"][labels]
        metrics |= {
            f"majority_{labels}": most_frequent(part, test),
            f"embedding_{labels}": by_layer[0],
            f"block_1_{labels}": by_layer[1],
            f"last_block_{labels}": by_layer[-1],
            f"probe_{labels}": max(by_layer),
            f"best_layer_{labels}": float(by_layer.index(max(by_layer))),
            f"untrained_{labels}": max(series["untrained"][labels]),
            f"tuned_one_{labels}": found[0],
            f"tuned_{labels}": found[-1],
            f"gain_{labels}": found[-1] - max(by_layer),
        }
    series["alike"] = [alike(x, test.labels) for x in states["probe"][1]]
    for name, depth in (("embedding", 0), ("last", -1)):
        same, other = series["alike"][depth]
        metrics |= {f"alike_same_{name}": same, f"alike_other_{name}": other}
    tokens = config.steps * config.batch * fmean(len(text.ids) for text in texts)
    return Outcome(metrics, series, round(tokens))


def questions(drawn: Sequence[Drawn], vocabulary: WordPiece) -> tuple[Homonyms, float]:
    """The homonyms of ``drawn``, and the share that the grammar itself could tell."""
    found = [one for one in drawn if homonyms([one.pair], vocabulary).texts]
    test = homonyms([one.pair for one in found], vocabulary)
    known = (
        surest(one, place - 1)
        for one, place in zip(found, test.places.tolist(), strict=True)
    )
    return test, fmean(known)


def surest(drawn: Drawn, place: int) -> float:
    """How probable the most probable meaning of the word at ``place`` is.

    Every way to make the sentence is weighed. A meaning is what the word is linked to.
    """
    chances: dict[tuple[str, ...], float] = {}
    for (korean, _, links), chance in derivations(build, drawn.trace):
        if tuple(word.text for word in korean) != drawn.pair.source:
            continue
        word = korean[place]
        meant = sorted(e.text for k, e, sure in links if k is word and sure)
        chances[tuple(meant)] = chances.get(tuple(meant), 0.0) + chance
    return max(chances.values()) / sum(chances.values())


def tagger_of(bert: Bert, blocks: int | str, seed: int) -> TokenTagger:
    """A copy of ``bert`` with a new head; its last ``blocks`` learn, or "all" of it."""
    bert = copy.deepcopy(bert)
    if blocks != "all":
        freeze(bert, len(bert.encoder.blocks) - blocks)
    torch.manual_seed(seed)
    return TokenTagger(bert, len(SENSES))


# Set after a first look at one seed.
_BANDS = (
    Band("embedding_many", "3,000 labels: a probe of the embedding", high=0.75),
    Band("majority_many", "the same: the most frequent sense"),
    Band("block_1_many", "the same: a probe after the first block", low=0.8),
    Band("untrained_many", "the same: the best probe of an untrained BERT", high=0.8),
    Band("gain_few", "200 labels: fine-tuning over the best probe", -0.08, 0.08),
    Band("gain_many", "3,000 labels: fine-tuning over the best probe", low=0.02),
    Band("tuned_many", "3,000 labels: fine-tuned", low=0.93),
    Band("best", "for comparison: the best that can be known"),
)

EXPERIMENT = Experiment(
    name="probe-by-layer",
    chapter="bert",
    claim=(
        "The embedding of a homonym, which is the same in every sentence but for its "
        "place, tells little more than its most frequent sense. After one block of a "
        "BERT that was trained on text alone a linear probe tells most senses. "
        "Fine-tuning adds nothing where labels are few, and more where they are many."
    ),
    source="Devlin et al. (2019), section 5.3, table 7; Ethayarajh (2019)",
    paper=(
        "Devlin et al., named entities (CoNLL-2003), F1 on the development set: "
        "features of frozen BERT base, the last four blocks, 96.1; fine-tuned 96.4; "
        "its embeddings alone 91.0 (table 7)"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (Band("probe_many", "the best probe", low=0.4),),
        "cpu": _BANDS,
        "real": _BANDS,
    },
    figure=figure,
    units={
        f"{name}_{labels}": "of the homonyms" for name in SHARES for labels in LABELS
    }
    | {"best": "of the homonyms"}
    | {f"best_layer_{labels}": "blocks passed" for labels in LABELS},
)
