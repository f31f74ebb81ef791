"""Execute text/*.md into chapters/*.ipynb, so that a second run changes no byte.

What a text writes in MyST is plain Markdown in its notebook: see plain.py.

    make notebooks                   # every chapter
    make notebooks CHAPTER=01_rnn    # this one

The code cells of the text are formatted first and checked by ruff, then run from top to
bottom in a fresh kernel of this Python. A cell that fails stops the chapter and leaves
its old notebook as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import nbformat
from ipykernel.kernelspec import RESOURCES, get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.text import Text
from ruff import find_ruff_bin

sys.path.insert(0, str(Path(__file__).parent))  # for who loads this as a module
import plain

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 600  # seconds for one cell
# A kernel must see the same world here and under nbval (conftest.py sets it there): no
# progress bars, the same order of sets, and one thread, so the same rounding.
ENVIRONMENT = {"TQDM_DISABLE": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"}
METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
CODE_CELL = re.compile(r"^```\{code-cell\}.*?^```$", re.MULTILINE | re.DOTALL)
WIDGET = "application/vnd.jupyter.widget-view+json"


class ChapterError(Exception):
    """A chapter that can't be executed, with what a person needs to mend it."""

    def __init__(self, message: str, source: str = "", said: str = "") -> None:
        super().__init__(message)
        self.source = source
        self.said = said


