"""Run an experiment over its seeds: progress out, a result back, resumable."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import torch

import course_lib
from course_lib import processes
from course_lib.experiments.claim import Experiment, Progress
from course_lib.experiments.machine import (
    check_device,
    machine,
    peak_mib,
    reset_peak,
)
from course_lib.files import held, write_whole
from course_lib.results import Result, Run, Verdict, storable, stored
from course_lib.training import Setting, random_state, set_random_state

# Set for a process that works beside others: how many there are at one time.
JOBS = "COURSE_JOBS"

_T = TypeVar("_T")


def execute(
    experiment: Experiment,
    scale: str = "quick",
    seeds: Sequence[int] = (0, 1, 2),
    device: str = "cpu",
    precision: str = "float32",
    folder: Path | None = None,
    fresh: bool = False,
    prepare: bool = False,
    **changes: Any,
) -> Generator[Progress, None, Result | None]:
    """Run ``experiment`` for every seed, yielding progress, returning the result.

    With ``folder``, what is finished is kept in its :func:`state_folder`: after a kill
    the same call continues, and ends with the same numbers. Closing the generator
    stops the run and keeps its very last step. ``fresh`` forgets what was kept before.
    With ``prepare`` each seed stops where it would take times: the same call without
    it takes them, and until then there is no result. ``changes`` replace single fields
    of the scale's config.

    Raises ``ValueError`` for an unknown scale or field, a device that is not there, or
    no seeds, or several processes for what they cannot share; and after the first seed
    for a band on a metric that was not measured. (A changed config may leave something
    out: then nothing is said of it.) Raises ``OSError`` where another run is at
    work on the same in ``folder``.
    """
    config = experiment.config(scale, **changes)
    if not seeds:
        raise ValueError("seeds: got none, expected at least one")
    check_device(device, precision)
    if processes.size() > 1 and not experiment.shared:
        raise ValueError(
            f"devices: got {processes.size()}, but {experiment.name} has no training "
            "to share; expected 1"
        )
    if folder is not None:
        folder = state_folder(experiment, scale, device, precision, folder, **changes)
    runs = []
    with _kept_for_us(folder, fresh):
        jobs = _jobs(folder)
        for position, seed in enumerate(seeds):
            finished = folder / f"seed-{seed}.json" if folder else None
            if finished and processes.agreed(finished.exists()):
                runs.append(_reread(finished))
                continue
            checkpoint = folder / f"seed-{seed}" if folder else None
            setting = Setting(seed, device, precision, checkpoint=checkpoint)
            place = partial(_in_all, seed=seed, position=position, seeds=len(seeds))
            run = yield from _one_seed(experiment, config, setting, place, prepare)
            if run is None:
                continue
            if not changes:
                _check_metrics(experiment, scale, run)
            runs.append(run)
            processes.wait()  # nobody reads any more what is removed now
            if finished and processes.first():
                write_whole(finished, json.dumps(asdict(run)))
                shutil.rmtree(checkpoint, ignore_errors=True)
    if len(runs) < len(seeds):
        return None
    used = _used(experiment, device, precision) | {"jobs": jobs}
    return _result(experiment, scale, config, tuple(runs), used)


def run_to_end(
    steps: Generator[Progress, None, _T],
    on_progress: Callable[[Progress], object] | None = None,
) -> _T:
    """Run ``steps`` to the end and return what it returns: for :func:`execute`, a
    :class:`Result` (None where it prepared), for the ``run`` of an experiment, its
    :class:`Outcome`.

    ``on_progress`` is called after each step. What it raises stops the run, and comes
    out of here after the run has kept its very last step.
    """
    try:
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                return end.value
            if on_progress:
                on_progress(progress)
    finally:
        steps.close()


def measured_already(
    experiment: Experiment,
    scale: str,
    seeds: Sequence[int],
    device: str,
    precision: str,
    folder: Path,
    **changes: Any,
) -> Result | None:
    """The result stored in ``folder``, if :func:`execute` would only repeat it.

    It has this config and these seeds, and was measured by this very code on this
    machine, with others beside it or without. What uncommitted code measured counts
    until the code is committed: then one can be had that others can measure again.

    Raises ``ValueError`` as :func:`execute` does.
    """
    config = experiment.config(scale, **changes)
    check_device(device, precision)
    try:
        result = stored(experiment.name, scale, folder)
    except (FileNotFoundError, ValueError):  # none, or one of another version's form
        return None
    here, there = _used(experiment, device, precision), dict(result.machine)
    there.pop("jobs", None)
    if device != "cpu":  # its numbers are those of the GPU, however many jobs there are
        here["threads"] = there.get("threads")
    commits = [str(used.pop("commit", None)) for used in (here, there)]
    uncommitted = [commit.endswith("-dirty") for commit in commits]
    same = (
        there == here
        and result.config == storable(asdict(config))
        and [run.seed for run in result.runs] == list(seeds)
        and uncommitted != [False, True]
    )
    return result if same else None


def state_folder(
    experiment: Experiment,
    scale: str,
    device: str,
    precision: str,
    folder: Path,
    **changes: Any,
) -> Path:
    """Where in ``folder`` such a run keeps its state, so that it can continue.

    The name depends on all that the numbers depend on, the code of ``course_lib``
    included. Beside the seeds it holds ``artefact.json``, what the experiment exports
    of seed 0.
    """
    config = asdict(experiment.config(scale, **changes))
    said = [experiment.name, config, device, precision, torch.__version__, _sources()]
    digest = hashlib.sha256(json.dumps(said, default=str).encode()).hexdigest()
    return folder / f"{experiment.name}-{digest[:12]}"


def interrupted(state: Path) -> bool:
    """Whether the :func:`state_folder` ``state`` keeps something to go on from."""
    return any(state.glob("seed-*"))


def _jobs(folder: Path | None) -> int:
    """How many claims are measured side by side: the most that ever were, if this run
    was interrupted, because the seconds of all its parts are added up.
    """
    jobs = int(os.environ.get(JOBS, 1))
    note = folder / "jobs.json" if folder else None
    if note and note.exists():
        jobs = max(jobs, json.loads(note.read_text()))
    if note and jobs > 1 and processes.first():
        write_whole(note, json.dumps(jobs))
    return jobs


@contextlib.contextmanager
def _kept_for_us(folder: Path | None, fresh: bool) -> Iterator[None]:
    """Keep others, but not those who share this run, out of its state."""
    with contextlib.ExitStack() as stack:
        if folder is not None and processes.first():
            try:
                stack.enter_context(held(folder))
            except BlockingIOError:
                raise BlockingIOError(
                    f"another run is at work on the same in {folder}; wait until "
                    "it has ended, or stop it"
                ) from None
            if fresh:
                for kept in folder.iterdir():
                    shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
        processes.wait()
        try:
            yield
        finally:
            if folder is not None and processes.first() and not interrupted(folder):
                (folder / "jobs.json").unlink(missing_ok=True)  # it kept nothing


def _reread(finished: Path) -> Run:
    try:
        return Run.of(json.loads(finished.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{finished} is damaged ({error}); delete it to measure it again"
        ) from error


def _in_all(progress: Progress, seed: int, position: int, seeds: int) -> Progress:
    """The progress of one seed as a part of the progress of all."""
    return replace(
        progress,
        done=progress.done + position * progress.total,
        total=progress.total * seeds,
        seed=seed,
        note=f"seed {seed} · {progress.note}".rstrip(" ·"),
    )


def _one_seed(
    experiment: Experiment,
    config: Any,
    setting: Setting,
    place: Callable[[Progress], Progress],
    prepare: bool,
) -> Generator[Progress, None, Run | None]:
    reset_peak(setting.device)
    random = random_state()
    with _own(random):
        torch.manual_seed(setting.seed)
    # Only a seed that kept some work (training makes the folder) has this to carry on.
    keeps = setting.checkpoint is not None and processes.first()
    note = setting.checkpoint / "spent.json" if keeps else None
    begun = note is not None and note.exists()
    seconds, earlier = json.loads(note.read_text()) if begun else (0.0, 0.0)
    kept = seconds

    def peak() -> float:
        return max(peak_mib(setting.device), earlier)

    steps = experiment.run(config, setting)
    try:
        while True:
            start = time.perf_counter()
            try:
                with _own(random):
                    progress = next(steps)
            except StopIteration as stop:
                outcome = stop.value
                break
            finally:  # the reader's drawing between two steps is not our time
                seconds += time.perf_counter() - start
            if note and note.parent.is_dir() and seconds > kept + 1:
                write_whole(note, json.dumps((seconds, peak())))
                kept = seconds
            if prepare and progress.timing:
                return None
            yield place(progress)
    finally:
        with _own(random):
            steps.close()
        if note and note.parent.is_dir():
            write_whole(note, json.dumps((seconds, peak())))
    if keeps and setting.seed == 0 and experiment.export:
        exported = json.dumps(experiment.export(config, outcome), sort_keys=True)
        write_whole(setting.checkpoint.parent / "artefact.json", exported + "\n")
    return Run(
        setting.seed,
        {name: float(value) for name, value in outcome.metrics.items()},
        json.loads(json.dumps(outcome.series)),  # as a resumed run rereads it
        seconds,
        outcome.tokens / seconds,
        peak(),
    )


@contextlib.contextmanager
def _own(random: dict[str, Any]) -> Iterator[None]:
    """Work with ``random`` as torch's global state, then put the reader's back.

    So a run draws the same numbers whatever its reader draws between two steps.
    """
    outside = random_state()
    set_random_state(random)
    try:
        yield
    finally:
        random.update(random_state())
        set_random_state(outside)


def _check_metrics(experiment: Experiment, scale: str, run: Run) -> None:
    for band in experiment.bands[scale]:
        if band.metric not in run.metrics:
            raise ValueError(
                f"bands: got one on {band.metric!r}, which {experiment.name} does not "
                f"measure; expected one of {', '.join(run.metrics)}"
            )


def _used(experiment: Experiment, device: str, precision: str) -> dict[str, Any]:
    """The machine, and the code that ran on it."""
    used = machine(device, experiment.precision or precision)
    quiet = {"times": "alone"} if experiment.timed else {}
    return used | quiet | {"sources": _sources()[:12]}


def _result(
    experiment: Experiment,
    scale: str,
    config: Any,
    runs: tuple[Run, ...],
    machine: dict[str, Any],
) -> Result:
    claim = {
        "chapter": experiment.chapter,
        "says": experiment.claim,
        "source": experiment.source,
        "paper": experiment.paper,
    }
    measured = Result(experiment.name, scale, claim, (), asdict(config), runs, machine)
    verdicts = []
    for band in experiment.bands[scale]:
        if band.metric not in runs[0].metrics:
            continue
        mean, sd = measured.mean(band.metric), measured.sd(band.metric)
        low, high = (b if math.isfinite(b) else None for b in (band.low, band.high))
        unit = experiment.units.get(band.metric, "")
        holds = band.holds(mean)
        verdicts.append(
            Verdict(band.metric, band.says, low, high, mean, sd, unit, holds)
        )
    return replace(measured, verdicts=tuple(verdicts))


@cache
def _sources() -> str:
    """Digest of the package's own code: other code may not continue a run.

    Read once: a file edited later is not the code that this process runs.
    """
    root = Path(course_lib.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
