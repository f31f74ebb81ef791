"""``course run --jobs``: claims side by side; what becomes of one costs no other."""

from __future__ import annotations

import re
import signal
import subprocess

import pytest
import torch
from toy_course import AT, NAMES, measured, start, toys, until, until_they_wait
from typer.testing import CliRunner

from course_lib.cli import app
from course_lib.cli.terminal import bar, percent
from course_lib.experiments import Progress, execute, run_to_end
from course_lib.results import Result, table

FILES = {name: f"{name}.cpu.json" for name in NAMES}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What one job measures."""
    folder = tmp_path_factory.mktemp("whole")
    for claim in toys().values():
        run_to_end(execute(claim, "cpu", (0, 1))).save(folder)
    return measured(folder)


def command(*names, jobs):
    return ["run", *names, "--scale", "cpu", "--seeds", 2, "--jobs", jobs]


@pytest.fixture
def course(tmp_path):
    """``course run`` to its end: its exit code, what it says, its errors."""

    def call(*names, jobs, happens=""):
        words = command(*names, jobs=jobs)
        child = start(tmp_path, *words, happens=happens, stderr=subprocess.PIPE)
        said, wrong = child.communicate()
        return child.returncode, said, wrong

    return call


def rows(said):
    """The table at the end, without the times."""
    cells = [line.split("  ") for line in said.splitlines() if line.startswith("  toy")]
    found = [[cell.strip() for cell in row if cell.strip()] for row in cells]
    return {name: rest[:-1] for name, *rest in found}


def test_side_by_side_is_as_in_turn(course, tmp_path, whole):
    happens = "alone toy-0, meets toy-1, meets toy-2, meets toy-3"
    code, said, wrong = course("--all", jobs=3, happens=happens)
    assert wrong == ""
    assert code == 1, "one does not hold"
    assert measured(tmp_path / "results") == whole
    assert rows(said) == {
        name: ["does not hold" if name == "toy-1" else "holds", "measured"]
        for name in NAMES
    }
    assert said.splitlines()[-1].startswith("4 claims: 3 holds, 1 does not hold, 0 err")
    spoken = re.findall(r"^(toy-\d)( · cpu|: the claim)", said, re.M)
    assert [name for name, _ in spoken[::2]] == [name for name, _ in spoken[1::2]], (
        "each says all it has to say before the next"
    )
    assert spoken[-1][0] == "toy-0", "what measures times comes last"
    stored = {name: Result.load(tmp_path / "results" / FILES[name]) for name in NAMES}
    assert [stored[name].machine["jobs"] for name in NAMES] == [1, 3, 3, 3]
    beside = "per seed while up to 2 other claims were measured beside it"
    assert beside in table.machine(stored["toy-1"])
    assert "beside" not in table.machine(stored["toy-0"])
    assert "4 claims 100 %" in said
    assert not re.search(r"^toy-\d +\d+ %", said, re.M), "one progress for all"


def test_one_that_is_killed_or_fails_costs_no_other(course, tmp_path, whole):
    some = NAMES[1:]
    code, said, wrong = course(*some, jobs=2, happens="dies toy-2, fails toy-1")
    assert code == 2
    assert "error: toy-2: its process was killed (SIGKILL); the same command" in wrong
    assert "error: toy-1: the disk is full while writing runs/model.pt" in wrong
    assert rows(said) == {
        **{"toy-1": ["error"], "toy-2": ["error"]},
        **{"toy-3": ["holds", "measured"]},
    }
    assert {*measured(tmp_path / "results")} == {FILES["toy-3"]}
    code, said, wrong = course(*some, jobs=3)
    assert (code, wrong) == (1, "")
    assert rows(said) == {
        "toy-1": ["does not hold", "measured"],
        "toy-2": ["holds", "measured"],
        "toy-3": ["holds", "there already"],
    }
    assert measured(tmp_path / "results") == {
        FILES[name]: whole[FILES[name]] for name in some
    }


def steps_kept(folder):
    """Of the second seeds that were interrupted."""
    states = sorted(folder.glob("runs/*/seed-1/model.pt"))
    return [len(torch.load(state, weights_only=True)["history"]) for state in states]


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGKILL, -9)],
)
def test_a_signal_stops_all_and_the_same_command_continues(
    tmp_path, whole, course, number, code
):
    words = command("toy-1", "toy-2", jobs=2)
    with start(tmp_path, *words, happens="waits toy-1, waits toy-2") as child:
        until_they_wait(tmp_path, "toy-1", "toy-2")
        child.send_signal(number)
        said = child.stdout.read()
    assert child.returncode == code
    if code > 0:
        assert said.splitlines()[-1] == (
            "2 claims: stopped; the same command continues from here."
        )
        assert "Traceback" not in said
    until(lambda: steps_kept(tmp_path) == [AT, AT])
    code, said, wrong = course("toy-1", "toy-2", jobs=1)
    assert (code, wrong) == (1, "")
    assert said.count("continuing what was interrupted") == 2
    assert measured(tmp_path / "results").items() <= whole.items()
    machine = Result.load(tmp_path / "results" / FILES["toy-1"]).machine
    assert machine["jobs"] == 2, "a part of its seconds was measured beside another"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--jobs", "0"], "--jobs: got 0, expected at least 1"),
        (
            ["--jobs", "3", "--devices", "2"],
            "--jobs: got 3 where several devices share each training, expected 1",
        ),
    ],
)
def test_jobs_that_cannot_be_are_refused(options, says):
    said = CliRunner().invoke(app, ["run", "memory-horizon", *options])
    assert said.exit_code == 2
    assert says in said.stderr


def test_a_line_of_progress_is_told_from_others(capsys):
    with bar("a (b)") as show:
        for done in range(1, 4):
            show(Progress(done, 3, {"loss": 0.5}, "5 % of it"))
    lines = capsys.readouterr().out.splitlines()
    assert [percent(line, "a (b)") for line in lines] == [30, 60, 100]
    assert percent("a (b): 5 %  were there already", "a (b)") is None
    assert percent(lines[0], "another") is None
