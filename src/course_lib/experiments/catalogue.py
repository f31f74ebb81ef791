"""Find the claims: packages named like chapters, with modules that they list."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

from course_lib.chapters import CHAPTERS
from course_lib.experiments.claim import Experiment


def collect(package: ModuleType) -> dict[str, Experiment]:
    """Every experiment below ``package``, by name, in the order of the chapters.

    A package ``CHAPTER`` lists its modules as ``CLAIMS``, in the order in which the
    chapter makes them; each defines one experiment, named ``EXPERIMENT``.

    Raises ``ValueError`` that names the file where this is not so, and for a name that
    two experiments share.
    """
    there = {m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg}
    names = [chapter.name for chapter in CHAPTERS]
    for stray in sorted(there - set(names)):
        raise ValueError(
            f"{Path(package.__path__[0]) / stray}: no chapter has this name; "
            f"expected one of {', '.join(names)}"
        )
    found: dict[str, Experiment] = {}
    files: dict[str, str] = {}
    for chapter in names:
        if chapter not in there:
            continue
        for module in _claims(importlib.import_module(f"{package.__name__}.{chapter}")):
            experiment = _experiment(module, chapter)
            if experiment.name in found:
                raise ValueError(
                    f"{module.__file__}: an experiment is called {experiment.name!r} "
                    f"in {files[experiment.name]} as well"
                )
            found[experiment.name] = experiment
            files[experiment.name] = str(module.__file__)
    return found


def _claims(package: ModuleType) -> list[ModuleType]:
    claims = getattr(package, "CLAIMS", None)
    if not isinstance(claims, tuple):
        raise ValueError(
            f"{package.__file__}: got CLAIMS = {claims!r}, "
            "expected a tuple of the names of this chapter's modules"
        )
    there = sorted(m.name for m in pkgutil.iter_modules(package.__path__))
    for claim in claims:
        if claim not in there:
            raise ValueError(
                f"{package.__file__}: CLAIMS names {claim!r}, "
                f"expected some of {', '.join(there)}"
            )
    return [importlib.import_module(f"{package.__name__}.{claim}") for claim in claims]


def _experiment(module: ModuleType, chapter: str) -> Experiment:
    experiment = getattr(module, "EXPERIMENT", None)
    if not isinstance(experiment, Experiment):
        raise ValueError(
            f"{module.__file__}: got EXPERIMENT = {experiment!r}, "
            "expected an Experiment"
        )
    if experiment.chapter != chapter:
        raise ValueError(
            f"{module.__file__}: got chapter={experiment.chapter!r}, "
            f"expected {chapter!r}, the folder that it lies in"
        )
    return experiment
