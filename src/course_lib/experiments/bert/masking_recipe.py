"""What shall stand in a gap: [MASK], another word, or the word itself?

Five BERTs learn the same sentences, and are asked for the words of the same share of
places. They differ in what they see there (Devlin et al. 2019, appendix C.2). A recipe
says how many of 100 are [MASK], another word, and the word itself: 80_10_10 is BERT's.

The reason for it is what comes later: no sentence of a task has a [MASK]. So each BERT
is asked on sentences that it never saw

    for a word under [MASK], as in pre-training;
    for a word that stands there: does it say that word?
    for a word in whose place another one stands: does it see through that?
    with frozen features of whole sentences: a linear probe reads the word, or what a
        homonym means;
    after fine-tuning on few homonyms, as a task would use it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from course_lib.bert import BertForPretraining, TokenTagger, pretraining_loss
from course_lib.data import korean_english
from course_lib.data.batching import generator
from course_lib.data.masking import Gapped, Masking, Texts, collate, with_gaps
from course_lib.data.wordpiece import WordPiece
from course_lib.decoding import evaluating
from course_lib.experiments.bert.homonyms import (
    SENSES,
    batches,
    homonyms,
    most_frequent,
    sense_loss,
)
from course_lib.experiments.bert.layers import first, layers, probes, share
from course_lib.experiments.bert.masking_figure import RECIPES, figure
from course_lib.experiments.bert.pretraining import (
    LONGEST,
    filled,
    gapped_batches,
    packed,
    small,
    words,
)
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.labels import schedule
from course_lib.experiments.learning import learn
from course_lib.experiments.transformer.residuals_carry_position import probe
from course_lib.training import Setting, Training, to_device

SEEN = {"mask": (1.0, 0.0), "other": (0.0, 1.0), "itself": (0.0, 0.0)}


@dataclass(frozen=True)
class Config:
    """Five small BERTs, one for each recipe; then a task with few labels."""

    train: int = 20_000  # sentences of the grammar
    valid: int = 3000  # others, that all is measured on
    longest: int = 10  # words and particles of a sentence
    rate: float = 0.15  # of the words are asked for, as in the paper
    size: int = 64  # C
    heads: int = 4  # H
    inner: int = 128  # inside the feed-forward network
    blocks: int = 2  # post-norm
    steps: int = 1500  # optimiser steps of each
    batch: int = 256  # sentences of similar length
    learning_rate: float = 3e-3  # Adam, its peak; falls to 0 in a straight line
    warmup: int = 150  # optimiser steps up to the peak
    probed: int = 3000  # sentences of train with a homonym that a probe is fitted on
    labels: int = 300  # of these, for fine-tuning
    ridge: float = 1e-2  # penalty of the probe's weights, for each fitted word
    tune_steps: int = 150  # optimiser steps of fine-tuning
    tune_batch: int = 32  # sentences
    tune_rate: float = 1e-3  # Adam, its peak, after a tenth of the steps
    measure_every: int = 300  # optimiser steps between points of the curves


SCALES = {
    "quick": Config(
        train=500,
        valid=250,
        size=32,
        heads=2,
        inner=32,
        blocks=1,
        steps=30,
        batch=32,
        warmup=5,
        probed=70,
        labels=50,
        tune_steps=10,
        measure_every=15,
    ),
    "cpu": Config(),
    "real": Config(
        train=50_000,
        valid=10_000,
        longest=LONGEST,
        probed=10_000,
        size=256,
        heads=8,
        inner=1024,
        blocks=4,
        steps=750,  # of 512: as many sentences as at scale cpu
        batch=512,
        learning_rate=7e-4,
        warmup=75,
        tune_rate=2e-4,
        measure_every=75,
    ),
}


def masking(recipe: str, config: Config) -> Masking:
    """One of the five."""
    masked, other = RECIPES[recipe]
    return Masking(config.rate, masked, other)


def gaps(texts: list, vocabulary: WordPiece, config: Config) -> dict[str, Gapped]:
    """The same places of ``texts``, with what may be seen there, by its name."""
    return {
        name: with_gaps(
            collate(texts),
            Masking(config.rate, *shares),
            len(vocabulary),
            generator(0, 0),
        )
        for name, shares in SEEN.items()
    }


def read(model: BertForPretraining, texts: Texts) -> Tensor:
    """The last block's vectors of whole sentences, ``(B, T, C)``."""
    texts = to_device(texts, next(model.parameters()).device)
    with evaluating(model):
        return model.bert(texts.tokens, texts.segments, texts.mask).cpu()


