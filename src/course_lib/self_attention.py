"""Self-attention, in many heads: every token asks all tokens at once.

From vectors x_1 … x_S come queries, keys and values, each by a matrix of its own, and
every head h takes D = C / H numbers of them (Vaswani et al. 2017, section 3.2):

    attention(Q, K, V) = softmax(Q Kᵀ / √D) V                                    (5.1)
    head_h = attention(X W_q^h, X W_k^h, X W_v^h)
    multi_head(X) = [head_1; …; head_H] W_o                                      (5.2)

If keys and values come from other vectors than the queries, it is cross-attention.

Shapes: B batch, T queries, S keys, C width of a token, H heads, D = C / H. Masks are
True where one may look.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import masked_softmax
from course_lib.positions import rotate

PATHS = ("fused", "written_out")


def may_look(
    q: Tensor, k: Tensor, mask: Tensor | None = None, causal: bool = False
) -> Tensor | None:
    """Which of ``k (B, H, S, D)`` each of ``q (B, H, T, D)`` may look at.

    ``mask (B, S)`` is True for real tokens. With ``causal`` a query sees no key after
    its own place; the queries are the last T of the S tokens. The answer broadcasts to
    ``(B, H, T, S)``; it is ``None`` if all may look everywhere.
    """
    (B, _, T, _), S = q.shape, k.shape[2]
    if mask is not None and (mask.shape != (B, S) or mask.dtype != torch.bool):
        raise ValueError(
            f"mask: got {mask.dtype} of shape {tuple(mask.shape)}, "
            f"expected torch.bool of shape {(B, S)}"
        )
    allowed = None if mask is None else mask[:, None, None]  # (B, S) -> (B, 1, 1, S)
    if causal and T > 1:  # the last token alone has nothing after it
        before = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)
        allowed = before if allowed is None else allowed & before
    return allowed


def attention(
    q: Tensor, k: Tensor, v: Tensor, allowed: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Equation (5.1), written out: ``(…, T, D)`` and the weights ``(…, T, S)``.

    ``q (…, T, D)``, ``k (…, S, D)``, ``v (…, S, D)``; ``allowed`` broadcasts to the
    weights. A query that may look nowhere gets zeros.
    """
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])  # (…, T, S)
    if allowed is None:
        weights = scores.softmax(dim=-1)
    else:
        weights = masked_softmax(scores, allowed)
    return weights @ v, weights


class Seen(NamedTuple):
    """Keys and values of tokens, made once. Kept while decoding, they are its cache."""

    keys: Tensor  # (B, H, S, D)
    values: Tensor  # (B, H, S, D)

    def then(self, more: Seen) -> Seen:
        """These tokens and, after them, ``more``."""
        if self.keys.shape[2] == 0:
            return more
        return Seen(*(append(*pair) for pair in zip(self, more, strict=True)))


def append(before: Tensor, more: Tensor) -> Tensor:
    """``before (B, H, S, D)`` and, after it, ``more (B, H, T, D)``.

    While decoding, what comes is written into spare room behind ``before``, twice as
    large each time: to copy all tokens for every token took half of the time. Two
    continuations of one beginning never share that room.
    """
    S, T = before.shape[2], more.shape[2]
    if torch.is_grad_enabled() and (before.requires_grad or more.requires_grad):
        return torch.cat([before, more], dim=2)
    room = getattr(before, "room", None)
    if room is None or room.used != S or room.shape[2] < S + T:
        B, H, _, D = before.shape
        room = before.new_empty(B, H, 2 * (S + T), D)
        room[:, :, :S] = before
    room[:, :, S : S + T] = more
    room.used = S + T
    both = room[:, :, : S + T]
    both.room = room
    return both


class MultiHeadAttention(nn.Module):
    """H attentions side by side, each on its own D of C numbers: equation (5.2).

    The ``"fused"`` path never makes the T x S weights of a batch; ``"written_out"`` is
    :func:`attention`. With ``rotary`` queries and keys are turned by their places.
    """

    def __init__(
        self,
        size: int,
        heads: int,
        bias: bool = True,
        rotary: bool = False,
        path: str = "fused",
    ) -> None:
        super().__init__()
        if heads < 1 or size % heads:
            raise ValueError(f"heads: got {heads}, expected a divisor of size {size}")
        if path not in PATHS:
            raise ValueError(f"path: got {path!r}, expected one of {', '.join(PATHS)}")
        self.size, self.heads, self.rotary, self.path = size, heads, rotary, path
        self.W_q = nn.Linear(size, size, bias)
        self.W_k = nn.Linear(size, size, bias)
        self.W_v = nn.Linear(size, size, bias)
        self.W_o = nn.Linear(size, size, bias)
        self.keep_weights = False
        self.weights: Tensor | None = None  # (B, H, T, S) of the last call, if kept

    def look_at(self, x: Tensor, first: int = 0) -> Seen:
        """Keys and values of ``x (B, S, C)``, whose first token has place ``first``."""
        keys, values = self._split(self.W_k(x)), self._split(self.W_v(x))
        if self.rotary:
            keys = self._turn(keys, first)
        return Seen(keys, values)

    def forward(
        self, x: Tensor, seen: Seen, mask: Tensor | None = None, causal: bool = False
    ) -> Tensor:
        """What each of ``x (B, T, C)`` hears from ``seen``: ``(B, T, C)``.

        ``mask (B, S)`` and ``causal`` as in :func:`may_look`.
        """
        q = self._split(self.W_q(x))  # (B, T, C) -> (B, H, T, D)
        T, S = q.shape[2], seen.keys.shape[2]
        if self.rotary:
            q = self._turn(q, S - T)
        if self.keep_weights or self.path == "written_out":
            heads, weights = attention(q, *seen, may_look(q, seen.keys, mask, causal))
            self.weights = weights.detach() if self.keep_weights else None
        elif causal and mask is None and T == S:  # a mask that the kernel knows
            heads = F.scaled_dot_product_attention(q, *seen, is_causal=True)
        else:
            allowed = may_look(q, seen.keys, mask, causal)
            heads = F.scaled_dot_product_attention(q, *seen, attn_mask=allowed)
        return self.W_o(heads.transpose(1, 2).flatten(2))  # (B, H, T, D) -> (B, T, C)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # -> (B, H, T, D)

    def _turn(self, x: Tensor, first: int) -> Tensor:
        return rotate(x, torch.arange(first, first + x.shape[2], device=x.device))


@contextmanager
def weights_kept(model: nn.Module) -> Iterator[dict[str, MultiHeadAttention]]:
    """Inside, each attention of ``model`` keeps the ``weights`` of its last call.

    They are detached, and gone afterwards. Yields the attentions by name.
    """
    found = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, MultiHeadAttention)
    }
    for module in found.values():
        module.keep_weights = True
    try:
        yield found
    finally:
        for module in found.values():
            module.keep_weights, module.weights = False, None
