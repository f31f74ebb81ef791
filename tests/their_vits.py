"""timm, with or without torchvision, which its Vision Transformer needs nothing of.

timm asks for it when it is imported. Where it is missing, or was built for another
torch, empty classes stand in for it while timm is imported.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types

from torch import nn


class _Named(type):
    def __getattr__(cls, name: str) -> str:  # the members of an enumeration
        if name.startswith("_"):
            raise AttributeError(name)
        return name


class _Nothing(types.ModuleType):
    __path__ = ()

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Named(name, (nn.Module,), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Nothing(spec.name)

    def exec_module(self, module):
        pass


def import_timm() -> types.ModuleType:
    try:
        import timm
    except (ImportError, RuntimeError):
        _forget("timm", "torchvision")
        finder = _Finder()
        sys.meta_path.insert(0, finder)
        try:
            import timm
        finally:
            sys.meta_path.remove(finder)
            _forget("torchvision")
    return timm


def _forget(*packages: str) -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] in packages:
            del sys.modules[name]
