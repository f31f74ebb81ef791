"""One training loop for every chapter: a generator of steps that can be resumed."""

from __future__ import annotations

import contextlib
import io
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, astuple, dataclass
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from course_lib import processes, sharing
from course_lib.data.batching import map_tensors
from course_lib.files import write_whole

# Deterministic products need it, and cuBLAS reads it when it is first used: that may
# be long before the first step of a training.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@dataclass(frozen=True)
class Setting:
    """Where and how a run happens, as opposed to what is run.

    ``device`` is ``"cpu"``, ``"cuda"`` or ``"cuda:N"``; ``precision`` is ``"float32"``
    or ``"bfloat16"`` (autocast, CUDA only). Where ``checkpoint`` names a folder,
    training saves its state there and continues from it.
    """

    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"
    deterministic: bool = True
    checkpoint: Path | None = None


SCHEDULES = ("constant", "linear", "cosine", "inverse-sqrt")


@dataclass(frozen=True)
class Training:
    """How a model is trained; where it is trained is a :class:`Setting`.

    The learning rate grows in a straight line to its peak, for ``warmup`` steps. Then
    it stays there, or falls to 0, in a straight line or as half a cosine wave, or as
    1 / √step. With ``inverse-sqrt`` and a peak of (C · warmup)^-½ it is that of the
    Transformer's paper (Vaswani et al. 2017, eq. 3).
    """

    steps: int  # optimiser steps
    learning_rate: float
    optimizer: str = "adam"  # or "sgd", plain, as in the early papers
    clip_norm: float | None = 1.0  # global L2 norm of the gradient; None: no clipping
    checkpoint_every: int = 200  # steps; a checkpoint costs about one step
    warmup: int = 0  # steps in which the rate grows to ``learning_rate``, its peak
    schedule: str = "constant"  # what comes then: one of SCHEDULES

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps: got {self.steps}, expected at least 1")
        if self.learning_rate <= 0:
            raise ValueError(
                f"learning_rate: got {self.learning_rate}, expected more than 0"
            )
        if self.optimizer not in ("adam", "sgd"):
            raise ValueError(
                f"optimizer: got {self.optimizer!r}, expected 'adam' or 'sgd'"
            )
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"schedule: got {self.schedule!r}, expected one of "
                + ", ".join(SCHEDULES)
            )
        if not 0 <= self.warmup < self.steps:
            raise ValueError(
                f"warmup: got {self.warmup}, expected 0 to {self.steps - 1}, "
                "fewer than all steps"
            )
        if self.clip_norm is not None and self.clip_norm <= 0:
            raise ValueError(
                f"clip_norm: got {self.clip_norm}, expected more than 0 or None"
            )
        if self.checkpoint_every < 1:
            raise ValueError(
                f"checkpoint_every: got {self.checkpoint_every}, expected at least 1"
            )

    def rate(self, index: int) -> float:
        """The learning rate of step ``index``, counted from 0."""
        n, top = index + 1, max(1, self.warmup)  # the peak is the rate of step ``top``
        if n < top:
            return self.learning_rate * n / top
        left = 1 - (n - top) / (self.steps - top + 1)  # from 1 to just above 0
        return (
            self.learning_rate
            * {
                "constant": 1.0,
                "linear": left,
                "cosine": (1 - math.cos(math.pi * left)) / 2,
                "inverse-sqrt": math.sqrt(top / n),
            }[self.schedule]
        )


@dataclass(frozen=True)
class Step:
    """One optimiser step: its number (from 1), loss, gradient norm before clipping."""

    number: int
    loss: float
    gradient_norm: float
    seconds: float  # of training so far, over all the processes that shared it


