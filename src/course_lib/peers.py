"""Other people's implementations of the same things, to compare ours with."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

MISSING_D2L = (
    "d2l is not installed. Get it without its pins (they ask for numpy 1.23): "
    "pip install --no-deps d2l==1.0.3"
)


def import_d2l() -> ModuleType:
    """The module ``d2l.torch`` of Dive into Deep Learning, with torchvision or without.

    d2l imports torchvision, which it needs for pictures alone, and there is none that
    fits a CPU torch on PyPI. Where torchvision is missing or does not load, d2l meets
    an empty one while it is imported, and ``sys.modules`` is left without it.

    Raises ``ImportError`` that names the command where d2l is missing.
    """
    if "d2l.torch" in sys.modules:
        return sys.modules["d2l.torch"]
    try:
        importlib.import_module("d2l")
    except ModuleNotFoundError as error:
        raise ImportError(MISSING_D2L) from error
    try:
        importlib.import_module("torchvision.transforms")
    except Exception:  # one built for another torch fails in its own ways
        return _import_without_torchvision()
    return importlib.import_module("d2l.torch")


def _import_without_torchvision() -> ModuleType:
    empty, transforms = (
        ModuleType(name) for name in ("torchvision", "torchvision.transforms")
    )
    for module in (empty, transforms):
        module.__spec__ = ModuleSpec(module.__name__, loader=None)
    empty.transforms = transforms
    sys.modules["torchvision"] = empty
    sys.modules["torchvision.transforms"] = transforms
    try:
        return importlib.import_module("d2l.torch")
    finally:
        del sys.modules["torchvision"], sys.modules["torchvision.transforms"]
