"""How far a batch is: a bar on a terminal, a line for each student elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from course_lib.cli.terminal import console, say


@contextmanager
def shown(total: int) -> Iterator[Callable[[str], None]]:
    """A function that takes the line of each student as soon as there is one."""
    terminal = console()
    if not terminal.is_terminal or total == 1:
        done = iter(range(1, total + 1))
        yield lambda line: say(f"[{next(done)}/{total}] {line}")
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda line: bar.update(task, advance=1, description=line)
