"""Does B follow A? What BERT's second task teaches, and why it often teaches nothing.

Documents are two sentences about one thing (``documents.py``). Half of the pairs that a
model reads are documents, half are wrong; it says which, and fills gaps as well. Three
BERTs get three kinds of wrong pairs; each is then asked about all three:

    random    another document's second sentence, as in BERT: here the topic tells
    swapped   the two in the wrong order, as in ALBERT: here 그 tells
    same      another one on the same thing: it is right as well, nothing tells; chance
              is ln 2 = 0.693 nats, and a loss below it would be a mistake of ours

A fourth fills gaps only. Has it learned less for a task with few labels?

Three more get random pairs, but other training. 50 steps of 512 pairs with Adam at 0.01
from the first step on, are those of d2l's BERT, whose loss of this task stays above
ln 2. Which of the two is to blame, the rate or the number of steps? Two runs change
one of them each.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.nn import functional as F

from course_lib.bert import BertForPretraining, SentenceClassifier, pretraining_loss
from course_lib.data import korean_english
from course_lib.data.batching import generator
from course_lib.data.masking import Gapped, Masking, collate, with_gaps
from course_lib.data.wordpiece import WordPiece
from course_lib.decoding import evaluating
from course_lib.experiments.bert.alike import CLASSES, labelled
from course_lib.experiments.bert.documents import WRONG, Documents
from course_lib.experiments.bert.finetuning import (
    accuracy,
    classification_loss,
    labelled_batches,
)
from course_lib.experiments.bert.next_sentence_figure import CHANCE, figure
from course_lib.experiments.bert.pretraining import filled, small, words
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.labels import schedule
from course_lib.experiments.learning import learn
from course_lib.training import Setting, Training, to_device

NAMES = (*WRONG, "gaps", "d2l", "few_steps", "high_rate")
TUNED = ("random", "gaps")


@dataclass(frozen=True)
class Config:
    """Seven small BERTs of one size; two of them learn two tasks with few labels."""

    train: int = 6000  # sentences that documents are made of
    valid: int = 1500  # others, for the documents that all is measured on
    longest: int = 8  # words of a sentence
    asked: int = 1000  # pairs of each kind, half of them wrong
    size: int = 64  # C
    heads: int = 4  # H
    inner: int = 128  # inside the feed-forward network
    blocks: int = 2  # with the norm after each sum
    steps: int = 2500  # optimiser steps
    batch: int = 32  # pairs, new ones in each step
    learning_rate: float = 2e-3  # Adam, its peak; falls to 0 in a straight line
    warmup: int = 200  # optimiser steps up to the peak
    few_steps: int = 50  # optimiser steps, as in d2l
    large_batch: int = 512  # pairs, as in d2l
    high_rate: float = 0.01  # of Adam from the first step on, as in d2l
    labels: int = 200  # of each task
    test: int = 400  # examples of each task
    tune_steps: int = 150  # optimiser steps of fine-tuning
    tune_batch: int = 32  # examples
    tune_rate: float = 1e-3  # Adam, its peak, after a tenth of the steps


SCALES = {
    "quick": Config(
        train=300,
        valid=200,
        asked=100,
        size=16,
        heads=2,
        inner=16,
        blocks=1,
        steps=60,
        batch=16,
        warmup=5,
        few_steps=10,
        large_batch=32,
        labels=20,
        test=20,
        tune_steps=10,
    ),
    "cpu": Config(),
    "real": Config(
        train=60_000,
        valid=5000,
        longest=20,
        asked=4000,
        size=256,
        heads=8,
        inner=1024,
        blocks=4,
        steps=1000,  # of 256 pairs: three times those of scale cpu
        batch=256,
        learning_rate=7e-4,
        warmup=100,
        tune_rate=2e-4,
    ),
}


@dataclass(frozen=True)
class Arm:
    """How one of the BERTs is trained."""

    wrong: str
    training: Training
    batch: int
    asked: bool = True  # whether B follows A; without, it fills gaps only


def arms(config: Config) -> dict[str, Arm]:
    """All of them, by name."""
    ours = Training(
        config.steps, config.learning_rate, warmup=config.warmup, schedule="linear"
    )
    high = Training(config.steps, config.high_rate)
    few = Training(config.few_steps, config.learning_rate)
    return {
        **{wrong: Arm(wrong, ours, config.batch) for wrong in WRONG},
        "gaps": Arm("random", ours, config.batch, asked=False),
        "d2l": Arm(
            "random", replace(few, learning_rate=high.learning_rate), config.large_batch
        ),
        "few_steps": Arm("random", few, config.large_batch),
        "high_rate": Arm("random", high, config.batch),
    }


def batches(
    documents: Documents, arm: Arm, vocabulary: WordPiece, seed: int
) -> Callable[[int], Gapped]:
    """``batch_at(step)``: pairs with gaps, and which of them are right."""

    def batch_at(step: int) -> Gapped:
        texts, follows = documents.draw(arm.batch, arm.wrong, f"{seed}/{step}")
        gapped = with_gaps(
            collate(texts), Masking(), len(vocabulary), generator(seed, step)
        )
        return gapped._replace(follows=follows if arm.asked else None)

    return batch_at


def held_out(
    documents: Documents, vocabulary: WordPiece, config: Config
) -> tuple[dict[str, Gapped], Gapped]:
    """Pairs of each kind without gaps, and the random ones with them."""
    pairs = {}
    for wrong in WRONG:
        texts, follows = documents.draw(config.asked, wrong, "held out")
        tokens, segments, mask, _ = collate(texts)
        none = torch.zeros_like(mask)
        pairs[wrong] = Gapped(tokens, segments, mask, none, tokens, follows)
    texts, _ = documents.draw(config.asked, "random", "held out")
    masking = Masking(masked=1, random=0)
    gaps = with_gaps(collate(texts), masking, len(vocabulary), generator(0, 0))
    return pairs, gaps


def judged(model: BertForPretraining, pairs: Gapped) -> dict[str, float]:
    """Whether B follows A: nats for each pair, and the share that is judged right."""
    pairs = to_device(pairs, next(model.parameters()).device)
    with evaluating(model):
        said = model(pairs)[1]  # (B, 2)
    right = said.argmax(dim=1) == pairs.follows
    return {
        "loss": F.cross_entropy(said, pairs.follows).item(),
        "accuracy": right.double().mean().item(),
    }


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train the seven; tune two of them for both tasks."""
    seed, vocabulary = setting.seed, words()
    pairs = korean_english.pairs(
        config.train + config.valid, seed, longest=config.longest
    )
    pairs, others = pairs[: config.train], pairs[config.train :]  # all are different
    documents = Documents(pairs, vocabulary)
    asked, gaps = held_out(Documents(others, vocabulary), vocabulary, config)
    told = labelled(pairs, vocabulary, config.labels)
    test = labelled(others, vocabulary, config.test)

    plan = arms(config)
    total = sum(arm.training.steps for arm in plan.values())
    total += len(TUNED) * len(CLASSES) * config.tune_steps
    metrics: dict[str, float] = {}
    curves: dict[str, Any] = {}
    done = tokens = 0
    for name, arm in plan.items():
        model = small(
            vocabulary, config.size, config.heads, config.inner, config.blocks, seed
        )
        batch_at = batches(documents, arm, vocabulary, seed)

        def measure(model: BertForPretraining = model, arm: Arm = arm) -> dict:
            found = judged(model, asked[arm.wrong]) if arm.asked else {}
            return found | {f"gap_{k}": v for k, v in filled(model, gaps).items()}

        curves[name] = yield from learn(
            model,
            loss=pretraining_loss,
            batch_at=batch_at,
            training=arm.training,
            setting=setting,
            name=name,
            measure=measure,
            every=max(1, arm.training.steps // 10),
            done=done,
            total=total,
        )
        done += arm.training.steps
        tokens += arm.training.steps * int(batch_at(0).mask.sum())
        metrics |= {f"{key}_{name}": value for key, value in measure().items()}
        if name in WRONG:
            for wrong, of in asked.items():
                metrics[f"{name}_on_{wrong}"] = judged(model, of)["accuracy"]
        for task in CLASSES if name in TUNED else ():
            torch.manual_seed(seed)  # heads that start alike
            tuned = SentenceClassifier(copy.deepcopy(model.bert), CLASSES[task])
            yield from learn(
                tuned,
                loss=classification_loss(causal=False),
                batch_at=labelled_batches(told[task], config.tune_batch, seed),
                training=schedule(config.tune_steps, config.tune_rate),
                setting=setting,
                name=f"{name} {task}",
                measure=lambda: {},
                every=config.tune_steps,
                done=done,
                total=total,
            )
            done += config.tune_steps
            metrics[f"{task}_{name}"] = accuracy(tuned, test[task], causal=False)
    metrics |= {
        "chance": CHANCE,
        "above_chance_same": metrics["loss_same"] - CHANCE,
        "lowest_d2l": min(curves["d2l"]["loss"]),
        "lowest_few_steps": min(curves["few_steps"]["loss"]),
        "lowest_high_rate": min(curves["high_rate"]["loss"]),
    }
    for name in (*CLASSES, "gap_accuracy"):
        metrics[f"gain_{name}"] = metrics[f"{name}_random"] - metrics[f"{name}_gaps"]
    return Outcome(metrics, {"curves": curves}, tokens)


# Where nothing tells which sentence follows, nothing must be found.
_ASKED_ABOUT_ONE_TOPIC = Band(
    "random_on_same", "the same, asked about one topic: judged right", 0.45, 0.55
)
_TRAINED_ON_ONE_TOPIC = Band(
    "above_chance_same", "trained on one topic: the loss, over ln 2", -0.005, 0.05
)

EXPERIMENT = Experiment(
    name="next-sentence",
    chapter="bert",
    claim=(
        "A small BERT learns which sentence follows, late, if its rate is small and "
        "its steps are many. What it learns is what tells wrong pairs apart: against "
        "random sentences the topic, against swapped ones the order and nothing of the "
        "topic. With d2l's rate, or with as few steps, it stays at ln 2. Words in gaps "
        "are found no better for it."
    ),
    source=(
        "Devlin et al. (2019), section 3.1 and table 5; Liu et al. (2019), table 2; "
        "Lan et al. (2020), section 4.6"
    ),
    paper=(
        "Devlin et al., with and without next sentences: QNLI 88.4 and 84.9, MNLI 84.4 "
        "and 83.9 (table 5). Liu et al., pairs of segments with them, full sentences "
        "without: MNLI 84.0 and 84.7, SQuAD 1.1 90.4 and 90.4 (table 2)"
    ),
    scales=SCALES,
    run=run,
    bands={
        "quick": (
            Band("gap_loss_random", "gaps: it learns something, nats", high=7.5),
            Band("above_chance_same", "nothing to learn: near ln 2", -0.01, 0.1),
        ),
        "cpu": (  # set after a run of one seed
            Band("loss_random", "trained on random wrong pairs: the loss", high=0.62),
            Band("accuracy_random", "the same: judged right", low=0.65),
            _ASKED_ABOUT_ONE_TOPIC,
            Band(
                "swapped_on_swapped", "trained on swapped pairs: judged right", low=0.95
            ),
            Band(
                "swapped_on_random",
                "the same, asked about random ones: judged right",
                0.45,
                0.6,
            ),
            _TRAINED_ON_ONE_TOPIC,
            Band("lowest_d2l", "d2l's training: lowest loss, nats", low=0.685),
            Band("lowest_high_rate", "its rate, our steps", low=0.685),
            Band("lowest_few_steps", "its steps, our rate", low=0.685),
            Band("gain_gap_accuracy", "words in gaps: gain of this task", -0.05, 0.05),
            Band("gain_kind", "what kind of thing? 200 labels: the same gain"),
            Band("gain_alike", "two alike? 200 labels: the same gain"),
        ),
        "real": (
            Band("accuracy_random", "random wrong pairs: judged right", low=0.75),
            _ASKED_ABOUT_ONE_TOPIC,
            _TRAINED_ON_ONE_TOPIC,
        ),
    },
    figure=figure,
    units={
        **dict.fromkeys(
            (
                "chance",
                "above_chance_same",
                "lowest_d2l",
                "lowest_few_steps",
                "lowest_high_rate",
                *(f"loss_{name}" for name in NAMES if name != "gaps"),
            ),
            "nats per pair",
        ),
        **dict.fromkeys((f"gap_loss_{name}" for name in NAMES), "nats per word"),
        **dict.fromkeys((f"gap_accuracy_{name}" for name in NAMES), "of the words"),
        **dict.fromkeys(
            (
                *(f"accuracy_{name}" for name in NAMES if name != "gaps"),
                *(f"{name}_on_{wrong}" for name in WRONG for wrong in WRONG),
            ),
            "of the pairs",
        ),
        **{f"{task}_{n}": "of the examples" for task in CLASSES for n in TUNED},
        "gain_kind": "of the examples",
        "gain_alike": "of the examples",
        "gain_gap_accuracy": "of the words",
    },
)
