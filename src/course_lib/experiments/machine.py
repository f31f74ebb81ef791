"""The machine that measures: its devices, its memory, its versions and its commit."""

from __future__ import annotations

import math
import platform
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import babel
import torch
from torch import Tensor, nn

import course_lib
from course_lib import processes

if TYPE_CHECKING:
    from course_lib.experiments.claim import Experiment


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
    """Device, precision, versions and commit: what a number needs to be believed.

    ``devices`` counts the processes that shared the work, ``threads`` those of each.
    """
    name = (
        torch.cuda.get_device_name(device) if device.startswith("cuda") else _cpu_name()
    )
    return {
        "device": device,
        "device_name": name,
        "precision": precision,
        "devices": processes.size(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "course_lib": course_lib.__version__,
        "commit": _commit(),
    }


def origin(experiment: Experiment, config: Any, seed: int) -> dict[str, Any]:
    """Where trained weights come from, to be stored with them.

    The scale is that whose config this is, or "changed".
    """
    known = (name for name, one in experiment.scales.items() if one == config)
    return {
        "experiment": experiment.name,
        "scale": next(known, "changed"),
        "seed": seed,
        "commit": _commit(),
        "versions": {
            "babel": babel.__version__,
            "course_lib": course_lib.__version__,
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
    }


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def seconds(work: Callable[[], object], device: str) -> float:
    """How long ``work`` takes. A GPU is waited for, before and after."""
    _wait(device)
    start = time.perf_counter()
    work()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: str) -> None:
    if device.startswith("cuda"):  # work is queued there, and the call returns at once
        torch.cuda.synchronize(device)


def reset_peak(device: str) -> bool:
    """Begin to measure the peak of memory anew; return whether the system allows it."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:  # Linux only; elsewhere the process's own peak
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def used_mib(device: str) -> float:
    """Memory in use now, in MiB, of the GPU or of the process; NaN if not known."""
    if device.startswith("cuda"):
        return torch.cuda.memory_allocated(device) / 2**20
    return _linux_mib("VmRSS")


def peak_mib(device: str) -> float:
    """Peak memory in MiB, of the GPU or of the process; NaN where it is not known."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / 2**20
    if not math.isnan(peak := _linux_mib("VmHWM")):
        return peak
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if platform.system() == "Darwin" else 2**10)


def _linux_mib(key: str) -> float:
    """What Linux tells of this process; NaN elsewhere."""
    status = Path("/proc/self/status")
    said = status.read_text() if status.exists() else ""
    found = re.search(rf"^{key}:\s+(\d+) kB", said, re.MULTILINE)
    return int(found[1]) / 2**10 if found else math.nan


def saved_mib(forward: Callable[[], Tensor], model: nn.Module) -> float:
    """MiB that ``forward`` keeps for its backward pass, parameters not counted.

    Two tensors that share their memory count once. The backward pass is run, so that
    what was kept is let go.
    """
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = forward()
        size = sum(kept.values()) / 2**20
    result.sum().backward()
    return size


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
