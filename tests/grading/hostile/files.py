"""Broken files, and notebooks in disorder: read as far as they can be."""

import json
import os
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

from hostile import FULL, Hostile, hostile

NOTHING = dict.fromkeys(FULL, 0)


def code(cells: list[str]) -> list[dict]:
    return [{"cell_type": "code", "source": source} for source in cells]


def unreadable(
    name: str, tries: str, write: Callable[[Path, list[str]], object], says: str
) -> Hostile:
    """A file without a notebook in it; ``says`` is what the grade says of it."""
    return Hostile(name, tries, {}, file=write, status="unreadable", errors=[says])


def holding(data: bytes) -> Callable[[Path, list[str]], object]:
    return lambda path, _: path.write_bytes(data)


def written(
    name: str,
    tries: str,
    made: Callable[[list[str]], object],
    points: dict[str, int] = FULL,
    errors: Sequence[str] = (),
) -> Hostile:
    """A notebook whose JSON is ``made`` of the right cells."""

    def write(path: Path, right: list[str]) -> None:
        path.write_text(json.dumps(made(right)))

    return Hostile(name, tries, points, file=write, errors=errors)


def large(path: Path, right: list[str]) -> None:
    with path.open("wb") as file:
        file.write(json.dumps({"cells": code(right)}).encode())
        file.truncate(65 * 2**20)  # zeros, which cost no disk


def link(target: str) -> Callable[[Path, list[str]], None]:
    return lambda path, _: path.symlink_to(target)


