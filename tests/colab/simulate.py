"""Run the notebooks as a reader on Colab would, as far as that goes without Colab.

    python tests/colab/simulate.py                     # all of it: make colab
    python tests/colab/simulate.py chapters/01_rnn.ipynb --runtime 3.12
    python tests/colab/simulate.py --runtime lowest    # the lower ends of our ranges

For each runtime it makes an environment with Colab's versions of all packages that the
course touches (runtime-*.txt), or with the oldest that pyproject.toml admits. Each
notebook gets a fresh copy of it, an empty home and a folder in which it lies alone, and
is run from its first cell on. What that cell asks GitHub for is answered with the
working tree, so pip builds our wheel from it and installs that. Then the packages are
compared with those of before: nothing that was there may have changed. At the end such
a reader tries the command `course`.

It needs PyPI, and the Pythons. PyPI's torch brings 3 GB of CUDA; where
PIP_EXTRA_INDEX_URL names PyTorch's own index, https://download.pytorch.org/whl/cpu, it
does not. `--quick` takes this Python and this environment's torch instead.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import environment
import nbformat
import yaml
from environment import LISTS, LOWEST, ROOT, CommandError, run
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from course_lib.grading import build
from course_lib.grading.exercises import exercise

NOTEBOOKS = [
    *sorted(ROOT.glob("chapters/*.ipynb")),
    *sorted(ROOT.glob("exercises/*/student.ipynb")),
]
RUNTIMES = (*LISTS, LOWEST)
TIMEOUT = 600  # seconds for one cell
EXERCISE = "01_rnn"
COMMANDS = [
    ("list",),
    ("run", "vanishing-gradient", "--seeds", "1", "--out", "."),
    ("grade", EXERCISE, "solved.ipynb"),
]


@dataclass
class Outcome:
    """What became of one notebook in one runtime; ``failed`` says why it is no good."""

    name: str
    seconds: float = 0.0
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    failed: str = ""

    @property
    def verdict(self) -> str:
        return "failed" if self.failed else "changed" if self.changed else "runs"


def title(runtime: str) -> str:
    """What people call it."""
    return "our ranges' lower ends" if runtime == LOWEST else f"Colab {runtime}"


def make_repository(folder: Path, branch: str) -> None:
    """The working tree, committed, in the place of the one on GitHub."""
    folder.mkdir()
    listed = run("git", "ls-files", "-co", "--exclude-standard", "-z", cwd=ROOT)
    for name in listed.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    git = ["git", "-c", "user.name=simulation", "-c", "user.email=none@localhost"]
    run(*git, "init", "-q", "-b", branch, cwd=folder)
    run(*git, "add", "-A", cwd=folder)
    run(*git, "commit", "-q", "-m", "The working tree", cwd=folder)


def surroundings(python: Path, home: Path, repository: Path, url: str) -> dict:
    """The environment variables of a reader who has nothing of ours."""
    ours = ("PYTHON", "VIRTUAL_ENV", "MPLBACKEND", "COURSE_", "XDG_", "JUPYTER")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return kept | {
        "HOME": str(home),
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{repository}.insteadOf",
        "GIT_CONFIG_VALUE_0": url,
    }


def execute(path: Path, python: Path, env: dict, after_cell: Callable) -> str:
    """Run a notebook in its folder with the kernel of ``python``.

    Returns what went wrong, with what the set-up cell said; nothing if all went well.
    """

    class Colab(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            launch = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
            argv = [str(python), "-Xfrozen_modules=off", *launch]
            return KernelSpec(argv=argv, language="python")

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_spec_manager=Colab()),
        extra_arguments=["--Application.log_level=ERROR"],
        timeout=TIMEOUT,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_complete=lambda **_: after_cell(),
    )
    try:
        client.execute(env=env, cleanup_kc=True)  # ends a kernel of our own manager
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        first = next(cell for cell in notebook.cells if cell.cell_type == "code")
        said = "".join(output.get("text", "") for output in first.outputs)
        return f"{said}\n{error}".strip()
    return ""


def solved() -> str:
    """An exercise's notebook with its answers, as the bytes of its file."""
    one = exercise(EXERCISE)
    notebook = nbformat.reads(build.student(one), as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, source in zip(code[1:], build.code(one), strict=True):
        cell.source = source
    return nbformat.writes(notebook)


@dataclass(frozen=True)
class Place:
    """Where notebooks run: the environment to copy, and what stands for GitHub."""

    folder: Path
    base: Path
    before: dict[str, str]
    url: str

    def reader(self, name: str) -> tuple[Path, dict]:
        """A fresh reader: the Python, in a copy of ``base``, and the variables.

        What the reader before has left is removed; the folder NAME is empty.
        """
        shutil.rmtree(self.folder / "reader", ignore_errors=True)
        for made in (name, "home"):
            (self.folder / "reader" / made).mkdir(parents=True)
        python = environment.copy(self.base, self.folder / "reader/environment")
        home = self.folder / "reader/home"
        return python, surroundings(python, home, self.folder / "repository", self.url)


def prepare(folder: Path, runtime: str, quick: bool) -> Place:
    """The place for notebooks with the packages of ``runtime``, in ``folder``.

    Raises ``CommandError``.
    """
    stated = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["repository"]
    make_repository(folder / "repository", stated["branch"])
    base = folder / "environment"
    before = environment.installed(environment.make(base, runtime, quick))
    return Place(folder, base, before, stated["url"])


def run_alone(path: Path, place: Place, after_cell: Callable) -> Outcome:
    """Run one notebook as a fresh reader, and see what became of the packages."""
    python, env = place.reader("content")
    alone = Path(shutil.copy2(path, place.folder / "reader/content"))
    begun = time.monotonic()
    failed = execute(alone, python, env, after_cell)
    seconds = time.monotonic() - begun
    after = environment.installed(python)
    return Outcome(
        str(path.relative_to(ROOT)),
        seconds,
        [f"{name}=={after[name]}" for name in after if name not in place.before],
        [
            f"{name} {version} -> {after.get(name, 'none')}"
            for name, version in place.before.items()
            if after.get(name) != version
        ],
        failed,
    )


def try_commands(place: Place) -> Outcome:
    """Install as the first cell does; run the command `course` in an empty folder."""
    python, env = place.reader("empty")
    folder = place.folder / "reader/empty"
    outcome = Outcome("course list, run, grade")
    points = exercise(EXERCISE).points
    (folder / "solved.ipynb").write_text(solved(), "utf-8")
    begun = time.monotonic()
    try:
        run(python, "-m", "pip", "install", "-q", build.COURSE, cwd=folder, env=env)
        for command in COMMANDS:
            said = run(python.with_name("course"), *command, cwd=folder, env=env)
        if f"solved: {points} of {points} points" not in said:
            outcome.failed = f"The published solution does not get all points:\n{said}"
    except CommandError as error:
        outcome.failed = str(error)
    outcome.seconds = time.monotonic() - begun
    return outcome


def tell(console: Console, what: str, one: Outcome) -> None:
    """One line as soon as it is known, and what went wrong; the table comes last."""
    console.print(f"{what}: {one.verdict} {one.seconds:4.0f} s  {one.name}")
    if one.failed:
        console.print(one.failed, markup=False, highlight=False)


def simulate(
    runtime: str, notebooks: list[Path], quick: bool, progress: Progress
) -> list[Outcome]:
    """Run ``notebooks`` and the commands with the packages of ``runtime``."""
    what = title(runtime)
    bar = progress.add_task(f"{what}: installing", total=None)
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="colab-", ignore_cleanup_errors=True) as at:
        try:
            place = prepare(Path(at), runtime, quick)
        except CommandError as error:
            progress.update(bar, total=1, description=f"{what}: failed")
            outcomes.append(Outcome("its environment", failed=str(error)))
            tell(progress.console, what, outcomes[-1])
            return outcomes
        for path in notebooks:
            cells = len(nbformat.read(path, as_version=4).cells)
            progress.reset(bar, total=cells, description=f"{what}: {path.name}")
            outcomes.append(run_alone(path, place, lambda: progress.advance(bar)))
            tell(progress.console, what, outcomes[-1])
        progress.reset(bar, total=None, description=f"{what}: the command course")
        outcomes.append(try_commands(place))
        tell(progress.console, what, outcomes[-1])
    progress.update(bar, total=1, completed=1, description=f"{what}: done")
    return outcomes


