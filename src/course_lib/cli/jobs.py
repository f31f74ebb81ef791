"""``course run --jobs N``: several claims side by side, each in a process of its own.

A small model leaves most of a GPU idle: its time goes into starting kernels, which is
the work of one CPU core. So processes side by side are done sooner than in turn. What
measures times is trained beside the others; the times are taken when these have ended.
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


ON_A_GPU = 8  # claims at a time, at most, where nobody says how many


def how_many(jobs: int | None, claims: int, device: str, devices: int) -> int:
    """``jobs``, or where None of so many ``claims``: several, if they share one GPU.

    Each needs a CPU core. Raises ``ValueError`` for no jobs, or several beside several
    ``devices``.
    """
    from course_lib import processes
    from course_lib.cores import cores

    if jobs is None:
        shared = device != "cpu" and devices == 1 and not processes.launched()
        return min(ON_A_GPU, claims, cores()) if shared else 1
    if jobs < 1:
        raise ValueError(f"--jobs: got {jobs}, expected at least 1")
    if jobs > 1 and (devices > 1 or processes.launched()):
        raise ValueError(
            f"--jobs: got {jobs} where several devices share each training, expected 1"
        )
    return jobs


def side_by_side(
    experiments: Sequence[Experiment], asked: Asked, stop: list[int]
) -> list[Row]:
    """Measure and store up to ``asked.jobs`` at a time; return a row for each.

    Times are taken last, of one claim after the other: nothing may run beside them.
    When ``stop`` gets a signal, all stop after the step under way, and
    ``KeyboardInterrupt`` is raised.
    """
    children = [_Child(experiment, asked) for experiment in experiments]
    with bar(f"{len(children)} claims") as show:
        for alone in False, True:
            group = [child for child in children if child.has_work(alone)]
            jobs = 1 if alone else max(1, min(asked.jobs, len(group)))
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
    return [child.row or Row(child.name, ERROR) for child in children]


class _Child:
    """A claim in a process of its own, or in two: the second takes its times."""

    def __init__(self, experiment: Experiment, asked: Asked) -> None:
        self.name = experiment.name
        self.row: Row | None = None  # until it has ended
        self.percent = 0
        self.process: subprocess.Popen[str] | None = None
        self._experiment, self._asked = experiment, asked
        # What only measures times has nothing to prepare beside others.
        self._prepare = experiment.timed and experiment.shared
        self._told: set[int] = set()  # the signals that it got from us

    def has_work(self, alone: bool) -> bool:
        """Whether something is left of it to do, alone or beside others."""
        if alone:
            return self._experiment.timed and not self.row
        return self._prepare or not self._experiment.timed

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
                asked = replace(self._asked, jobs=1, row=place, prepare=self._prepare)
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
        if self._prepare and not (row or code):
            # What was just prepared is begun anew; the times go with it.
            self._asked, self._prepare = replace(self._asked, fresh=False), False
            return said, wrong
        self.row, self.percent = row or Row(self.name, ERROR), 100
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
                self.percent = max(self.percent, share)

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