def word_probe(model: BertForPretraining, texts: Texts, ridge: float) -> float:
    """The share of words that a linear probe reads off their own vectors.

    It is fitted on all words but the last fifth.
    """
    there = texts.words >= 0
    x, tokens = read(model, texts)[there], texts.tokens[there]  # (N, C), (N,)
    return probe(x[:, None], tokens[:, None], len(x) * 4 // 5, ridge)


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Pre-train, ask, probe and fine-tune, recipe by recipe."""
    seed, vocabulary = setting.seed, words()
    pairs = korean_english.pairs(
        config.train + config.valid, seed, longest=config.longest
    )
    pairs, others = pairs[: config.train], pairs[config.train :]  # all are different
    texts = packed(vocabulary, [pair.source for pair in pairs])
    held_out = packed(vocabulary, [pair.source for pair in others])
    probed = homonyms(pairs, vocabulary, config.probed)
    few = first(probed, config.labels)
    test = homonyms(others, vocabulary)
    whole, asked_gaps = collate(held_out), gaps(held_out, vocabulary, config)

    metrics = {"sense_frequent": most_frequent(few, test)}
    series: dict[str, Any] = {"curves": {}, "tuned": {}}
    each = config.steps + config.tune_steps
    for number, recipe in enumerate(RECIPES):
        model = small(
            vocabulary, config.size, config.heads, config.inner, config.blocks, seed
        )
        place = {"done": number * each, "total": len(RECIPES) * each}
        series["curves"][recipe] = yield from learn(
            model,
            loss=pretraining_loss,
            batch_at=gapped_batches(
                texts, config.batch, seed, vocabulary, masking(recipe, config)
            ),
            training=Training(
                config.steps,
                config.learning_rate,
                warmup=config.warmup,
                schedule="linear",
            ),
            setting=setting,
            name=recipe.replace("_", "-"),
            measure=lambda model=model: filled(model, asked_gaps["mask"]),
            every=config.measure_every,
            **place,
        )
        for seen, batch in asked_gaps.items():
            said = filled(model, batch)
            metrics[f"{seen}_{recipe}"] = said["accuracy"]
            metrics[f"loss_{seen}_{recipe}"] = said["loss"]
        metrics[f"word_{recipe}"] = word_probe(model, whole, config.ridge)
        known, other = (layers(model.bert, one)[-1:] for one in (probed, test))
        [metrics[f"sense_{recipe}"]] = probes(known, other, probed, test, config.ridge)
        torch.manual_seed(seed)
        tagger = TokenTagger(model.bert, len(SENSES)).to(setting.device)
        place["done"] += config.steps
        series["tuned"][recipe] = yield from learn(
            tagger,
            loss=sense_loss,
            batch_at=batches(few, config.tune_batch, seed),
            training=schedule(config.tune_steps, config.tune_rate),
            setting=setting,
            name=f"{recipe.replace('_', '-')} tuned",
            measure=lambda tagger=tagger: {"accuracy": share(tagger, test)},
            every=config.tune_steps,
            **place,
        )
        metrics[f"tuned_{recipe}"] = series["tuned"][recipe]["accuracy"][-1]
    length = sum(len(text.ids) for text in texts) / len(texts)
    tokens = round(len(RECIPES) * config.steps * config.batch * length)
    return Outcome(metrics | differences(metrics), series, tokens)


def differences(metrics: Mapping[str, float]) -> dict[str, float]:
    """BERT's recipe against nothing but [MASK], and against never [MASK]."""
    found = {}
    for name in ("mask", "other", "itself", "word", "sense", "tuned"):
        bert = metrics[f"{name}_80_10_10"]
        found[f"{name}_gain"] = bert - metrics[f"{name}_100_0_0"]
    return found | {"mask_cost": metrics["mask_80_10_10"] - metrics["mask_0_100_0"]}


EXPERIMENT = Experiment(
    name="masking-recipe",
    chapter="bert",
    claim=(
        "A BERT that sees [MASK] in every gap fills gaps as well as any, and names "
        "few of the words that stand before its eyes. With 10 % of other words and "
        "10 % of words left alone it names far more of them, at next to no cost. "
        "Without any [MASK] it is worse at both than with this mixture. A task with "
        "few labels gains a little from the mixture, frozen or fine-tuned."
    ),
    source="Devlin et al. (2019), appendix C.2 and table 8; section 3.1",
    paper=(
        "Devlin et al., table 8, [MASK] always against 80 / 10 / 10: MNLI 84.3 and "
        "84.2, named entities fine-tuned 94.9 and 95.4 F1, from features 94.0 and 94.9"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("loss_mask_80_10_10", "it learns something, nats per word", high=7),
            Band("sense_80_10_10", "a linear probe reads senses", low=0.3),
        ),
        "cpu": (  # set after a shorter run of one seed, the last two after this one
            Band("mask_80_10_10", "words under [MASK], BERT's recipe", low=0.25),
            Band("mask_gain", "the same, over nothing but [MASK]", -0.05, 0.05),
            Band("itself_gain", "words that are there: the same", low=0.15),
            Band("mask_cost", "words under [MASK], over never a [MASK]", low=0),
            Band("sense_gain", "a sense, by probe: over nothing but [MASK]", low=0),
            Band("tuned_gain", "a sense, fine-tuned: the same", low=0),
        ),
        "real": (
            Band("mask_gain", "words under [MASK], over always [MASK]", -0.05, 0.05),
            Band("itself_gain", "words that are there: the same", low=0.15),
        ),
    },
    figure=figure,
    units={
        **{
            f"{name}_{recipe}": unit
            for recipe in RECIPES
            for name, unit in (
                *((seen, "of the words") for seen in SEEN),
                *((f"loss_{seen}", "nats per word") for seen in SEEN),
                ("word", "of the words"),
                ("sense", "of the homonyms"),
                ("tuned", "of the homonyms"),
            )
        },
        **{f"{name}_gain": "of the words" for name in (*SEEN, "word")},
        **{f"{name}_gain": "of the homonyms" for name in ("sense", "tuned")},
        "mask_cost": "of the words",
        "sense_frequent": "of the homonyms",
    },
)
