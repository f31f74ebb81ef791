"""The code cells of a submitted notebook, whatever state its file is in."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SIZE_LIMIT = 64 * 2**20  # bytes; outputs of a training run fit well below
_NAME_LIMIT = 200  # bytes of a part of a path; a disk takes 255 with all endings
# Not \s, which takes line breaks: a cell of blank lines would be searched for hours.
_MAGIC = re.compile(r"^([ \t]*)[%!].*$", re.MULTILINE)
# Not from the syntax: of a cell with a mistake in it we want to know this as well.
_DEFINED = re.compile(r"^[ \t]*(?:def\s+(\w+)|(\w+)[ \t]*=(?!=))", re.MULTILINE)
_EXERCISE = re.compile(r"""\bexercise\(\s*["'](\w+)["']\s*\)""")


class Unreadable(ValueError):
    """A submission that is no notebook; the message says why."""


def code_cells(data: bytes) -> list[str]:
    """The code cells of a notebook's bytes, as plain Python, in their order.

    Only what is needed is asked for: a notebook that a schema would refuse, without
    metadata or with a kernel of its own, is read all the same. Raises ``Unreadable``.
    """
    return [plain(source) for source in _sources(data, "code")]


def markdown_cells(data: bytes) -> list[str]:
    """The text cells of a notebook's bytes, in their order. Raises ``Unreadable``."""
    return _sources(data, "markdown")


def _sources(data: bytes, kind: str) -> list[str]:
    if len(data) > SIZE_LIMIT:
        raise Unreadable(f"larger than {SIZE_LIMIT // 2**20} MB: clear its outputs")
    try:
        cells = json.loads(data.decode("utf-8-sig"))["cells"]
        return [
            "".join(cell["source"])
            for cell in cells
            if cell.get("cell_type", "code") == kind
        ]
    except ValueError as error:  # of JSON and of UTF-8
        why = "its text is damaged or cut off" if data.strip() else "the file is empty"
        raise Unreadable(f"not a Jupyter notebook ({why})") from error
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable("not a Jupyter notebook (it has no proper cells)") from error


def plain(source: str) -> str:
    """``source`` without the lines that only IPython knows (``%magic``, ``!shell``).

    Each becomes ``pass``, so that line numbers and the block around it stay.
    """
    if parsed(source):
        return source  # a line that starts with % may be arithmetic
    return _MAGIC.sub(r"\1pass", source)


def exercise_name(cells: Iterable[str]) -> str | None:
    """The exercise that the notebook says it is, in its own ``exercise("…")``."""
    for cell in cells:
        found = _EXERCISE.search(cell)
        if found:
            return found[1]
    return None


def questions(cell: str, answers: Mapping[str, str]) -> list[str]:
    """The questions that ``cell`` answers, for ``answers`` as in ``Exercise``."""
    names = {name for found in _DEFINED.findall(cell) for name in found if name}
    return sorted({answers[name] for name in names if name in answers})


def place(index: int, cell: str, answers: Mapping[str, str]) -> str:
    """What to call the code cell number ``index``: by what it answers, if it does."""
    named = " and ".join(questions(cell, answers))
    return f"answer to {named} (code cell {index})" if named else f"code cell {index}"


@dataclass(frozen=True)
class Use:
    """``name`` is used in code cell number ``cell``, there first in ``line``."""

    name: str
    cell: int
    line: int


def uses(cells: Iterable[str], names: Iterable[str]) -> list[Use]:
    """Where the cells use ``names`` such as ``torch.nn.RNN`` or ``subprocess``.

    Read from the syntax alone: a hint for a teacher's eye, not a guard. Each name
    once in a cell.
    """
    trees = [parsed(cell) or ast.Module([], []) for cell in cells]
    meaning: dict[str, str] = {}  # what `nn` stands for after `from torch import nn`
    for tree in trees:
        meaning |= {short: name for _, name, short in _imports(tree)}
    names = list(names)
    first: dict[tuple[int, str], int] = {}
    for cell, tree in enumerate(trees, start=1):
        found = [(line, name) for line, name, _ in _imports(tree)]
        found += _dotted(tree, meaning)
        for line, used in sorted(found):
            for name in names:
                if used == name or used.startswith(name + "."):
                    first.setdefault((cell, name), line)
    return [Use(name, cell, line) for (cell, name), line in first.items()]


def _imports(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, full name and the name it gets, for all that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                # `import torch.nn` binds `torch`, which stands for itself.
                yield node.lineno, alias.name, alias.asname or alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield node.lineno, name, alias.asname or alias.name


def _dotted(tree: ast.AST, meaning: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Line and full name of ``name`` and ``name.and.so.on``."""
    for node in ast.walk(tree):
        parts: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute) and len(parts) < 10:
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            head = meaning.get(inner.id, inner.id)
            yield inner.lineno, ".".join([head, *reversed(parts)])


def parsed(source: str) -> ast.Module | None:
    """The syntax of ``source``; None where it is no Python, or too deep to be read."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def submissions(path: Path) -> dict[str, Path]:
    """The notebooks to grade by their student: that at ``path``, or all below a folder.

    A student is called as the path in the folder, without ``.ipynb``. Every name is
    safe as the path of a file of its own, also where ``A`` and ``a`` are the same.
    Raises ``OSError`` for a folder that cannot be read.
    """
    if path.is_file():
        return {_name(Path(path.name)): path}
    found: dict[str, Path] = {}
    taken = set()
    for file in filter(_is_notebook, _below(path)):
        place = file.relative_to(path)
        name = _name(place)
        if name.casefold() in taken:
            name += "~" + hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
        taken.add(name.casefold())
        found[name] = file
    return found


def other_files(path: Path) -> list[str]:
    """What else was handed in: the files below a folder that are no notebooks."""
    if path.is_file():
        return []
    files = _below(path)
    return [str(file.relative_to(path)) for file in files if not _is_notebook(file)]


def _below(folder: Path) -> list[Path]:
    def stop(error: OSError) -> None:
        raise error  # or a student in there would be forgotten

    found = []
    for here, folders, files in os.walk(folder, onerror=stop):
        # Copies that Jupyter keeps, and what macOS puts into folders and zip files.
        folders[:] = [f for f in folders if f not in (".ipynb_checkpoints", "__MACOSX")]
        kept = [f for f in files if not f.startswith("._") and f != ".DS_Store"]
        found += [Path(here, file) for file in kept]
    return sorted(found)


def _is_notebook(file: Path) -> bool:
    return file.name.lower().endswith(".ipynb")


def _name(place: Path) -> str:
    return "/".join(_safe(part) for part in (*place.parts[:-1], place.name[:-6]))


def _safe(part: str) -> str:
    """``part`` as the name of a file that any disk and any terminal can take."""
    # macOS takes letters and their accents apart in the names of files.
    part = unicodedata.normalize("NFC", part)
    part = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in part)
    if not part.strip("."):  # "..", of all names
        part = part.replace(".", "_") or "_"
    if part.lower().endswith(".json"):  # the name of a file that we write
        part += "_"
    if len(part.encode()) > _NAME_LIMIT:
        digest = hashlib.sha256(part.encode()).hexdigest()[:8]
        part = part.encode()[:_NAME_LIMIT].decode(errors="ignore") + "~" + digest
    return part
