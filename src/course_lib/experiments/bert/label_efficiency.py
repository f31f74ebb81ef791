"""How many labels does it take? Text is free, labels are dear.

Four arms learn one task, from more and more labels:

    both       pre-trained on the text without labels: hidden words (BERT)
    left       pre-trained on the same text in as many steps: the next word (GPT)
    scratch    the network of ``both``, from its first numbers, never pre-trained
    bag        logistic regression on the words that a sentence has, in no order

The first three are fine-tuned in the same way: as many steps, and a learning rate that
is chosen by the validation examples, for each arm and number of labels by itself. So is
the penalty of the fourth. These examples are labelled too, and more than the smallest
numbers: all arms are helped by this alike, but it is help.

On the grammar there is a second, sharper question, because there we know what can be
known. Labels cover one half of the nouns; the test is about the other half, in
sentences that but for the noun tell nothing (``kinds.py``). Labels say nothing of such
a noun. Only text without labels does: 우유 is drunk, as 물 is.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch

from course_lib.bert import BertForPretraining, next_word_loss, pretraining_loss
from course_lib.data.batching import generator
from course_lib.data.masking import Masking, collate, with_gaps
from course_lib.data.wordpiece import WordPiece
from course_lib.decoding import evaluating
from course_lib.exchange import load_checkpoint
from course_lib.experiments.bert import kinds, tasks
from course_lib.experiments.bert.bag_of_words import bag_of_words
from course_lib.experiments.bert.finetuning import (
    Question,
    fine_tune,
)
from course_lib.experiments.bert.label_figure import ARMS, figure
from course_lib.experiments.bert.pretraining import batches, gapped_batches, small
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.labels import Learned, Recipe, in_turns, reported
from course_lib.experiments.learning import Memo, learn
from course_lib.training import Setting, Training, to_device

NETWORKS = ("both", "left", "scratch")
FEW = 1  # where in the counts: with fewer labels still, all is left to chance


@dataclass(frozen=True)
class Config:
    """Pre-train twice, then fine-tune each arm with each number of labels."""

    corpus: tasks.Name = "grammar"  # grammar: what kind of thing is it about?
    published: str | None = None  # for reviews: a checkpoint that is not made here
    train: int = 20_000  # sentences of the grammar; of the others, all
    valid: int = 300  # labelled sentences that choose rates and penalties
    test: int = 900  # labelled sentences; the reviews may have fewer
    pieces: int = 8000  # of the reviews' vocabulary; the grammar has its own words
    longest: int = 10  # words of a sentence; of a review pieces, the rest is cut off
    counts: tuple[int, ...] = (12, 48, 192, 768, 3072)  # labels; at most all there are
    unseen_counts: tuple[int, ...] = (24, 96)  # labels about one half of the nouns
    size: int = 64  # C
    heads: int = 4  # H
    inner: int = 128  # inside the feed-forward network
    blocks: int = 2  # post-norm
    dropout: float = 0.0  # the grammar has no end of sentences
    steps: int = 1500  # optimiser steps of each pre-training
    batch: int = 256  # sentences of similar length, in pre-training
    learning_rate: float = 3e-3  # of pre-training: Adam, its peak
    warmup: int = 150  # optimiser steps up to this peak
    rates: tuple[float, ...] = (1e-3, 3e-3)  # of fine-tuning, one is chosen
    fine_batch: int = 32  # labelled sentences
    fine_steps: int = 150  # optimiser steps of fine-tuning, and more if this is
    epochs: int = 5  # not so often round all labels
    measure_every: int = 500  # optimiser steps between points of pre-training's curves

    @property
    def recipe(self) -> Recipe:
        """Of fine-tuning."""
        return Recipe(self.rates, self.fine_batch, self.fine_steps, self.epochs)


SCALES = {
    "quick": Config(
        train=600,
        valid=24,
        test=60,
        counts=(12, 96),
        unseen_counts=(24,),
        size=32,
        heads=2,
        inner=32,
        blocks=1,
        steps=60,
        batch=64,
        learning_rate=1e-2,
        warmup=5,
        rates=(3e-3,),
        fine_steps=40,
        epochs=1,
        measure_every=30,
    ),
    "cpu": Config(),
    "real": Config(
        corpus="nsmc",
        valid=1000,
        test=4000,
        longest=40,
        counts=(100, 300, 1000, 3000, 10_000, 30_000),
        size=128,
        inner=512,
        dropout=0.1,
        steps=2500,
        batch=64,
        learning_rate=1e-3,
        warmup=250,
        rates=(2e-4, 1e-3),
        epochs=3,
    ),
    "real-sst2": Config(  # made for minutes on one core
        corpus="sst2",
        valid=872,
        test=1821,
        pieces=3000,
        longest=40,
        counts=(100, 300, 1000, 6900),
        inner=256,
        dropout=0.1,
        steps=800,
        batch=64,
        learning_rate=1e-3,
        warmup=80,
        rates=(2e-4, 1e-3),
        epochs=3,
        measure_every=200,
    ),
}


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Pre-train both ways and left to right; then every arm with every count."""
    task, models = start(config, setting.seed)
    taught_here = ("both", "left") if config.published is None else ()
    asked = questions(config, task, setting.seed)
    counts = {
        "all": sorted({min(n, len(task.train.texts)) for n in config.counts}),
        "unseen": config.unseen_counts,
    }
    jobs = [(which, arm, n) for which in asked for arm in models for n in counts[which]]
    steps = [config.recipe.steps(n) * len(config.rates) for _, _, n in jobs]
    pretraining = len(taught_here) * config.steps
    total = pretraining + sum(steps)
    series: dict[str, Any] = {"pretraining": {}}
    for number, arm in enumerate(taught_here):
        series["pretraining"][arm] = yield from pretrain(
            models[arm], arm, config, task, setting, number * config.steps, total
        )
    done = pretraining
    memo = Memo(setting, "learned")
    for (which, arm, n), needed in zip(jobs, steps, strict=True):
        name = f"{which} {arm} {n}"
        if name not in memo.parts:
            learning = fine_tune(
                models[arm].bert, arm == "left", asked[which], n, config.recipe, setting
            )
            found = yield from reported(learning, name, arm, done, total)
            memo.keep(name, found)
        done += needed
    for which, question in asked.items():
        for n in counts[which]:
            name = f"{which} bag {n}"
            if name not in memo.parts:
                memo.keep(name, bag_of_words(question, n, len(task.vocabulary)))
        learned = {
            arm: [Learned(*memo.parts[f"{which} {arm} {n}"]) for n in counts[which]]
            for arm in (*models, "bag")
        }
        series[which] = {
            "counts": list(counts[which]),
            "accuracy": {
                arm: [o.accuracy for o in all] for arm, all in learned.items()
            },
            "chosen": {arm: [o.chosen for o in all] for arm, all in learned.items()},
        }
    length = fmean(len(text.ids) for text in task.texts)
    read_so_far = pretraining * config.batch + sum(steps) * config.fine_batch
    metrics = measures(series) | {"chance": 1 / task.classes}
    return Outcome(metrics, series, round(read_so_far * length))


