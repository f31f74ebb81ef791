"""The whole bench: every chapter's matches, then how the cost of each model grows."""

from __future__ import annotations

import importlib
from collections.abc import Generator, Iterator, Sequence
from datetime import date
from types import ModuleType
from typing import Any

from course_lib import peers
from course_lib.bench import devices, growth, report
from course_lib.bench.match import SCALES, Match
from course_lib.bench.peak import peak_flop_per_second
from course_lib.bench.rounds import play
from course_lib.chapters import CHAPTERS
from course_lib.experiments.claim import Progress
from course_lib.experiments.machine import check_device, machine
from course_lib.training import Setting


def bench(
    chapters: Sequence[str], scale: str, setting: Setting, rounds: int
) -> Generator[Progress | dict[str, Any], None, dict[str, Any]]:
    """Play all matches of ``chapters``, then grow; return what is stored.

    A ``Progress`` counts rounds and contenders within one match; a dict is a match that
    is over, as it is stored. Raises ``ValueError`` for a chapter, scale or device that
    is none.
    """
    if scale not in SCALES:
        raise ValueError(f"scale: got {scale!r}, expected one of {', '.join(SCALES)}")
    if rounds < 1:
        raise ValueError(f"rounds: got {rounds}, expected at least 1")
    check_device(setting.device, setting.precision)
    played, curves = [*matches(chapters, scale)], growth.curves(chapters)
    peak = peak_flop_per_second(setting)
    said = {
        "machine": machine(setting.device, setting.precision),
        "peers": peers.versions(),
        "date": date.today().isoformat(),
        "rounds": rounds,
        "peak_flop_per_second": peak,
        "matches": [],
        "growth": [],
    }
    several = "transformer" in chapters or not chapters
    parts = len(played) + len(curves) + several
    for number, match in enumerate(played):
        name = f"{number + 1} of {len(played)}: {match.name}, {match.task}"
        for done, total, result in play(match, setting, rounds):
            yield Progress(number * total + done, parts * total, note=name)
            if result:
                said["matches"].append(report.stored(result, peak))
                yield said["matches"][-1]
    for number, (model, axis) in enumerate(curves, start=len(played)):
        yield Progress(number, parts, note=f"growth: {model.name} with {axis}")
        said["growth"].append(growth.grown(model, axis, scale, setting, rounds))
    if several:
        yield Progress(parts - 1, parts, note="one device against two")
        try:
            said["devices"] = devices.one_against(2, scale, setting, rounds)
        except ValueError as error:  # hours of matches are not lost for it
            said["devices"] = {"missing": str(error)}
    yield Progress(parts, parts)
    return said


def matches(chapters: Sequence[str], scale: str) -> Iterator[Match]:
    """Those of ``chapters``, all without any named, in the book's order."""
    known = [chapter.name for chapter in CHAPTERS]
    if strange := [name for name in chapters if name not in known]:
        raise ValueError(f"CHAPTER: got {strange[0]!r}, expected {', '.join(known)}")
    for name in known:
        if name in chapters or not chapters:
            yield from _module(name).matches(scale)


def _module(chapter: str) -> ModuleType:
    return importlib.import_module(f"course_lib.bench.{chapter}")
