"""Words as tokens, the linear baselines on counts, and the score of word-language."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.batching import generator, pad
from course_lib.data.words import ALPHABET


class Part(NamedTuple):
    """Words as padded tokens (N, T), their mask, and labels (N,)."""

    tokens: Tensor
    mask: Tensor
    labels: Tensor


class CountClassifier(nn.Module):
    """Logistic regression on how often each token occurs; where, it cannot see."""

    def __init__(self, vocabulary: int, classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(vocabulary, classes))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """``tokens (B, T)``, ``mask (B, T)`` -> logits ``(B, K)``."""
        each = F.embedding(tokens, self.weight)  # (B, T) -> (B, T, K)
        return (each * mask.unsqueeze(-1)).sum(1) + self.bias


def encode(words: Sequence[tuple[str, int]], seed: int | None = None) -> Part:
    """Letters as tokens; with a ``seed``, those of each word shuffled."""
    index = {character: i for i, character in enumerate(ALPHABET)}
    shuffle = random.Random(seed).shuffle
    sequences = []
    for word, _ in words:
        letters = [index[character] for character in word]
        if seed is not None:
            shuffle(letters)
        sequences.append(torch.tensor(letters))
    tokens, mask = pad(sequences)
    return Part(tokens, mask, torch.tensor([label for _, label in words]))


def ngrams(word: str, longest: int) -> Iterator[str]:
    """Every substring of up to ``longest`` letters, with marks for start and end."""
    marked = f"^{word}$"
    for n in range(1, longest + 1):
        for start in range(len(marked) - n + 1):
            yield marked[start : start + n]


def encode_ngrams(
    words: Sequence[tuple[str, int]], vocabulary: Mapping[str, int], longest: int
) -> Part:
    """N-grams as tokens; one that ``vocabulary`` lacks is left out."""
    tokens, mask = pad(
        [
            torch.tensor(
                [vocabulary[g] for g in ngrams(word, longest) if g in vocabulary]
            )
            for word, _ in words
        ]
    )
    return Part(tokens, mask, torch.tensor([label for _, label in words]))


def balanced_accuracy(model: nn.Module, part: Part, classes: int) -> Tensor:
    """The accuracy of each class (K,); their mean is the balanced accuracy."""
    device = next(model.parameters()).device
    with torch.no_grad():
        answers = model(part.tokens.to(device), part.mask.to(device)).argmax(1).cpu()
    right = (answers == part.labels).double()
    return torch.stack([right[part.labels == k].mean() for k in range(classes)])


class BalancedBatches:
    """Batches in which every class is equally likely: a pure function of the step."""

    def __init__(self, part: Part, classes: int, batch: int, seed: int) -> None:
        self.part, self.batch, self.seed = part, batch, seed
        self.counts = torch.bincount(part.labels, minlength=classes)
        self.order = part.labels.argsort(stable=True)  # examples, class by class
        self.starts = self.counts.cumsum(0) - self.counts

    def __call__(self, step: int) -> Part:
        """The words of step ``step``, without columns that are padding only."""
        random = generator(self.seed, step)
        label = torch.randint(len(self.counts), (self.batch,), generator=random)
        place = torch.rand(self.batch, generator=random, dtype=torch.float64)
        place = (place * self.counts[label]).long()
        chosen = self.order[self.starts[label] + place]
        mask = self.part.mask[chosen]
        length = int(mask.sum(1).max())
        tokens = self.part.tokens[chosen, :length]
        return Part(tokens, mask[:, :length], self.part.labels[chosen])