def measures(series: dict[str, Any]) -> dict[str, float]:
    """With few labels, with all; and about nouns that no label was about."""
    metrics: dict[str, float] = {}
    for arm, found in series["all"]["accuracy"].items():
        metrics |= {f"few_{arm}": found[FEW], f"all_{arm}": found[-1]}
    for arm, found in series.get("unseen", {"accuracy": {}})["accuracy"].items():
        metrics[f"unseen_{arm}"] = found[-1]
    for when in ("few", "all"):
        rivals = metrics[f"{when}_scratch"], metrics[f"{when}_bag"]
        metrics[f"gain_{when}"] = metrics[f"{when}_both"] - rivals[0]
        metrics[f"gain_{when}_over_best"] = metrics[f"{when}_both"] - max(rivals)
    return metrics


def start(
    config: Config, seed: int
) -> tuple[tasks.Task, dict[str, BertForPretraining]]:
    """The task, and the network of each arm before it has learned anything here.

    A published checkpoint brings its own pieces, and its own size for all networks;
    none was published that reads from the left with the same pieces.
    """
    if config.published is None:
        task = read(config, seed)
        return task, {arm: untrained(config, task, seed) for arm in NETWORKS}
    if config.corpus == "grammar":
        raise ValueError(
            f"published: got {config.published!r}, expected none with the corpus "
            "'grammar', whose words are the pieces of no checkpoint"
        )
    model, vocabulary = load_checkpoint(config.published)
    torch.manual_seed(seed)
    scratch = BertForPretraining(model.bert.config, len(vocabulary))
    return read(config, seed, vocabulary), {"both": model, "scratch": scratch}


