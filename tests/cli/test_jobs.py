"""``course run --jobs``: claims side by side; what becomes of one costs no other."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from dataclasses import replace

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
    meet = ", ".join(f"meets {name}" for name in NAMES)
    code, said, wrong = course("--all", jobs=4, happens=f"alone toy-0, {meet}")
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
    assert [stored[name].machine["jobs"] for name in NAMES] == [4, 4, 4, 4]
    beside = "per seed while up to 3 other claims were measured beside it, "
    taken = "but not while its times were taken, "
    said_of = [table.machine(stored[name]) for name in NAMES]
    assert all(beside in said for said in said_of)
    assert [beside + taken in said for said in said_of] == [True, False, False, False]
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


def test_times_are_taken_of_one_claim_after_the_other(course, tmp_path, whole):
    some = [*NAMES[:2], "toy-3"]
    timed = "times toy-1, " + ", ".join(f"alone_in_its_turn {n}" for n in some[:2])
    code, said, wrong = course(*some, jobs=3, happens=timed)
    assert (code, wrong) == (1, "")
    assert said.count("trained; its times are taken when nothing runs beside it") == 2
    assert measured(tmp_path / "results").items() <= whole.items()


def test_what_is_prepared_anew_keeps_its_training(course, tmp_path):
    both = NAMES[:2]
    course(*both, jobs=2)
    before = (tmp_path / "results" / FILES["toy-0"]).read_bytes()
    code, said, wrong = course(*both, "--fresh", jobs=2)
    assert (code, wrong) == (1, "")
    assert rows(said)["toy-0"] == ["holds", "measured"]
    assert said.count("toy-0: continuing what was begun") == 1
    assert (tmp_path / "results" / FILES["toy-0"]).read_bytes() != before
    assert not list((tmp_path / "runs").iterdir())


@pytest.mark.parametrize("happens", ["dies toy-0", "fails toy-0"])
def test_one_that_fails_before_its_times_is_not_tried_again(course, tmp_path, happens):
    code, said, wrong = course("toy-0", "toy-1", jobs=2, happens=happens)
    assert (code, wrong.count("error: toy-0: ")) == (2, 1)
    assert rows(said) == {"toy-0": ["error"], "toy-1": ["does not hold", "measured"]}
    assert {*measured(tmp_path / "results")} == {FILES["toy-1"]}


def test_a_preparing_that_is_killed_goes_on_and_then_the_times(tmp_path, whole, course):
    words = command("toy-0", "toy-1", jobs=2)
    with start(tmp_path, *words, happens="waits toy-0, waits toy-1") as child:
        until_they_wait(tmp_path, "toy-0", "toy-1")
        child.send_signal(signal.SIGKILL)
    until(lambda: steps_kept(tmp_path) == [AT, AT])
    (note,) = tmp_path.glob("runs/toy-0-*/seed-0/spent.json")
    first, _ = json.loads(note.read_text())
    code, said, wrong = course("toy-0", "toy-1", jobs=2)
    assert (code, wrong) == (1, "")
    assert measured(tmp_path / "results").items() <= whole.items()
    assert said.count("toy-0: continuing what was begun") == 2
    seconds = Result.load(tmp_path / "results" / FILES["toy-0"]).runs[0].seconds
    assert seconds >= first > 0, "the time of its training counts as well"


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
    assert said.count("continuing what was begun") == 2
    assert measured(tmp_path / "results").items() <= whole.items()
    machine = Result.load(tmp_path / "results" / FILES["toy-1"]).machine
    assert machine["jobs"] == 2, "a part of its seconds was measured beside another"


@pytest.mark.parametrize(
    ("options", "cores", "jobs"),
    [
        (["--all", "--device", "cuda"], 16, 8),
        (["--all", "--device", "cuda:1"], 6, 6),
        (["toy-0", "toy-3", "--device", "cuda"], 16, 2),
        (["toy-0", "--device", "cuda"], 16, 1),
        (["--all"], 16, 1),
        (["--all", "--device", "cuda", "--jobs", "3"], 16, 3),
        (["--all", "--device", "cuda", "--devices", "2"], 16, 1),
    ],
)
def test_several_claims_share_one_gpu_unless_told_otherwise(
    monkeypatch, options, cores, jobs
):
    seen, toy = [], toys()["toy-1"]
    many = {f"toy-{n}": replace(toy, name=f"toy-{n}") for n in range(12)}
    monkeypatch.setattr("course_lib.experiments.experiments", lambda: many)
    monkeypatch.setattr("course_lib.processes.check", lambda devices, device: None)
    monkeypatch.setattr("course_lib.cores.cores", lambda: cores)
    monkeypatch.setattr(
        "course_lib.cli.commands.sweep", lambda found, asked: seen.append(asked) or 0
    )
    done = CliRunner().invoke(app, ["run", *options])
    assert (done.exit_code, done.output) == (0, "")
    assert [asked.jobs for asked in seen] == [jobs]


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
