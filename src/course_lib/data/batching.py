"""Batches: padding with its mask, and a sampler that an interrupted run can rejoin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def pad(sequences: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Token ids of different lengths as (B, T), and their mask (B, T), True = real.

    Padding is token 0, which only the mask tells from a real one.
    """
    if not sequences or any(len(sequence) == 0 for sequence in sequences):
        raise ValueError("sequences: got none or an empty one, expected one token each")
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    tokens = pad_sequence(list(sequences), batch_first=True)
    mask = torch.arange(tokens.shape[1]) < lengths.unsqueeze(
        1
    )  # (T,), (B, 1) -> (B, T)
    return tokens, mask


def map_tensors(change: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """``batch`` with ``change`` made to every tensor in a tensor, tuple, list or dict.

    What else is in it stays as it is.
    """
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, dict):
        return {key: map_tensors(change, item) for key, item in batch.items()}
    if isinstance(batch, (tuple, list)):
        items = [map_tensors(change, item) for item in batch]
        return type(batch)(*items) if hasattr(batch, "_fields") else type(batch)(items)
    return batch


def generator(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step: a pure function of ``seed`` and ``step``."""
    # Odd multipliers keep the pairs apart, where seed + step would mix them up.
    mixed = (seed * 0x9E3779B97F4A7C15 + step * 0xBF58476D1CE4E5B9) % 2**63
    return torch.Generator().manual_seed(mixed)


class Sampler:
    """Indices of batches from ``size`` examples: a new order in every epoch.

    ``sampler(n)`` gives the indices of step n, a pure function of ``seed`` and n. Each
    epoch takes every example once; its last batch may be smaller.
    """

    def __init__(self, size: int, batch: int, seed: int) -> None:
        if size < 1 or batch < 1:
            raise ValueError(f"size, batch: got {size}, {batch}, expected at least 1")
        self.size, self.batch, self.seed = size, batch, seed
        self.per_epoch = -(-size // batch)  # batches, rounded up
        self._epoch, self._order = -1, torch.empty(0)

    def __call__(self, step: int) -> Tensor:
        """Indices (B,) of step ``step``, counted from 0."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            order = torch.randperm(self.size, generator=generator(self.seed, epoch))
            self._epoch, self._order = epoch, order
        return self._order[position * self.batch : (position + 1) * self.batch]


class Buckets:
    """Indices of batches whose examples have similar ``lengths``: less padding.

    As :class:`Sampler`, but an epoch's order is cut into pools of ``pool`` batches,
    each sorted by length before it is cut into batches, and those are shuffled.
    """

    def __init__(
        self, lengths: Sequence[int], batch: int, seed: int, pool: int = 20
    ) -> None:
        self._lengths = torch.tensor(lengths)
        self._sampler = Sampler(len(lengths), batch * pool, seed)
        self.batch, self.seed = batch, seed
        self.per_epoch = -(-len(lengths) // batch)  # batches, rounded up
        self._epoch, self._batches = -1, []

    def __call__(self, step: int) -> Tensor:
        """Indices (B,) of step ``step``, counted from 0."""
        epoch, position = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            pools = range(
                epoch * self._sampler.per_epoch, (epoch + 1) * self._sampler.per_epoch
            )
            cut = [
                chunk
                for pool in pools
                for chunk in self._sorted(pool).split(self.batch)
            ]
            order = torch.randperm(len(cut), generator=generator(self.seed, -1 - epoch))
            self._epoch, self._batches = epoch, [cut[i] for i in order.tolist()]
        return self._batches[position]

    def _sorted(self, pool: int) -> Tensor:
        chosen = self._sampler(pool)
        return chosen[self._lengths[chosen].argsort(stable=True)]
