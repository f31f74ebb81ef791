"""Run an experiment over its seeds: progress out, a result back, resumable."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

import course_lib
from course_lib.experiments.claim import Experiment, Progress
from course_lib.results import Result, Run, Verdict
from course_lib.training import Setting


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

    With ``folder``, finished seeds and the checkpoint of the current one are kept
    there: after a kill, the same call continues, and ends with the same numbers. A
    folder made by another config or device is not reused. ``changes`` replace single
    fields of the scale's config.

    Raises ``ValueError`` for an unknown scale or field, a device that is not there, or
    no seeds.
    """
    config = experiment.config(scale, **changes)
    if not seeds:
        raise ValueError("seeds: got none, expected at least one")
    check_device(device, precision)
    if folder is not None:
        folder = folder / _digest(experiment, config, device, precision)
    runs = []
    for position, seed in enumerate(seeds):
        stored = folder / f"seed-{seed}.json" if folder else None
        if stored and stored.exists():
            runs.append(Run(**json.loads(stored.read_text(encoding="utf-8"))))
            continue
        checkpoint = folder / f"seed-{seed}" if folder else None
        setting = Setting(seed, device, precision, checkpoint=checkpoint)
        runs.append(
            (yield from _one_seed(experiment, config, setting, position, seeds))
        )
        if stored:
            stored.parent.mkdir(parents=True, exist_ok=True)
            part = stored.with_suffix(".part")
            part.write_text(json.dumps(asdict(runs[-1])), encoding="utf-8")
            os.replace(part, stored)
            shutil.rmtree(checkpoint, ignore_errors=True)
    return _result(experiment, scale, config, tuple(runs), machine(device, precision))


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
    verdicts = tuple(
        Verdict(
            band.metric,
            band.says,
            band.low,
            band.high,
            measured.mean(band.metric),
            measured.sd(band.metric),
            experiment.units.get(band.metric, ""),
            band.holds(measured.mean(band.metric)),
        )
        for band in experiment.bands[scale]
    )
    return replace(measured, verdicts=verdicts)


def _one_seed(
    experiment: Experiment,
    config: Any,
    setting: Setting,
    position: int,
    seeds: Sequence[int],
) -> Generator[Progress, None, Run]:
    cuda = setting.device.startswith("cuda")
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    torch.manual_seed(setting.seed)
    steps = experiment.run(config, setting)
    start = time.perf_counter()
    while True:
        try:
            progress = next(steps)
        except StopIteration as stop:
            outcome = stop.value
            break
        yield replace(
            progress,
            done=progress.done + position * progress.total,
            total=progress.total * len(seeds),
            note=f"seed {setting.seed} · {progress.note}".rstrip(" ·"),
        )
    seconds = time.perf_counter() - start
    peak = torch.cuda.max_memory_allocated() / 2**20 if cuda else _peak_process_mib()
    return Run(
        setting.seed,
        {name: float(value) for name, value in outcome.metrics.items()},
        dict(outcome.series),
        seconds,
        outcome.tokens / seconds,
        peak,
    )


def check_device(device: str, precision: str = "float32") -> None:
    """Raise ``ValueError`` where ``device`` or ``precision`` cannot be had here."""
    if device != "cpu" and not device.startswith("cuda"):
        raise ValueError(f"device: got {device!r}, expected 'cpu', 'cuda' or 'cuda:N'")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device: got {device!r}, but this torch sees no CUDA GPU")
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


def _digest(experiment: Experiment, config: Any, device: str, precision: str) -> str:
    said = json.dumps([experiment.name, asdict(config), device, precision], default=str)
    return f"{experiment.name}-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _peak_process_mib() -> float:
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if platform.system() == "Darwin" else 2**10)


def _commit() -> str | None:
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None  # installed from a wheel
    return said.stdout.strip()
