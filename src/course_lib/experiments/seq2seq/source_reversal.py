"""Where does it help to read the source from its end, and where does it not?

Sutskever et al. (2014, section 3.3) turned their English round before it was read, and
BLEU rose from 25.9 to 30.6. Their reason: each source word is on average as far from
its target word as before, but the first ones are now near, and from these near pairs
training finds its way to the others. Three tasks ask whether that is the reason:

- ``monotone``: word n of the target translates word n of the source. Reversed, the
  first word of the source is read last, just before the first of the target is said.
- ``mirrored``: word n of the target translates word n from the end of the source. Now
  reading forward is what brings them near, and reversing should hurt. (To the network
  it is the first task with the two orders exchanged. Were anything but the distance at
  work, such as an advantage of "backwards", it would show here.)
- ``translation``: a real change of order. Korean puts the verb last, English second.

Both orders start from the same weights and see the same batches. A third encoder of the
translation reads both ways, half of its numbers for each: it hands over no more.

Everything is measured with the true words before each word given. ``longest`` are the
sentences with the most source words: of the longest length, or the longest quarter.
``first`` and ``last`` are the first and the last quarter of the words of their targets.
The last words are the hardest in any order, and in part for another reason: of the
longest sentences a model expects the end too soon.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from course_lib.data.translation import Batch
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo, learn
from course_lib.experiments.seq2seq.reversal_figure import figure
from course_lib.experiments.seq2seq.word_for_word import WordForWord
from course_lib.experiments.translation import (
    Corpus,
    Forced,
    Name,
    Part,
    batches,
    corpus_bleu,
    forced,
    perplexity,
    read,
    teacher_forced_loss,
    tokens_of_a_pair,
    translate,
)
from course_lib.lstm_gru import LSTM
from course_lib.metrics import by_quarter
from course_lib.recurrent import Bidirectional
from course_lib.seq2seq import Decoder, Encoder, Seq2Seq
from course_lib.training import Setting, Training

ORDERS = ("forward", "reversed")
ALL_ORDERS = (*ORDERS, "both")  # both: half of the encoder reads forward, half back
NEAR = {"monotone": "reversed", "mirrored": "forward"}  # first words near by
TENTHS = 10  # of a target, where targets are of different lengths


@dataclass(frozen=True)
class Config:
    """Two orders on two word-for-word tasks, three orders on a translation."""

    words: int = 50  # of each word-for-word language
    shortest: int = 4  # words in a word-for-word sentence
    longest: int = 14  # likewise
    embedding: int = 64  # E, word for word
    hidden: int = 128  # H of the LSTMs, word for word
    steps: int = 900  # optimiser steps, word for word: with more the gap closes
    test: int = 500  # word-for-word sentences of any length, as many of the longest
    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train_pairs: int = 8_000  # of the grammar; the others take all of theirs
    test_pairs: int = 500  # of the grammar; the others have their own
    translation_embedding: int = 64  # E
    translation_hidden: int = 128  # H
    translation_steps: int = 720  # optimiser steps
    dropout: float = 0.0  # translation only: the grammar does without, captions do not
    batch: int = 64  # pairs
    learning_rate: float = 3e-3  # Adam
    measure_every: int = 50  # optimiser steps between points of the curves


class Task(NamedTuple):
    """What is learned, on what it is measured, and by which encoders."""

    name: str
    orders: tuple[str, ...]
    vocabularies: tuple[int, int]  # of source and target, special tokens included
    sizes: tuple[int, int]  # E, H
    dropout: float
    steps: int
    tokens: float  # in a training pair, on average
    batch_at: Callable[[int], Batch]
    few: Part  # of the longest, for the curves
    test: Part
    longest: Part
    places: int  # into which a target is cut
    corpus: Corpus | None  # for BLEU


def tasks(config: Config, seed: int) -> list[Task]:
    """The three tasks, in order."""
    return [
        _word_for_word(config, seed, mirrored=False),
        _word_for_word(config, seed, mirrored=True),
        _translation(config, seed),
    ]


def _word_for_word(config: Config, seed: int, mirrored: bool) -> Task:
    lengths = config.shortest, config.longest
    task = WordForWord(config.words, *lengths, seed, mirrored)
    # Steps of training are below config.steps, so no test sentence is drawn like them.
    return Task(
        name="mirrored" if mirrored else "monotone",
        orders=ORDERS,
        vocabularies=(task.vocabulary, task.vocabulary),
        sizes=(config.embedding, config.hidden),
        dropout=0.0,
        steps=config.steps,
        tokens=sum(lengths) + 1,  # as many source as target words, and the end
        batch_at=task.batches(config.batch),
        few=task.part(200, config.steps, config.longest),
        test=task.part(config.test, config.steps + 1),
        longest=task.part(config.test, config.steps + 2, config.longest),
        places=config.longest,
        corpus=None,
    )


def _translation(config: Config, seed: int) -> Task:
    corpus = read(config.corpus, config.train_pairs, config.test_pairs, seed)
    train = corpus.train
    return Task(
        name="translation",
        orders=ALL_ORDERS,
        vocabularies=(len(corpus.source), len(corpus.target)),
        sizes=(config.translation_embedding, config.translation_hidden),
        dropout=config.dropout,
        steps=config.translation_steps,
        tokens=tokens_of_a_pair(train) + 1,  # the end
        batch_at=batches(train, config.batch, seed),
        few=longest_quarter(corpus.valid),
        test=corpus.test,
        longest=longest_quarter(corpus.test),
        places=TENTHS,
        corpus=corpus,
    )


def longest_quarter(part: Part) -> Part:
    """The quarter of the pairs whose sources are longest."""
    return part.of(by_quarter(part.lengths(), list)[-1])


def build(task: Task, order: str, seed: int) -> Seq2Seq:
    """A model of one layer before training; ``order`` is how its encoder reads."""
    torch.manual_seed(seed)
    (source, target), (embedding, hidden) = task.vocabularies, task.sizes
    decoder = Decoder(target, LSTM(embedding, hidden), 0, task.dropout)
    if order == "both":
        halves = LSTM(embedding, hidden // 2), LSTM(embedding, hidden // 2)
        layer = Bidirectional(*halves)
    else:
        layer = LSTM(embedding, hidden)
    encoder = Encoder(source, layer, task.dropout, order == "reversed")
    return Seq2Seq(encoder, decoder)


def by_place(found: Sequence[Forced], places: int) -> dict[str, list[float]]:
    """Perplexity and accuracy in each of ``places`` equal parts of the targets.

    Word t of T, from 0, stands in part ``places * t // T``; the end counts nowhere.
    Raises ``ValueError`` where no word stands in one of them.
    """
    lengths = [len(one.losses) - 1 for one in found]
    where = torch.cat([torch.arange(T) * places // T for T in lengths])
    count = where.bincount(minlength=places)
    if not count.all():
        raise ValueError(
            f"places: got {places} for targets of {min(lengths)} to {max(lengths)} "
            "words, expected a word in each place"
        )

    def mean(of_each: Sequence[torch.Tensor]) -> torch.Tensor:
        values = torch.cat([one[:-1] for one in of_each]).double()
        return where.bincount(values, minlength=places) / count

    return {
        "perplexity": mean([one.losses for one in found]).exp().tolist(),
        "accuracy": mean([one.right for one in found]).tolist(),
    }


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train every encoder on its task; a finished one is remembered."""
    memo = Memo(setting, "source-reversal")
    plan = [
        (task, order) for task in tasks(config, setting.seed) for order in task.orders
    ]
    total = sum(task.steps for task, _ in plan)
    done, tokens = 0, 0.0
    for task, order in plan:
        name = f"{task.name}_{order}"
        if name not in memo.parts:
            found = yield from _one(config, setting, task, order, done, total)
            memo.keep(name, found)
        done += task.steps
        tokens += task.steps * config.batch * task.tokens
    found = {
        f"{task.name}_{order}": memo.parts[f"{task.name}_{order}"]
        for task, order in plan
    }
    series = {
        part: {name: one[part] for name, one in found.items()}
        for part in ("curve", "by_place")
    }
    return Outcome(metrics(found), series, round(tokens))


