"""``course run --devices 2``: as one process does it, whoever dies or stops it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.distributed.elastic.multiprocessing import ProcessFailure
from typer.testing import CliRunner

from course_lib import processes
from course_lib.cli import app
from course_lib.cli.run import Asked
from course_lib.experiments import execute, run_to_end
from course_lib.results import Result
from toy import TOY

# The command, with the toy as its only experiment. HAPPENS says what happens after the
# sixth step of a process that torchrun started, or in the next; a checkpoint is made
# every fifth. The command looks for signals once before the first step.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
import course_lib.experiments as e, course_lib.results as r
from course_lib import processes, sharing
from course_lib.cli import run, sweep
from course_lib.experiments import runner
from toy import TOY
e.experiments = lambda: {"toy": TOY}
place = Path(sys.argv.pop(1))
r.workplace = lambda: place
runner._sources = lambda: "whatever is edited meanwhile"
ours, asked, whole, seen = run.stopping, run.Asked.arguments, sharing.share, []
command = [__file__, str(place)]
run.Asked.arguments = lambda self, toy: command + asked(self, toy)[2:]

def stopping(stop):
    seen.append(1)
    if len(seen) == 7 and processes.launched():
        if os.environ.get("HAPPENS") == "stop":
            if processes.first():
                os.kill(os.getppid(), signal.SIGTERM)
            while not stop:  # it comes to all, by way of the one that started us
                time.sleep(0.01)
    return ours(stop)

def share(batch):
    if len(seen) == 7 and os.environ.get("HAPPENS") == "kill" and processes.rank():
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(batch)

sharing.share = share
run.stopping = sweep.stopping = stopping
from course_lib.cli import app
app()
"""
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
RUN = ["run", "toy", "--set", "noisy=false", "--seeds", "1"]


