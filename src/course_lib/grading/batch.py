"""Many submissions: one after another, in processes of this machine, or on a cluster.

The unit is ``grade_job``, a function of its ``Job`` alone, and a job holds all that it
needs: any machine with the course can do it.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import multiprocessing
import os
import pickle
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import pebble
import torch

from course_lib.grading import sandbox
from course_lib.grading.exercises import Exercise, exercise, files_of
from course_lib.grading.grade import Submission, grade, not_graded
from course_lib.grading.remote import remove
from course_lib.grading.reports.stored import Grade
from course_lib.grading.run import GraderError
from course_lib.grading.sandbox import Level

_PATIENCE = 10.0  # seconds in which a scheduler answers

Files = tuple[tuple[str, bytes], ...]
Submit = Callable[["Job"], "Future[Grade]"]


@dataclass(frozen=True)
class Job:
    """One submission to grade, with the bytes of all files that a machine may lack.

    ``version`` is that of the exercise, overlay included. ``level`` of the sandbox is
    by default the strongest that the machine offers.
    """

    exercise: str
    version: str
    overlay: Files
    submission: Submission
    seed: int
    level: Level | None


def jobs(
    exercise: Exercise, todo: Mapping[str, Path], seed: int, level: Level | None
) -> Iterator[Job]:
    """A job for each student's notebook in ``todo``, which is read when its turn is."""
    overlay: Files = ()
    if exercise.overlay:
        overlay = tuple(
            (str(path.relative_to(exercise.overlay)), path.read_bytes())
            for path in files_of(exercise.overlay)
        )
    for student, path in todo.items():
        submission = Submission.read(path, student)
        yield Job(exercise.name, exercise.version, overlay, submission, seed, level)


def grade_job(job: Job) -> Grade:
    """The grade of one submission. Raises ``GraderError`` for another course."""
    torch.set_num_threads(1)  # the other cores are for other jobs
    chosen = _exercise(job.exercise, job.overlay)
    if chosen.version != job.version:
        raise GraderError(
            f"{platform.node()} has version {chosen.version} of {job.exercise}, not "
            f"{job.version}: install the same course there"
        )
    return grade(chosen, job.submission, job.seed, job.level)


@functools.lru_cache(maxsize=1)
def _exercise(name: str, overlay: Files) -> Exercise:
    if not overlay:
        return exercise(name)
    folder = tempfile.TemporaryDirectory(prefix="course-overlay-")
    atexit.register(folder.cleanup)
    for place, data in overlay:
        path = Path(folder.name, name, place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return exercise(name, Path(folder.name))


def grades(
    exercise: Exercise, jobs: Iterable[Job], submit: Submit, at_once: int
) -> Iterator[Grade]:
    """The grades of ``jobs``, as they come, of which ``at_once`` are under way.

    A job whose process or machine was lost is done once more, then it is a
    ``GRADER ERROR``.
    """
    todo = ((job, True) for job in jobs)  # True: it may be done once more
    waiting: dict[Future[Grade], tuple[Job, bool]] = {}
    while True:
        for job, again in islice(todo, at_once - len(waiting)):
            waiting[submit(job)] = job, again
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            job, again = waiting.pop(future)
            try:
                yield future.result()
            except Exception as error:
                if again:
                    waiting[submit(job)] = job, False
                else:
                    says = f"{type(error).__name__}: {error}"
                    yield not_graded(exercise, job.submission, job.seed, says)


@contextlib.contextmanager
def here() -> Iterator[Submit]:
    """Grade in this very process, at once."""

    def submit(job: Job) -> Future[Grade]:
        future: Future[Grade] = Future()
        try:
            future.set_result(grade_job(job))
        except Exception as error:
            future.set_exception(error)
        return future

    yield submit


@contextlib.contextmanager
def processes(count: int, exercise: Exercise) -> Iterator[Submit]:
    """Grade in ``count`` processes; one that hangs or dies costs one submission."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # torch is imported once for all
    # What a process that is ended leaves behind lies in there.
    folder = tempfile.TemporaryDirectory(
        prefix="course-grading-", ignore_cleanup_errors=True
    )
    pool = pebble.ProcessPool(
        count, initializer=_work_in, initargs=[folder.name], context=context
    )
    try:
        yield lambda job: pool.schedule(grade_job, [job], timeout=_longest(exercise))
    finally:
        pool.stop()
        pool.join()
        remove(folder)


def _work_in(folder: str) -> None:
    tempfile.tempdir = folder


@contextlib.contextmanager
def cluster(address: str) -> Iterator[Submit]:
    """Grade on the Dask cluster at ``address``. Raises ``ValueError`` without one."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ValueError(
            "--scheduler needs Dask: pip install 'course-lib[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"no Dask scheduler answers at {address}: {error}") from error
    executor = client.get_executor(pure=False)
    try:
        yield lambda job: executor.submit(_grade_apart, job)
    finally:
        executor.shutdown(wait=False)
        client.close()


def _grade_apart(job: Job) -> Grade:
    """``grade_job`` in a process of its own.

    Dask calls from a thread, and in a thread no test can be stopped.
    """
    if os.geteuid() == 0:
        raise GraderError(
            f"the Dask worker of {platform.node()} runs as root: start it as an "
            "ordinary user"
        )
    level = job.level or sandbox.strongest()  # found once in the life of this process
    done = subprocess.run(
        [sys.executable, "-c", f"from {__name__} import serve; serve()"],
        input=pickle.dumps(replace(job, level=level)),
        capture_output=True,
        timeout=_longest(_exercise(job.exercise, job.overlay)),
    )
    if done.returncode != 0:
        raise GraderError(f"{platform.node()}: {done.stderr.decode()[-500:]}")
    return json.loads(done.stdout)


def _longest(exercise: Exercise) -> float:
    """Seconds after which a process hangs: far more than its own limits allow it."""
    limits = exercise.limits
    own = limits.test_seconds * len(exercise.cases)
    return 2 * (2 * limits.start_seconds + limits.total_seconds + own)


def serve() -> None:
    """Grade the job on the standard input, for ``_grade_apart``."""
    with contextlib.redirect_stdout(sys.stderr):  # a test may print
        made = grade_job(pickle.load(sys.stdin.buffer))
    json.dump(made, sys.stdout)