def _one(
    config: Config,
    setting: Setting,
    task: Task,
    order: str,
    done: int,
    total: int,
) -> Generator[Progress, None, dict[str, Any]]:
    model = build(task, order, setting.seed)

    def measure() -> dict[str, float]:
        found = forced(model, task.few)
        quarters = by_place(found, 4)["perplexity"]
        return {
            "longest": perplexity(found),
            "first": quarters[0],
            "last": quarters[-1],
        }

    curve = yield from learn(
        model,
        loss=teacher_forced_loss,
        batch_at=task.batch_at,
        training=Training(task.steps, config.learning_rate),
        setting=setting,
        name=f"{task.name} {order}",
        measure=measure,
        every=config.measure_every,
        done=done,
        total=total,
    )
    longest = forced(model, task.longest)
    quarters = by_place(longest, 4)["perplexity"]
    values = {
        "perplexity": perplexity(forced(model, task.test)),
        "longest": perplexity(longest),
        "first": quarters[0],
        "last": quarters[-1],
    }
    if task.corpus is not None:
        most = 2 * max(map(len, task.test.targets))
        found = translate(model, task.test.sources, most)
        values["bleu"] = corpus_bleu(task.corpus, task.test, found)
    return {
        "curve": curve,
        "metrics": values,
        "by_place": by_place(longest, task.places),
    }


