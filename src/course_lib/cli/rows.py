"""The table at the end of a sweep: a row for each claim, in the order of the sweep."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from course_lib.cli.terminal import console, say, table
from course_lib.files import write_whole

HOLDS, FAILS, ERROR = "holds", "does not hold", "error"
CODES = {HOLDS: 0, FAILS: 1, ERROR: 2}


class Row(NamedTuple):
    """What became of one claim."""

    name: str
    verdict: str  # one of ``CODES``
    source: str = ""  # "measured" or "there already"
    seconds: float | None = None  # all seeds together

    def save(self, path: Path) -> None:
        """For the process that asked this one to measure the claim."""
        write_whole(path, json.dumps(self))

    @classmethod
    def load(cls, path: Path) -> Row | None:
        """The saved row; None where the other process came to no end."""
        return cls(*json.loads(path.read_text("utf-8"))) if path.exists() else None


@contextmanager
def handed_back() -> Iterator[Path]:
    """Where another process can save the row that it finds."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "row.json"


def show(rows: Sequence[Row]) -> None:
    """Print the table, and what it comes to."""
    from course_lib.results.table import duration

    shown = table("name", "the claim", "", "time")
    for name, verdict, source, seconds in rows:
        time = "–" if seconds is None else duration(seconds)
        shown.add_row(name, verdict, source, time)
    console().print(shown)
    counts = [f"{sum(row.verdict == one for row in rows)} {one}" for one in CODES]
    total = duration(sum(row.seconds or 0.0 for row in rows))
    say(f"{len(rows)} claims: {', '.join(counts)}; {total} in all.")
