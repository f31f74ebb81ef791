"""Chapter 5: attention alone, an encoder, a translator, and a language model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench import language_model, self_attention
from course_lib.bench.d2l_book import BookTransformer
from course_lib.bench.match import Contender, Match, Work, decoding, training_step
from course_lib.bench.seq2seq import our_greedy, pairs
from course_lib.data.batching import generator
from course_lib.data.translation import END, Batch
from course_lib.exchange import to_d2l, to_torch
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.training import Setting
from course_lib.transformer import Transformer, TransformerConfig

LONG = {  # B, T, V, C, H, inner, blocks; of the encoder alone, with padding
    "quick": (3, 5, 12, 8, 2, 12, 2),
    "cpu": (8, 512, 4000, 256, 8, 1024, 2),
    "cuda": (32, 512, 16_000, 512, 8, 2048, 6),
}
SIZES = {  # of the translator; the CPU's first is that of D2L's book
    "quick": ((3, 4, 12, 8, 2, 12, 2),),
    "cpu": ((128, 9, 200, 256, 4, 64, 2), (32, 64, 4000, 256, 4, 1024, 2)),
    "cuda": ((128, 9, 200, 256, 4, 64, 2), (128, 64, 16_000, 512, 8, 2048, 6)),
}
TAGS = 10  # classes of a token, for the encoder
PLACED = "is told the place of each token, which the book's decoder takes for the first"

Sizes = dict[str, int]


def matches(scale: str) -> Iterator[Match]:
    """From one layer to whole models, in training and in use."""
    yield from self_attention.matches(scale)
    sizes = _named(LONG[scale])
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
        counted="ours, written out",
    )
    for numbers in SIZES[scale]:
        sizes = _named(numbers)
        yield Match(
            "Transformer",
            "transformer",
            "training step",
            sizes,
            sizes["B"] * (sizes["T"] + 1),  # the end is a token too
            (
                Contender("ours", "ours", _training(itself, sizes)),
                Contender(
                    "ours, written out",
                    "ours",
                    _training(itself, sizes, "written_out"),
                ),
                Contender("d2l's book", "peer", _training(BookTransformer, sizes)),
                Contender(
                    "torch nn.Transformer", "peer", _training(TorchTransformer, sizes)
                ),
            ),
            counted="ours, written out",
        )
    yield Match(
        "Transformer",
        "transformer",
        "decoding",
        sizes,
        sizes["B"] * sizes["T"],
        (
            Contender("ours", "ours", _decoding(itself, our_greedy, sizes)),
            Contender(
                "ours, without its cache",
                "ours",
                _decoding(itself, without_cache, sizes),
            ),
            Contender(
                "d2l's book", "peer", _decoding(BookTransformer, by_book, sizes), PLACED
            ),
            Contender(
                "torch nn.Transformer",
                "peer",
                _decoding(TorchTransformer, torchs_greedy, sizes),
                "has no cache",
            ),
        ),
    )
    yield from language_model.matches(scale)


def ours(sizes: Sizes, path: str = "fused", tied: bool = True) -> Transformer:
    """The chapter's translator, without dropout: values are compared."""
    config = TransformerConfig(
        size=sizes["C"],
        heads=sizes["H"],
        inner=sizes["inner"],
        blocks=sizes["blocks"],
        dropout=0.0,
        tied=tied,
        path=path,
    )
    return Transformer(config, sizes["V"], sizes["V"])


def _named(numbers: tuple[int, ...]) -> Sizes:
    return dict(zip(("B", "T", "V", "C", "H", "inner", "blocks"), numbers, strict=True))


# -- the encoder alone -----------------------------------------------------------------


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


def _texts(sizes: Sizes) -> Tagged:
    """Random ones, half as long as T at least, of which one is as long."""
    B, T, V = (sizes[letter] for letter in "BTV")
    drawn = generator(0, B)
    lengths = torch.randint(T // 2, T + 1, (B,), generator=drawn)
    lengths[0] = T
    return Tagged(
        torch.randint(V, (B, T), generator=drawn),
        torch.arange(T) < lengths[:, None],
        torch.randint(TAGS, (B, T), generator=drawn),
    )


def _tagging_loss(model: nn.Module, batch: Tagged) -> Tensor:
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
            _tagging_loss,
            _texts(sizes),
            lambda _: {name: weight.grad for name, weight in watched.items()},
            setting,
            lambda model, batch: model(batch.tokens, batch.mask)[batch.mask],
        )

    return prepare


