"""All exercises at a glance: ``progress()`` in a notebook, ``course progress``."""

from __future__ import annotations

from course_lib.grading import record
from course_lib.grading.check import show
from course_lib.grading.html_table import Table

HEADER = ("Exercise", "Visible points", "Graded", "Time", "Last gain")


def progress() -> None:
    """Show how far you have come in each exercise of the course, and what is next."""
    show(table(record.standings()))


def table(standings: list[record.Standing]) -> Table:
    """One row for each exercise."""
    done = sum(not standing.left for standing in standings)
    return Table(
        f"Exercises: {done} of {len(standings)} done",
        HEADER,
        tuple(row(standing) for standing in standings),
        record.what_is_next(standings),
        shares=tuple(
            standing.points / sum(standing.of.values()) for standing in standings
        ),
    )


def row(standing: record.Standing) -> tuple[str, ...]:
    """One exercise in words, for the columns of ``HEADER``."""
    exercise, graded = standing.exercise, standing.graded
    if standing.when:
        reached = f"{standing.points} of {sum(standing.of.values())}"
    else:
        reached = "not begun"
    return (
        f"{exercise.name.partition('_')[0].lstrip('0')}. {exercise.title}",
        reached,
        f"{graded.points} of {graded.of}" if graded else "not yet",
        f"{exercise.minutes} min",
        record.local_time(standing.when),
    )


def show_in_terminal() -> None:
    """Print the same table, and where the record is kept."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as Terminal

    from course_lib.cli.terminal import console, say

    standings = record.standings()
    shown = table(standings)
    lines = Terminal(box=SIMPLE_HEAD)
    for number, name in enumerate(shown.header):
        lines.add_column(name, no_wrap=number > 0)
    for texts, share in zip(shown.rows, shown.shares, strict=True):
        head, reached, *others = texts
        lines.add_row(head, f"{_bar(share)} {reached}", *others)
    console().print(lines)
    say(f"{shown.caption}. {shown.closing}")
    say(f"Kept in {record.folder()}")


def _bar(share: float, width: int = 6) -> str:
    full = int(share * width)
    return "█" * full + "░" * (width - full)
