"""An exercise is a folder: what it is, where it lies, what its tests are.

``master.py`` (the text and the solutions), ``tests.py`` (visible), ``hidden.py``,
``mutants.py`` (typical wrong answers), ``exercise.toml`` and the ``student.ipynb``
that ``build.py`` makes of the master. A teacher's overlay, ``OVERLAY/04_attention/``,
holds a ``hidden.py`` with more hidden tests, or an ``exercise.toml`` with questions
that are answered in words.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.chapters import chapter
from course_lib.grading import sources
from course_lib.grading.question import Case
from course_lib.grading.sources import Manual

# A wheel carries the exercises inside the package; a checkout has them at its root.
_PACKAGED = Path(__file__).parents[1] / "_stored" / "exercises"
_CHECKOUT = Path(__file__).parents[3] / "exercises"
# What an exercise asks and how it is graded.
_FILES = ("exercise.toml", "hidden.py", "master.py", "tests.py")


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
    test_seconds: float = 10.0  # processor time of one test, its answers' not included
    memory_mb: int = 4096  # address space, beyond what torch and we begin with
    file_mb: int = 64  # one written file
    disk_mb: int = 256  # all written files, where the sandbox can count them


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

    ``points`` are those of the tests, the overlay's included; what a teacher gives for
    the questions in ``manual`` comes on top. ``hide`` lists modules that a submission
    cannot import while it is graded: always that of the chapter's own model, and what
    ``exercise.toml`` adds. ``flag`` lists names whose use a teacher should see in the
    report. ``given`` says for a question which functions its tests take from the
    reference, so that a mistake in an earlier answer, on which this one builds, costs
    its points once.
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
    manual: Mapping[str, Manual] = field(default_factory=dict)
    overlay: Path | None = None
    extra: tuple[Case, ...] = ()  # the overlay's tests

    @functools.cached_property
    def cases(self) -> tuple[Case, ...]:
        """All tests, in the order of the questions; visible before hidden.

        Raises ``ValueError`` that names the file in which something is wrong.
        """
        own = [
            *sources.cases(self.folder / "tests.py", hidden=False),
            *sources.cases(self.folder / "hidden.py", hidden=True),
        ]
        found = [*own, *self.extra]
        names = [case.name for case in found]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"{self.overlay or self.folder}: tests named twice: {twice}; "
                "give each a name of its own"
            )
        if both := sorted(self.manual.keys() & {case.question for case in found}):
            raise ValueError(
                f"{self.overlay or self.folder}: {both} have tests and are manual; "
                "give the manual questions names of their own"
            )
        given, stated = _points(own), self.points - _points(self.extra)
        if given != stated:
            raise ValueError(
                f"{self.folder}: the tests give {given} points, "
                f"exercise.toml says {stated}"
            )
        found = [
            dataclasses.replace(case, given=self._reference(case.question))
            for case in found
        ]
        return tuple(sorted(found, key=lambda case: case.question))

    @functools.cached_property
    def solutions(self) -> dict[str, str]:
        """The reference answer of each question: the source of its cell.

        Read without jupytext, which an installed course does not bring: the similarity
        report needs them.
        """
        found = {}
        for cell in self.master.split("\n# %%")[1:]:
            about, _, source = cell.partition("\n")
            if tag := re.search(r'"answer:(\w+)"', about):
                found[tag[1]] = source.strip("\n")
        return found

    @functools.cached_property
    def answers(self) -> dict[str, str]:
        """The question that each function answers, such as ``{"rnn_step": "q1"}``."""
        return {
            name: question
            for question, source in self.solutions.items()
            for name in re.findall(r"^def (\w+)", source, re.MULTILINE)
        }

    @functools.cached_property
    def master(self) -> str:
        """The source of ``master.py``: the text and the solutions."""
        return (self.folder / "master.py").read_text(encoding="utf-8")

    def _reference(self, question: str) -> str:
        """The source of the functions that are given to ``question``."""
        names = self.given.get(question, ())
        if not names:
            return ""
        kept = []
        for node in ast.parse(self.master).body:
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

    @functools.cached_property
    def version(self) -> str:
        """12 hex digits that change with the text, the tests and the overlay."""
        files = {name: self.folder / name for name in _FILES}
        for path in files_of(self.overlay) if self.overlay else ():
            files[f"overlay/{path.relative_to(self.overlay).as_posix()}"] = path
        digest = hashlib.sha256()
        for name, path in files.items():
            data = path.read_bytes()
            digest.update(f"{name} {len(data)} ".encode() + data)
        return digest.hexdigest()[:12]

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions' names, such as ``("q1", "q2")``."""
        return tuple(dict.fromkeys(case.question for case in self.cases))

    @property
    def mutants(self) -> tuple[Mutant, ...]:
        """The planted wrong answers."""
        return tuple(sources.module(self.folder / "mutants.py").MUTANTS)

    def check(
        self, question: str | None = None, namespace: dict[str, Any] | None = None
    ) -> None:
        """Show how the notebook's answer to ``question`` does in the visible tests.

        Without ``question``, show the progress over the whole exercise. The answers
        are taken from ``namespace``, by default the notebook's own.
        """
        from course_lib.grading.check import show_check

        show_check(self, question, namespace)


