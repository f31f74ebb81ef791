"""The walls of each level, tried from inside by an ordinary user's submission."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ordinary_user import lacking, ordinary_user

import course_lib
from course_lib.grading import confine, sandbox
from course_lib.grading.exercises import exercises_folder
from course_lib.grading.question import Failed
from course_lib.grading.remote import Remote
from course_lib.grading.run import GraderError
from course_lib.grading.sandbox import BUBBLEWRAP, LANDLOCK, LEVELS, PROCESS

PACKAGE = Path(course_lib.__file__).parent
WALLS = Path(__file__).with_name("walls.py")

# What a submission can do at each level. Nothing else gives way, and each of these
# does: `Level.open` has a sentence for all of them.
GIVES_WAY = {
    "bubblewrap": set(),
    "landlock": {"see its size", "fill the disk"},
    "process": {
        "read the solutions", "read the hidden tests", "read the repository",
        "find the answers on the disk", "read the hidden module", "read it compiled",
        "import it again", "read another submission", "read it by a link",
        "see its size", "list the submissions",
        "empty a grade", "write a grade", "leave a file behind", "write beside",
        "write to shared memory", "fill the disk", "read the grader's environment",
        "read the grader's command",
    },
}  # fmt: skip
# At the last level: where there is one, on one disk, by the owner of the installation.
PERHAPS = {
    "read a second copy", "read it compiled", "read it by a second name",
    "write into the course",
}  # fmt: skip
# For these there must be no other reason: the kernel may refuse them anyhow, or not.
FILTERED = {
    "memory without a limit", "shared memory without a limit", "fork", "run a program",
    "spawn a program", "become a program", "tcp", "udp", "unix", "abstract",
    "signal the parent", "signal the grader", "signal everybody", "signal by a handle",
    "signal by a pipe", "signal by a socket",
    "limit the grader", "slow the grader down", "trace the grader", "mount", "bpf",
    "walls within walls", "a new namespace by clone", "io_uring", "touch a grade",
    "take a grade's rights", "close a folder",
}  # fmt: skip


def tried(folder: Path, *levels: str, **variables: str) -> dict:
    """What ``walls.py`` says of ``levels``, run by an ordinary user."""
    his = dict.fromkeys([folder, folder / variables.get("PYTHONPATH", "")])
    command = [*ordinary_user(*his), sys.executable, WALLS, folder, *levels]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **variables}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict:
    with contextlib.suppress(OSError):  # an installation that only root may write
        py_compile.compile(str(PACKAGE / "rnn.py"))
    folder = tmp_path_factory.mktemp("class")
    return tried(folder, *(level.name for level in LEVELS))


@pytest.fixture(params=[level.name for level in LEVELS])
def level(request: pytest.FixtureRequest, told: dict) -> dict:
    """What was seen at one level; skips where this machine does not have it."""
    seen = told[request.param]
    if why := seen.get("refused"):
        require = lacking if request.param == "bubblewrap" else pytest.skip
        require(f"no {request.param}: {why}")
    return seen | {"name": request.param}


def test_only_what_the_level_admits_gives_way(level):
    gave_way, admitted = set(level["gave way"]), GIVES_WAY[level["name"]]
    assert gave_way - PERHAPS == admitted - PERHAPS
    if level["name"] != "process":
        assert not gave_way & PERHAPS


@pytest.mark.skipif(sys.platform != "linux", reason="the filter is a part of Linux")
def test_the_kernel_refuses_what_no_answer_needs(level):
    other = {
        name: level["held"].get(name)
        for name in FILTERED
        if not level["held"].get(name, "").startswith("PermissionError: [Errno 1]")
    }
    assert not other
    assert level["held"]["a process by clone3"].startswith("OSError: [Errno 38]")
    assert level["sandbox"] == level["name"]
    if os.uname().machine == "x86_64":  # its second set of numbers for the calls
        assert "was ended by signal 31" in level["x32"]


def test_honest_work_is_done_at_every_level(level):
    assert {"a.pt", "figure.png"} <= set(level["honest"])
    assert level["cells"] == {}


def test_a_wheel_hides_the_answers_that_it_carries(tmp_path):
    site = tmp_path / "lib" / "site-packages"
    shutil.copytree(PACKAGE, site / "course_lib")
    py_compile.compile(str(site / "course_lib" / "rnn.py"))
    stored = site / "course_lib" / "_stored" / "exercises"
    if not stored.exists():  # then this course_lib is that of a checkout
        shutil.copytree(exercises_folder(), stored)
    submissions = tmp_path / "class"
    submissions.mkdir()
    levels = "bubblewrap", "landlock"
    seen = tried(submissions, *levels, PYTHONPATH=str(site))
    for name in levels:
        if "refused" not in seen[name]:
            assert set(seen[name]["gave way"]) == GIVES_WAY[name]


ORPHAN = """
import sys, threading
from course_lib.grading import exercise, sandbox
from course_lib.grading.remote import Remote
level = next(one for one in sandbox.LEVELS if one.name == sys.argv[1])
cell = "def spin():\\n    while True: pass"
with Remote(exercise("01_rnn"), [cell], level) as answering:
    answering._ready()
    print("ready", flush=True)
    answering.answers.spin()
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found in /proc")
@pytest.mark.parametrize("one", LEVELS, ids=lambda one: one.name)
def test_a_worker_dies_with_its_grader(one, tmp_path):
    if why := sandbox.refusal(one):
        pytest.skip(f"no {one.name}: {why}")
    command = [sys.executable, "-c", ORPHAN, one.name]
    grader = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},  # the worker's folder stays there
    )
    with grader:
        assert grader.stdout.readline() == "ready\n"
        workers = set(descendants(grader.pid))
        assert workers
        grader.send_signal(signal.SIGKILL)
    for _ in range(100):
        if not workers & set(running()):
            break
        time.sleep(0.05)
    assert not workers & set(running())


