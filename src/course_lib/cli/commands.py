"""The ``course`` command: list and run the claims, fetch data, grade exercises.

torch is imported by the commands that need it, so that ``--help`` answers at once.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from course_lib.cli import jobs as side_by_side
from course_lib.cli.run import Asked, assignments, out_folder
from course_lib.cli.sweep import in_order, sweep
from course_lib.cli.terminal import console, say, table

if TYPE_CHECKING:
    from course_lib.experiments import Experiment

app = typer.Typer(
    help="From Recurrence to Attention: measure the course's claims, grade exercises.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)

# Options of these belong to the grader; they are handed on unread.
_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command("list")
def list_command() -> None:
    """List the experiments: what each claims, and which stored results hold."""
    with _errors():
        from course_lib.experiments import experiments

        shown = console()
        for found in experiments().values():
            said = [_stored(found, scale) for scale in found.scales]
            say(found.name, style="bold")
            for line in (
                found.claim,
                f"chapter {found.chapter}; scales {', '.join(found.scales)}",
                "; ".join(filter(None, said)) or "nothing is stored",
            ):
                shown.print(Padding(Text(line), (0, 0, 0, 2), expand=False))


@app.command("run")
def run_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME…", show_default=False)
    ] = None,
    every: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Run every experiment, the cheapest first; side by side the longest.",
        ),
    ] = False,
    scale: Annotated[
        str,
        typer.Option(
            help="quick: a test of seconds, never stored as the course's result; "
            "cpu: minutes; real: for a GPU."
        ),
    ] = "quick",
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from 0.")] = 3,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    devices: Annotated[
        int,
        typer.Option(
            help="How many GPUs share each training, or on the CPU processes."
        ),
    ] = 1,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="So many claims side by side, each in a process of its own with its "
            "share of the CPU's threads. Times are taken last, one claim at a time. "
            f"Unless you say it: 1 on a CPU, up to {side_by_side.ON_A_GPU} on a GPU.",
            show_default=False,
        ),
    ] = None,
    precision: Annotated[
        str, typer.Option(help="float32, or bfloat16 on a GPU.")
    ] = "float32",
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Change a setting. Never stored as the course's result either.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for NAME.SCALE.json; results/ by default.", metavar="DIR"
        ),
    ] = None,
    export: Annotated[
        bool, typer.Option("--export", help="Store seed 0's model for the live figure.")
    ] = False,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh",
            help="Measure anew what is there already, and forget what an interrupted "
            "run kept.",
        ),
    ] = False,
    row: Annotated[Path | None, typer.Option(hidden=True)] = None,
    prepare: Annotated[bool, typer.Option("--prepare", hidden=True)] = False,
) -> None:
    """Measure claims. Exit 0: all hold, 1: one does not, 2: an error.

    A run that is interrupted keeps what it has done; the same command continues it.
    What this very code has measured on this machine is not measured again.
    """
    with _errors():
        from course_lib import processes
        from course_lib.experiments import experiments, find

        named = [find(name) for name in names or []]
        found = [*experiments().values()] if every else named
        if not found:
            raise ValueError("NAME: got none; name experiments, or say --all")
        processes.check(devices, device)
        jobs = side_by_side.how_many(jobs, len(found), device, devices)
        if every:
            found = in_order(found, scale, jobs)
        texts = assignments(changes or [])
        folder = out_folder(out, scale, changed=bool(texts))
        if export and (texts or scale == "quick"):
            raise ValueError(
                f"--export: not {'with --set' if texts else 'at scale quick'}; "
                "a figure has the model of a stored result"
            )
        for experiment in found:
            if export and not experiment.export:
                raise ValueError(f"--export: {experiment.name} has nothing to export")
    asked = Asked(
        scale,
        seeds,
        device,
        devices,
        jobs,
        precision,
        texts,
        folder,
        export,
        fresh,
        row,
        prepare,
    )
    raise typer.Exit(sweep(found, asked))


@app.command("bench", context_settings=_HANDED_ON, add_help_option=False)
def bench_command(context: typer.Context) -> None:
    """Time our models beside other people's."""
    _hand_on(context, "course_lib.bench.command", "bench_command")


@app.command("data")
def data_command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME…]", show_default=False)
    ] = None,
) -> None:
    """List the registered data sets, or fetch those named."""
    with _errors():
        from course_lib.data.registry import cached, datasets, fetch

        for name in names or []:
            typer.echo(f"{name}: in {fetch(name)}")
        if names:
            return
        shown = table("name", "what it is", "size", "licence", "here")
        for name, dataset in datasets().items():
            size = sum(file.bytes for file in dataset.files) / 2**20
            shown.add_row(
                name,
                dataset.says,
                f"{size:.1f} MiB",
                dataset.licence,
                "yes" if cached(name) else "no",
            )
        console().print(shown)
        say("Fetch one with: course data NAME")


@app.command("handout", context_settings=_HANDED_ON, add_help_option=False)
def handout_command(context: typer.Context) -> None:
    """Write an exercise's notebook for a class, which installs this very version."""
    _hand_on(context, "course_lib.grading.handout", "handout_command")


@app.command("grade", context_settings=_HANDED_ON, add_help_option=False)
def grade_command(context: typer.Context) -> None:
    """Grade answers to the exercises."""
    _hand_on(context, "course_lib.grading.command", "grade_command")


@app.command("progress")
def progress_command() -> None:
    """Show how far you have come in the exercises, and what is next."""
    from course_lib.grading.overview import show_in_terminal

    show_in_terminal()


@app.command("build-exercises", context_settings=_HANDED_ON, add_help_option=False)
def build_command(context: typer.Context) -> None:
    """Build the exercise notebooks from their sources."""
    _hand_on(context, "course_lib.grading.build", "build_command")


@app.command("new", context_settings=_HANDED_ON, add_help_option=False)
def new_command(context: typer.Context) -> None:
    """Make a skeleton of a chapter, an experiment, a figure or an exercise."""
    _hand_on(context, "course_lib.cli.new", "new_command")


def _hand_on(context: typer.Context, module: str, name: str) -> None:
    with _errors():
        inner = typer.Typer(
            add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
        )
        inner.command()(getattr(importlib.import_module(module), name))
        inner(context.args, prog_name=f"course {context.info_name}")


def _stored(experiment: Experiment, scale: str) -> str | None:
    from dataclasses import asdict

    from course_lib.results import RESULTS, storable, stored, workplace

    for folder in (workplace() / "results", RESULTS):
        try:
            result = stored(experiment.name, scale, folder)
        except FileNotFoundError:
            continue
        if result.config != storable(asdict(experiment.scales[scale])):
            return f"{scale}: of other settings, measure it again"
        return f"{scale}: {'holds' if result.holds else 'does not hold'}"
    return None


@contextmanager
def _errors() -> Iterator[None]:
    """Say what went wrong in one line and exit with 2; let bugs through."""
    try:
        yield
    except Exception as error:
        from course_lib.experiments.problems import explain

        if not (said := explain(error)):
            raise
        typer.echo(f"error: {said}", err=True)
        raise typer.Exit(2) from None