def read(text: Path) -> NotebookNode:
    """The notebook a text stands for: no outputs, and ids that only content moves."""
    notebook = plain.read(text)
    notebook.metadata = NotebookNode(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()
        seen[digest] += 1
        cell.id = f"{digest[:12]}-{seen[digest]}"
    return notebook


def for_readers(text: Path) -> NotebookNode:
    """The notebook as JupyterLab and Colab can show it, not executed.

    Raises ``ChapterError`` for MyST that has no plain form.
    """
    notebook = read(text)
    try:
        plain.plain(notebook, text)
    except ValueError as error:
        raise ChapterError(str(error)) from error
    return notebook


def format_code(text: Path, notebook: Path) -> bool:
    """Sort the imports and format the code of ``text``, as ruff would in ``notebook``.

    Returns whether it changed the file.
    """
    ruff = find_ruff_bin()
    before = read(text)
    code = nbformat.writes(before)
    for command in ("check --fix-only --select I", "format"):
        done = subprocess.run(
            [ruff, *command.split(), "--stdin-filename", notebook, "-"],
            input=code,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ChapterError("ruff can't read a code cell", said=done.stderr)
        code = done.stdout
    after = nbformat.reads(code, as_version=4)
    pairs = (
        (raw.source, tidy.source)
        for raw, tidy in zip(before.cells, after.cells, strict=True)
        if raw.cell_type == "code"
    )

    def with_tidy_code(cell: re.Match[str]) -> str:
        raw, tidy = next(pairs)
        return cell[0].removesuffix(raw + "\n```") + tidy + "\n```"

    old = text.read_text("utf-8")
    new = CODE_CELL.sub(with_tidy_code, old)
    if new != old:
        text.write_text(new, "utf-8")
    return new != old


def check_code(text: Path, notebook: Path) -> None:
    """Check the code cells of ``text``, as ruff would in ``notebook``.

    Raises ``ChapterError`` that names each finding by its line in ``text``.
    """
    done = subprocess.run(
        [
            *(find_ruff_bin(), "check", "--output-format", "json"),
            *("--stdin-filename", notebook, "-"),
        ],
        input=nbformat.writes(read(text)),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1):  # 1: there are findings
        raise ChapterError("ruff can't check the code cells", said=done.stderr)
    lines = _first_lines(text)
    said = []
    for found in json.loads(done.stdout):
        line = lines[found["cell"] - 1] + found["location"]["row"] - 1
        place = f"text/{text.name}:{line}:{found['location']['column']}"
        said.append(f"{place}: {found['code']} {found['message']}")
    if said:
        noun = "finding" if len(said) == 1 else "findings"
        raise ChapterError(f"ruff has {len(said)} {noun}", said="\n".join(said))


def _first_lines(text: Path) -> dict[int, int]:
    """For each code cell, by its place in the notebook, its first line in ``text``.

    Counted from the cell's end, because options may stand before the code.
    """
    whole = text.read_text("utf-8")
    cells = enumerate(read(text).cells)
    code = [(index, cell) for index, cell in cells if cell.cell_type == "code"]
    return {
        index: whole.count("\n", 0, match.end()) - cell.source.count("\n")
        for (index, cell), match in zip(code, CODE_CELL.finditer(whole), strict=True)
    }


class ThisPython(KernelSpecManager):
    """Whatever kernels a machine has registered, the one to use is this Python."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


def execute(notebook: NotebookNode, folder: Path) -> Iterator[tuple[int, NotebookNode]]:
    """Run ``notebook`` in place, in ``folder``; yield each code cell before it runs.

    Raises ``ChapterError`` at the first cell that fails.
    """
    environment = {k: v for k, v in os.environ.items() if k != "MPLBACKEND"}
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=ThisPython()),
        timeout=TIMEOUT,
        extra_arguments=["--Application.log_level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    # cleanup_kc: or the kernel would live on, for its manager is not the client's own.
    with client.setup_kernel(env=environment | ENVIRONMENT, cleanup_kc=True):
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            yield index, cell
            where = f"cell {index + 1} of {len(notebook.cells)}"
            try:
                client.execute_cell(cell, index)
            except CellExecutionError as error:
                raise ChapterError(
                    f"{where} failed: {error.ename}: {error.evalue}",
                    cell.source,
                    "\n".join(
                        output.get("text") or "\n".join(output.get("traceback", ()))
                        for output in cell.outputs
                    ),
                ) from error
            except CellTimeoutError as error:
                raise ChapterError(
                    f"{where} took more than {TIMEOUT} seconds", cell.source
                ) from error
            except DeadKernelError as error:
                raise ChapterError(f"{where} killed the kernel", cell.source) from error
            clean(cell, where)


def clean(cell: NotebookNode, where: str) -> None:
    """Drop what lives only as long as the kernel: widget views, with their random ids.

    Raises ``ChapterError`` for a widget that says nothing without its kernel.
    """
    for output in cell.outputs:
        data = output.get("data", {})
        if data.pop(WIDGET, None) and "text/html" not in data:
            raise ChapterError(
                f"{where} shows a widget without a text/html form: the page would "
                "show nothing in its place",
                cell.source,
            )


def build(text: Path, chapter: Path) -> Iterator[tuple[int, int, str]]:
    """Execute ``text`` into ``chapter``; yield (cell, cells, first line) as it goes."""
    format_code(text, chapter)
    check_code(text, chapter)
    notebook = for_readers(text)
    for index, cell in execute(notebook, chapter.parent):
        yield index + 1, len(notebook.cells), cell.source.split("\n")[0]
    nbformat.validate(notebook)
    unfinished = chapter.with_suffix(".unfinished")
    unfinished.write_text(nbformat.writes(notebook) + "\n", "utf-8")
    unfinished.replace(chapter)


def report(console: Console, text: Path, chapter: Path) -> None:
    """Build one chapter with a line per cell: its number, seconds and first line."""
    line, started = "", time.monotonic()

    def finish() -> None:
        if line:
            console.print(f"{line.format(time.monotonic() - started)}", highlight=False)

    with console.status("Starting the kernel") as status:
        for number, count, first in build(text, chapter):
            finish()
            started = time.monotonic()
            shown = escape(first[:60]).replace("{", "{{").replace("}", "}}")
            line = f"  {number:3d}/{count}  {{:6.1f}} s  [dim]{shown}[/dim]"
            status.update(f"{text.stem}: cell {number} of {count}")
        finish()


def main(names: list[str]) -> int:
    """Build the chapters called ``names`` (all if empty); return the exit status."""
    console = Console()
    texts = {path.stem: path for path in sorted((ROOT / "text").glob("*.md"))}
    unknown = [name for name in names if name not in texts]
    if unknown:
        console.print(
            f"No such chapter: {', '.join(unknown)}. There are: {', '.join(texts)}."
        )
        return 2
    begun = time.monotonic()
    (ROOT / "chapters").mkdir(exist_ok=True)
    for name in names or texts:
        console.print(f"[bold]text/{name}.md[/bold] -> chapters/{name}.ipynb")
        try:
            report(console, texts[name], ROOT / "chapters" / f"{name}.ipynb")
        except ChapterError as error:
            if error.source:
                console.print(Syntax(error.source, "python", line_numbers=True))
            if error.said:
                console.print(Text.from_ansi(error.said))
            console.print(f"[bold red]text/{name}.md: {escape(str(error))}[/]")
            console.print(f"chapters/{name}.ipynb is unchanged.")
            return 1
    minutes = (time.monotonic() - begun) / 60
    count = len(names or texts)
    noun = "chapter" if count == 1 else "chapters"
    console.print(f"{count} {noun} executed in {minutes:.1f} minutes.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
