"""Chapter 3: a GRU that reads beside a GRU that writes.

d2l's package has the encoder alone, and it reads the padding; so there is none here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench import gradients
from course_lib.bench.match import (
    Contender,
    Match,
    Work,
    decoding,
    forward_and_backward,
    training_step,
)
from course_lib.data.batching import generator
from course_lib.data.translation import END, Batch
from course_lib.decoding import greedy
from course_lib.exchange import to_d2l, to_torch
from course_lib.experiments.training_cost import random_pairs
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.lstm_gru import GRU
from course_lib.recurrent import Stacked
from course_lib.seq2seq import Encoder, Seq2Seq, Seq2SeqConfig, seq2seq
from course_lib.training import Setting

SIZES = {  # B, T, V, E, H; the CPU's first is that of D2L's book
    "quick": ((3, 4, 12, 6, 8),),
    "cpu": ((128, 9, 200, 256, 256), (64, 40, 4000, 256, 256)),
    "cuda": ((128, 9, 200, 256, 256), (128, 64, 16_000, 512, 1024)),
}

TOKENS_ALONE = "tokens alone; ours says how probable each sentence is, too"

Write = Callable[[Any, Batch, int], Tensor]  # a model's tokens (B, length)


class TorchSeq2Seq(nn.Module):
    """The same model, each network of torch's own and as one call."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.source, self.target = model.encoder.embedding, model.decoder.embedding
        self.reader = to_torch(model.encoder.layer)
        self.writer = to_torch(model.decoder.layer)
        (self.bridge,) = model.bridge.parts
        self.output = model.decoder.output

    def start(self, source: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The writer's first state ``(1, B, H)`` and the context ``(B, H)``."""
        _, last = self.reader(self.source(source))
        return self.bridge(last).tanh(), last[-1]

    def forward(self, source: Tensor, mask: Tensor, previous: Tensor) -> Tensor:
        return self.write(previous, self.start(source, mask))[0]

    def write(
        self, tokens: Tensor, state: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """``tokens (B, T)`` -> logits ``(B, T, V)``, the next state."""
        last, context = state
        beside = context[:, None].expand(-1, tokens.shape[1], -1)  # (B, T, H)
        x = torch.cat([self.target(tokens), beside], dim=-1)
        states, last = self.writer(x, last)
        return self.output(states), (last, context)


def matches(scale: str) -> Iterator[Match]:
    """The encoder alone; a training step of both; greedy decoding."""
    for sizes in sizes_at(scale):
        B, T = sizes["B"], sizes["T"]
        yield Match(
            "GRU encoder of two layers",
            "seq2seq",
            "forward and backward",
            {letter: sizes[letter] for letter in "BSVEH"},
            B * T,
            (
                Contender("ours", "ours", _reading(our_encoder, sizes)),
                Contender("d2l Seq2SeqEncoder", "peer", _reading(d2ls_encoder, sizes)),
                Contender("torch nn.GRU", "limit", _reading(torchs_encoder, sizes)),
            ),
        )
        yield Match(
            "GRU encoder-decoder",
            "seq2seq",
            "training step",
            sizes,
            B * (T + 1),  # the end is a token too
            (
                Contender("ours", "ours", _training(itself, sizes)),
                Contender("torch nn.GRU", "limit", _training(TorchSeq2Seq, sizes)),
            ),
        )
    yield Match(
        "GRU encoder-decoder",
        "seq2seq",
        "decoding",
        sizes,
        B * T,
        (
            Contender("ours", "ours", writing(lambda: ours(sizes), our_greedy, sizes)),
            Contender(
                "torch nn.GRU",
                "limit",
                writing(lambda: TorchSeq2Seq(ours(sizes)), torchs_greedy, sizes),
                TOKENS_ALONE,
            ),
        ),
    )


def sizes_at(scale: str) -> list[dict[str, int]]:
    """Those of each training, by letter; decoding has the last. S is T."""
    return [
        {"B": B, "S": T, "T": T, "V": V, "E": E, "H": H}
        for B, T, V, E, H in SIZES[scale]
    ]


def itself(model: nn.Module) -> nn.Module:
    """Ours."""
    return model


Reader = tuple[Callable[[Tensor], Tensor], nn.Module, nn.Module]


def our_encoder(encoder: Encoder) -> Reader:
    """Reads ``tokens (B, S)`` into states ``(B, S, H)``; its embedding and GRUs."""
    everywhere = torch.ones(1, 1, dtype=torch.bool)

    def read(tokens: Tensor) -> Tensor:
        mask = everywhere.to(tokens.device).expand(tokens.shape)
        return encoder(tokens, mask).states

    return read, encoder.embedding, encoder.layer


def d2ls_encoder(encoder: Encoder) -> Reader:
    """The same of d2l, which puts time first."""
    theirs = to_d2l(encoder)
    return lambda tokens: theirs(tokens)[0].transpose(0, 1), theirs.embedding, theirs


def torchs_encoder(encoder: Encoder) -> Reader:
    """The same as one call of torch's kernel."""
    layers = to_torch(encoder.layer)
    return (
        lambda tokens: layers(encoder.embedding(tokens))[0],
        encoder.embedding,
        layers,
    )


def _reading(
    of: Callable[[Encoder], Reader], sizes: dict[str, int]
) -> Callable[[Setting], Work]:
    B, S, V, E, H = (sizes[letter] for letter in "BSVEH")

    def prepare(setting: Setting) -> Work:
        encoder = Encoder(V, Stacked([GRU(E, H), GRU(H, H)]))
        read, embedding, layers = of(encoder)
        for module in (embedding, layers):
            module.to(setting.device)
        tokens = torch.randint(V, (B, S), generator=generator(setting.seed, B))
        tokens = tokens.to(setting.device)
        return forward_and_backward(
            lambda: read(tokens), {"embedding": embedding.weight}, layers
        )

    return prepare


def pairs(sizes: Mapping[str, int], setting: Setting) -> Batch:
    """Random sentence pairs of one length."""
    return random_pairs(sizes["V"], sizes["V"], sizes["B"], sizes["T"], setting)


def ours(sizes: dict[str, int]) -> Seq2Seq:
    """The chapter's model, which sees its context at every step."""
    return seq2seq(
        Seq2SeqConfig(
            sizes["V"],
            sizes["V"],
            sizes["E"],
            sizes["H"],
            bidirectional=False,
            feed_context=True,
        )
    )


def trained(
    mine: nn.Module, model: nn.Module, sizes: dict[str, int], setting: Setting
) -> Work:
    """A training step of ``model``; its embeddings and output are those of ``mine``."""
    watched = {
        "source embedding": mine.encoder.embedding.weight,
        "target embedding": mine.decoder.embedding.weight,
        "output": mine.decoder.output.weight,
    }
    return training_step(
        model,
        teacher_forced_loss,
        pairs(sizes, setting),
        gradients.watched(watched),
        setting,
    )


def _training(
    of: Callable[[Seq2Seq], nn.Module], sizes: dict[str, int]
) -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        mine = ours(sizes)
        return trained(mine, of(mine), sizes, setting)

    return prepare


def our_greedy(model: Seq2Seq, batch: Batch, length: int) -> Tensor:
    """The course's own greedy decoding, ``(B, length)``: after an END stand more."""
    state = model.start(batch.source, batch.source_mask)
    found = greedy(model.step, state, batch.previous[:, 0], END, length)
    rows = [[*one.tokens, *[END] * (length - len(one.tokens))] for one in found]
    return torch.tensor(rows)


def torchs_greedy(model: TorchSeq2Seq, batch: Batch, length: int) -> Tensor:
    """A token at a time through torch's modules."""
    state = model.start(batch.source, batch.source_mask)

    def next_logits(tokens: Tensor) -> Tensor:
        nonlocal state
        logits, state = model.write(tokens[:, -1:], state)
        return logits

    return bare_greedy(next_logits, batch, length)


def bare_greedy(
    next_logits: Callable[[Tensor], Tensor], batch: Batch, length: int
) -> Tensor:
    """The barest loop, ``(B, length)``. As ours does, it stops where all have ended.

    ``next_logits`` is given all tokens so far, and the last of its logits ``(B, T, V)``
    are read.
    """
    tokens = batch.previous[:, :1]
    over = torch.zeros_like(tokens, dtype=torch.bool)
    for _ in range(length):
        last = next_logits(tokens)[:, -1:]  # (B, 1, V)
        token = last.max(-1).indices.masked_fill(over, END)  # as ours: see greedy
        over = over | (token == END)
        tokens = torch.cat([tokens, token], dim=1)
        if over.all():
            break
    return F.pad(tokens[:, 1:], (0, length + 1 - tokens.shape[1]), value=END)


def writing(
    build: Callable[[], nn.Module], write: Write, sizes: Mapping[str, int]
) -> Callable[[Setting], Work]:
    """The model that ``build`` makes writes T tokens for each of B sentences."""

    def prepare(setting: Setting) -> Work:
        model = build().to(setting.device).eval()
        batch = pairs(sizes, setting)
        return decoding(lambda: write(model, batch, sizes["T"]))

    return prepare
