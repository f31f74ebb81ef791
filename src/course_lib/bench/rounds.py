"""Play a match: values first, then A B A B in rounds, so that all share the machine."""

from __future__ import annotations

import contextlib
import ctypes
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

from course_lib.bench.match import Match, Work, differences
from course_lib.experiments.machine import peak_mib, reset_peak, seconds, used_mib
from course_lib.training import Setting

LEAST = 0.05  # seconds that a turn takes at least: shorter steps are repeated
MOST = 100  # steps of a turn

Key = TypeVar("Key")
Told = Callable[[Key, Exception], None]  # hears who failed, and of what


@dataclass(frozen=True)
class Measured:
    """What one contender was seen to do.

    It has no times where ``missing`` says what is not installed, or ``failed`` what it
    did instead.
    """

    name: str
    kind: str
    note: str = ""
    missing: str = ""
    failed: str = ""
    seconds: tuple[float, ...] = ()  # of one step, in each round
    mib: float = math.nan  # memory that a step needs at its peak, beyond what stays
    apart: float = math.nan  # of the values of ours, relative to their largest


@dataclass(frozen=True)
class Played:
    """A match with its measurements. ``flop`` counts the products of one step."""

    match: Match
    measured: tuple[Measured, ...]
    flop: int | None = None
    by: dict[str, Measured] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", {one.name: one for one in self.measured})


def play(
    match: Match, setting: Setting, rounds: int = 7
) -> Iterator[tuple[int, int, Played | None]]:
    """Play ``match``, yielding ``(done, total, None)``, and at the end the result.

    A contender that is missing, fails, or computes other values is not timed, and says
    so; it costs no other anything. Raises ``ValueError`` where ours itself fails.
    """
    setting = replace(setting, checkpoint=None, deterministic=False)
    total = len(match.contenders) + rounds
    found = {c.name: Measured(c.name, c.kind, c.note) for c in match.contenders}
    works: dict[str, Work] = {}
    first = match.contenders[0].name

    def told(name: str, error: Exception) -> None:
        if name == first:
            raise ValueError(f"{match.name}: ours failed: {reason(error)}") from error
        missing = isinstance(error, (ImportError, NotImplementedError))
        how = {"missing" if missing else "failed": reason(error)}
        found[name] = replace(found[name], **how)

    for number, contender in enumerate(match.contenders, start=1):
        name = contender.name
        with excused(works, name, told):
            torch.manual_seed(setting.seed)
            works[name] = contender.prepare(setting)
            turn(works[name], 1, setting)  # the first one is not like the rest
            apart = differences(works[name].values, works[first].values)
            found[name] = replace(found[name], apart=apart)
            if not apart <= match.tolerance:
                raise ValueError(
                    f"computes other values, by {apart:.1g} of the largest"
                )
        yield number, total, None
    each = in_turns(works, setting, rounds, told)
    for number, taken in enumerate(each, start=1):  # noqa: B007  the last is read below
        yield len(match.contenders) + number, total, None
    for name, work in [*works.items()]:
        with excused(works, name, told), _precision(setting):
            mib = extra_mib(work.step, setting.device)
            found[name] = replace(found[name], seconds=tuple(taken[name]), mib=mib)
    flop = count(works[match.counted].step) if match.counted in works else None
    yield total, total, Played(match, tuple(found.values()), flop)


def in_turns(
    works: dict[Key, Work], setting: Setting, rounds: int, told: Told[Key]
) -> Iterator[dict[Key, list[float]]]:
    """Seconds of a step of each of ``works``, A B A B, up to now: after each round.

    One that fails is :func:`excused`.
    """
    taken: dict[Key, list[float]] = {key: [] for key in works}
    counts = {}
    for key, work in [*works.items()]:
        with excused(works, key, told):
            counts[key] = _repeats(work, setting)
    for _ in range(rounds):
        for key, work in [*works.items()]:
            with excused(works, key, told):
                taken[key].append(turn(work, counts[key], setting))
        yield taken


@contextlib.contextmanager
def excused(works: dict[Key, Work], key: Key, told: Told[Key]) -> Iterator[None]:
    """Where something goes wrong with one of ``works``, it is out, and ``told`` why."""
    try:
        yield
    except Exception as error:
        works.pop(key, None)
        told(key, error)


def count(step: Callable[[], object]) -> int:
    """The floating-point operations of the products in ``step`` (one and one are 2)."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def extra_mib(step: Callable[[], object], device: str) -> float:
    """MiB that ``step`` takes at its peak beyond what was there; NaN if not known."""
    with contextlib.suppress(OSError, AttributeError):  # the C library of Linux has it
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what is free goes back to the system
    if not reset_peak(device):
        return math.nan
    before = used_mib(device)
    step()
    return peak_mib(device) - before


def _repeats(work: Work, setting: Setting) -> int:
    once = turn(work, 2, setting)
    return max(1, min(MOST, math.ceil(LEAST / once)))


def turn(work: Work, count: int, setting: Setting) -> float:
    """Seconds of a step, the mean of ``count`` in a row."""

    def repeated() -> None:
        for _ in range(count):
            with _precision(setting):  # left after each: it keeps copies of weights
                work.step()

    return seconds(repeated, setting.device) / count


def _precision(setting: Setting) -> torch.autocast:
    wanted = setting.precision == "bfloat16"
    return torch.autocast(torch.device(setting.device).type, torch.bfloat16, wanted)


def reason(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, torch.OutOfMemoryError):
        return "needs more memory than there is"
    return (str(error).splitlines() or [type(error).__name__])[0]
