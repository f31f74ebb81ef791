"""Labels learned from a bag of words, whose order and count do not matter."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data.masking import Packed
from course_lib.experiments.bert.finetuning import Examples, Question
from course_lib.experiments.labels import Learned

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def bag_of_words(question: Question, n: int, vocabulary: int) -> Learned:
    """What a bag of words learns of ``n`` labels; ``valid`` chooses its penalty.

    ``vocabulary`` is the number of pieces, V.
    """
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
