"""Multi-head attention alone: one layer, with each mask, of a short and a long text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.bench.match import Contender, Match, Work, forward_and_backward
from course_lib.data.batching import generator
from course_lib.exchange import to_d2l, to_torch
from course_lib.self_attention import MultiHeadAttention
from course_lib.training import Setting

SIZES = {  # B, T, C, H
    "quick": ((2, 5, 8, 2),),
    "cpu": ((32, 256, 256, 8), (8, 1024, 256, 8)),
    "cuda": ((32, 1024, 1024, 16), (8, 4096, 1024, 16)),
}
MASKS = ("none", "padding", "causal")

Hear = Callable[[Tensor], Tensor]  # x (B, T, C) -> what each hears from all, the same
Build = Callable[[MultiHeadAttention, str, Tensor], tuple[Hear, nn.Module, Tensor]]


def matches(scale: str) -> Iterator[Match]:
    """Forward and back through one layer; padding are the lengths of a random batch."""
    for B, T, C, H in SIZES[scale]:
        for mask in MASKS:
            said = {"none": "no mask", "padding": "padded", "causal": "causal"}[mask]
            yield Match(
                f"multi-head attention, {said}",
                "transformer",
                "forward and backward",
                {"B": B, "T": T, "C": C, "H": H},
                B * T,
                tuple(
                    Contender(who, kind, _hearing(build, path, mask, (B, T, C, H)))
                    for who, kind, build, path in (
                        ("ours", "ours", ours, "fused"),
                        ("ours, written out", "ours", ours, "written_out"),
                        ("d2l MultiHeadAttention", "peer", d2ls, "fused"),
                        ("torch nn.MultiheadAttention", "peer", torchs, "fused"),
                        ("torch's fused kernel", "limit", bare, "fused"),
                    )
                ),
                counted="ours, written out",
            )


# Each gives the layer as a function, its parameters, and the last matrix among these.


def ours(
    layer: MultiHeadAttention, mask: str, real: Tensor
) -> tuple[Hear, nn.Module, Tensor]:
    """The chapter's layer, by either path."""
    how = {"none": {}, "padding": {"mask": real}, "causal": {"causal": True}}[mask]
    return lambda x: layer(x, layer.look_at(x), **how), layer, layer.W_o.weight


def d2ls(
    layer: MultiHeadAttention, mask: str, real: Tensor
) -> tuple[Hear, nn.Module, Tensor]:
    """d2l's, which is told how many tokens each row, or each token, may see."""
    theirs, (B, T) = to_d2l(layer), real.shape
    lengths = {
        "none": None,
        "padding": real.sum(dim=1),
        "causal": torch.arange(1, T + 1, device=real.device).repeat(B, 1),
    }[mask]
    return lambda x: theirs(x, x, x, lengths), theirs, theirs.W_o.weight


def torchs(
    layer: MultiHeadAttention, mask: str, real: Tensor
) -> tuple[Hear, nn.Module, Tensor]:
    """torch's module, asked for no weights; its masks are True where none may look."""
    theirs, T = to_torch(layer).to(real.device), real.shape[1]
    after = torch.ones(T, T, dtype=torch.bool, device=real.device).triu(1)
    how = {
        "none": {},
        "padding": {"key_padding_mask": ~real},
        "causal": {"attn_mask": after, "is_causal": True},
    }[mask]
    return (
        lambda x: theirs(x, x, x, need_weights=False, **how)[0],
        theirs,
        theirs.out_proj.weight,
    )


def bare(
    layer: MultiHeadAttention, mask: str, real: Tensor
) -> tuple[Hear, nn.Module, Tensor]:
    """Four products and the kernel: nothing that could be left out."""
    B, T = real.shape
    W_q, W_k, W_v, W_o = layer.W_q, layer.W_k, layer.W_v, layer.W_o
    how = {
        "none": {},
        "padding": {"attn_mask": real[:, None, None]},
        "causal": {"is_causal": True},
    }[mask]

    def hear(x: Tensor) -> Tensor:
        q, k, v = (W(x).view(B, T, layer.heads, -1) for W in (W_q, W_k, W_v))
        heads = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), **how
        )
        return W_o(heads.transpose(1, 2).reshape(B, T, -1))

    return hear, layer, W_o.weight


def _hearing(
    build: Build, path: str, mask: str, sizes: tuple[int, int, int, int]
) -> Callable[[Setting], Work]:
    B, T, C, H = sizes

    def prepare(setting: Setting) -> Work:
        layer = MultiHeadAttention(C, H, path=path).to(setting.device)
        drawn = generator(setting.seed, B)
        x = torch.randn(B, T, C, generator=drawn).to(setting.device).requires_grad_()
        lengths = torch.randint(T // 2, T + 1, (B,), generator=drawn)
        real = (torch.arange(T) < lengths[:, None]).to(setting.device)
        hear, module, W_o = build(layer, mask, real)
        return forward_and_backward(lambda: hear(x), {"x": x, "W_o": W_o}, module)

    return prepare