def exercise(name: str, overlay: Path | None = None) -> Exercise:
    """The exercise ``name``: ``"01_rnn"``, or a path to it as ``exercises/01_rnn``.

    ``overlay`` is a teacher's own folder; what lies in its ``01_rnn/`` is added. Raises
    ``ValueError`` that lists the exercises there are, names the file of the exercise or
    of the overlay in which something is wrong, and refuses a path whose files are
    others than those of the installed course.
    """
    folder = exercises_folder() / Path(name).name
    path = folder / "exercise.toml"
    if not name or not path.is_file():
        there = sorted(path.parent.name for path in _all_toml())
        raise ValueError(f"name is {name!r}; expected one of {there}")
    about = sources.table(path)
    if missing := sorted({"title", "points", "minutes"} - set(about)):
        raise ValueError(f"{path}: without {missing}")
    found = Exercise(
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
        manual=sources.manual(path, about),
    )
    _refuse_another(Path(name), folder)
    return _with_overlay(found, overlay) if overlay else found


def _refuse_another(given: Path, folder: Path) -> None:
    """Grade with nothing else than what the path ``given`` promises."""
    if len(given.parts) > 1 and (given / "exercise.toml").is_file():
        for name in _FILES:
            there = given / name
            if (
                not there.is_file()
                or there.read_bytes() != (folder / name).read_bytes()
            ):
                raise ValueError(
                    f"{there} is not the {name} that the installed course grades with, "
                    f"in {folder}; install that checkout: pip install -e ."
                )


def _with_overlay(own: Exercise, overlay: Path) -> Exercise:
    folder = overlay / own.name
    hidden, toml = folder / "hidden.py", folder / "exercise.toml"
    if not (hidden.is_file() or toml.is_file()):
        raise ValueError(f"overlay is {overlay}; expected {hidden} or {toml}")
    if (folder / "tests.py").exists():
        raise ValueError(
            f"{folder / 'tests.py'}: students do not have an overlay, so none of its "
            f"tests is visible; move them to {hidden}, with hidden=True"
        )
    extra = tuple(sources.cases(hidden, hidden=True)) if hidden.is_file() else ()
    if hidden.is_file() and not extra:
        raise ValueError(f"{hidden}: no test in it; put @question(...) above each")
    about = sources.table(toml) if toml.is_file() else {}
    if stray := sorted(set(about) - {"manual"}):
        raise ValueError(f"{toml}: {stray}; an overlay has [manual.NAME] only")
    manual = sources.manual(toml, about)
    if twice := sorted(manual.keys() & own.manual.keys()):
        raise ValueError(f"{toml}: {twice} are in {own.folder} already; rename them")
    return dataclasses.replace(
        own,
        points=own.points + _points(extra),
        manual={**own.manual, **manual},
        overlay=folder,
        extra=extra,
    )


def _points(cases: Iterable[Case]) -> int:
    return sum(case.points for case in cases)


def files_of(folder: Path) -> list[Path]:
    """What a teacher put there; not what Python and editors leave beside it."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(
            part.startswith(".") or part == "__pycache__"
            for part in path.relative_to(folder).parts
        )
    )


def all_exercises() -> list[Exercise]:
    """Every exercise there is, by name."""
    return [exercise(path.parent.name) for path in sorted(_all_toml())]


def _all_toml() -> list[Path]:
    return list(exercises_folder().glob("*/exercise.toml"))
