"""A Transformer's encoder: a training step on texts of different lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench import gradients
from course_lib.bench.match import Contender, Match, Work, training_step
from course_lib.bench.sizes import Sizes, named
from course_lib.bench.translator import RELU, ours
from course_lib.data.batching import generator
from course_lib.exchange import to_d2l, to_torch
from course_lib.training import Setting
from course_lib.transformer import Transformer

SIZES = {
    "quick": named(3, 5, 12, 8, 2, 12, 2),
    "cpu": named(8, 512, 4000, 256, 8, 1024, 2),
    "cuda": named(32, 512, 16_000, 512, 8, 2048, 6),
}
TAGS = 10  # classes of a token


def matches(scale: str) -> Iterator[Match]:
    """Ours, d2l's and torch's."""
    sizes = SIZES[scale]
    yield Match(
        "Transformer encoder",
        "transformer",
        "training step",
        sizes,
        sizes["B"] * sizes["T"],
        (
            Contender("ours", "ours", _tagging(Reader, sizes)),
            Contender(
                "ours, written out", "ours", _tagging(Reader, sizes, "written_out")
            ),
            Contender("d2l TransformerEncoder", "peer", _tagging(D2lReader, sizes)),
            Contender(
                "torch nn.TransformerEncoder", "peer", _tagging(TorchReader, sizes)
            ),
        ),
        RELU,
        counted="ours, written out",
    )


class Reader(nn.Module):
    """Our encoder: a vector for each token, ``(B, T)``, ``(B, T)`` -> ``(B, T, C)``."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.embedding, self.encoder = model.source, model.encoder

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.encoder(self.embedding(tokens), mask)[0]


class D2lReader(nn.Module):
    """The same of d2l, which is told lengths."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.encoder = to_d2l((model.source, model.encoder))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.encoder(tokens, mask.sum(dim=1))


class TorchReader(nn.Module):
    """The same of torch, whose masks are True at padding, after our embedding."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.embedding, self.encoder = model.source, to_torch(model.encoder)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.encoder(self.embedding(tokens), src_key_padding_mask=~mask)


class Tagger(nn.Module):
    """A reader, and logits of each token's class: ``(B, T)`` twice -> ``(B, T, K)``."""

    def __init__(self, read: nn.Module, output: nn.Linear) -> None:
        super().__init__()
        self.read, self.output = read, output

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        return self.output(self.read(tokens, mask))


class Tagged(NamedTuple):
    """Texts of different lengths, with a class for each real token."""

    tokens: Tensor  # (B, T)
    mask: Tensor  # (B, T)
    classes: Tensor  # (B, T)


def texts(sizes: Sizes, seed: int) -> Tagged:
    """Random ones, half as long as T at least, of which one is as long."""
    B, T, V = (sizes[letter] for letter in "BTV")
    drawn = generator(seed, B)
    lengths = torch.randint(T // 2, T + 1, (B,), generator=drawn)
    lengths[0] = T
    return Tagged(
        torch.randint(V, (B, T), generator=drawn),
        torch.arange(T) < lengths[:, None],
        torch.randint(TAGS, (B, T), generator=drawn),
    )


def loss(model: nn.Module, batch: Tagged) -> Tensor:
    """The cross-entropy of the real tokens' classes."""
    logits = model(batch.tokens, batch.mask)
    return F.cross_entropy(logits[batch.mask], batch.classes[batch.mask])


def _tagging(
    read: Callable[[Transformer], nn.Module], sizes: Sizes, path: str = "fused"
) -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        mine, output = ours(sizes, path), nn.Linear(sizes["C"], TAGS)
        watched = {"words": mine.source.words.weight, "output": output.weight}
        return training_step(
            Tagger(read(mine), output),
            loss,
            texts(sizes, setting.seed),
            gradients.watched(watched),
            setting,
            lambda model, batch: model(batch.tokens, batch.mask)[batch.mask],
        )

    return prepare
