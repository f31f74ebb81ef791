"""``course run`` with any number of claims: one that fails costs no other.

What is measured is stored at once, so the same command goes on after a kill.
"""

from __future__ import annotations

import gc
import signal
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from course_lib.cli.jobs import side_by_side
from course_lib.cli.rows import CODES, ERROR, FAILS, HOLDS, Row, handed_back, show
from course_lib.cli.run import Asked, measure, stopping, store, there_already
from course_lib.cli.terminal import say

if TYPE_CHECKING:
    from course_lib.experiments import Experiment
    from course_lib.results import Result


def sweep(experiments: list[Experiment], asked: Asked) -> int:
    """Measure and store them; return the exit code: the worst of ``CODES``.

    The first signal to stop ends it after the step under way, with ``typer.Exit`` of
    128 + signal.
    """
    from course_lib import processes

    several = len(experiments) > 1
    with processes.joined(asked.device), _stop_signals() as stop:
        if several and asked.jobs > 1:
            with _stopped(f"{len(experiments)} claims", stop):
                rows = side_by_side(experiments, asked, stop)
        else:
            rows = list(_in_turn(experiments, asked, stop))
        if several:
            show(rows)
        # The first of several processes has the verdict; the others did their part.
        worst = max((CODES[row.verdict] for row in rows), default=0)
        return worst if processes.first() else 0


def in_order(
    experiments: Iterable[Experiment], scale: str, jobs: int
) -> list[Experiment]:
    """The cheapest first: most results at once. With several ``jobs`` the longest
    first: begun last it would run on when the others have ended.

    What one costs is its stored time at ``scale``, or else at scale cpu.
    """
    from course_lib.results import stored

    def cost(experiment: Experiment) -> float:
        for known in (scale, "cpu"):
            with suppress(FileNotFoundError, ValueError):
                return _seconds(stored(experiment.name, known))
        return float("inf")

    return sorted(experiments, key=cost, reverse=jobs > 1)


def _in_turn(
    experiments: list[Experiment], asked: Asked, stop: list[int]
) -> Iterator[Row]:
    from course_lib import processes

    several = len(experiments) > 1
    for number, experiment in enumerate(experiments, 1):
        name = experiment.name
        about = f"{name} ({number} of {len(experiments)})" if several else name
        with _stopped(about, stop):
            row = _one(experiment, asked, about, stop)
        if row:
            if asked.row and processes.first():
                row.save(asked.row)
            yield row
        _free_gpu(asked.device)


@contextmanager
def _stopped(about: str, stop: list[int]) -> Iterator[None]:
    """End the command where a signal, ours or the second Ctrl-C, ends the work."""
    from course_lib import processes

    try:
        yield
    except KeyboardInterrupt:
        say(f"{about}: stopped; the same command continues from here.")
        if processes.size() > 1:
            processes.leave(128 + stop[0])
        raise typer.Exit(128 + stop[0]) from None


def _one(
    experiment: Experiment, asked: Asked, about: str, stop: list[int]
) -> Row | None:
    """What became of it; None where it was only prepared."""
    from course_lib import processes

    if stopping(stop):
        raise KeyboardInterrupt
    if asked.devices > 1 and not processes.launched():
        return _launched(experiment, asked)
    try:
        if found := processes.agreed(there_already(experiment, asked)):
            verdict = HOLDS if found.holds else FAILS
            say(f"{about}: there already, {verdict} (--fresh measures it again)")
            return Row(experiment.name, verdict, "there already", _seconds(found))
        result = measure(experiment, asked, about, stop)
        if result is None:
            say(f"{about}: trained; its times are taken when nothing runs beside it")
            return None
        if processes.first():
            store(experiment, result, asked)
        verdict = HOLDS if result.holds else FAILS
        return Row(experiment.name, verdict, "measured", _seconds(result))
    except Exception as error:
        from course_lib.experiments.problems import explain

        if processes.lost(error):  # who started us says which one, and why
            processes.leave(processes.LOST, str(error).partition("\n")[0])
        said = explain(error, lambda: asked.config(experiment))
        if not said:  # a bug needs its traceback
            said = traceback.format_exc()
        said = f"{experiment.name}: {said}"
        if processes.size() > 1:  # the others may wait for us in the middle of it
            processes.leave(CODES[ERROR], said)
        typer.echo(f"error: {said}", err=True)
        return Row(experiment.name, ERROR)


def _launched(experiment: Experiment, asked: Asked) -> Row:
    """The same by several processes, which store and say what they find."""
    from course_lib import processes

    with handed_back() as place:
        asked = replace(asked, row=place)
        code = processes.launch(asked.arguments(experiment), asked.devices)
        row = Row.load(place)
    if code not in CODES.values():  # stopped, as the first of them has said
        raise typer.Exit(code)
    return row or Row(experiment.name, ERROR)


def _seconds(result: Result) -> float:
    return sum(run.seconds for run in result.runs)


def _free_gpu(device: str) -> None:
    """What one left on the GPU is not taken from the next."""
    import torch

    gc.collect()  # an error's traceback keeps its tensors in a circle
    if device == "cpu" or not torch.cuda.is_initialized():
        return
    try:
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
    except RuntimeError as error:  # after a fault on the GPU every call fails
        said = str(error).partition("\n")[0]
        say(f"The GPU does not answer this process any more ({said}).")
        say("What is measured is kept; begin again, and name those that are left.")
        raise typer.Exit(2) from None


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect the first Ctrl-C or kill, so that the step under way is finished."""
    got: list[int] = []

    def note(number: int, frame: Any) -> None:
        got.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {n: signal.signal(n, note) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