def foreign(right: list[str]) -> object:
    """As from another tool: no metadata, another kernel, keys of its own."""
    cells = [
        {"source": source.splitlines(keepends=True), "outputs": 5, "metadata": None}
        for source in right
    ]
    kernel = {"name": "my-conda-env", "language": "julia"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": "four"}


def old_format(right: list[str]) -> object:
    cells = [{"cell_type": "code", "input": source} for source in right]
    return {"nbformat": 3, "worksheets": [{"cells": cells}]}


def reordered(right: list[str]) -> object:
    return {"cells": code([right[0], *reversed(right[1:])])}


def duplicated(right: list[str]) -> object:
    older = "def rnn_step(*a): return 'an older answer'"
    return {"cells": code([older, older, *right, *right])}


def renamed(right: list[str]) -> object:
    return {"cells": code([c.replace("def bptt(", "def my_bptt(") for c in right])}


def missing(right: list[str]) -> object:
    return {"cells": code([c for c in right if "def bptt(" not in c])}


def magics(right: list[str]) -> object:
    timed = [f"%%time\n{c}" if "def rnn_step" in c else c for c in right]
    shells = ["%%bash\ntouch here", "!touch here", "%load_ext x", "?torch"]
    return {"cells": code([*shells, *timed])}


def unprintable(right: list[str]) -> object:
    return {"cells": code(["x = '\ud800'", "y = 1\0", "\ufeff# z", *right, "\x1b[2J"])}


def markup(right: list[str]) -> object:
    text = [{"cell_type": "markdown", "source": "<b id='hostile'>Answer to q6</b>"}]
    spoilt = [
        "def clip_by_global_norm(*a): return '</pre><script id=\"hostile\"></script>'"
        if "def clip_by_global_norm(" in cell
        else cell
        for cell in right
    ]
    return {"cells": text + code(["import os # <b id='hostile'>", *spoilt])}


# What the grader itself parses, searches and stores, before any sandbox.
TRAPS = [
    "(" + "\n" * 100_000,  # a search that tries every beginning of every line
    " " * 100_000 + "%(",
    "x = " + "(" * 100_000,
    "x = " + "-" * 100_000 + "1",
    "x = a" + ".a" * 100_000,
    "x = " + "1+" * 50_000 + "1",
    "def " * 20_000,
    "exercise(" + " " * 100_000,
    "exercise(" * 20_000,
    "x" * 1_000_000 + " (",
]


def traps(right: list[str]) -> object:
    return {"cells": code([*right, *TRAPS])}


def text_only(right: list[str]) -> object:
    return {"cells": [{"cell_type": "markdown", "source": cell} for cell in right]}


def many_cells(right: list[str]) -> object:
    return {"cells": code([*["x = 1"] * 5_000, *right])}


SHAPES_OF_JSON = [
    [], None, 3, {"cells": 3}, {"cells": [3]}, {"cells": None},
    {"cells": [{"cell_type": "code", "source": 5}]},
    {"cells": [{"cell_type": "code"}]},
    {"cells": [{"cell_type": "code", "source": [["x"], 3]}]},
]  # fmt: skip

UNCLOSED = """def rnn_step(x_t, h, W_x, W_h, b):
    return torch.tanh(x_t
"""
HALFWAY = """
def decay_rate(W_h):
    return 1.0

1 / 0
def horizon(*a): pass
"""
NOT_A_NOTEBOOK = "not a Jupyter notebook"
NAMES = [
    "=1+cmd|'calc'!A0",
    "@SUM(1)",
    "\t=1",
    "<script id=hostile>alert(1)<",
    "two\nlines\r\tand \x1b[2Jmore",
    "two\rlines\n\tand \x1b[2Jmore",  # printed, it reads like the one before
    "long_" * 49,
    "...",
    "-j",
    unicodedata.normalize("NFC", "한글 이름"),
    os.fsdecode(b"caf\xe9"),  # no text in UTF-8
    "a\"b'c,d;e",
]

CASES = [
    unreadable("empty", "is an empty file", holding(b""), NOT_A_NOTEBOOK),
    unreadable("no_json", "is no JSON", holding(b"{'cells': []}"), NOT_A_NOTEBOOK),
    unreadable(
        "truncated",
        "ends in the middle",
        lambda path, right: path.write_text(json.dumps({"cells": code(right)})[:-9]),
        NOT_A_NOTEBOOK,
    ),
    unreadable(
        "no_utf8",
        "is in another encoding",
        lambda path, right: path.write_text(
            json.dumps({"cells": code(right)}), encoding="utf-16"
        ),
        NOT_A_NOTEBOOK,
    ),
    unreadable("large", "is larger than 64 MB", large, "larger than 64 MB"),
    unreadable(
        "json_200_000_deep",
        "is lists in lists",
        holding(b'{"cells": ' + b"[" * 200_000),
        NOT_A_NOTEBOOK,
    ),
    unreadable(
        "json_with_a_long_number",
        "holds a number of a million digits",
        holding(b'{"cells": [' + b"1" * 10**6 + b"]}"),
        NOT_A_NOTEBOOK,
    ),
    *(
        unreadable(
            f"json_of_form_{number}",
            "is JSON of another form",
            holding(json.dumps(form).encode()),
            NOT_A_NOTEBOOK,
        )
        for number, form in enumerate(SHAPES_OF_JSON)
    ),
    unreadable(
        "nbformat_3",
        "is a notebook of 2013",
        lambda path, right: path.write_text(json.dumps(old_format(right))),
        NOT_A_NOTEBOOK,
    ),
    Hostile("folder", "is a folder", {}, file=lambda path, _: path.mkdir(), status=""),
    unreadable("fifo", "is a pipe", lambda path, _: os.mkfifo(path), "not a file"),
    unreadable("link_to_a_file", "is a link", link("/etc/passwd"), "a link"),
    unreadable("link_to_a_friend", "is a link", link("0_honest.ipynb"), "a link"),
    unreadable("link_to_itself", "is a link", link("link_to_itself.ipynb"), "a link"),
    Hostile(
        "byte_order_mark",
        "begins with a mark that Windows' editors write",
        FULL,
        file=lambda path, right: path.write_text(
            json.dumps({"cells": code(right)}), encoding="utf-8-sig"
        ),
    ),
    written(
        "text_only",
        "has no code",
        text_only,
        NOTHING,
    ),
    written("foreign", "comes from another tool, without metadata", foreign),
    written("reordered", "has its cells in another order", reordered),
    written("duplicated", "answers twice: the last answer counts", duplicated),
    written("renamed", "has another name for bptt", renamed, FULL | {"q3": 0}),
    written("missing", "has lost the cell of bptt", missing, FULL | {"q3": 0}),
    written("magics", "speaks to IPython and to the shell", magics),
    written(
        "unprintable", "has characters that are none", unprintable, errors=["Error"]
    ),
    written("markup", "has markup in its answers", markup, FULL | {"q4": 0}),
    written("traps", "has cells that are slow to read", traps, errors=["Error"]),
    written("many_cells", "has 5,000 cells", many_cells),
    hostile(
        "does_not_run",
        "has a bracket that was never closed, and a cell that stops halfway",
        q1=UNCLOSED,
        q5=HALFWAY,
        says={
            "q1": r"^The answer to q1 did not run: SyntaxError: '\(' was never closed "
            r"\(line 2 of its cell\)\.$",
            "q5": "^The answer to q5 did not run: ZeroDivisionError: division by zero "
            r"\(line 5 of its cell\)\.$",
        },
    ),
    hostile(
        "disorder",
        "has cells that are no Python, stop, and forget an answer",
        first="this is no Python",
        q3="# deleted",
        last="display(x)\nraise KeyboardInterrupt",
        errors=["SyntaxError"],
    ),
    hostile(unicodedata.normalize("NFD", "한글 이름"), "has a name in two alphabets"),
    *(
        unreadable(n, "has a name that bites", holding(b""), NOT_A_NOTEBOOK)
        for n in NAMES
    ),
]
