"""What commands show in a terminal: lines, tables, and a bar."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from course_lib.experiments import Progress


def say(text: str, style: str | None = None) -> None:
    """One line, as it is."""
    console().print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def console() -> Console:
    """Of the standard output as it is now, which a test may have replaced."""
    return Console(file=sys.stdout)


def table(*heads: str) -> Table:
    """An empty table. A name in it is typed again: it is never cut."""
    made = Table(box=SIMPLE_HEAD)
    for head in heads:
        made.add_column(head, no_wrap=head == "name")
    return made


@contextmanager
def bar(about: str) -> Iterator[Callable[[Progress], None]]:
    """A live bar on a terminal; elsewhere a line for every tenth of the work."""
    terminal = console()
    if not terminal.is_terminal:
        tenths = {0}

        def line(progress: Progress) -> None:
            tenth = 10 * progress.done // max(progress.total, 1)
            if tenth not in tenths:
                tenths.add(tenth)
                say(f"{about} {10 * tenth:3d} %  {_now(progress)}")

        yield line
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[about]}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=terminal, transient=True) as shown:
        task = shown.add_task("", total=None, about=about)

        def draw(progress: Progress) -> None:
            shown.update(
                task,
                completed=progress.done,
                total=progress.total,
                description=_now(progress),
            )

        yield draw


def percent(line: str, about: str) -> int | None:
    """How far ``line`` of a :func:`bar` elsewhere says it is; None for any other."""
    found = re.match(rf"{re.escape(about)} +(\d+) %  ", line)
    return int(found[1]) if found else None


def _now(progress: Progress) -> str:
    values = [f"{name} {value:.4g}" for name, value in progress.curves.items()]
    return " · ".join(filter(None, [progress.note, *values]))
