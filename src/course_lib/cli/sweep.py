"""``course run`` with any number of claims: one that fails costs no other.

What is measured is stored at once, so the same command goes on after a kill.
"""

from __future__ import annotations

import gc
import signal
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from course_lib.cli.run import Asked, measure, stopping, store, there_already
from course_lib.cli.terminal import console, say, table

if TYPE_CHECKING:
    from course_lib.experiments import Experiment
    from course_lib.results import Result

HOLDS, FAILS, ERROR = "holds", "does not hold", "error"
CODES = {HOLDS: 0, FAILS: 1, ERROR: 2}


def sweep(experiments: list[Experiment], asked: Asked) -> int:
    """Measure and store them in turn; return the exit code: the worst of ``CODES``.

    The first signal to stop ends it after the step under way, with ``typer.Exit`` of
    128 + signal.
    """
    from course_lib import processes

    several = len(experiments) > 1
    verdicts, rows = [], []
    with processes.joined(asked.device), _stop_signals() as stop:
        for number, experiment in enumerate(experiments, 1):
            name = experiment.name
            about = f"{name} ({number} of {len(experiments)})" if several else name
            try:
                verdict, *row = _one(experiment, asked, about, stop)
            except KeyboardInterrupt:  # ours, or that of the second Ctrl-C, amid a step
                say(f"{about}: stopped; the same command continues from here.")
                if processes.size() > 1:
                    processes.leave(128 + stop[0])
                raise typer.Exit(128 + stop[0]) from None
            verdicts.append(verdict)
            rows.append((name, verdict, *row))
            _free_gpu(asked.device)
        if several:
            _show(rows)
        # The first of several processes has the verdict; the others did their part.
        return max(CODES[one] for one in verdicts) if processes.first() else 0


def cheapest_first(experiments: Iterable[Experiment]) -> list[Experiment]:
    """By their stored time at scale cpu: most results in a short time."""
    from course_lib.results import stored

    def cost(experiment: Experiment) -> float:
        try:
            return _seconds(stored(experiment.name, "cpu"))
        except (FileNotFoundError, ValueError):
            return float("inf")

    return sorted(experiments, key=cost)


def _one(
    experiment: Experiment, asked: Asked, about: str, stop: list[int]
) -> tuple[str, str, float | None]:
    """The verdict, where it comes from, and the seconds that it took to measure."""
    from course_lib import processes

    if stopping(stop):
        raise KeyboardInterrupt
    if asked.devices > 1 and not processes.launched():
        return _launched(experiment, asked)
    try:
        if found := processes.agreed(there_already(experiment, asked)):
            verdict = HOLDS if found.holds else FAILS
            say(f"{about}: there already, {verdict} (--fresh measures it again)")
            return verdict, "there already", _seconds(found)
        result, state = measure(experiment, asked, about, stop)
        if processes.first():
            store(experiment, result, state, asked)
        return HOLDS if result.holds else FAILS, "measured", _seconds(result)
    except Exception as error:
        from course_lib.experiments.problems import explain

        if processes.lost(error):  # who started us says which one, and why
            processes.leave(processes.LOST, str(error).partition("\n")[0])
        said = explain(error, experiment.scales.get(asked.scale))
        if not said:  # a bug needs its traceback
            said = traceback.format_exc()
        said = f"{experiment.name}: {said}"
        if processes.size() > 1:  # the others may wait for us in the middle of it
            processes.leave(CODES[ERROR], said)
        typer.echo(f"error: {said}", err=True)
        return ERROR, "", None


def _launched(experiment: Experiment, asked: Asked) -> tuple[str, str, float | None]:
    """The same by several processes, which store and say what they find."""
    from course_lib import processes

    code = processes.launch(asked.arguments(experiment), asked.devices)
    if code not in CODES.values():  # stopped, as the first of them has said
        raise typer.Exit(code)
    return next(one for one in CODES if CODES[one] == code), "measured", None


def _seconds(result: Result) -> float:
    return sum(run.seconds for run in result.runs)


def _show(rows: list[tuple[str, str, str, float | None]]) -> None:
    from course_lib.results.table import duration

    shown = table("name", "the claim", "", "time")
    for name, verdict, source, seconds in rows:
        time = "–" if seconds is None else duration(seconds)
        shown.add_row(name, verdict, source, time)
    console().print(shown)
    counts = [
        f"{sum(row[1] == verdict for row in rows)} {verdict}" for verdict in CODES
    ]
    total = duration(sum(row[3] or 0.0 for row in rows))
    say(f"{len(rows)} claims: {', '.join(counts)}; {total} in all.")


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
