"""What the vectors of a word know of its sense: after the embedding and each block."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.bert import Bert, TokenTagger
from course_lib.decoding import evaluating
from course_lib.experiments.bert.homonyms import SENSES, Homonyms, asked, logits
from course_lib.experiments.transformer.residuals_carry_position import probe
from course_lib.training import to_device


def first(labelled: Homonyms, n: int) -> Homonyms:
    """The first ``n`` of them."""
    return Homonyms(labelled.texts[:n], labelled.places[:n], labelled.labels[:n])


def layers(bert: Bert, one: Homonyms, batch: int = 256) -> Tensor:
    """The homonyms' vectors after the embedding and each block: ``(L + 1, N, C)``."""
    device, found = next(bert.parameters()).device, []
    with evaluating(bert):
        for which in torch.arange(len(one.texts)).split(batch):
            texts, places, _ = to_device(asked(one, which), device)
            rows = torch.arange(len(which), device=device)
            x = bert.embedding(texts.tokens, texts.segments)
            states = [x[rows, places]]
            for block in bert.encoder.blocks:
                x, _ = block(x, texts.mask)
                states.append(x[rows, places])
            found.append(torch.stack(states).cpu())  # (L + 1, B, C)
    return torch.cat(found, dim=1)


def probes(
    known: Tensor, other: Tensor, part: Homonyms, test: Homonyms, ridge: float
) -> list[float]:
    """What a linear probe of each layer tells right of ``test``.

    It is fitted on ``part``, whose vectors are the first of ``known (L + 1, N, C)``.
    """
    n = len(part.labels)
    labels = torch.cat([part.labels, test.labels])[:, None]  # (N, 1)
    x = torch.cat([known[:, :n], other], dim=1)[:, :, None].double()  # (L + 1, N, 1, C)
    return [probe(layer, labels, n, ridge) for layer in x]


def share(tagger: TokenTagger, test: Homonyms, batch: int = 256) -> float:
    """The share of ``test`` that the tagger tells right."""
    device, right = next(tagger.parameters()).device, 0
    with evaluating(tagger):
        for which in torch.arange(len(test.texts)).split(batch):
            one = to_device(asked(test, which), device)
            right += (logits(tagger, one).argmax(dim=1) == one.labels).sum().item()
    return right / len(test.texts)


def alike(x: Tensor, labels: Tensor) -> tuple[float, float]:
    """The mean cosine of two vectors ``x (N, C)`` of one word, by their senses.

    First for the same sense, then for another sense of the same word.
    """
    x = F.normalize(x.double(), dim=1)
    cosines = x @ x.T  # (N, N)
    words = [SENSES[label][0] for label in labels.tolist()]
    number = torch.tensor([sorted(set(words)).index(word) for word in words])
    one_word = number[:, None] == number
    one_word.fill_diagonal_(False)
    one_sense = labels[:, None] == labels
    same, other = cosines[one_word & one_sense], cosines[one_word & ~one_sense]
    return same.mean().item(), other.mean().item()
