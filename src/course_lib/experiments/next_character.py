"""What the character models of every chapter share: texts, losses, and two counts."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.data.batching import generator
from course_lib.data.text import (
    Characters,
    running_names,
    time_machine,
    train_and_valid,
)
from course_lib.rnn import LanguageModel

TEXTS = ("names", "time-machine")


class Windows(NamedTuple):
    """A text, cut up for training and validation."""

    characters: Characters
    train: Tensor  # (N, T + 1)
    valid: Tensor  # (M, T + 1), which shares no character with train
    seen: Tensor  # the characters of train, each once (N + T,)
    unseen: Tensor  # the characters of valid, each once (M + T,)
    length: int  # characters in the whole text


def read(text: str, length: int, train: int, valid: int, seed: int) -> Windows:
    """``train`` and then ``valid`` windows of ``length`` characters from ``text``.

    Raises ``ValueError`` for a text that is not in :data:`TEXTS`.
    """
    if text not in TEXTS:
        raise ValueError(f"text: got {text!r}, expected one of {', '.join(TEXTS)}")
    whole = running_names("en", seed) if text == "names" else time_machine()
    characters = Characters(whole)
    ids = characters.encode(whole)
    first, second = train_and_valid(ids, length, train, valid)
    seen = ids[: train + length]
    unseen = ids[len(seen) : len(seen) + valid + length]
    return Windows(characters, first, second, seen, unseen, len(whole))


def window_loss(model: nn.Module, windows: Tensor) -> Tensor:
    """Mean cross-entropy of the next character in ``windows (B, T + 1)``."""
    logits, _ = model(windows[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())


def losses(model: nn.Module, windows: Tensor, batch: int) -> Tensor:
    """The loss of every next character, in nats: ``(N, T + 1)`` -> ``(N, T)``."""
    device = next(model.parameters()).device
    found = []
    with torch.no_grad():
        for chunk in windows.split(batch):
            logits, _ = model(chunk[:, :-1].to(device))  # (B, T, V)
            target = chunk[:, 1:].to(device)
            each = F.cross_entropy(logits.transpose(1, 2), target, reduction="none")
            found.append(each.cpu())
    return torch.cat(found)


def perplexity(found: Tensor) -> float:
    """exp of the mean of the ``losses (N, T)``."""
    return found.double().mean().exp().item()


def perplexity_by_batch(found: Tensor, batch: int) -> float:
    """The mean over batches of exp(loss), as in Dive into Deep Learning.

    Over batches of one size it is at least the perplexity proper: exp is convex.
    """
    batches = [chunk.mean().exp() for chunk in found.split(batch)]
    return torch.stack(batches).mean().item()


def bigram_and_trigram(train: Tensor, valid: Tensor, size: int) -> tuple[float, float]:
    """Perplexity of ``valid (T,)`` under counts of ``train (T,)``.

    Bigram: add-one smoothing. Trigram: its counts plus 5 times the bigram's estimate.
    """
    one = torch.tensor(1.0, dtype=torch.float64)
    pairs = torch.ones(size, size, dtype=torch.float64)
    pairs.index_put_((train[:-1], train[1:]), one, accumulate=True)
    pairs /= pairs.sum(1, keepdim=True)
    triples = 5 * pairs.expand(size, size, size).clone()
    triples.index_put_((train[:-2], train[1:-1], train[2:]), one, accumulate=True)
    triples /= triples.sum(2, keepdim=True)
    second, third = valid[1:-1], valid[2:]
    bigram = -pairs[second, third].log().mean()
    trigram = -triples[valid[:-2], second, third].log().mean()
    return bigram.exp().item(), trigram.exp().item()


def write(model: LanguageModel, characters: Characters, length: int, seed: int) -> str:
    """``length`` characters that ``model`` writes after a space, drawn by ``seed``."""
    written = model.generate(
        characters.encode(" ").unsqueeze(0), length, generator=generator(seed, 0)
    )
    return characters.decode(written[0])
