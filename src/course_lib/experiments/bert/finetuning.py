"""Fine-tuning on labelled texts: what is learned from, and how well."""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.bert import Bert, SentenceClassifier
from course_lib.data.batching import Buckets
from course_lib.data.masking import Packed, Texts, collate
from course_lib.decoding import evaluating
from course_lib.experiments.labels import Learned, Recipe, best_rate
from course_lib.training import Setting, to_device


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


class Batch(NamedTuple):
    """Texts with their labels ``(B,)``."""

    texts: Texts
    labels: Tensor


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


def fine_tune(
    bert: Bert,
    causal: bool,
    question: Question,
    n: int,
    recipe: Recipe,
    setting: Setting,
) -> Generator[tuple[int, float], None, Learned]:
    """Teach a copy of ``bert`` the first ``n`` labels, with each rate; keep the best.

    Yields as :func:`best_rate` does. The new layer starts from the same numbers in
    every arm.
    """

    def fresh() -> SentenceClassifier:
        torch.manual_seed(setting.seed)
        return SentenceClassifier(copy.deepcopy(bert), question.classes)

    rate, model = yield from best_rate(
        fresh,
        classification_loss(causal),
        labelled_batches(question.train.of(range(n)), recipe.batch, setting.seed),
        recipe.steps(n),
        recipe.rates,
        replace(setting, checkpoint=None),  # too short for one of its own
        lambda model: accuracy(model, question.valid, causal),
    )
    return Learned(accuracy(model, question.test, causal), rate)
