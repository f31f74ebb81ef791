"""What all recurrent layers share: masks, states of several parts, stacks, both ways.

A layer has ``input_size`` and ``hidden_size``. Called with ``x (B, T, I)``, a state and
a ``mask (B, T)`` it gives ``states (B, T, H)`` and the last state, which is a tensor
``(B, H)`` or a tuple; ``layer.hidden(state)`` is the part of it that the rest of the
network sees, ``(B, H)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import (
    PackedSequence,
    pack_padded_sequence,
    pad_packed_sequence,
)


def check_batch(x: Tensor, mask: Tensor | None, input_size: int) -> None:
    """Raise ``ValueError`` unless ``x`` is (B, T, input_size) and ``mask`` fits it."""
    if x.dim() != 3 or x.shape[1] == 0 or x.shape[2] != input_size:
        raise ValueError(
            f"x: got shape {tuple(x.shape)}, expected (B, T, {input_size}) "
            "with T of at least 1"
        )
    if mask is not None and (mask.shape != x.shape[:2] or mask.dtype != torch.bool):
        raise ValueError(
            f"mask: got {mask.dtype} of shape {tuple(mask.shape)}, "
            f"expected torch.bool of shape {tuple(x.shape[:2])}"
        )


def lengths_at_start(mask: Tensor) -> Tensor:
    """``mask (B, T)`` -> the number of tokens in each row ``(B,)``.

    Raises ``ValueError`` where padding stands before a token: no kernel can skip it.
    """
    lengths = mask.sum(dim=1)
    if not torch.equal(
        mask, torch.arange(mask.shape[1], device=mask.device) < lengths[:, None]
    ):
        raise ValueError("mask: the fused path expects all padding at the end")
    return lengths


def carried_over_padding(states: Tensor, lengths: Tensor, first: Tensor) -> Tensor:
    """``states (B, T, H)`` with each row's last real state in place of its padding.

    ``lengths (B,)`` counts the tokens of each row; one without any keeps ``first (B,
    H)``. For kernels that know no mask.
    """
    time = torch.arange(states.shape[1], device=states.device)
    rows = torch.arange(len(states), device=states.device)
    last = states[rows, (lengths - 1).clamp(min=0)]  # (B, T, H) -> (B, H)
    last = torch.where((lengths > 0)[:, None], last, first)
    real = (time < lengths[:, None])[..., None]  # (B, T, 1)
    return torch.where(real, states, last[:, None])


def map_state(function: Callable[..., Tensor], *states: Any) -> Any:
    """Apply ``function`` to a state, or to each part of one that is a tuple."""
    if isinstance(states[0], Tensor):
        return function(*states)
    parts = [map_state(function, *same) for same in zip(*states, strict=True)]
    kind = type(states[0])
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def choose(where: Tensor, new: Any, old: Any) -> Any:
    """In each row of a state the new one if ``where (B,)`` is True, else the old."""
    return map_state(lambda n, o: torch.where(where[:, None], n, o), new, old)


def check_state(state: Any, like: Any) -> None:
    """Raise ``ValueError`` unless ``state`` has the parts and shapes of ``like``."""
    if shapes_of(state) != shapes_of(like):
        raise ValueError(
            f"state: got shape {shapes_of(state)}, expected {shapes_of(like)}"
        )


def shapes_of(state: Any) -> Any:
    """The shape of a state, or the tuple of the shapes of its parts."""
    if isinstance(state, Tensor):
        return tuple(state.shape)
    if isinstance(state, tuple):
        return tuple(shapes_of(part) for part in state)
    return type(state).__name__


def run_kernel(
    kernel: Callable[..., tuple[Tensor, ...]],
    x: Tensor,
    state: tuple[Tensor, ...],
    parameters: Sequence[Tensor],
    mask: Tensor | None,
    training: bool,
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """``torch.lstm`` or ``torch.gru`` on ``x (B, T, I)``; the state's parts are (B, H).

    ``parameters`` are torch's: W_ih, W_hh, b_ih, b_hh. Over padding the state stays.
    cuDNN has a gradient only with ``training``.
    """
    options = (True, 1, 0.0, training, False)  # biases, 1 layer, no dropout, one way
    if mask is not None and mask.all():
        mask = None  # nothing is padded
    lengths = None if mask is None else lengths_at_start(mask)  # (B,)
    if lengths is None or len(state) == 1:
        first = _one_or_all([part[None] for part in state])  # (B, H) -> (1, B, H)
        states, *last = kernel(x, first, parameters, *options, True)
        if lengths is None:
            return states, tuple(part[0] for part in last)
        # It ran on over the padding, behind all tokens: put the last real state there.
        states = carried_over_padding(states, lengths, state[0])
        return states, (states[:, -1],)
    # A cell is not among the states, so each row has to stop at its end: packed. One
    # without a token runs, and is put back.
    data, sizes, there, back = pack_padded_sequence(
        x, lengths.clamp(min=1).cpu(), batch_first=True, enforce_sorted=False
    )
    first = _one_or_all([part[there][None] for part in state])
    data, *last = kernel(data, sizes, first, parameters, *options)
    states, _ = pad_packed_sequence(
        PackedSequence(data, sizes, there, back), True, 0.0, x.shape[1]
    )
    states = carried_over_padding(states, lengths, state[0])
    return states, choose(lengths > 0, tuple(part[0][back] for part in last), state)


def _one_or_all(parts: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
    return parts[0] if len(parts) == 1 else tuple(parts)


class Stacked(nn.Module):
    """Layers on top of each other: each reads the states of the one below.

    While training, ``dropout`` sets entries of the states between two layers to zero
    (Zaremba et al. 2014). A state is the tuple of the states of the layers.
    """

    def __init__(self, layers: Sequence[nn.Module], dropout: float = 0.0) -> None:
        super().__init__()
        if not layers:
            raise ValueError("layers: got none, expected at least one")
        for below, above in pairwise(layers):
            if above.input_size != below.hidden_size:
                raise ValueError(
                    f"layers: one of input size {above.input_size} stands on one of "
                    f"hidden size {below.hidden_size}, expected the two to be equal"
                )
        self.layers = nn.ModuleList(layers)
        self.dropout = dropout
        self.input_size = layers[0].input_size
        self.hidden_size = layers[-1].hidden_size

    def forward(
        self, x: Tensor, state: Any = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """``x (B, T, I)`` -> states of the top layer ``(B, T, H)``, all last states."""
        firsts = (None,) * len(self.layers) if state is None else state
        lasts = []
        for depth, (layer, first) in enumerate(zip(self.layers, firsts, strict=True)):
            if depth:
                x = F.dropout(x, self.dropout, self.training)
            x, last = layer(x, first, mask)
            lasts.append(last)
        return x, tuple(lasts)

    def zero_state(self, x: Tensor) -> tuple[Any, ...]:
        """The states before anything was read, for a batch like ``x (B, T, I)``."""
        return tuple(layer.zero_state(x) for layer in self.layers)

    def hidden(self, state: tuple[Any, ...]) -> Tensor:
        """What the top layer shows."""
        return self.layers[-1].hidden(state[-1])


class BothStates(NamedTuple):
    """The last states of the two directions."""

    forth: Any  # after the last token
    back: Any  # after the first token


class Bidirectional(nn.Module):
    """One layer reads forth, one reads back (Schuster & Paliwal 1997).

    At each step their states stand side by side, so each sees the whole sequence: a
    language model can't be built on it. To sum a sequence up, take ``hidden(state)``,
    not ``states[:, -1]``, where the layer that reads back has only begun.
    """

    def __init__(self, forth: nn.Module, back: nn.Module) -> None:
        super().__init__()
        if forth.input_size != back.input_size:
            raise ValueError(
                f"back: got input size {back.input_size}, expected {forth.input_size}"
            )
        self.forth, self.back = forth, back
        self.input_size = forth.input_size
        self.hidden_size = forth.hidden_size + back.hidden_size

    def forward(
        self, x: Tensor, state: BothStates | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, BothStates]:
        """``x (B, T, I)`` -> ``(B, T, H_forth + H_back)``, the two last states."""
        first = BothStates(None, None) if state is None else state
        forth, last_forth = self.forth(x, first.forth, mask)
        back, last_back = self.back(reverse(x, mask), first.back, mask)
        states = torch.cat([forth, reverse(back, mask)], dim=-1)
        return states, BothStates(last_forth, last_back)

    def zero_state(self, x: Tensor) -> BothStates:
        """The states before anything was read, for a batch like ``x (B, T, I)``."""
        return BothStates(self.forth.zero_state(x), self.back.zero_state(x))

    def hidden(self, state: BothStates) -> Tensor:
        """``(B, H_forth + H_back)``: what each has read when it has read it all."""
        parts = self.forth.hidden(state.forth), self.back.hidden(state.back)
        return torch.cat(parts, dim=-1)


def reverse(x: Tensor, mask: Tensor | None = None) -> Tensor:
    """``x (B, T, I)`` with the tokens of each row turned round, its padding left last.

    Raises ``ValueError`` where ``mask`` has padding before a token.
    """
    if mask is None:
        return x.flip(1)
    lengths = lengths_at_start(mask)[:, None]  # (B, 1)
    time = torch.arange(x.shape[1], device=x.device)
    place = torch.where(time < lengths, lengths - 1 - time, time)  # (B, T)
    return x.gather(1, place[..., None].expand_as(x))
