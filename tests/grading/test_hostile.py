"""A class of hostile students and three honest ones, graded by the command.

No undeserved point, no hang, nobody else's grade lost, and nothing left behind.
"""

from __future__ import annotations

import contextlib
import csv
import ctypes
import hashlib
import json
import os
import re
import signal
import site
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hostile import Hostile, breakouts, exits, files, greedy, lies, thieves, wires
from hostile import hostile as notebook
from ordinary_user import lacking, ordinary_user

import course_lib
from course_lib.grading import build, exercise
from course_lib.grading.exercises import all_exercises
from course_lib.grading.notebook import submissions
from course_lib.grading.remote import Remote
from course_lib.grading.sandbox import LEVELS, refusal

SHORT_LIMITS = Path(__file__).with_name("short_limits.py")
CHECKOUT = Path(__file__).parents[2]
HONEST = [
    notebook("0_honest", "is honest, and the first to be graded"),
    notebook("m_honest", "is honest, between the others"),
    notebook("zz_honest", "is honest, and among the last"),
]
BEHIND_WALLS = [
    *HONEST,
    *(c for module in (greedy, exits, thieves, breakouts) for c in module.CASES),
]
CLASSES = {
    "bubblewrap": [*BEHIND_WALLS, *lies.CASES, *wires.CASES, *files.CASES],
    # What cannot know its level, or never gets there, is not graded twice.
    "landlock": BEHIND_WALLS,
}
REPORTS = {
    "students", "grades.csv", "report.html", "similarity.csv", "gradescope", "feedback"
}  # fmt: skip
PACKAGES = [
    *(Path(place) for place in (*site.getsitepackages(), sys.prefix, sys.base_prefix)),
    *(Path(package.__file__).parent for package in (torch, course_lib)),
    CHECKOUT,
]


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
@pytest.mark.parametrize("level", CLASSES)
def test_a_hostile_class(level, subtests):
    everyone = CLASSES[level]
    with _batch() as folder, _listeners(folder) as (known, heard):
        _submit(everyone, folder / "submissions", known)
        command = _command(folder, level)
        submitted, packages = _contents(folder / "submissions"), _listed(PACKAGES)

        done, alive = _run(command, folder)

        assert done.returncode == 0, done.stderr[-5000:]
        grades = _grades(folder)
        for case in everyone:
            with subtests.test(ascii(case.name), tries=case.tries):
                _judge(case, grades.pop(case.name, {"status": ""}), level)
        with subtests.test("no grade but theirs"):
            assert grades == {}
        with subtests.test("nobody was called"):
            assert heard() == []
        with subtests.test("nobody lives on"):
            assert alive == []
        with subtests.test("nothing was changed"):
            assert _contents(folder / "submissions") == submitted
            assert _listed(PACKAGES) == packages
        with subtests.test("nothing was left"):
            for empty in ("loot", "tmp", "home"):
                assert _listed([folder / empty]) == {folder / empty: set()}
        with subtests.test("the table holds them all"):
            _look_at_the_table(folder / "out")
        with subtests.test("nothing runs in the report"):
            for path in (folder / "out").rglob("*.html"):
                page = path.read_text(encoding="utf-8")
                assert not re.search("<[a-z]+ id=.?hostile", page), path
        with subtests.test("no file but the reports"):
            out = folder / "out"
            assert set(os.listdir(out)) == REPORTS
            known = {f"{name}.json" for name in submissions(folder / "submissions")}
            assert set(os.listdir(out / "students")) == known


@pytest.mark.skipif(sys.platform != "linux", reason="the sandbox is Linux's")
@pytest.mark.parametrize("one", all_exercises(), ids=lambda one: one.name)
@pytest.mark.parametrize("level", LEVELS[:2], ids=lambda level: level.name)
def test_no_answer_of_any_exercise_can_be_had(one, level):
    if why := refusal(level):
        lacking(f"{level.name}: {why}")
    with Remote(one, [thieves.STOLEN], level) as submission:
        stolen = submission.answers.stolen
        assert {name: stolen(name, str(one.folder)) for name in one.hide} == {
            name: [] for name in one.hide
        }


@contextlib.contextmanager
def _batch() -> Iterator[Path]:
    """A folder that an ordinary user can reach; pytest's own is root's alone."""
    folder = Path(tempfile.mkdtemp(prefix="course-hostile-")).resolve()
    try:
        folder.chmod(0o755)
        for name in ("submissions", "home", "tmp", "loot"):
            (folder / name).mkdir()
        (folder / "loot").chmod(0o777)
        yield folder
    finally:
        # Not shutil's rmtree, whose recursion ends before a hostile folder does.
        subprocess.run(["rm", "-rf", folder], check=False)


@contextlib.contextmanager
def _listeners(
    folder: Path,
) -> Iterator[tuple[dict[str, object], Callable[[], list[str]]]]:
    """Where one can call, and a function that says who was called."""
    abstract = folder.name
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as path,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as name,
    ):
        udp.bind(("127.0.0.1", 0))
        path.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        name.bind(f"\0{abstract}")
        receive = {
            "tcp": tcp.accept,
            "udp": lambda: udp.recv(1),
            "unix": lambda: path.recv(1),
            "abstract": lambda: name.recv(1),
        }
        for line in (tcp, udp, path, name):
            line.setblocking(False)

        def heard() -> list[str]:
            called = []
            for kind, take in receive.items():
                with contextlib.suppress(BlockingIOError):
                    take()
                    called.append(kind)
            return called

        yield (
            {
                "CHECKOUT": str(CHECKOUT),
                "BATCH": str(folder),
                "TCP": tcp.getsockname()[1],
                "UDP": udp.getsockname()[1],
                "UNIX": str(folder / "socket"),
                "ABSTRACT": abstract,
            },
            heard,
        )


