"""``course run --jobs N``: several claims side by side, each in a process of its own.

A small model leaves most of a GPU idle: its time goes into starting kernels, which is
the work of one CPU core. So processes side by side are done sooner than in turn.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from course_lib.cli.rows import ERROR, Row, handed_back
from course_lib.cli.terminal import bar, percent, say

if TYPE_CHECKING:
    from course_lib.cli.run import Asked
    from course_lib.experiments import Experiment, Progress


def check(jobs: int, devices: int) -> None:
    """Raise ``ValueError`` for no ``jobs``, or several beside several ``devices``."""
    from course_lib import processes

    if jobs < 1:
        raise ValueError(f"--jobs: got {jobs}, expected at least 1")
    if jobs > 1 and (devices > 1 or processes.launched()):
        raise ValueError(
            f"--jobs: got {jobs} where several devices share each training, expected 1"
        )


def side_by_side(
    experiments: Sequence[Experiment], asked: Asked, stop: list[int]
) -> list[Row]:
    """Measure and store up to ``asked.jobs`` at a time; return a row for each.

    Those that measure times come last and one by one: nothing may run beside them.
    When ``stop`` gets a signal, all stop after the step under way, and
    ``KeyboardInterrupt`` is raised.
    """
    crowd = [_Child(one, asked) for one in experiments if not one.timed]
    alone = [_Child(one, asked) for one in experiments if one.timed]
    children = crowd + alone
    with bar(f"{len(children)} claims") as show:
        for group, jobs in (crowd, max(1, min(asked.jobs, len(crowd)))), (alone, 1):
            with ThreadPoolExecutor(jobs) as pool:
                waiting = {pool.submit(child.outcome, jobs, stop) for child in group}
                while waiting:
                    try:
                        done, waiting = wait(waiting, 0.1, FIRST_COMPLETED)
                        for ended in done:
                            _speak(*ended.result())
                        show(_progress(children))
                        number = signal.SIGTERM if stop else None
                    except KeyboardInterrupt:  # a second Ctrl-C: amid the step, then
                        number = signal.SIGINT
                    for child in children if number else ():
                        child.tell(number)
    if stop:
        raise KeyboardInterrupt
    rows = {child.name: child.row for child in children}
    return [rows[experiment.name] for experiment in experiments]


class _Child:
    """A claim in a process of its own."""

    def __init__(self, experiment: Experiment, asked: Asked) -> None:
        self.name = experiment.name
        self.row = Row(self.name, ERROR)  # until the process says otherwise
        self.percent = 0
        self.process: subprocess.Popen[str] | None = None
        self._experiment, self._asked = experiment, asked
        self._told: set[int] = set()  # the signals that it got from us

    def outcome(self, jobs: int, stop: list[int]) -> tuple[str, str]:
        """Start it as one of ``jobs``, unless it is to ``stop``, and wait for its end.

        Returns what it said, and its errors; nothing where it was stopped.
        """
        try:
            return ("", "") if stop else self._run(jobs, stop)
        except OSError as error:  # no more processes, or no room for their errors
            return "", f"error: {self.name}: {error}"

    def _run(self, jobs: int, stop: list[int]) -> tuple[str, str]:
        with handed_back() as place:
            log = place.with_name("errors")
            with log.open("wb") as errors:
                asked = replace(self._asked, jobs=1, row=place)
                self.process = subprocess.Popen(
                    [sys.executable, *asked.arguments(self._experiment)],
                    env=_environment(jobs),
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    encoding="utf-8",
                    errors="replace",
                    start_new_session=True,  # a Ctrl-C comes to it from us alone
                )
            with self.process:  # to its end
                said = "".join(self._lines())
            code, self.process = self.process.returncode, None
            row, wrong = Row.load(place), log.read_text("utf-8", errors="replace")
        if stop and not row:
            return "", ""
        self.row, self.percent = row or self.row, 100
        if code < 0:
            wrong += (
                f"error: {self.name}: its process was killed "
                f"({signal.Signals(-code).name}); the same command continues from the "
                "last checkpoint, and a smaller --jobs needs less memory"
            )
        return said, wrong

    def _lines(self) -> Iterator[str]:
        """What the process says, but for how far it has come."""
        for line in self.process.stdout:
            if (share := percent(line, self.name)) is None:
                yield line
            else:
                self.percent = share

    def tell(self, number: int) -> None:
        """Send it signal ``number``, once."""
        process = self.process  # it may be at its end
        if process and number not in self._told:
            self._told.add(number)
            process.send_signal(number)


def _speak(said: str, wrong: str) -> None:
    if said:
        say(said.rstrip())
    if wrong:
        typer.echo(wrong.rstrip(), err=True)


def _progress(children: Sequence[_Child]) -> Progress:
    from course_lib.experiments import Progress

    done = sum(child.percent for child in children)
    now = ", ".join(child.name for child in children if child.process)
    return Progress(done, 100 * len(children), note=now)


def _environment(jobs: int) -> dict[str, str]:
    """Of one of ``jobs`` processes, with its share of the threads."""
    from course_lib import processes
    from course_lib.experiments.runner import JOBS

    threads = str(processes.threads_of_each(jobs))
    return {**os.environ, "OMP_NUM_THREADS": threads, JOBS: str(jobs)}
