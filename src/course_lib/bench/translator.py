"""The Transformer that translates: a training step, and greedy decoding."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from course_lib.bench import gradients
from course_lib.bench.d2l_book import BookTransformer
from course_lib.bench.match import Contender, Match, Work, training_step
from course_lib.bench.seq2seq import (
    TOKENS_ALONE,
    Write,
    bare_greedy,
    itself,
    our_greedy,
    pairs,
    writing,
)
from course_lib.bench.sizes import Sizes, named, shape
from course_lib.data.translation import Batch
from course_lib.exchange import to_torch
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.training import Setting
from course_lib.transformer import Transformer, TransformerConfig

OF_THE_BOOK = named(128, 9, 200, 256, 4, 64, 2)  # D2L's
SIZES = {
    "quick": (named(3, 4, 12, 8, 2, 12, 2),),
    "cpu": (OF_THE_BOOK, named(32, 64, 4000, 256, 4, 1024, 2)),
    "cuda": (OF_THE_BOOK, named(128, 64, 16_000, 512, 8, 2048, 6)),
}
WRITTEN = {  # of decoding, where some read all again for every token
    "quick": SIZES["quick"][-1],
    "cpu": named(16, 40, 4000, 256, 4, 1024, 2),
    "cuda": SIZES["cuda"][-1],
}
# With rounding a ReLU's input crosses 0 here and there, and the gradient of one word
# jumps. In float64 none does, and ours and its written-out path agree to 1e-15.
RELU = 1e-2
PLACED = "is told the place of each token, which the book's decoder takes for the first"


def matches(scale: str) -> Iterator[Match]:
    """A training step at each size, then decoding."""
    for sizes in SIZES[scale]:
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
            RELU,
            counted="ours, written out",
        )
    sizes = WRITTEN[scale]
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
                TOKENS_ALONE,
            ),
            Contender(
                "d2l's book",
                "peer",
                _decoding(BookTransformer, by_book, sizes),
                f"{PLACED}; {TOKENS_ALONE}",
            ),
            Contender(
                "torch nn.Transformer",
                "peer",
                _decoding(TorchTransformer, torchs_greedy, sizes),
                f"has no cache; {TOKENS_ALONE}",
            ),
        ),
    )


def ours(sizes: Sizes, path: str = "fused", tied: bool = True) -> Transformer:
    """The chapter's translator, without dropout: values are compared."""
    config = TransformerConfig(**shape(sizes), dropout=0.0, tied=tied, path=path)
    return Transformer(config, sizes["V"], sizes["V"])


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
            gradients.watched(watched),
            setting,
            lambda model, batch: model(*batch[:3]),
        )

    return prepare


def without_cache(model: Transformer, batch: Batch, length: int) -> Tensor:
    """Ours, that reads all that it wrote again for every token."""
    state = model.start(batch.source, batch.source_mask)
    return bare_greedy(lambda tokens: model.decode(tokens, state)[0], batch, length)


def by_book(model: BookTransformer, batch: Batch, length: int) -> Tensor:
    """As the book's ``predict_step``: a token at a time, its past kept as inputs."""
    lengths = batch.source_mask.sum(dim=1)
    memory, past = model.encoder(batch.source, lengths), {}

    def next_logits(tokens: Tensor) -> Tensor:
        first = tokens.shape[1] - 1
        return model.decode(tokens[:, -1:], memory, lengths, past, first)

    return bare_greedy(next_logits, batch, length)


def torchs_greedy(model: TorchTransformer, batch: Batch, length: int) -> Tensor:
    """All that was written goes through torch's decoder again for every token."""
    memory = model.read(batch.source, batch.source_mask)
    return bare_greedy(
        lambda tokens: model.write(tokens, memory, batch.source_mask), batch, length
    )


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


def _decoding(of: Of, write: Write, sizes: Sizes) -> Callable[[Setting], Work]:
    return writing(lambda: of(_talkative(ours(sizes, tied=False))), write, sizes)