def report(console: Console, runtime: str, outcomes: list[Outcome]) -> None:
    """A table of one runtime."""
    table = Table(title=title(runtime), box=box.SIMPLE_HEAD)
    table.add_column("notebook", no_wrap=True)
    for column in ("seconds", "added", "changed", "verdict"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for one in outcomes:
        table.add_row(
            one.name,
            f"{one.seconds:.0f}",
            " ".join(one.added),
            " ".join(one.changed) or "nothing",
            one.verdict,
        )
    console.print(table)


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 where all runs and nothing is changed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "notebooks", nargs="*", type=Path, help="all chapters and exercises by default"
    )
    parser.add_argument(
        *("--runtime", "-r"),
        action="append",
        choices=RUNTIMES,
        help="all by default; give it twice for two",
    )
    parser.add_argument(
        "--quick", action="store_true", help="this Python, and its torch"
    )
    given = parser.parse_args(arguments)
    notebooks = [path.resolve() for path in given.notebooks] or NOTEBOOKS
    if missing := [str(path) for path in notebooks if path not in NOTEBOOKS]:
        parser.error(f"no notebook of the course: {', '.join(missing)}")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        outcomes = {
            runtime: simulate(runtime, notebooks, given.quick, progress)
            for runtime in given.runtime or RUNTIMES
        }
    for runtime, found in outcomes.items():
        report(Console(), runtime, found)
    return int(
        any(one.verdict != "runs" for found in outcomes.values() for one in found)
    )


if __name__ == "__main__":
    sys.exit(main())
