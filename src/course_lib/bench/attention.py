"""Chapter 4: the scores alone, and a decoder that looks back at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import (
    Additive,
    Attention,
    AttentionDecoder,
    AttentionSeq2Seq,
    Dot,
    Memory,
)
from course_lib.bench.match import Contender, Match, Work, forward_and_backward
from course_lib.bench.seq2seq import our_greedy, sizes_at, trained, writing
from course_lib.data.batching import generator
from course_lib.exchange import to_d2l
from course_lib.lstm_gru import GRU
from course_lib.seq2seq import Encoder
from course_lib.training import Setting

LOOKS = {
    "quick": (2, 5, 4),
    "cpu": (32, 64, 256),
    "cuda": (32, 512, 512),
}  # B, T = S, C


class ByD2l(nn.Module):
    """d2l's attention in the place of ours: it gets states, and projects them anew."""

    def __init__(self, attention: Attention) -> None:
        super().__init__()
        self.theirs = to_d2l(attention)
        self.query_size, self.memory_size = attention.query_size, attention.memory_size
        self.coverage = False

    def remember(self, states: Tensor, mask: Tensor) -> Memory:
        return Memory(states, states, mask)

    def forward(
        self, query: Tensor, memory: Memory, time: Tensor, coverage: Tensor
    ) -> tuple[Tensor, Tensor]:
        lengths = memory.mask.sum(dim=1)
        context = self.theirs(query, memory.keys, memory.values, lengths)
        return context, self.theirs.attention_weights


def matches(scale: str) -> Iterator[Match]:
    """Both scores, all queries at once; then Bahdanau's decoder in training and use."""
    B, T, C = LOOKS[scale]
    for name, score, limits in (
        ("additive attention", lambda: Additive(C, C, C), {}),
        (
            "scaled dot-product attention",
            lambda: Dot(C, scaled=True),
            {"torch scaled_dot_product_attention": torchs},
        ),
    ):
        looked = {"ours": ours, "d2l": d2ls} | limits
        kinds = dict.fromkeys(looked, "limit") | {"ours": "ours", "d2l": "peer"}
        yield Match(
            name,
            "attention",
            "forward and backward",
            {"B": B, "T": T, "S": T, "C": C},
            B * T,
            tuple(
                Contender(who, kinds[who], _looking(look, score, B, T, C))
                for who, look in looked.items()
            ),
        )
    for sizes in sizes_at(scale):
        yield Match(
            "Bahdanau's decoder",
            "attention",
            "training step",
            sizes,
            sizes["B"] * (sizes["T"] + 1),  # the end is a token too
            (
                Contender("ours", "ours", _training(Attention, sizes)),
                Contender(
                    "d2l AdditiveAttention in it", "peer", _training(with_d2l, sizes)
                ),
            ),
        )
    yield Match(
        "Bahdanau's decoder",
        "attention",
        "decoding",
        sizes,
        sizes["B"] * sizes["T"],
        (
            Contender("ours", "ours", _decoding(Attention, sizes)),
            Contender(
                "d2l AdditiveAttention in it", "peer", _decoding(with_d2l, sizes)
            ),
        ),
    )


Look = Callable[[Tensor, Tensor, Tensor], Tensor]  # query, states, mask -> contexts


def ours(attention: Attention) -> Look:
    """The chapter's attention layer."""

    def look(query: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        now = torch.zeros(len(query), dtype=torch.long, device=query.device)
        return attention(query, attention.remember(states, mask), now)[0]

    return look


def d2ls(attention: Attention) -> Look:
    """d2l's layer with the same weights; it is told lengths."""
    theirs = to_d2l(attention)
    return lambda query, states, mask: theirs(query, states, states, mask.sum(dim=1))


def torchs(attention: Attention) -> Look:
    """The fused kernel; it has no weights, and shows none."""

    def look(query: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        q, k = query[:, None], states[:, None]  # with one head, or it is not fused
        mask = mask[:, None, None]  # (B, 1, 1, S)
        return F.scaled_dot_product_attention(q, k, k, mask).squeeze(1)

    return look


def _looking(
    of: Callable[[Attention], Look],
    score: Callable[[], nn.Module],
    B: int,
    T: int,
    C: int,
) -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        attention = Attention(score()).to(setting.device)
        look = of(attention)
        drawn = generator(setting.seed, B)
        query, states = (
            torch.randn(B, T, C, generator=drawn).to(setting.device).requires_grad_()
            for _ in range(2)
        )
        lengths = torch.randint(1, T + 1, (B,), generator=drawn)
        mask = (torch.arange(T) < lengths[:, None]).to(setting.device)
        watched = {"query": query, "states": states}
        return forward_and_backward(
            lambda: look(query, states, mask), watched, attention
        )

    return prepare


def with_d2l(score: nn.Module) -> ByD2l:
    """Attention with this score, by d2l."""
    return ByD2l(Attention(score))


def decoder(
    attention: Callable[[nn.Module], nn.Module], sizes: dict[str, int]
) -> AttentionSeq2Seq:
    """Bahdanau's order of things, with a one-way encoder as in D2L's book."""
    V, E, H = (sizes[letter] for letter in "VEH")
    return AttentionSeq2Seq(
        Encoder(V, GRU(E, H)),
        AttentionDecoder(V, GRU(E + H, H), attention(Additive(H, H, H)), readout=False),
    )


def _training(
    attention: Callable[[nn.Module], nn.Module], sizes: dict[str, int]
) -> Callable[[Setting], Work]:
    def prepare(setting: Setting) -> Work:
        model = decoder(attention, sizes)
        return trained(model, model, sizes, setting)

    return prepare


def _decoding(
    attention: Callable[[nn.Module], nn.Module], sizes: dict[str, int]
) -> Callable[[Setting], Work]:
    return writing(lambda: decoder(attention, sizes), our_greedy, sizes)
