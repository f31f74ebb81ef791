"""What can go wrong in a run through no fault of the code, said in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

_COSTLY = ("batch", "hidden", "width", "size", "layers", "blocks", "length", "lag")


def explain(
    error: BaseException, config: Callable[[], Any] = lambda: None
) -> str | None:
    """What to tell the person who started the run; None for a bug, which needs its
    traceback. ``config()``, what was run, lets full memory name the settings to lower.
    """
    if full := _full_memory(error):
        choose = ", or choose the CPU" if full == "GPU memory" else ""
        return f"out of {full}; lower {_costly(config())}{choose}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = f" while writing {error.filename}" if error.filename else ""
        return f"the disk is full{where}; make room, then run the same again"
    if isinstance(error, (ValueError, OSError)):
        return str(error)
    return None


def _full_memory(error: BaseException) -> str | None:
    if type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "CUDA out of memory" in str(error)
    ):
        return "GPU memory"
    if isinstance(error, MemoryError) or "DefaultCPUAllocator" in str(error):
        return "memory"
    return None


def _costly(config: Any) -> str:
    settings = vars(config) if config is not None else {}
    found = [
        f"{name} (now {value})"
        for name, value in settings.items()
        if any(word in name for word in _COSTLY)
    ]
    return " or ".join(found) or "the batch size"