def running() -> dict[int, int]:
    """The parent of each process that is there and no zombie."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(path.parent.name)] = int(parent)
    return found


def descendants(process: int) -> Iterator[int]:
    for child, parent in running().items():
        if parent == process:
            yield child
            yield from descendants(child)


@pytest.fixture
def broken_bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bubblewrap as on a system that forbids it; what it says."""
    says = "bwrap: setting up uid map: Permission denied"
    bwrap = tmp_path / "bwrap"
    bwrap.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    bwrap.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return says


@pytest.fixture
def asked_anew() -> Iterator[None]:
    """What this machine can do is found out once; here it changes."""
    sandbox.refusal.cache_clear()
    yield
    sandbox.refusal.cache_clear()


@pytest.mark.usefixtures("asked_anew")
def test_where_bubblewrap_is_forbidden_the_next_level_is_taken(broken_bwrap):
    assert sandbox.refusal(BUBBLEWRAP) == broken_bwrap
    assert sandbox.strongest() in (LANDLOCK, PROCESS)


@pytest.mark.usefixtures("asked_anew")
def test_without_bubblewrap_the_report_says_that_it_is_missing(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda _: None)
    monkeypatch.setattr(sandbox, "environment", lambda _: {"PATH": "/nowhere"})
    assert sandbox.refusal(BUBBLEWRAP) == "bwrap: No such file or directory"


def test_a_level_that_breaks_amid_the_class_is_the_graders_fault(rnn, broken_bwrap):
    with (
        pytest.raises(GraderError, match=f"no worker started: .*{broken_bwrap}"),
        Remote(rnn, ["def f(): return 1"], BUBBLEWRAP) as submission,
    ):
        submission.answers.f()


def test_limits_that_could_not_be_set_stand_beside_the_level(rnn):
    submission = Remote(rnn, [], PROCESS)
    submission._not_set = ["RLIMIT_AS", "seccomp"]
    assert submission.sandbox == "process, without RLIMIT_AS, without seccomp"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no such limit")
def test_what_torch_itself_takes_does_not_count(rnn):
    """Made for a GPU it takes more addresses than a submission may."""
    little = dataclasses.replace(
        rnn, limits=dataclasses.replace(rnn.limits, memory_mb=200)
    )
    cell = "def fill(mib): return len(bytearray(mib * 2**20))"
    with Remote(little, [cell], PROCESS) as submission:
        assert submission.answers.fill(50) == 50 * 2**20
        with pytest.raises(Failed, match="MemoryError"):
            submission.answers.fill(250)


def test_a_limit_that_the_system_does_not_have_is_named(monkeypatch):
    def refuse(*_):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(confine.resource, "setrlimit", refuse)
    assert confine.set_limits({"RLIMIT_AS": 1}) == ["RLIMIT_AS"]


def test_where_there_is_no_filter_it_says_so(monkeypatch):
    monkeypatch.setattr(confine.sys, "platform", "darwin")
    with pytest.raises(OSError, match="no filter for darwin"):
        confine.filter_calls()
    with pytest.raises(OSError, match="only Linux has landlock"):
        confine.restrict_files([], [], "/")


def test_an_older_landlock_is_refused_not_half_used(monkeypatch):
    monkeypatch.setattr(confine, "_call", lambda *_: 2)
    with pytest.raises(OSError, match="landlock is version 2 here"):
        confine.restrict_files([], [], "/")


def test_a_worker_is_told_nothing_of_the_grader(monkeypatch, rnn, tmp_path):
    monkeypatch.setenv("SECRET_TOKEN", "do not tell")
    assert "SECRET_TOKEN" not in sandbox.environment(str(tmp_path))
    for one in LEVELS:
        argv = sandbox.worker_argv(one, rnn.hide, rnn.limits, str(tmp_path))
        assert str(exercises_folder()) not in " ".join(argv)
