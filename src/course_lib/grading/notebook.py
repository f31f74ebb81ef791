"""The code cells of a submitted notebook, whatever state its file is in."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from pathlib import Path

SIZE_LIMIT = 64 * 2**20  # bytes; outputs of a training run fit well below
_MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)
_EXERCISE = re.compile(r"""\bexercise\(\s*["'](\w+)["']\s*\)""")


class Unreadable(ValueError):
    """A submission that is no notebook; the message says why."""


def code_cells(data: bytes) -> list[str]:
    """The code cells of a notebook's bytes, as plain Python, in their order.

    Only what is needed is asked for: a notebook that a schema would refuse, without
    metadata or with a kernel of its own, is read all the same. Raises ``Unreadable``.
    """
    if len(data) > SIZE_LIMIT:
        raise Unreadable(f"larger than {SIZE_LIMIT // 2**20} MB: clear its outputs")
    try:
        cells = json.loads(data.decode("utf-8-sig"))["cells"]
        sources = [
            "".join(cell["source"])
            for cell in cells
            if cell.get("cell_type", "code") == "code"
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"not a Jupyter notebook ({type(error).__name__})") from error
    return [plain(source) for source in sources]


def plain(source: str) -> str:
    """``source`` without the lines that only IPython knows (``%magic``, ``!shell``).

    Each becomes ``pass``, so that line numbers and the block around it stay.
    """
    if _parsed(source):
        return source  # a line that starts with % may be arithmetic
    return _MAGIC.sub(r"\1pass", source)


def exercise_name(cells: Iterable[str]) -> str | None:
    """The exercise that the notebook says it is, in its own ``exercise("…")``."""
    for cell in cells:
        found = _EXERCISE.search(cell)
        if found:
            return found[1]
    return None


def flags(cells: Iterable[str], names: Iterable[str]) -> list[str]:
    """Those of ``names`` (``torch.nn.RNN``, ``subprocess``) that the cells use.

    Read from the syntax alone: a hint for a teacher's eye, not a guard.
    """
    used: set[str] = set()
    for cell in cells:
        tree = _parsed(cell)
        used.update(_names(tree) if tree else ())
    return [
        name
        for name in names
        if any(one == name or one.startswith(name + ".") for one in used)
    ]


def _names(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    meaning: dict[str, str] = {}  # what `nn` stands for after `from torch import nn`
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.add(alias.name)
                if alias.asname:
                    meaning[alias.asname] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found.add(f"{node.module}.{alias.name}")
                meaning[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            dotted = ast.unparse(node)
            head, _, rest = dotted.partition(".")
            found.add(f"{meaning.get(head, head)}.{rest}" if rest else dotted)
    return found


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def submissions(path: Path) -> list[Path]:
    """The notebooks to grade at ``path``: itself, or all below a folder, sorted."""
    if path.is_file():
        return [path]
    return sorted(
        file for file in path.rglob("*.ipynb") if ".ipynb_checkpoints" not in file.parts
    )
