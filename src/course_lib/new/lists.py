"""Where the course's pieces are listed by hand, and what a new one adds there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from course_lib.chapters import Chapter


@dataclass(frozen=True)
class Line:
    """``text`` comes behind what the expression ``behind`` finds in ``file``."""

    file: str
    behind: str
    text: str


def changes(
    kind: str, told: Chapter, own: str, camel: str, root: Path
) -> dict[Path, str]:
    """The new texts, by path, of the files in ``root`` that list what is made.

    ``told`` is its chapter, ``own`` and ``camel`` are its names. Raises ``ValueError``
    for a file whose list is not found.
    """
    texts: dict[Path, str] = {}
    for line in _LINES[kind](told, own, camel):
        path = root / line.file
        text = texts.get(path) or path.read_text(encoding="utf-8")
        found = re.search(line.behind, text)
        if not found:
            raise ValueError(f"{path}: no list found; expected {line.behind!r}")
        texts[path] = text[: found.end()] + line.text + text[found.end() :]
    return texts


def _chapter(told: Chapter, own: str, camel: str) -> list[Line]:
    page = f"chapters/{told.folder}"
    row = (
        f"* - **{told.number}** {{doc}}`{told.title} <../{page}>`\n"
        "  - what it fixes\n  - what it breaks on\n  - **published**\n"
    )
    return [
        Line(
            "src/course_lib/chapters.py",
            r"CHAPTERS = \(\n(    Chapter\(.*\),\n)+",
            f'    Chapter({told.number}, "{told.name}", "{told.title}"),\n',
        ),
        Line("_toc.yml", r"(      - file: chapters/.*\n)+", f"      - file: {page}\n"),
        Line("book/welcome.md", r"(?s).*\n  - \*\*published\*\*\n", row),
    ]


def _experiment(told: Chapter, own: str, camel: str) -> list[Line]:
    package = f"src/course_lib/experiments/{told.name}/__init__.py"
    return [Line(package, r"CLAIMS = \(([^)]*,)?", f'\n    "{own}",')]


def _figure(told: Chapter, own: str, camel: str) -> list[Line]:
    package = f"course_lib.figures.{told.name}"
    tests = "tests/figures/test_figure.py"
    in_browser = "tests/figures/test_figures_in_browser.py"
    imported = f"from {package} import {camel}\n"
    return [
        Line(
            f"src/{package.replace('.', '/')}/__init__.py",
            r'"""[^"]*"""\n',
            f"\nfrom {package}.{own} import {camel}\n",
        ),
        Line(
            f"src/{package.replace('.', '/')}/__init__.py",
            r"__all__ = \[",
            f'"{camel}", ',
        ),
        *(
            Line(test, r"(?s).*\nfrom course_lib\.figures\.[^\n]*\n", imported)
            for test in (tests, in_browser)
        ),
        Line(tests, r"\nFIGURES = \[\n([^\]].*\n)+", f"    {camel}(),\n"),
        Line(in_browser, r"\nFIGURES = {\n([^}].*\n)+", f'    "{own}": {camel}(),\n'),
    ]


_LINES = {
    "chapter": _chapter,
    "experiment": _experiment,
    "figure": _figure,
    "exercise": lambda told, own, camel: [],  # found by its folder
}