# -- the translator --------------------------------------------------------------------


def itself(model: Transformer) -> Transformer:
    """Ours."""
    return model


class TorchTransformer(nn.Module):
    """torch's two stacks between our embeddings and our output."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.source, self.target, self.output = model.source, model.target, model.output
        self.both = to_torch((model.encoder, model.decoder))

    def read(self, source: Tensor, mask: Tensor) -> Tensor:
        """``source (B, S)`` -> ``(B, S, C)``."""
        return self.both.encoder(self.source(source), src_key_padding_mask=~mask)

    def write(self, tokens: Tensor, memory: Tensor, mask: Tensor) -> Tensor:
        """All ``tokens (B, T)`` so far -> logits ``(B, T, V)``."""
        T = tokens.shape[1]
        after = torch.ones(T, T, dtype=torch.bool, device=tokens.device).triu(1)
        x = self.both.decoder(
            self.target(tokens),
            memory,
            tgt_mask=after,
            tgt_is_causal=True,
            memory_key_padding_mask=~mask,
        )
        return self.output(x)

    def forward(self, source: Tensor, mask: Tensor, previous: Tensor) -> Tensor:
        return self.write(previous, self.read(source, mask), mask)


Of = Callable[[Transformer], nn.Module]


def _training(of: Of, sizes: Sizes, path: str = "fused") -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        mine = ours(sizes, path)
        watched = {"source": mine.source.words.weight, "target": mine.output.weight}
        return training_step(
            of(mine),
            teacher_forced_loss,
            pairs(sizes, setting),
            lambda _: {name: weight.grad for name, weight in watched.items()},
            setting,
            lambda model, batch: model(*batch[:3]),
        )

    return prepare


def without_cache(model: Transformer, batch: Batch, length: int) -> Tensor:
    """Ours, that reads all that it wrote again for every token."""
    state = model.start(batch.source, batch.source_mask)
    return _greedy(lambda tokens: model.decode(tokens, state)[0], batch, length)


def by_book(model: BookTransformer, batch: Batch, length: int) -> Tensor:
    """As the book's ``predict_step``: a token at a time, its past kept as inputs."""
    lengths = batch.source_mask.sum(dim=1)
    memory, past = model.encoder(batch.source, lengths), {}

    def next_logits(tokens: Tensor) -> Tensor:
        first = tokens.shape[1] - 1
        return model.decode(tokens[:, -1:], memory, lengths, past, first)

    return _greedy(next_logits, batch, length)


def torchs_greedy(model: TorchTransformer, batch: Batch, length: int) -> Tensor:
    """All that was written goes through torch's decoder again for every token."""
    memory = model.read(batch.source, batch.source_mask)
    return _greedy(
        lambda tokens: model.write(tokens, memory, batch.source_mask), batch, length
    )


def _greedy(
    next_logits: Callable[[Tensor], Tensor], batch: Batch, length: int
) -> Tensor:
    """The barest loop: ``next_logits`` of all tokens so far, or of the last alone."""
    tokens = batch.previous[:, :1]
    over = torch.zeros_like(tokens, dtype=torch.bool)
    for _ in range(length):
        last = next_logits(tokens)[:, -1:]  # (B, 1, V)
        token = last.argmax(-1).masked_fill(over, END)
        over = over | (token == END)
        tokens = torch.cat([tokens, token], dim=1)
    return tokens[:, 1:]


def _talkative(model: Transformer) -> Transformer:
    """``model``, not trained, but it writes more than one word again and again.

    Its blocks add the same to every token at first, so they are turned down, and what
    tells the words apart is turned up.
    """
    with torch.no_grad():
        model.target.words.weight.mul_(5.0)
        for block in model.decoder.blocks:
            for last in (
                block.attention.W_o,
                block.cross_attention.W_o,
                block.feed_forward.W_2,
            ):
                last.weight.mul_(0.3)
    return model


def _decoding(
    of: Of, write: Callable[[Any, Batch, int], Tensor], sizes: Sizes
) -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        model = of(_talkative(ours(sizes, tied=False))).to(setting.device).eval()
        batch = pairs(sizes, setting)
        return decoding(lambda: write(model, batch, sizes["T"]))

    return prepare
