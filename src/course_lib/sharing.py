"""One batch for several processes: each has a share, and all have the mean gradient.

Every process makes the same batch and takes every n-th row of it. What comes out is the
loss and the gradient of the whole batch, as in one process, but for rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from course_lib import processes
from course_lib.data.batching import generator, map_tensors

Loss = Callable[[nn.Module, Any], Tensor]

# How much this process's share counts in the mean; None where nothing is shared.
_weight: ContextVar[float | None] = ContextVar("weight", default=None)


def share(batch: Any) -> tuple[Any, float]:
    """This process's rows of ``batch``, and how much they count in the mean of all.

    A batch is made of tensors whose first dimension is that of its rows, and of numbers
    that hold for all of it; what holds both may be a tuple, list or dict. One with
    fewer rows than there are processes is for each of them.

    Raises ``ValueError`` for a batch that has no such rows.
    """
    rank, size, rows = processes.rank(), processes.size(), _rows(batch)
    if rows < size:
        return batch, 1.0
    mine = map_tensors(lambda tensor: tensor[rank::size].contiguous(), batch)
    return mine, size * len(range(rank, rows, size)) / rows


def mean_over_all(total: Tensor, count: Tensor | int) -> Tensor:
    """The mean of ``count`` things whose sum is ``total``, in all processes' shares.

    Shares are weighed by their rows. A loss that is a mean over something else, such as
    tokens, of which one share has more than another, is made here. A share may have
    none of them, and the mean of nothing at all is 0. Where nothing is shared, and so
    also in one process, this is ``total / count``.
    """
    count = torch.as_tensor(count, dtype=torch.float32, device=total.device)
    weight = _weight.get()
    if weight is None:
        return total / count.clamp(min=1)
    of_each = processes.total(count).clamp(min=1) / processes.size()
    return total / (of_each * weight)


def shared(model: nn.Module, loss: Loss) -> Callable[[Any], Tensor]:
    """The loss of this process's share of a batch, as a function of the batch.

    Its gradient, after ``backward``, is that of the whole batch; so is the mean of the
    losses of all processes. The parameters are the first process's from here on.

    Raises ``ValueError`` for a network that normalises over its batch, on the CPU.
    """
    whole = _Shared(model, loss)
    if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules()):
        if next(model.parameters()).device.type == "cpu":
            raise ValueError(
                f"devices: got {processes.size()}, but {type(model).__name__} "
                "normalises over its batch, which torch can share on GPUs only; "
                "expected 1 on the CPU"
            )
        whole = nn.SyncBatchNorm.convert_sync_batchnorm(whole)
    # A loss may use a part of its model, as BERT's without the next sentence does.
    return DistributedDataParallel(whole, find_unused_parameters=True)


@contextmanager
def own_chance(seed: int, step: int, device: torch.device) -> Iterator[None]:
    """Let the processes drop out different units in step ``step``.

    torch's global state comes out as it went in, so that it stays one for all.
    """
    gpu = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(gpu):
        drawn = generator(seed, step).initial_seed()
        torch.manual_seed(drawn + 1 + processes.rank())
        yield


class _Shared(nn.Module):
    """DDP looks at what comes out of a module; so the loss is made into one."""

    def __init__(self, model: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.model, self.loss = model, loss

    def forward(self, batch: Any) -> Tensor:
        mine, weight = share(batch)
        token = _weight.set(weight)
        try:
            return self.loss(self.model, mine) * weight
        finally:
            _weight.reset(token)


def _rows(batch: Any) -> int:
    found = [*dict.fromkeys(_leaves(batch))]
    rows = {shape[0] for shape in found if isinstance(shape, torch.Size) and shape}
    if len(rows) != 1 or any(shape == () for shape in found):
        got = ", ".join(str(tuple(shape)) for shape in found if shape is not None)
        raise ValueError(
            f"batch: got tensors of shapes {got or 'none'}, expected the same number "
            f"of rows first in each, to be shared by {processes.size()} processes"
        )
    return rows.pop()


def _leaves(batch: Any) -> Iterator[torch.Size | None]:
    """The shape of every tensor, and None for a number."""
    if isinstance(batch, Tensor):
        yield batch.shape
    elif isinstance(batch, dict):
        yield from _leaves(tuple(batch.values()))
    elif isinstance(batch, (tuple, list)):
        for item in batch:
            yield from _leaves(item)
    elif batch is None or isinstance(batch, (bool, int, float)):
        yield None
    else:
        raise ValueError(
            f"batch: got a {type(batch).__name__} in it, expected tensors and numbers, "
            f"to be shared by {processes.size()} processes"
        )
