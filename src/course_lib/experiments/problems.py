"""What can go wrong in a run through no fault of the code, said in one sentence."""

from __future__ import annotations

import errno
from typing import Any

_COSTLY = ("batch", "hidden", "width", "size", "layers", "blocks", "length", "lag")


def explain(error: BaseException, config: Any = None) -> str | None:
    """What to tell the person who started the run; None for a bug, which needs its
    traceback. ``config`` lets a full GPU name the settings to lower.
    """
    if _out_of_memory(error):
        return f"out of GPU memory; lower {_costly(config)}, or choose the CPU"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = f" while writing {error.filename}" if error.filename else ""
        return f"the disk is full{where}; make room, then run the same again"
    if isinstance(error, (ValueError, OSError)):
        return str(error)
    return None


def _out_of_memory(error: BaseException) -> bool:
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and "CUDA out of memory" in str(error)
    )


def _costly(config: Any) -> str:
    settings = vars(config) if config is not None else {}
    found = [
        f"{name} (now {value})"
        for name, value in settings.items()
        if any(word in name for word in _COSTLY)
    ]
    return " or ".join(found) or "the batch size"
