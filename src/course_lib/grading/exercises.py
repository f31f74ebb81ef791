"""An exercise is a folder: what it is, where it lies, what its tests are.

``master.py`` (the text and the solutions), ``tests.py`` (visible), ``hidden.py``,
``mutants.py`` (typical wrong answers), ``exercise.toml`` and the ``student.ipynb``
that ``build.py`` makes of the master.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib.util
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from course_lib.chapters import chapter
from course_lib.grading.question import Case

# A wheel carries the exercises inside the package; a checkout has them at its root.
_PACKAGED = Path(__file__).parents[1] / "_stored" / "exercises"
_CHECKOUT = Path(__file__).parents[3] / "exercises"


def exercises_folder() -> Path:
    """Where the exercises lie: in the installed package, or in the checkout."""
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


@dataclass(frozen=True)
class Limits:
    """What one submission may use while it is graded."""

    cell_seconds: float = 20.0
    call_seconds: float = 10.0
    total_seconds: float = 180.0  # the whole submission, restarts included
    start_seconds: float = 60.0  # a worker's start: torch takes a while to import
    memory_mb: int = 4096  # address space of the process
    file_mb: int = 64  # one written file


@dataclass(frozen=True)
class Mutant:
    """A typical wrong answer to ``question`` and the names of the tests it fails."""

    question: str
    name: str
    fails: frozenset[str]
    source: str


@dataclass(frozen=True)
class Exercise:
    """One graded exercise. ``minutes`` is the time a learner needs.

    ``hide`` lists modules that a submission cannot import while it is graded: always
    that of the chapter's own model, and what ``exercise.toml`` adds. ``flag`` lists
    names whose use a teacher should see in the report. ``given`` says for a question
    which functions its tests take from the reference, so that a mistake in an earlier
    answer, on which this one builds, costs its points once.
    """

    name: str
    folder: Path
    title: str
    points: int
    minutes: int
    hide: tuple[str, ...] = ()
    flag: tuple[str, ...] = ()
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @functools.cached_property
    def cases(self) -> tuple[Case, ...]:
        """All tests, in the order of the questions; visible before hidden."""
        found = []
        for stem, hidden in (("tests", False), ("hidden", True)):
            file = self.folder / f"{stem}.py"
            here = [c for c in vars(_load(file)).values() if isinstance(c, Case)]
            stray = [case.name for case in here if case.hidden is not hidden]
            if stray:
                raise ValueError(f"{file}: expected hidden={hidden} for {stray}")
            found += here
        names = [case.name for case in found]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"{self.folder}: tests named twice: {sorted(twice)}")
        if sum(case.points for case in found) != self.points:
            total = sum(case.points for case in found)
            raise ValueError(
                f"{self.folder}: the tests give {total} points, "
                f"exercise.toml says {self.points}"
            )
        found = [
            dataclasses.replace(case, given=self._reference(case.question))
            for case in found
        ]
        return tuple(sorted(found, key=lambda case: case.question))

    @functools.cached_property
    def answers(self) -> dict[str, str]:
        """The question that each function answers, such as ``{"rnn_step": "q1"}``."""
        found, question = {}, ""
        for line in self._master().splitlines():
            if line.startswith("# %%"):
                tag = re.search(r'"answer:(\w+)"', line)
                question = tag[1] if tag else ""
            elif question and line.startswith("def "):
                found[line.removeprefix("def ").partition("(")[0]] = question
        return found

    def _master(self) -> str:
        return (self.folder / "master.py").read_text(encoding="utf-8")

    def _reference(self, question: str) -> str:
        """The source of the functions that are given to ``question``."""
        names = self.given.get(question, ())
        if not names:
            return ""
        lines, kept = self._master(), []
        for node in ast.parse(lines).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)) or (
                isinstance(node, ast.FunctionDef) and node.name in names
            ):
                kept.append(ast.unparse(node))
        missing = set(names) - set(self.answers)
        if missing:
            raise ValueError(
                f"{self.folder / 'exercise.toml'}: given of {question} is "
                f"{sorted(missing)}; expected functions of the answers in master.py"
            )
        return "\n".join(kept)

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions' names, such as ``("q1", "q2")``."""
        return tuple(dict.fromkeys(case.question for case in self.cases))

    @property
    def mutants(self) -> tuple[Mutant, ...]:
        """The planted wrong answers."""
        return tuple(_load(self.folder / "mutants.py").MUTANTS)

    def check(
        self, question: str | None = None, namespace: dict[str, Any] | None = None
    ) -> None:
        """Show how the notebook's answer to ``question`` does in the visible tests.

        Without ``question``, show the progress over the whole exercise. The answers
        are taken from ``namespace``, by default the notebook's own.
        """
        from course_lib.grading.check import show_check

        show_check(self, question, namespace)


def exercise(name: str) -> Exercise:
    """The exercise ``name``, such as ``"01_rnn"``.

    Raises ``ValueError`` that lists the exercises there are, and for a folder whose
    name is not a chapter's.
    """
    folder = exercises_folder() / name
    if not name or not (folder / "exercise.toml").is_file():
        there = sorted(path.parent.name for path in _all_toml())
        raise ValueError(f"name is {name!r}; expected one of {there}")
    about = tomllib.loads((folder / "exercise.toml").read_text(encoding="utf-8"))
    return Exercise(
        name=folder.name,
        folder=folder,
        title=about["title"],
        points=about["points"],
        minutes=about["minutes"],
        # The answers themselves; whoever forgot this would hand out the points.
        hide=(chapter(folder.name).module, *about.get("hide", ())),
        flag=tuple(about.get("flag", ())),
        given={q: tuple(names) for q, names in about.get("given", {}).items()},
        limits=Limits(**about.get("limits", {})),
    )


def all_exercises() -> list[Exercise]:
    """Every exercise there is, by name."""
    return [exercise(path.parent.name) for path in sorted(_all_toml())]


def _all_toml() -> list[Path]:
    return list(exercises_folder().glob("*/exercise.toml"))


def _load(path: Path) -> ModuleType:
    # Every exercise has a `tests.py`: a module name of its own keeps them apart.
    name = f"_course_exercise_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ValueError(f"{path}: expected a Python file of tests")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