def train(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor],
    batch_at: Callable[[int], Any],
    training: Training,
    setting: Setting,
    name: str = "model",
    rates: Callable[[nn.Module], Iterable[tuple[nn.Parameter, float]]] | None = None,
) -> Iterator[Step]:
    """Train ``model`` in place, yielding after every optimiser step.

    ``batch_at(n)`` gives the batch of step n (from 0) and must depend on n and its own
    seed only: that is what makes an interrupted run end bit for bit (on the CPU) where
    an unbroken one does. ``loss(model, batch)`` is a scalar. Where
    ``setting.checkpoint`` names a folder, the state is saved there as ``NAME.pt``
    every ``training.checkpoint_every`` steps, at the end, and when the generator is
    closed early; it is read on entry. The steps made before are then yielded again, as
    they were, so that whoever sums them up misses none; the model has by then the
    parameters of the last of them.

    ``rates(model)`` gives each parameter with a factor of the learning rate; without it
    all factors are 1. A parameter that needs no gradient is left as it is.

    Where several processes train (:mod:`course_lib.processes`), all make the same
    batch and each works on its share of it (:mod:`course_lib.sharing`).

    A loss that is not finite does not stop the loop: an experiment may want to see it.
    Raises ``ValueError`` where the checkpoint was made by another ``Training``, and for
    a batch that cannot be shared.
    """
    device = torch.device(setting.device)
    model.to(device).train()
    optimizer = _optimizer(model, training, rates)
    path = setting.checkpoint / f"{name}.pt" if setting.checkpoint else None
    history: list[Step] = []
    if path and processes.agreed(path.exists()):
        history, random = _load(path, model, optimizer, training)
        yield from history
        set_random_state(random)
    before = history[-1].seconds if history else 0.0
    autocast = (
        torch.autocast(device.type, dtype=torch.bfloat16)
        if setting.precision == "bfloat16"
        else contextlib.nullcontext()
    )
    alone = processes.size() == 1
    objective = partial(loss, model) if alone else sharing.shared(model, loss)

    def own_chance(index: int) -> AbstractContextManager[None]:
        if alone:  # a training that began before the others joined stays so
            return contextlib.nullcontext()
        return sharing.own_chance(setting.seed, index, device)

    start = time.perf_counter()
    for index in range(len(history), training.steps):
        with _deterministic(setting.deterministic):
            batch = to_device(batch_at(index), device)
            optimizer.zero_grad()
            with autocast, own_chance(index):
                value = objective(batch)
            value.backward()
            norm = clip_gradient(model, training.clip_norm)
            for group in optimizer.param_groups:
                group["lr"] = training.rate(index) * group["factor"]
            optimizer.step()
        seconds = before + time.perf_counter() - start
        mean = value if alone else processes.total(value) / processes.size()
        history.append(Step(index + 1, mean.item(), norm.item(), seconds))
        last = len(history) == training.steps
        saved = path and (len(history) % training.checkpoint_every == 0 or last)
        if saved:
            _save(path, model, optimizer, training, history)
        try:
            yield history[-1]
        except GeneratorExit:  # stopped: the next run goes on from this very step
            if path and not saved:
                _save(path, model, optimizer, training, history)
            raise


def clip_gradient(model: nn.Module, limit: float | None) -> Tensor:
    """Scale the gradient down to global L2 norm ``limit``; return its norm before.

    With ``limit=None`` it is only measured (Pascanu et al. 2013, algorithm 1).
    """
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if limit is not None:
        nn.utils.clip_grads_with_norm_(model.parameters(), limit, norm)
    return norm


def random_state() -> dict[str, Any]:
    """The state of torch's global generators, on the CPU and on every GPU in use."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what :func:`random_state` gave."""
    torch.set_rng_state(state["cpu"])
    for index, cuda in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(cuda, index)


def to_device(batch: Any, device: torch.device | str) -> Any:
    """Move every tensor in a tensor, tuple, list or dict to ``device``."""
    return map_tensors(lambda tensor: tensor.to(device), batch)


def _optimizer(
    model: nn.Module,
    training: Training,
    rates: Callable[[nn.Module], Iterable[tuple[nn.Parameter, float]]] | None,
) -> torch.optim.Optimizer:
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[training.optimizer]
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter, factor in (
        rates(model) if rates else ((p, 1.0) for p in model.parameters())
    ):
        groups.setdefault(factor, []).append(parameter)
    return kind(
        [{"params": group, "factor": factor} for factor, group in groups.items()],
        lr=training.learning_rate,
    )


def _save(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    training: Training,
    history: list[Step],
) -> None:
    if not processes.first():
        return
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "training": asdict(training),
        "history": [astuple(step) for step in history],
        "random": random_state(),
    }
    buffer = io.BytesIO()  # torch.save into a file would hide a full disk's OSError
    torch.save(state, buffer)
    write_whole(path, buffer.getbuffer())


def _load(
    path: Path, model: nn.Module, optimizer: torch.optim.Optimizer, training: Training
) -> tuple[list[Step], dict[str, Any]]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, UnpicklingError) as error:  # not what was written
        raise ValueError(
            f"checkpoint: {path} is damaged ({error}); delete it to begin again"
        ) from error
    if state["training"] != asdict(training):
        raise ValueError(
            f"checkpoint: {path} was made with {state['training']}, "
            f"expected {asdict(training)}; delete it or train elsewhere"
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return [Step(*numbers) for numbers in state["history"]], state["random"]


@contextlib.contextmanager
def _deterministic(wanted: bool) -> Iterator[None]:
    # By itself it also fills all new memory, whoever overwrites it next: about every
    # third kernel of a step of small layers would do only that.
    memory = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled()
    filled = memory.fill_uninitialized_memory
    torch.use_deterministic_algorithms(wanted, warn_only=True)
    memory.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        memory.fill_uninitialized_memory = filled


def weight_count(model: nn.Module) -> int:
    """How many numbers ``model`` learns."""
    return sum(parameter.numel() for parameter in model.parameters())