def _submit(everyone: list[Hostile], folder: Path, known: dict[str, object]) -> None:
    """Write the class's notebooks; each hostile one knows where everything lies."""
    rnn = exercise("01_rnn")
    right, reference = build.code(rnn), rnn.solutions
    knows = "\n".join(f"{name} = {value!r}" for name, value in known.items())
    for case in everyone:
        path = folder / f"{case.name}.ipynb"
        if case.file:
            case.file(path, right)
            continue
        sources = [knows, *case.cells(right, reference)]
        cells = [{"cell_type": "code", "source": source} for source in sources]
        path.write_text(json.dumps({"cells": cells}))


def _command(folder: Path, level: str) -> list[str]:
    """The command as an ordinary user, where ``level`` is the strongest there is."""
    env = [
        "env",
        f"HOME={folder / 'home'}",
        f"TMPDIR={folder / 'tmp'}",
        "COURSE_HOSTILE_SECRET=1",
    ]
    if level == "landlock":
        programs = _without_bubblewrap(folder)
        env.append(f"PATH={programs}{os.pathsep}{os.environ['PATH']}")
    user = [*ordinary_user(folder), *env, sys.executable]
    probe = "from course_lib.grading import sandbox; print(sandbox.strongest().name)"
    strongest = subprocess.run(
        [*user, "-c", probe], capture_output=True, text=True, cwd=folder
    )
    if strongest.stdout.strip() != level:
        lacking(f"{level}, here it is {strongest.stdout} {strongest.stderr}")
    submissions, out = str(folder / "submissions"), str(folder / "out")
    arguments = ["01_rnn", submissions, "-o", out, "-j", "2", "--seed", "7"]
    return [*user, str(SHORT_LIMITS), "grade", *arguments]


def _without_bubblewrap(folder: Path) -> Path:
    """A folder of programs where ``bwrap`` is forbidden, as Ubuntu 24.04 forbids it."""
    (folder / "bin").mkdir()
    bwrap = folder / "bin" / "bwrap"
    bwrap.write_text("#!/bin/sh\nexit 1\n")
    bwrap.chmod(0o755)
    return bwrap.parent


def _run(
    command: list[str], folder: Path
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run ``command``; also the command lines of what it left running."""
    mine = _children()
    with _adopting():
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=folder, timeout=900,
            start_new_session=True,
        )  # fmt: skip
        for _ in range(100):  # what was killed takes a moment to go
            left = {pid: line for pid, line in _children().items() if pid not in mine}
            for pid in left:
                os.waitpid(pid, os.WNOHANG)
            if not left:
                break
            time.sleep(0.1)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
    return done, list(left.values())


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """Make every orphan among our descendants our own child, so that none is missed."""
    set_child_subreaper = 36
    libc = ctypes.CDLL(None)
    libc.prctl(set_child_subreaper, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(set_child_subreaper, 0, 0, 0, 0)


def _children() -> dict[int, str]:
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found[int(process.name)] = (process / "cmdline").read_text()
    return found


def _grades(folder: Path) -> dict[str, dict]:
    """What is stored, by the names in the class."""
    there = submissions(folder / "submissions").items()
    names = {student: path.name.removesuffix(".ipynb") for student, path in there}
    found = {}
    for path in (folder / "out" / "students").rglob("*"):
        name = path.name.removesuffix(".json")
        found[names.get(name, path.name)] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _judge(case: Hostile, grade: dict, level: str) -> None:
    assert grade["status"] == case.status, grade.get("says")
    if not case.status:
        return
    if case.status == "unreadable":
        assert grade["points"] == 0
        assert re.search(case.errors[0], grade["says"])
        return
    said = {name: [] for name in grade["questions"]}
    for test in grade["tests"]:
        said[test["name"].partition(".")[0]].append(test["says"])
    assert grade["questions"] == case.points, (said, grade["cells"])
    assert grade["points"] == sum(case.points.values())
    assert grade["sandbox"].startswith(level)
    for question, pattern in case.says.items():
        assert any(re.search(pattern, says) for says in said[question]), said[question]
    for pattern in case.errors:
        assert re.search(pattern, "\n".join(grade["cells"].values())), grade["cells"]
    assert case.flags <= {flag["name"] for flag in grade["flags"]}


def _contents(folder: Path) -> dict[str, str]:
    """What is in ``folder``: links as links, large files by their digest."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = f"a link to {os.readlink(path)}"
        elif path.is_file():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
        else:
            found[str(path)] = "a folder or a pipe"
    return found


def _listed(folders: list[Path]) -> dict[Path, set[str]]:
    return {folder: set(os.listdir(folder)) for folder in folders}


def _look_at_the_table(out: Path) -> None:
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    stored = [json.loads(path.read_text()) for path in (out / "students").iterdir()]
    assert sorted((row["points"], row["status"]) for row in rows) == sorted(
        (str(grade["points"]), grade["status"]) for grade in stored
    )
    for row in rows:
        assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in row.values())
        assert all(cell.isprintable() for cell in row.values())
