"""What ``course run`` does: run with a bar, stop well, store, and say the verdict."""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from course_lib.experiments import Experiment, Progress
    from course_lib.results import Result


def measure(
    experiment: Experiment,
    scale: str,
    seeds: int,
    device: str,
    precision: str,
    texts: dict[str, str],
    fresh: bool,
) -> tuple[Result, Path]:
    """Run or continue ``experiment``; its result and the folder of its state.

    A signal to stop ends it after the step under way, with exit code 128 + signal.
    """
    from course_lib.experiments.fields import parse_changes
    from course_lib.experiments.runner import execute, run_to_end, state_folder
    from course_lib.results import workplace

    changes = parse_changes(experiment.config(scale), texts)
    runs = workplace() / "runs"
    state = state_folder(experiment, scale, device, precision, runs, **changes)
    if fresh:
        shutil.rmtree(state, ignore_errors=True)
    if state.exists():
        say(f"{experiment.name}: continuing what was interrupted (--fresh forgets it)")
    steps = execute(experiment, scale, range(seeds), device, precision, runs, **changes)
    with _stop_signals() as stop, _bar(experiment.name) as show:

        def show_or_stop(progress: Progress) -> None:
            show(progress)
            if stop:
                raise KeyboardInterrupt

        try:
            return run_to_end(steps, show_or_stop), state
        except KeyboardInterrupt:  # ours, or that of the second Ctrl-C, amid a step
            pass
    say(f"{experiment.name}: stopped; the same command continues from here.")
    raise typer.Exit(128 + stop[0])


def store(
    experiment: Experiment,
    result: Result,
    state: Path,
    folder: Path | None,
    export: bool,
) -> None:
    """Print the result, write it and its artefact, then drop the state of the run."""
    from course_lib.files import write_whole

    say(str(result))
    if folder:
        say(f"  Written to {_short(result.save(folder))}")
    else:
        quick = result.scale == "quick"
        why = "a quick run is a test" if quick else "settings were changed"
        say(f"  Not stored, because {why}; --out DIR stores it.")
    if export:
        text = (state / "artefact.json").read_text(encoding="utf-8")
        write_whole(experiment.artefact, text)
        say(f"  Exported to {_short(experiment.artefact)}")
    shutil.rmtree(state, ignore_errors=True)
    said = "the claim holds" if result.holds else "the claim does not hold"
    say(f"{experiment.name}: {said}.", style="green" if result.holds else "red")


def assignments(changes: list[str]) -> dict[str, str]:
    """``["field=text", …]`` as a dict. Raises ``ValueError``."""
    texts = dict(change.partition("=")[::2] for change in changes)
    for change in changes:
        if "=" not in change:
            raise ValueError(f"--set: got {change!r}, expected FIELD=VALUE")
    return texts


def out_folder(out: Path | None, scale: str, changed: bool) -> Path | None:
    """Where the result is written; None for a test and no ``--out``.

    A test is a quick run, and one with changed settings. Raises ``ValueError`` where
    one would come among the stored results, which the book and a wheel take up.
    """
    from course_lib.results import RESULTS, workplace

    default = workplace() / "results"
    if not changed and scale != "quick":
        return out or default
    if out and out.resolve() in (default.resolve(), RESULTS.resolve()):
        why = "with --set" if changed else "at scale quick"
        raise ValueError(f"--out: {why} it must be another folder than results/")
    return out


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect the first Ctrl-C or kill, so that the step under way is finished."""
    got: list[int] = []

    def note(number: int, frame: Any) -> None:
        got.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {n: signal.signal(n, note) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield got
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[Progress], None]]:
    """A live bar on a terminal; elsewhere a line for every tenth of the work."""
    terminal = console()
    if not terminal.is_terminal:
        tenths = {0}

        def line(progress: Progress) -> None:
            tenth = 10 * progress.done // max(progress.total, 1)
            if tenth not in tenths:
                tenths.add(tenth)
                say(f"{name} {10 * tenth:3d} %  {_now(progress)}")

        yield line
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[name]}"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task("", total=None, name=name)

        def draw(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.done,
                total=progress.total,
                description=_now(progress),
            )

        yield draw


def _now(progress: Progress) -> str:
    values = [f"{name} {value:.4g}" for name, value in progress.curves.items()]
    return " · ".join(filter(None, [progress.note, *values]))


def say(text: str, style: str | None = None) -> None:
    console().print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def console() -> Console:
    return Console(file=sys.stdout)


def _short(path: Path) -> Path:
    """``path`` as seen from here, where it lies below."""
    path, here = path.resolve(), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
