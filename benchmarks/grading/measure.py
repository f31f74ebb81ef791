"""How long a class of 200 takes: `course grade`, and beside it otter and nbgrader.

Run it as an ordinary user on a quiet machine::

    python benchmarks/grading/measure.py -o benchmarks/grading/measured.json

The other graders need a Python that has them (``requirements.txt`` here), named by
``--peers``; a peer that is not there is named as missing. They run our very tests, on
some of the right submissions, one after another as they do for a class; their time for
200 is that per submission times 200.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import classroom
import peers
import typer

from course_lib.experiments.machine import machine
from course_lib.files import write_whole
from course_lib.grading import exercise


def main(
    out: Annotated[Path, typer.Option("-o", "--out")] = Path("measured.json"),
    name: Annotated[str, typer.Option("--exercise")] = "04_attention",
    jobs: Annotated[int, typer.Option("-j", "--jobs")] = 2,
    python: Annotated[
        str, typer.Option("--peers", help="A Python that has them.")
    ] = "",
    repeats: Annotated[int, typer.Option(help="Submissions for each peer.")] = 3,
) -> None:
    """Grade the class, check every score, and store the times."""
    with tempfile.TemporaryDirectory() as folder:
        measured = {
            "exercise": name,
            "machine": machine("cpu", "float32") | {"cores": os.cpu_count()},
            "course": ours(name, jobs, Path(folder)),
            "peers": [
                timed(peer, name, python, repeats, Path(folder)) for peer in peers.ALL
            ],
        }
    write_whole(out, json.dumps(measured, indent=1) + "\n")
    typer.echo(out.read_text())


def ours(name: str, jobs: int, folder: Path) -> dict[str, Any]:
    """Grade the class by the command. Raises where a score is not the expected one."""
    expected = classroom.write(exercise(name), folder / "class")
    command = ["grade", name, folder / "class", "-o", folder / "graded", "--seed", 7431]
    course = Path(sys.executable).with_name("course")
    started = time.perf_counter()
    subprocess.run([str(part) for part in (course, *command, "-j", jobs)], check=True)
    seconds = time.perf_counter() - started
    grades = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in (folder / "graded" / "students").glob("*.json")
    }
    got = {student: grade["points"] for student, grade in grades.items()}
    differ = {
        s: (got.get(s), want) for s, want in expected.items() if got.get(s) != want
    }
    if differ:
        raise SystemExit(f"points that are not the expected ones: {differ}")
    honest = [g["seconds"] for s, g in grades.items() if not s.startswith("hostile")]
    return {
        "submissions": len(expected),
        "hostile": len(classroom.HOSTILE),
        "jobs": jobs,
        "seconds": round(seconds, 1),
        "seconds_each": round(statistics.median(honest), 2),
        "sandbox": sorted({grade["sandbox"] for grade in grades.values()}),
    }


def timed(
    peer: peers.Peer, name: str, python: str, repeats: int, folder: Path
) -> dict[str, Any]:
    """The peer's seconds for each of ``repeats`` right submissions, or what lacks."""
    found = {"name": peer.name, "version": peers.installed(python, peer.name)}
    if found["version"] is None:
        return found | {"missing": f"no {peer.name} in {python or 'no --peers'}"}
    place = folder / peer.name
    grade_next = peer.prepare(exercise(name), Path(python).parent, place, repeats)
    seconds = []
    for number in range(repeats):
        started = time.perf_counter()
        points = grade_next(number)
        seconds.append(round(time.perf_counter() - started, 1))
        if points != exercise(name).points:
            raise SystemExit(f"{peer.name} gives a right submission {points} points")
    return found | {"seconds_each": seconds}


if __name__ == "__main__":
    typer.run(main)
