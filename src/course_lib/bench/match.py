"""A match: several implementations of one thing, with the same weights and inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.training import Setting, Training, to_device, train

SCALES = ("quick", "cpu", "cuda")  # sizes: of a test, for 2 cores, for a GPU
KINDS = ("ours", "peer", "limit")

ENDLESS = 10**9  # optimiser steps: a match says when it has seen enough


@dataclass(frozen=True)
class Work:
    """One implementation, ready to run.

    ``step`` is the unit that is timed. ``values`` is what it computes, before any step,
    by name and in the layout of ours: outputs, and gradients where it trains. It is
    always computed in float32, also where bfloat16 is timed.
    """

    step: Callable[[], object]
    values: Mapping[str, Tensor]


@dataclass(frozen=True)
class Contender:
    """One implementation in a match.

    ``kind`` is ``"ours"``, ``"peer"`` for another teaching or reference implementation,
    or ``"limit"`` for the fused kernels of torch, which nobody beats from Python.
    ``prepare`` raises ``ImportError`` where the package is not installed. ``note`` says
    what differs by design.
    """

    name: str
    kind: str
    prepare: Callable[[Setting], Work]
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(
                f"kind: got {self.kind!r}, expected one of {', '.join(KINDS)}"
            )


@dataclass(frozen=True)
class Match:
    """Contenders for one task; the first one is ours as the course trains with it.

    ``tokens`` are what one step processes, ``sizes`` the shapes, by the letters of the
    design. The values of all must agree with those of the first within ``tolerance`` of
    their largest entry. ``counted`` names a contender of which torch can count the
    products (a fused recurrent kernel hides them).
    """

    name: str
    chapter: str
    task: str  # "training step", "decoding", "forward and backward"
    sizes: Mapping[str, int]
    tokens: int
    contenders: tuple[Contender, ...]
    tolerance: float = 1e-4
    counted: str | None = None
    words: str = "tokens"  # of what tokens are: "tokens", "images"
    by: Mapping[str, Contender] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by = {contender.name: contender for contender in self.contenders}
        if len(by) < len(self.contenders) or self.contenders[0].kind != "ours":
            raise ValueError(
                f"contenders of {self.name}: got {[c.name for c in self.contenders]}, "
                "expected different names and one of ours first"
            )
        if self.counted is not None and self.counted not in by:
            raise ValueError(
                f"counted: got {self.counted!r}, expected one of {', '.join(by)}"
            )
        object.__setattr__(self, "by", by)


def training_step(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor],
    batch: Any,
    gradients: Callable[[nn.Module], Mapping[str, Tensor | None]],
    setting: Setting,
    outputs: Callable[[nn.Module, Any], Tensor] | None = None,
) -> Work:
    """The course's own loop (Adam, clipping) around anyone's ``model``.

    So only the models differ. ``gradients(model)`` picks some gradients after a
    backward pass, in the layout of ours; they, the loss and ``outputs(model, batch)``
    are the values.
    """
    model.to(setting.device).train()
    batch = to_device(batch, setting.device)
    value = loss(model, batch)
    shown = {"output": outputs(model, batch)} if outputs else {}
    value.backward()
    values = {"loss": value, **shown, **picked(gradients(model))}
    values = {name: tensor.detach().cpu() for name, tensor in values.items()}
    model.zero_grad()
    endless = Training(ENDLESS, learning_rate=1e-4)
    steps = train(model, loss, lambda n: batch, endless, setting)
    return Work(lambda: next(steps), values)


def forward_and_backward(
    call: Callable[[], Tensor], watched: Mapping[str, Tensor], *modules: nn.Module
) -> Work:
    """``call()`` and the way back to the ``watched`` tensors and all of ``modules``.

    The gradient that comes in is the same for all: signs in turn, of norm 1. Those of
    the ``watched`` tensors are values, so they must have the layout of ours.
    """
    learned = [*watched.values(), *(p for m in modules for p in m.parameters())]
    with torch.no_grad():
        signs = _alternating(call())

    def step() -> Tensor:
        for tensor in learned:
            tensor.grad = None
        output = call()
        output.backward(signs.to(output.dtype))
        return output

    output = step().detach().cpu()
    gradients = picked({name: tensor.grad for name, tensor in watched.items()})
    values = {f"of {name}": tensor.cpu() for name, tensor in gradients.items()}
    return Work(step, {"output": output, **values})


def decoding(decode: Callable[[], Tensor]) -> Work:
    """Tokens that ``decode()`` writes: ``(N, T)``, which all must choose alike."""

    @torch.inference_mode()
    def step() -> Tensor:
        return decode()

    return Work(step, {"tokens": step().cpu()})


def picked(gradients: Mapping[str, Tensor | None]) -> dict[str, Tensor]:
    """Copies of gradients. Raises ``ValueError`` where one of them was not made."""
    if lacking := [name for name, gradient in gradients.items() if gradient is None]:
        raise ValueError(f"gradients: got none of {', '.join(lacking)}")
    return {name: gradient.detach().clone() for name, gradient in gradients.items()}


def differences(values: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> float:
    """How far ``values`` are from ``ours``, at most, of ours' largest entry.

    Infinite where one of ours is missing or of another shape, and where whole numbers,
    such as tokens, are not the same; what only the other has is not compared.
    """
    worst = 0.0
    for name, mine in ours.items():
        if name not in values or values[name].shape != mine.shape:
            return float("inf")
        if not mine.is_floating_point():
            worst = worst if torch.equal(values[name], mine) else float("inf")
            continue
        apart = (values[name] - mine).abs().max() / mine.abs().max().clamp(min=1e-12)
        worst = max(worst, apart.nan_to_num(float("inf")).item())
    return worst


def _alternating(like: Tensor) -> Tensor:
    signs = torch.ones(like.numel(), device=like.device, dtype=like.dtype)
    signs[1::2] = -1
    return signs.view_as(like) * like.numel() ** -0.5
