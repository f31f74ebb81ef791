"""Other people's implementations of the same things, to compare ours with.

d2l and timm import torchvision, and what we compare needs nothing of it; there is none
that fits a CPU torch on PyPI. Where torchvision is missing or does not load, they meet
an empty one while they are imported, and ``sys.modules`` is left without it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

from torch import nn

MISSING_D2L = (
    "d2l is not installed. Get it without its pins (they ask for numpy 1.23): "
    "pip install --no-deps d2l==1.0.3"
)
MISSING_TIMM = (
    "timm is not installed. Get it without torchvision, whose wheel does not fit every "
    "torch: pip install --no-deps timm==1.0.31"
)
MISSING_TRANSFORMERS = (
    "transformers is not installed. It comes with: pip install 'transformers>=5.13'"
)


def import_d2l() -> ModuleType:
    """The module ``d2l.torch`` of Dive into Deep Learning, with torchvision or without.

    Raises ``ImportError`` that names the command where d2l is missing.
    """
    return _imported("d2l.torch", MISSING_D2L)


def import_timm() -> ModuleType:
    """The module ``timm``, with torchvision or without.

    Raises ``ImportError`` that names the command where timm is missing.
    """
    return _imported("timm", MISSING_TIMM)


def import_transformers() -> ModuleType:
    """The module ``transformers`` of Hugging Face, which needs no torchvision.

    Raises ``ImportError`` that names the command where it is missing.
    """
    try:
        return importlib.import_module("transformers")
    except ModuleNotFoundError as error:
        raise ImportError(MISSING_TRANSFORMERS) from error


def versions() -> dict[str, str]:
    """Those of the peers that are installed."""
    found = {}
    for name in ("d2l", "timm", "transformers"):
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _imported(name: str, missing: str) -> ModuleType:
    if there := sys.modules.get(name):
        return there
    package = name.partition(".")[0]
    try:
        found = importlib.util.find_spec(package)
    except ValueError:  # sys.modules holds None for it
        found = None
    if found is None:
        raise ImportError(missing)
    with _torchvision_or_nothing():
        return importlib.import_module(name)


@contextmanager
def _torchvision_or_nothing() -> Iterator[None]:
    try:
        importlib.import_module("torchvision.transforms")
    except Exception:  # one built for another torch fails in its own ways
        finder = _EmptyTorchvision()
    else:
        yield
        return
    _forget_torchvision()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        _forget_torchvision()


def _forget_torchvision() -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "torchvision":
            del sys.modules[name]


class _EmptyTorchvision(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds any module of torchvision, and any class in it, and all are empty."""

    def find_spec(
        self, name: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] != "torchvision":
            return None
        return ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _EmptyModule(ModuleType):
    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _EmptyClass(name, (nn.Module,), {})


class _EmptyClass(type):
    def __getattr__(cls, name: str) -> str:  # a member of what is an enumeration there
        if name.startswith("_"):
            raise AttributeError(name)
        return name