def read(config: Config, seed: int, vocabulary: WordPiece | None = None) -> tasks.Task:
    """The task with its text, as the config says."""
    if config.corpus == "grammar":
        return tasks.grammar(
            config.train, config.valid, config.test, config.longest, seed
        )
    return tasks.reviews(
        config.corpus,
        vocabulary or config.pieces,
        config.longest,
        config.valid,
        config.test,
        seed,
    )


def questions(config: Config, task: tasks.Task, seed: int) -> dict[str, Question]:
    """The whole task; on the grammar also the one about nouns without labels."""
    asked = {"all": Question(task.train, task.valid, task.test, task.classes)}
    if config.corpus == "grammar":
        seen, unseen = kinds.halves(seed)
        most = max(config.unseen_counts)
        told = tasks.examples(
            task.vocabulary, kinds.neutral(seen, most + config.valid, seed)
        )
        order = in_turns(told.labels.tolist(), seed)
        asked["unseen"] = Question(
            told.of(order[:most]),
            told.of(order[most:]),
            tasks.examples(task.vocabulary, kinds.neutral(unseen, config.test, seed)),
            task.classes,
        )
    return asked


def untrained(config: Config, task: tasks.Task, seed: int) -> BertForPretraining:
    """The network of every arm, with the same first numbers."""
    return small(
        task.vocabulary,
        config.size,
        config.heads,
        config.inner,
        config.blocks,
        seed,
        longest=config.longest + 2,  # [CLS] and [SEP]
        dropout=config.dropout,
    )


def pretrain(
    model: BertForPretraining,
    arm: str,
    config: Config,
    task: tasks.Task,
    setting: Setting,
    done: int,
    total: int,
) -> Generator[Progress, None, dict[str, list[Any]]]:
    """Fill gaps, or tell the next word; the curves are losses in nats for each."""
    texts, size = (task.texts, config.batch, setting.seed), len(task.vocabulary)
    held_out = collate(task.valid.texts[:200])
    if arm == "both":
        loss, batch_at = pretraining_loss, gapped_batches(*texts, task.vocabulary)
        held_out = with_gaps(held_out, Masking(), size, generator(setting.seed, -1))
    else:
        loss, batch_at = next_word_loss, batches(*texts)

    def measure() -> dict[str, float]:
        with evaluating(model):
            return {"valid": loss(model, to_device(held_out, setting.device)).item()}

    return (
        yield from learn(
            model,
            loss=loss,
            batch_at=batch_at,
            training=Training(
                config.steps,
                config.learning_rate,
                warmup=config.warmup,
                schedule="linear",
            ),
            setting=setting,
            name=arm,
            measure=measure,
            every=config.measure_every,
            done=done,
            total=total,
        )
    )


SHARE = "of the sentences"
EXPERIMENT = Experiment(
    name="label-efficiency",
    chapter="bert",
    claim=(
        "With few labels, a network that was pre-trained on text without labels is far "
        "ahead of the same network from scratch; of a bag of words much less, if at "
        "all. With many, the gap closes. About nouns that no label was about, only "
        "pre-training knows."
    ),
    source="Devlin et al. (2019), section 4.1; Howard & Ruder (2018), section 5",
    paper=(
        "Howard & Ruder, with 100 labels: as good as from scratch with 10 times as "
        "many (IMDb) and 20 times (AG); if the task's text without labels is used as "
        "well, 100 times and 50 times"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("all_bag", "words tell what it is about", low=0.4),
            Band("all_scratch", "and a network learns it", low=0.25),
            Band("unseen_bag", "but not of nouns that had no label", high=0.35),
        ),
        "cpu": (  # gain_few and unseen_both: after a trial with one seed
            Band("gain_few", "pre-trained over scratch, 48 labels", low=0.1),
            Band("gain_few_over_best", "over the better of scratch and bag, 48 labels"),
            Band("gain_all", "pre-trained over scratch, all labels", -0.02, 0.05),
            Band("unseen_both", "nouns without labels: both ways", low=0.8),
            Band("unseen_scratch", "the same from scratch", high=0.4),
        ),
        **dict.fromkeys(
            ("real", "real-sst2"),  # asked before it was measured
            (Band("gain_few", "pre-trained over scratch, few labels", low=0.02),),
        ),
    },
    figure=figure,
    units={
        **{f"{when}_{arm}": SHARE for when in ("few", "all", "unseen") for arm in ARMS},
        **{
            f"gain_{when}{over}": SHARE
            for when in ("few", "all")
            for over in ("", "_over_best")
        },
        "chance": SHARE,
    },
)
