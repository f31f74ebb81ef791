"""What claims on labels share: examples, fine-tuning with a choice, a bag of words."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.bert import Bert, SentenceClassifier
from course_lib.data.batching import Buckets
from course_lib.data.masking import Packed, Texts, collate
from course_lib.decoding import evaluating
from course_lib.experiments.learning import REPORT_EVERY
from course_lib.training import Setting, Training, to_device, train


class Examples(NamedTuple):
    """N packed texts, and the label of each, from 0."""

    texts: Sequence[Packed]
    labels: Tensor  # (N,)

    def of(self, indices: Sequence[int]) -> Examples:
        """Only those of ``indices``."""
        return Examples([self.texts[i] for i in indices], self.labels[list(indices)])


class Question(NamedTuple):
    """What is to be learned from some of ``train``; ``valid`` chooses how."""

    train: Examples  # in an order of which the first n are a fair draw
    valid: Examples
    test: Examples
    classes: int  # K


class Learned(NamedTuple):
    """What was made of so many labels."""

    accuracy: float  # of the test examples
    chosen: float  # the learning rate, or the penalty, that was best for ``valid``


class Batch(NamedTuple):
    """Texts with their labels ``(B,)``."""

    texts: Texts
    labels: Tensor


def in_turns(labels: Sequence[int], seed: int) -> list[int]:
    """All indices in a random order in which the labels take turns, while they last.

    So the first n are a fair draw of n, with as many of each label as can be.
    """
    chance = random.Random(seed)
    piles: dict[int, list[int]] = {label: [] for label in sorted(set(labels))}
    for i, label in enumerate(labels):
        piles[label].append(i)
    placed = []
    for label, pile in piles.items():
        chance.shuffle(pile)
        placed += [(turn, label, i) for turn, i in enumerate(pile)]
    return [i for _, _, i in sorted(placed)]


def labelled_batches(
    examples: Examples, batch: int, seed: int
) -> Callable[[int], Batch]:
    """``batch_at(step)``, as training wants it; all of ``examples`` in every epoch."""
    lengths = [len(text.ids) for text in examples.texts]
    buckets = Buckets(lengths, min(batch, len(lengths)), seed)

    def batch_at(step: int) -> Batch:
        chosen = examples.of(buckets(step).tolist())
        return Batch(collate(chosen.texts), chosen.labels)

    return batch_at


def classification_loss(causal: bool) -> Callable[[SentenceClassifier, Batch], Tensor]:
    """Cross-entropy of the labels; ``causal`` as the model was pre-trained."""

    def loss(model: SentenceClassifier, batch: Batch) -> Tensor:
        return F.cross_entropy(model(batch.texts, causal), batch.labels)

    return loss


def accuracy(
    model: SentenceClassifier, examples: Examples, causal: bool, batch: int = 256
) -> float:
    """The share of ``examples`` whose label has the largest logit."""
    device = next(model.parameters()).device
    order = sorted(range(len(examples.texts)), key=lambda i: len(examples.texts[i].ids))
    right = 0
    with evaluating(model):
        for start in range(0, len(order), batch):
            chosen = examples.of(order[start : start + batch])
            logits = model(to_device(collate(chosen.texts), device), causal)  # (B, K)
            right += (logits.argmax(dim=1).cpu() == chosen.labels).sum().item()
    return right / len(order)


def schedule(steps: int, rate: float) -> Training:
    """Adam, up to ``rate`` in a tenth of the steps, then down to 0 in a line."""
    return Training(steps, rate, warmup=steps // 10, schedule="linear")


@dataclass(frozen=True)
class Recipe:
    """How a pre-trained network learns from labels; the same for every arm."""

    rates: tuple[float, ...]  # Adam's peak, after a tenth of the steps; one is chosen
    batch: int
    least: int  # optimiser steps, and more if this is not
    epochs: int  # so often round all labels

    def steps(self, n: int) -> int:
        """Optimiser steps for ``n`` labels with one rate."""
        return max(self.least, self.epochs * -(-n // self.batch))


def fine_tune(
    bert: Bert,
    causal: bool,
    question: Question,
    n: int,
    recipe: Recipe,
    setting: Setting,
) -> Generator[tuple[int, float], None, Learned]:
    """Teach a copy of ``bert`` the first ``n`` labels, with each rate; keep the best.

    Yields steps made and the loss. Of rates that are equally good for ``valid`` the
    first is kept. The new layer starts from the same numbers in every arm.
    """
    best, found = -1.0, Learned(float("nan"), float("nan"))
    steps, some = recipe.steps(n), question.train.of(range(n))
    for number, rate in enumerate(recipe.rates):
        torch.manual_seed(setting.seed)
        model = SentenceClassifier(copy.deepcopy(bert), question.classes)
        for step in train(
            model,
            classification_loss(causal),
            labelled_batches(some, recipe.batch, setting.seed),
            schedule(steps, rate),
            replace(setting, checkpoint=None),  # too short for one of its own
        ):
            if step.number % REPORT_EVERY == 0 or step.number == steps:
                yield number * steps + step.number, step.loss
        if (valid := accuracy(model, question.valid, causal)) > best:
            best = valid
            found = Learned(accuracy(model, question.test, causal), rate)
    return found


PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def bag_of_words(question: Question, n: int, vocabulary: int) -> Learned:
    """The same from a bag of words, whose penalty ``valid`` chooses."""
    best, found = -1.0, Learned(float("nan"), float("nan"))
    for penalty in PENALTIES:
        model = BagOfWords(vocabulary, question.classes)
        model.fit(question.train.of(range(n)), penalty)
        if (valid := model.accuracy(question.valid)) > best:
            best, found = valid, Learned(model.accuracy(question.test), penalty)
    return found


class BagOfWords:
    """Logistic regression on which pieces a text has, whatever their order or count."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        self.weight = torch.zeros(vocabulary, classes, requires_grad=True)  # (V, K)
        self.bias = torch.zeros(classes, requires_grad=True)

    def __call__(self, texts: Sequence[Packed]) -> Tensor:
        """Logits ``(N, K)``."""
        return self._logits(*_present(texts))

    def fit(self, examples: Examples, penalty: float, iterations: int = 100) -> None:
        """Least cross-entropy plus ``penalty`` · ‖weight‖², by L-BFGS from zero."""
        present = _present(examples.texts)
        optimizer = torch.optim.LBFGS(
            [self.weight, self.bias],
            max_iter=iterations,
            line_search_fn="strong_wolfe",
        )

        def loss() -> Tensor:
            optimizer.zero_grad()
            value = F.cross_entropy(self._logits(*present), examples.labels)
            value = value + penalty * self.weight.square().sum()
            value.backward()
            return value

        optimizer.step(loss)

    def accuracy(self, examples: Examples) -> float:
        """The share of ``examples`` whose label has the largest logit."""
        with torch.no_grad():
            found = self(examples.texts).argmax(dim=1)
        return (found == examples.labels).double().mean().item()

    def _logits(self, ids: Tensor, starts: Tensor) -> Tensor:
        return F.embedding_bag(ids, self.weight, starts, mode="sum") + self.bias


def _present(texts: Sequence[Packed]) -> tuple[Tensor, Tensor]:
    """The different pieces of all texts, one text after another, and where each starts.

    [CLS] and [SEP] are left out.
    """
    sets = [text.ids[text.word >= 0].unique() for text in texts]
    lengths = torch.tensor([len(ids) for ids in sets])
    return torch.cat(sets), lengths.cumsum(0) - lengths