@pytest.fixture
def course(tmp_path):
    """Run the toy in ``tmp_path``, as ``how`` has it; the result is in ``out``."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])

    def call(*options, happens="", how=(), place=tmp_path):
        words = [*how, program, place, *RUN, "--out", place / "out", *options]
        return subprocess.run(
            [sys.executable, *map(str, words)],
            env={**os.environ, "PYTHONPATH": paths, "HAPPENS": happens},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


@pytest.fixture(scope="module")
def unbroken():
    """The losses of one process from the first step to the last."""
    return losses(run_to_end(execute(TOY, "quick", (0,), noisy=False)))


def losses(result):
    return torch.tensor(result.runs[0].series["losses"])


def measured(folder):
    return Result.load(folder / "out" / "toy.quick.json")


def assert_same(result, unbroken):
    torch.testing.assert_close(losses(result), unbroken, rtol=0, atol=1e-5)


def steps_kept(folder):
    (state,) = folder.glob("runs/*/seed-0/model.pt")
    return len(torch.load(state, weights_only=True)["history"])


def test_a_killed_process_ends_the_run_which_one_or_two_continue(
    course, tmp_path, unbroken
):
    died = course("--devices", "2", happens="kill")
    assert died.returncode == 2
    assert died.stderr == (
        "error: process 2 of 2 was killed (SIGKILL), so all have ended; the same "
        "command continues from the last checkpoint, on one device or more\n"
    )
    assert not (tmp_path / "out").exists()
    assert steps_kept(tmp_path) == 5
    shutil.copytree(tmp_path / "runs", tmp_path / "other" / "runs")
    two = course("--devices", "2")
    one = course(place=tmp_path / "other")
    for ended, place, devices in ((two, tmp_path, 2), (one, tmp_path / "other", 1)):
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.count("continuing what was begun") == 1
        assert measured(place).machine["devices"] == devices
        assert_same(measured(place), unbroken)


def test_a_signal_to_stop_ends_all_after_the_same_step(course, tmp_path, unbroken):
    stopped = course("--devices", "2", happens="stop")
    assert stopped.returncode == 128 + signal.SIGTERM
    assert stopped.stdout.splitlines()[-1] == (
        "toy: stopped; the same command continues from here."
    )
    assert stopped.stderr == ""
    assert steps_kept(tmp_path) == 6
    assert course().returncode == 0
    assert_same(measured(tmp_path), unbroken)


def test_torchrun_by_hand_does_the_same(course, tmp_path, unbroken):
    ended = course(how=TORCHRUN)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("the claim holds") == 1, "only the first one speaks"
    assert "2 processes, 1 thread each" in ended.stdout
    assert_same(measured(tmp_path), unbroken)


def test_what_fails_in_all_of_them_is_said_once(course):
    failed = course("--devices", "2", "--set", "fail=disk")
    assert failed.returncode == 2
    assert failed.stderr == (
        "error: toy: the disk is full while writing runs/model.pt; make room, then run "
        "the same again\n"
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--devices", "0"], "devices: got 0, expected at least 1"),
        (
            ["--devices", "2", "--device", "cuda:1"],
            "device: got 'cuda:1' for 2 devices, expected 'cuda': each process takes",
        ),
        (
            ["--devices", "99", "--device", "cuda"],
            f"devices: got 99, but this torch sees {torch.cuda.device_count()} CUDA",
        ),
    ],
)
def test_devices_that_are_not_there_are_refused(options, says):
    said = CliRunner().invoke(app, ["run", "memory-horizon", *options])
    assert said.exit_code == 2
    assert says in said.stderr


def test_more_devices_than_torchrun_started_are_refused(monkeypatch):
    monkeypatch.setattr(processes, "launched", lambda: True)
    monkeypatch.setenv("WORLD_SIZE", "2")
    processes.check(1, "cpu")
    processes.check(2, "cpu")
    with pytest.raises(ValueError, match="got 3, but torchrun started 2 processes"):
        processes.check(3, "cpu")


def test_what_has_no_training_is_not_shared(monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr(processes, "size", lambda: 2)
    with pytest.raises(ValueError, match="got 2, but toy has no training to share"):
        next(execute(replace(TOY, shared=False), "quick", (0,)))


def test_every_option_is_handed_on():
    there, row = Path("there"), Path("row")
    changes = {"steps": "3"}
    asked = Asked(
        "cpu", 2, "cuda", 4, 1, "bfloat16", changes, there, True, True, row, True
    )
    words = asked.arguments(TOY)
    assert " ".join(words) == (
        "-m course_lib.cli run toy --scale cpu --seeds 2 --device cuda --devices 4 "
        "--jobs 1 --precision bfloat16 --out there --row row --set steps=3 --export "
        "--fresh --prepare"
    )


def test_what_several_find_there_is_in_the_table_as_such(course, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    done = course("toy", "--devices", "2")  # the toy, and once more
    found = re.findall(r"^ +toy .*(measured|there already)", done.stdout, re.M)
    assert found == ["measured", "there already"]


@pytest.mark.parametrize(
    ("codes", "says", "code"),
    [
        ({0: processes.LOST, 1: -signal.SIGKILL}, "process 2 of 3 was killed", 2),
        ({0: -signal.SIGTERM, 2: -signal.SIGSEGV}, "3 of 3 was killed (SIGSEGV)", 2),
        ({0: -signal.SIGTERM, 1: processes.LOST}, "process 1 of 3 was killed", 2),
        ({1: processes.LOST, 2: processes.LOST}, "process 2 of 3 lost the others,", 2),
        ({0: -signal.SIGTERM, 1: 143}, "", 143),
        ({0: 1, 1: -signal.SIGTERM}, "", 1),
        ({0: processes.LOST, 2: 1}, "the traceback of process 3", 1),
    ],
)
def test_one_cause_is_found_among_the_failures(tmp_path, capsys, codes, says, code):
    log = tmp_path / "run" / "attempt_0" / "2" / "stderr.log"
    log.parent.mkdir(parents=True)
    log.write_text("the traceback of process 3")
    failures = {
        rank: ProcessFailure(rank, 1000 + rank, exitcode, str(tmp_path / "none"))
        for rank, exitcode in codes.items()
    }
    assert processes._explained(failures, 3, tmp_path) == code
    said = capsys.readouterr().err
    assert says in said if says else said == ""
