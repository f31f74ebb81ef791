"""A submission in a process of its own, seen from the trusted side.

Everything that comes out of the worker is suspect: its length, its form, its silence.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from course_lib.grading import notebook, sandbox, wire
from course_lib.grading.answers import Answers, shorten
from course_lib.grading.exercises import Exercise
from course_lib.grading.question import Failed
from course_lib.grading.run import GraderError
from course_lib.grading.sandbox import Level

_CALLS_LOST = 2  # a function that died so often is not called again


class _Lost(Exception):
    """The worker is gone; the message says how, as the end of a sentence."""


class Remote:
    """Runs ``cells`` in a worker and answers calls, restarting it where it died.

    After a restart all cells run again but those that killed a worker, so that honest
    work around a misfired cell still counts. ``cell_errors`` says what went wrong in
    which cell (counted from 1). ``level`` is by default the strongest there is here.
    Raises ``GraderError`` where no worker starts at it: never is a weaker one taken.
    """

    def __init__(
        self, exercise: Exercise, cells: list[str], level: Level | None = None
    ) -> None:
        self.exercise = exercise
        self.limits = exercise.limits
        self.cells = cells
        self.level = level or sandbox.strongest()
        self.cell_errors: dict[int, str] = {}
        self._not_set: list[str] = []
        self._deadly: set[int] = set()
        self._calls_lost: dict[str, int] = {}
        self._worker: _Worker | None = None
        self._ends = time.monotonic() + self.limits.total_seconds

    def __enter__(self) -> Remote:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def sandbox(self) -> str:
        """The level and what of it was not to be had: ``process, without seccomp``."""
        return ", without ".join([self.level.name, *self._not_set])

    @property
    def answers(self) -> Answers:
        """The ``S`` of the tests."""
        return Answers(self._ask, self._missing)

    def _missing(self, name: str) -> str:
        """Why there is no function ``name``: what its cell said, if one defines it."""
        known = self.exercise.answers
        for index, says in sorted(self.cell_errors.items(), reverse=True):
            cell = self.cells[index - 1]
            if name in known and known[name] in notebook.questions(cell, known):
                said = says.removesuffix(".")
                return f"The answer to {known[name]} did not run: {said}."
        return f"There is no function `{name}` in the notebook."

    def _ask(self, name: str, call: bytes) -> bytes:
        if self._calls_lost.get(name, 0) >= _CALLS_LOST:
            raise Failed(f"`{name}` was not called again: see its tests above.")
        worker = self._ready()
        try:
            return worker.exchange(b"f" + call, self._within(self.limits.call_seconds))
        except _Lost as lost:
            self.stop()
            self._calls_lost[name] = self._calls_lost.get(name, 0) + 1
            raise Failed(f"`{name}` {lost}.") from None

    def _ready(self) -> _Worker:
        """A worker in which all cells have run that can."""
        while self._worker is None:
            self._within(self.limits.total_seconds)
            self._worker = worker = self._start()
            for index, cell in enumerate(self.cells, start=1):
                if index in self._deadly:
                    continue
                try:
                    self._run_cell(worker, index, cell)
                except _Lost as lost:
                    self.cell_errors[index] = f"The cell {lost}."
                    self._deadly.add(index)
                    self.stop()
                    break
        return self._worker

    def _run_cell(self, worker: _Worker, index: int, cell: str) -> None:
        request = b"c" + f"{index}\n{cell}".encode(errors="replace")
        try:
            seconds = self._within(self.limits.cell_seconds)
        except Failed:
            self.stop()
            raise
        try:
            reply = wire.decode(worker.exchange(request, seconds))
        except wire.WireError:
            raise _Lost("answered with something unreadable") from None
        if isinstance(reply, dict) and reply.get("status") == "failed":
            self.cell_errors[index] = shorten(str(reply.get("says")))
            if self.cell_errors[index].startswith("MemoryError"):
                # What fills the memory is still there, and later cells would fail.
                raise _Lost("ran out of memory")

    def _within(self, seconds: float) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            limit = self.limits.total_seconds
            raise Failed(f"The whole notebook took longer than {limit:g} seconds.")
        return min(seconds, left)

    def _start(self) -> _Worker:
        try:
            worker = _Worker(self.exercise, self.level)
        except GraderError:  # once more: the machine may be busy
            worker = _Worker(self.exercise, self.level)
        self._not_set = worker.not_set
        return worker

    def stop(self) -> None:
        """End the worker. The next call starts another and runs the cells again."""
        if self._worker is not None:
            self._worker.kill()
            self._worker = None


class _Worker:
    """One process and its two pipes."""

    def __init__(self, exercise: Exercise, level: Level) -> None:
        self._level = level
        self._turn = 0
        self._home = tempfile.TemporaryDirectory(
            prefix="course-grading-", ignore_cleanup_errors=True
        )
        with tempfile.TemporaryFile() as errors:
            argv = sandbox.worker_argv(
                level, exercise.hide, exercise.limits, self._home.name
            )
            self._process = _spawn(argv, self._home.name, errors)
            try:
                reply = wire.decode(self.exchange(b"", exercise.limits.start_seconds))
                self.not_set = [str(name) for name in reply["not_set"]]
            except (_Lost, wire.WireError, KeyError, TypeError) as error:
                self.kill()
                errors.seek(0)
                said = errors.read().decode(errors="replace").strip()[-500:]
                raise GraderError(
                    f"no worker started: the process {error}. {said}"
                ) from None
            except BaseException:  # interrupted; nobody else knows of the process
                self.kill()
                raise

    def exchange(self, request: bytes, seconds: float) -> bytes:
        """Send ``request`` and wait ``seconds`` for the reply. Raises ``_Lost``."""
        ends = time.monotonic() + seconds
        self._turn += 1
        try:
            self._write(wire.FRAME.pack(self._turn, len(request)) + request, ends)
            turn, length = wire.FRAME.unpack(self._read(wire.FRAME.size, ends))
            if turn != self._turn or length > wire.MESSAGE_LIMIT:
                raise _Lost("answered something that it was not asked")
            return self._read(length, ends)
        except TimeoutError:
            raise _Lost(f"took longer than {seconds:.3g} seconds") from None
        except (OSError, EOFError):
            raise _Lost(self._how_it_ended()) from None

    def kill(self) -> None:
        """End the process, those of its group, and its folder."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        remove(self._home)

    def _write(self, data: bytes, ends: float) -> None:
        # A worker that does not read would block us for ever; hence select.
        view, descriptor = memoryview(data), self._process.stdin.fileno()
        while view:
            _wait([], [descriptor], ends)
            view = view[os.write(descriptor, view[: select.PIPE_BUF]) :]

    def _read(self, count: int, ends: float) -> bytes:
        data, descriptor = bytearray(), self._process.stdout.fileno()
        while len(data) < count:
            _wait([descriptor], [], ends)
            chunk = os.read(descriptor, min(count - len(data), 2**20))
            if not chunk:
                raise EOFError
            data += chunk
        return bytes(data)

    def _how_it_ended(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return "closed its connection"
        if self._level == sandbox.BUBBLEWRAP and code > 128:
            code = 128 - code  # it passes a signal on as a shell does
        if code < 0:
            return f"was ended by signal {-code}"
        return f"ended the process (exit status {code})"


def remove(folder: tempfile.TemporaryDirectory[str]) -> None:
    """Remove ``folder`` with all that is in it, whatever a student made there."""
    try:
        folder.cleanup()
    except RecursionError:  # folders in folders, deeper than Python goes
        subprocess.run(["rm", "-rf", folder.name], check=False)


def _spawn(argv: list[str], home: str, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            cwd=Path(home),
            env=sandbox.environment(home),
            start_new_session=True,  # a group of its own, killed as one
        )
    except OSError as error:
        raise GraderError(f"no worker started: {error}") from error


def _wait(readers: list[int], writers: list[int], ends: float) -> None:
    if not any(select.select(readers, writers, [], max(0, ends - time.monotonic()))):
        raise TimeoutError
