"""A question's tests, and how a test says what is wrong.

A test is a plain function ``test(S, rng)``. ``S.name(...)`` calls the student's
function ``name``, wherever it lives; ``rng`` is a seeded ``torch.Generator``. Only
numbers, strings, lists, dicts and tensors cross (``wire.py``), by value: a test sees
no effect on its arguments, and never believes a number that the student computed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

_SHOWN = 12  # entries of a tensor that a sentence can hold


class Wrong(AssertionError):
    """The answer differs from what was expected; the message is for the learner."""


class NotWritten(Exception):
    """The answer is still the stub."""


class Failed(Exception):
    """The answer could not be had: it raised or took too long."""


class Missing(Failed):
    """There is no function of the name: its cell was not run, or has a mistake."""


@dataclass(frozen=True)
class Case:
    """One test of one question, worth ``points``.

    ``given`` is the source of right answers to earlier questions: while the test
    calls, they stand in for the student's functions of the same names.
    """

    question: str
    points: int
    hidden: bool
    hint: str
    test: Callable[[Any, torch.Generator], None]
    given: str = ""

    @property
    def name(self) -> str:
        """The test's name in reports, such as ``q1.values``."""
        return f"{self.question}.{self.test.__name__}"

    @property
    def title(self) -> str:
        """What the test asks for, in words: its docstring's first line."""
        doc = (self.test.__doc__ or "").strip()
        return doc.splitlines()[0] if doc else self.test.__name__.replace("_", " ")


def question(
    name: str, points: int, hidden: bool = False, hint: str = ""
) -> Callable[[Callable[[Any, torch.Generator], None]], Case]:
    """Make a test function one case of question ``name``.

    Visible cases run in the student's notebook; hidden ones only at grading, where
    ``rng`` has the teacher's seed. ``hint`` is shown when the test fails.
    """
    if type(points) is not int or points < 1:
        raise ValueError(f"points of {name!r} is {points!r}; expected a whole number")
    return lambda test: Case(name, points, hidden, hint, test)


def expect(got: Any, expected: Any, *, tolerance: float = 1e-5, **given: Any) -> None:
    """Raise ``Wrong`` unless ``got`` is ``expected``; ``given`` names the inputs.

    Numbers and floating tensors may differ by ``tolerance`` (absolute, and relative
    to ``expected``). Try small inputs first: the first failure is what the learner
    reads.
    """
    problem = _difference(got, expected, tolerance)
    if problem:
        inputs = ", ".join(f"{name} = {show(value)}" for name, value in given.items())
        raise Wrong(f"For {inputs}: {problem}" if inputs else problem)


def _difference(got: Any, expected: Any, tolerance: float) -> str:
    if isinstance(expected, Tensor):
        return _tensor_difference(got, expected, tolerance)
    if isinstance(expected, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(expected):
            return f"expected {len(expected)} values, got {show(got)}."
        for index, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
            problem = _difference(mine, theirs, tolerance)
            if problem:
                return f"value {index + 1} of {len(expected)}: {problem}"
        return ""
    if isinstance(got, Tensor) and got.numel() == 1:
        got = got.item()  # a number that is still a tensor is a number
    if isinstance(expected, float):
        number = isinstance(got, (int, float)) and not isinstance(got, bool)
        if number and math.isclose(got, expected, rel_tol=tolerance, abs_tol=tolerance):
            return ""
    elif type(got) in (type(expected), float) and got == expected:
        return ""
    return f"expected {show(expected)}, got {show(got)}."


def _tensor_difference(got: Any, expected: Tensor, tolerance: float) -> str:
    if not isinstance(got, Tensor):
        return f"expected a tensor of shape {tuple(expected.shape)}, got {show(got)}."
    if got.shape != expected.shape:
        return f"expected shape {tuple(expected.shape)}, got {tuple(got.shape)}."
    if got.is_complex() != expected.is_complex():
        return f"expected numbers of {expected.dtype}, got {got.dtype}."
    wide = torch.complex128 if expected.is_complex() else torch.float64
    got, expected = got.to(wide), expected.to(wide)
    excess = (got - expected).abs() - tolerance * (1 + expected.abs())
    if bool((excess <= 0).all()):  # NaN is not <= 0
        return ""
    if expected.numel() <= _SHOWN:
        return f"expected {show(expected)}, got {show(got)}."
    worst = int(excess.nan_to_num(nan=math.inf).argmax())
    index = [int(i) for i in torch.unravel_index(torch.tensor(worst), expected.shape)]
    return (
        f"at {index} expected {show(expected.flatten()[worst])}, "
        f"got {show(got.flatten()[worst])} (the largest of the differences)."
    )


def show(value: Any) -> str:
    """``value`` in one short line, for a sentence."""
    if isinstance(value, Tensor):
        if value.numel() > _SHOWN:
            return f"a tensor of shape {tuple(value.shape)}"
        return _list(value.detach().cpu().tolist())
    if isinstance(value, (list, tuple)):
        if len(value) > _SHOWN or any(isinstance(item, Tensor) for item in value):
            inside = "; ".join(show(item) for item in value[:_SHOWN])
            return _short(f"{len(value)} values ({inside})")
        return _short(_list(value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return _short(repr(value))


def _list(value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(_list(item) for item in value) + "]"
    return show(value)


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