def metrics(found: Mapping[str, Any]) -> dict[str, float]:
    """What each encoder reached, and reversed over forward: below 1 where it helps."""
    values = {
        f"{name}_{metric}": value
        for name, one in found.items()
        for metric, value in one["metrics"].items()
    }
    for task in ("monotone", "mirrored", "translation"):
        forward, backward = (found[f"{task}_{order}"] for order in ORDERS)
        for metric in ("perplexity", "longest", "first", "last"):
            values[f"{task}_ratio_{metric}"] = (
                backward["metrics"][metric] / forward["metrics"][metric]
            )
        # Both curves have the same steps; the early point is at a quarter of them.
        early = len(forward["curve"]["step"]) // 4
        for metric in ("longest", "first", "last"):
            values[f"{task}_early_{metric}"] = (
                backward["curve"][metric][early] / forward["curve"][metric][early]
            )
    for task, near in NEAR.items():
        (far,) = set(ORDERS) - {near}
        curves = [found[f"{task}_{order}"]["curve"] for order in (near, far)]
        values[f"{task}_steps_share"] = steps_share(*curves)
    best = min(values[f"translation_{order}_perplexity"] for order in ORDERS)
    return values | {
        "translation_bleu_gain": values["translation_reversed_bleu"]
        - values["translation_forward_bleu"],
        "translation_both_over_best": values["translation_both_perplexity"] / best,
    }


def steps_share(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """After what share of the steps ``one`` is where ``other`` ends; 1 for never."""
    reached = (
        step
        for step, value in zip(one["step"], one["longest"], strict=True)
        if value <= other["longest"][-1]
    )
    return min(reached, default=other["step"][-1]) / other["step"][-1]


def _bands(early: float, end: float, share: float) -> tuple[Band, ...]:
    return (
        Band(
            "monotone_early_first",
            "monotone, after a quarter of the steps: the perplexity of the first "
            "words, reversed over forward",
            high=early,
        ),
        Band(
            "monotone_ratio_longest",
            "at the end the gap is smaller: all words of the longest sentences",
            high=end,
        ),
        Band(
            "monotone_steps_share",
            "reversed is where forward ends after this share of the steps",
            high=share,
        ),
        Band(
            "mirrored_early_first",
            "mirrored: the other way round, after a quarter of the steps",
            low=1 / early,
        ),
        Band("mirrored_ratio_longest", "and at the end", low=1 / end),
        Band(
            "mirrored_steps_share",
            "forward is where reversed ends after this share of the steps",
            high=share,
        ),
        Band(
            "translation_ratio_perplexity",
            "for comparison: a translation, perplexity, reversed over forward",
        ),
        Band("translation_ratio_longest", "for comparison: its longest quarter"),
        Band("translation_bleu_gain", "for comparison: BLEU, reversed less forward"),
        Band(
            "translation_both_over_best",
            "for comparison: perplexity of an encoder that reads both ways, over that "
            "of the better order",
        ),
    )


EXPERIMENT = Experiment(
    name="source-reversal",
    chapter="seq2seq",
    claim=(
        "Reading the source from its end helps where it brings the first words of "
        "source and target near each other, and hurts where it moves them apart. It "
        "makes learning start sooner; the longer the training, the less is left of it."
    ),
    source="Sutskever et al. (2014), section 3.3",
    paper="WMT'14 English to French: perplexity 5.8 to 4.7, BLEU 25.9 to 30.6",
    scales={
        "quick": Config(
            words=20,
            shortest=3,
            longest=7,
            embedding=32,
            hidden=48,
            steps=300,
            test=200,
            train_pairs=400,
            test_pairs=60,
            translation_embedding=16,
            translation_hidden=32,
            translation_steps=40,
            batch=32,
            learning_rate=5e-3,
            measure_every=25,
        ),
        "cpu": Config(),
        "real": Config(
            corpus="multi30k",
            translation_embedding=256,
            translation_hidden=512,
            translation_steps=2500,
            dropout=0.3,
        ),
    },
    run=run,
    bands={
        "quick": _bands(0.8, 0.95, 0.95),
        "cpu": _bands(0.5, 0.87, 0.8),
        "real": _bands(0.5, 0.87, 0.8),
    },
    figure=figure,
    units={
        "monotone_steps_share": "of the steps",
        "mirrored_steps_share": "of the steps",
        "translation_bleu_gain": "BLEU",
    },
)
