"""``course bench``: the tables as they come, then one JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from course_lib.bench import devices, growth, report
from course_lib.bench.run import bench
from course_lib.chapters import CHAPTERS
from course_lib.cli.terminal import bar, console, say
from course_lib.experiments import run_to_end
from course_lib.experiments.claim import Progress
from course_lib.files import write_whole
from course_lib.results import workplace
from course_lib.training import Setting

INSTALL = "pip install --no-deps -r benchmarks/requirements-peers.txt"


def bench_command(
    chapters: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CHAPTER",
            show_default=False,
            help=f"Of {', '.join(one.name for one in CHAPTERS)}; all by default.",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="cpu, cuda or cuda:N; a GPU if there is one.")
    ] = "cuda" if torch.cuda.is_available() else "cpu",
    precision: Annotated[
        str, typer.Option(help="float32, or bfloat16 on a GPU.")
    ] = "float32",
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each contender.")] = 7,
    quick: Annotated[
        bool, typer.Option("--quick", help="Tiny sizes: a test, never stored.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for DEVICE.json; benchmarks/speed by default, but only where "
            "all chapters are measured.",
        ),
    ] = None,
) -> None:
    """Time our models beside other people's: the same weights, inputs and threads.

    What computes other values is not timed. Exit 0: all that is installed was timed, 1:
    a contender failed, 2: an error.
    """
    setting = Setting(device=device, precision=precision)
    kind = device.partition(":")[0]
    scale = "quick" if quick else kind
    steps = bench(chapters or [], scale, setting, rounds)
    said = _shown(steps)
    console().print(growth.table(said["growth"]))
    if "devices" in said:
        say(devices.in_words(said["devices"]))
    if out is None and not (chapters or quick):
        out = workplace() / "benchmarks" / "speed"
    if out:
        name = kind if precision == "float32" else f"{kind}-{precision}"
        path = out / f"{name}.json"
        write_whole(path, json.dumps(said, indent=1, ensure_ascii=False) + "\n")
        say(f"Written to {path}")
    missing, failed = _without_times(said)
    for name, why in missing.items():
        say(f"Missing: {name}: {why}")
    if missing:
        say(f"From a checkout, this installs them: {INSTALL}")
    for name, why in failed.items():
        say(f"Failed: {name}: {why}", style="red")
    raise typer.Exit(1 if failed else 0)


def _shown(steps: Any) -> dict[str, Any]:
    """Run to the end, with a bar; each match's table is printed when it is over."""
    with bar("bench") as show:

        def on_progress(seen: Progress | dict[str, Any]) -> None:
            if isinstance(seen, Progress):
                show(seen)
            else:
                console().print(report.table(seen))

        return run_to_end(steps, on_progress)


def _without_times(said: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Who was not timed, and why: what is not installed, and what failed."""
    missing, failed = {}, {}
    for match in said["matches"]:
        for one in match["contenders"]:
            if "missing" in one:
                missing[one["name"]] = one["missing"]
            elif "failed" in one:
                failed[f"{match['name']}, {match['task']}: {one['name']}"] = one[
                    "failed"
                ]
    for one in said["growth"]:
        failed |= growth.failures(one)
    return missing, failed
