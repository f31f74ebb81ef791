"""A GPT writes: ours beside Hugging Face's GPT-2 with the same weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from course_lib.bench.match import Contender, Match, Work, decoding
from course_lib.data.batching import generator
from course_lib.exchange import to_huggingface
from course_lib.training import Setting
from course_lib.transformer import GPT, TransformerConfig

SIZES = {  # B, prefix, T, V, C, H, blocks
    "quick": (2, 3, 4, 12, 8, 2, 2),
    "cpu": (8, 16, 128, 4000, 256, 8, 4),
    "cuda": (32, 128, 384, 16_000, 768, 12, 12),
}

Write = Callable[[Tensor], Tensor]  # (B, prefix) -> (B, T)


def matches(scale: str) -> Iterator[Match]:
    """Each continues the same random tokens by the most probable ones."""
    B, prefix, T, V, C, H, blocks = SIZES[scale]
    build = partial(ours, V, C, H, blocks, longest=prefix + T)
    yield Match(
        "GPT",
        "transformer",
        "decoding",
        {"B": B, "prefix": prefix, "T": T, "V": V, "C": C, "H": H, "blocks": blocks},
        B * T,
        tuple(
            Contender(who, kind, _writing(of, build, (B, prefix, T, V)))
            for who, kind, of in (
                ("ours", "ours", by_us),
                ("Hugging Face GPT2LMHeadModel", "peer", by_huggingface),
            )
        ),
    )


def ours(V: int, C: int, H: int, blocks: int, longest: int) -> GPT:
    """In the manner of GPT-2; the output is not tied, or each word says itself."""
    return GPT(
        TransformerConfig(
            size=C,
            heads=H,
            inner=4 * C,
            blocks=blocks,
            norm="pre",
            positions="learned",
            longest=longest,
            activation="gelu",
            dropout=0.0,
            tied=False,
        ),
        V,
    )


def by_us(model: GPT, length: int) -> Write:
    """The chapter's own way: a token at a time, keys and values kept."""
    return lambda first: model.generate(first, length, temperature=0)


def by_huggingface(model: GPT, length: int) -> Write:
    """``generate`` of transformers, greedy, with its cache."""
    theirs = to_huggingface(model)

    def write(first: Tensor) -> Tensor:
        tokens = theirs.generate(
            first,
            attention_mask=torch.ones_like(first),
            max_new_tokens=length,
            do_sample=False,
        )
        return tokens[:, first.shape[1] :]

    return write


def _writing(
    of: Callable[[GPT, int], Write],
    build: Callable[[], GPT],
    sizes: tuple[int, int, int, int],
) -> Callable[[Setting], Work]:
    B, prefix, T, V = sizes

    def prepare(setting: Setting) -> Work:
        write = of(build().to(setting.device).eval(), T)
        first = torch.randint(V, (B, prefix), generator=generator(setting.seed, B))
        first = first.to(setting.device)
        return decoding(lambda: write(first))

    return prepare
