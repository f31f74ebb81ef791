"""Tables as files that a spreadsheet opens, and as it saves them again.

A cell that a spreadsheet would run as a formula gets an apostrophe in front, which
``read`` takes away again.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.grading.reports.stored import write_text

# After a semicolon or a line's end as well: a spreadsheet that expects other
# separators than we write begins a cell there.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+\-@])")
_ESCAPED = re.compile(r"(^|[;\t\r\n])'(?=[=+\-@])")
_CELL_LIMIT = 2**20  # characters; the csv module refuses longer ones than it is told


def write(
    path: Path, rows: Iterable[Iterable[Any]], encoding: str = "utf-8-sig"
) -> None:
    """Write ``rows``. The default encoding is the one that Excel recognises."""
    text = io.StringIO()
    csv.writer(text).writerows([_escaped(value) for value in row] for row in rows)
    write_text(path, text.getvalue(), encoding)


def read(path: Path) -> list[list[str]]:
    """The rows of a file as spreadsheets save it; empty ones are left in.

    UTF-8, UTF-16 or the Korean code page, with commas, semicolons or tabs. Raises
    ``ValueError`` where it is no such table, and ``OSError``.
    """
    text = _decoded(path.read_bytes())
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    csv.field_size_limit(_CELL_LIMIT)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise ValueError(f"not a table ({error})") from error
    return [[_ESCAPED.sub(r"\1", cell) for cell in row] for row in rows]


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    for encoding in ("utf-8-sig", "cp949"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ValueError("neither UTF-8 nor Korean (cp949); save it as CSV UTF-8")


def _escaped(value: Any) -> Any:
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value
