"""Run an experiment over its seeds: progress out, a result back, resumable."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import platform
import re
import shutil
import subprocess
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

import course_lib
from course_lib.experiments.claim import Experiment, Progress
from course_lib.results import Result, Run, Verdict, write_whole
from course_lib.training import Setting, random_state, set_random_state


def execute(
    experiment: Experiment,
    scale: str = "quick",
    seeds: Sequence[int] = (0, 1, 2),
    device: str = "cpu",
    precision: str = "float32",
    folder: Path | None = None,
    **changes: Any,
) -> Generator[Progress, None, Result]:
    """Run ``experiment`` for every seed, yielding progress, returning the result.

    With ``folder``, what is finished is kept in its :func:`state_folder`: after a kill
    the same call continues, and ends with the same numbers. Closing the generator
    stops the run and keeps its very last step. ``changes`` replace single fields of
    the scale's config.

    Raises ``ValueError`` for an unknown scale or field, a device that is not there, or
    no seeds.
    """
    config = experiment.config(scale, **changes)
    if not seeds:
        raise ValueError("seeds: got none, expected at least one")
    check_device(device, precision)
    if folder is not None:
        folder = state_folder(experiment, scale, device, precision, folder, **changes)
    runs = []
    for position, seed in enumerate(seeds):
        finished = folder / f"seed-{seed}.json" if folder else None
        if finished and finished.exists():
            runs.append(Run.of(json.loads(finished.read_text(encoding="utf-8"))))
            continue
        checkpoint = folder / f"seed-{seed}" if folder else None
        setting = Setting(seed, device, precision, checkpoint=checkpoint)
        steps = _one_seed(experiment, config, setting)
        run = yield from _shifted(steps, seed, position, len(seeds))
        runs.append(run)
        if finished:
            write_whole(finished, json.dumps(asdict(run)))
            shutil.rmtree(checkpoint, ignore_errors=True)
    used = machine(device, experiment.precision or precision)
    return _result(experiment, scale, config, tuple(runs), used)


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


def _shifted(
    steps: Generator[Progress, None, Run], seed: int, position: int, seeds: int
) -> Generator[Progress, None, Run]:
    """The progress of one seed as a part of the progress of all."""
    try:
        while True:
            try:
                progress = next(steps)
            except StopIteration as stop:
                return stop.value
            yield replace(
                progress,
                done=progress.done + position * progress.total,
                total=progress.total * seeds,
                seed=seed,
                note=f"seed {seed} · {progress.note}".rstrip(" ·"),
            )
    finally:
        steps.close()


def _one_seed(
    experiment: Experiment, config: Any, setting: Setting
) -> Generator[Progress, None, Run]:
    cuda = setting.device.startswith("cuda")
    _reset_peak(cuda)
    random = random_state()
    with _own(random):
        torch.manual_seed(setting.seed)
    # Only a seed that kept some work (training makes the folder) has time to carry on.
    clock = setting.checkpoint / "seconds.json" if setting.checkpoint else None
    seconds = json.loads(clock.read_text()) if clock and clock.exists() else 0.0
    kept = seconds
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
            if clock and clock.parent.is_dir() and seconds > kept + 1:
                write_whole(clock, json.dumps(seconds))
                kept = seconds
            yield progress
    finally:
        with _own(random):
            steps.close()
        if clock and clock.parent.is_dir():
            write_whole(clock, json.dumps(seconds))
    if setting.checkpoint and setting.seed == 0 and experiment.export:
        exported = json.dumps(experiment.export(config, outcome), sort_keys=True)
        write_whole(setting.checkpoint.parent / "artefact.json", exported + "\n")
    return Run(
        setting.seed,
        {name: float(value) for name, value in outcome.metrics.items()},
        json.loads(json.dumps(outcome.series)),  # as a resumed run rereads it
        seconds,
        outcome.tokens / seconds,
        torch.cuda.max_memory_allocated() / 2**20 if cuda else _peak_process_mib(),
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
        mean, sd = measured.mean(band.metric), measured.sd(band.metric)
        low, high = (b if math.isfinite(b) else None for b in (band.low, band.high))
        unit = experiment.units.get(band.metric, "")
        holds = band.holds(mean)
        verdicts.append(
            Verdict(band.metric, band.says, low, high, mean, sd, unit, holds)
        )
    return replace(measured, verdicts=tuple(verdicts))


def check_device(device: str, precision: str = "float32") -> None:
    """Raise ``ValueError`` where ``device`` or ``precision`` cannot be had here."""
    if not re.fullmatch(r"cpu|cuda(:\d+)?", device):
        raise ValueError(f"device: got {device!r}, expected 'cpu', 'cuda' or 'cuda:N'")
    if device != "cpu" and not torch.cuda.is_available():
        raise ValueError(f"device: got {device!r}, but this torch sees no CUDA GPU")
    if ":" in device and int(device.split(":")[1]) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(f"device: got {device!r}, but there are {count} (from cuda:0)")
    if precision not in ("float32", "bfloat16"):
        raise ValueError(
            f"precision: got {precision!r}, expected 'float32' or 'bfloat16'"
        )
    if precision == "bfloat16" and device == "cpu":
        raise ValueError("precision: 'bfloat16' needs a CUDA device, got 'cpu'")


def machine(device: str, precision: str) -> dict[str, Any]:
    """Device, precision, versions and commit: what a number needs to be believed."""
    name = (
        torch.cuda.get_device_name(device) if device.startswith("cuda") else _cpu_name()
    )
    return {
        "device": device,
        "device_name": name,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "course_lib": course_lib.__version__,
        "commit": _commit(),
    }


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


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _reset_peak(cuda: bool) -> None:
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    with contextlib.suppress(OSError):  # Linux only; elsewhere the process's own peak
        Path("/proc/self/clear_refs").write_text("5")


def _peak_process_mib() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if platform.system() == "Darwin" else 2**10)


def _commit() -> str | None:
    """The commit of the code that runs; ``-dirty`` if that code differs from it."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--", ".")
    except (OSError, subprocess.CalledProcessError):
        return None  # installed from a wheel
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str:
    package = Path(__file__).parents[1]
    said = subprocess.run(
        ["git", *arguments], cwd=package, capture_output=True, text=True, check=True
    )
    return said.stdout.strip()
