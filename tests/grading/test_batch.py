"""A batch: jobs that hold all they need, and no grade lost with a process."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from pathlib import Path

import pytest
from ordinary_user import ordinary_user

from course_lib.grading import batch, exercise, sandbox
from course_lib.grading.exercises import Limits
from course_lib.grading.grade import Submission
from course_lib.grading.run import GraderError


@pytest.fixture
def job(rnn):
    """``job("anna")``: of an unreadable notebook, which costs no process."""

    def make(student, data=b"{", kind=Submission, file="a.ipynb"):
        submission = kind(student, file, data)
        return batch.Job("01_rnn", rnn.version, (), submission, 7, sandbox.PROCESS)

    return make


def graded(exercise, jobs, submit, at_once=2):
    made = batch.grades(exercise, jobs, submit, at_once)
    return {grade["student"]: (grade["status"], grade["says"]) for grade in made}


DECAY_RATE = """
import torch
def decay_rate(W_h):
    return torch.linalg.eigvals(W_h).abs().max().item()
"""


class Deadly(Submission):
    """Ends the process that grades it; ``file`` is the process that may look at it."""

    @property
    def sha256(self):
        if os.getpid() != int(self.file):
            os.kill(os.getpid(), signal.SIGKILL)
        return ""


class DeadlyOnce(Submission):
    """Ends the first process that grades it; ``file`` is where that is noted."""

    @property
    def sha256(self):
        if not Path(self.file).exists():
            Path(self.file).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return ""


class Endless(Submission):
    """Never graded but by the process ``file``."""

    @property
    def sha256(self):
        while os.getpid() != int(self.file):
            time.sleep(1)
        return ""


def test_a_process_that_dies_costs_one_submission(rnn, job, tmp_path):
    jobs = [
        job("anna"),
        job("deadly", kind=Deadly, file=str(os.getpid())),
        job("once", kind=DeadlyOnce, file=str(tmp_path / "noted")),
        job("ben"),
    ]
    with batch.processes(2, rnn) as submit:
        got = graded(rnn, jobs, submit)
    assert {name: status for name, (status, _) in got.items()} == {
        "anna": "unreadable",
        "ben": "unreadable",
        "once": "unreadable",
        "deadly": "GRADER ERROR",
    }
    assert "ProcessExpired" in got["deadly"][1]


def test_a_process_that_hangs_is_ended(rnn, job):
    short = Limits(start_seconds=0.2, total_seconds=0.2, test_seconds=0.01)
    short = dataclasses.replace(rnn, limits=short)
    jobs = [job("endless", kind=Endless, file=str(os.getpid()))]
    with batch.processes(1, short) as submit:
        got = graded(short, jobs, submit)
    assert got["endless"][0] == "GRADER ERROR"
    assert "TimeoutError" in got["endless"][1]


def test_a_lost_job_is_done_once_more(rnn, job):
    tries = []

    def submit(job):
        tries.append(job.submission.student)
        future = Future()
        if job.submission.student == "anna" and tries.count("anna") == 1:
            future.set_exception(RuntimeError("lost"))
        elif job.submission.student == "ben":
            future.set_exception(RuntimeError("lost again"))
        else:
            future.set_result(batch.grade_job(job))
        return future

    got = graded(rnn, [job("anna"), job("ben"), job("cleo")], submit)
    assert tries.count("anna") == tries.count("ben") == 2
    assert tries.count("cleo") == 1
    assert got["anna"][0] == got["cleo"][0] == "unreadable"
    assert got["ben"] == ("GRADER ERROR", "RuntimeError: lost again")


def test_notebooks_are_read_when_their_turn_is(rnn, job):
    read, held = [], []

    def jobs():
        for number in range(5):
            read.append(number)
            yield job(f"s{number}")

    def submit(job):
        future = Future()
        held.append((job, future))
        future.set_result(batch.grade_job(job))
        return future

    made = batch.grades(rnn, jobs(), submit, at_once=2)
    next(made)
    assert len(read) == 2
    assert len(list(made)) == 4


def test_a_job_holds_bytes_and_no_path(rnn, submit, tmp_path):
    path = submit("anna", ["def decay_rate(W_h): return 1.0"])
    overlay = tmp_path / "mine"
    (overlay / "01_rnn").mkdir(parents=True)
    (overlay / "01_rnn" / "hidden.py").write_text(
        "from pathlib import Path\n"
        "from course_lib.grading import expect, question\n"
        '@question("q5", points=2, hidden=True)\n'
        "def mine(S, rng):\n"
        '    number = Path(__file__).with_name("number.txt").read_text()\n'
        "    expect(S.decay_rate(3.0), float(number))\n"
    )
    (overlay / "01_rnn" / "number.txt").write_text("1.0")
    chosen = exercise("01_rnn", overlay)
    [job] = batch.jobs(chosen, {"late/anna": path}, 7, sandbox.PROCESS)
    sent = pickle.dumps(job)
    assert str(tmp_path).encode() not in sent

    path.unlink()
    for file in (overlay / "01_rnn").iterdir():
        file.unlink()
    grade = batch.grade_job(pickle.loads(sent))
    assert grade["student"] == "late/anna"
    assert grade["version"] == job.version
    points = {test["name"]: test["points"] for test in grade["tests"]}
    assert points["q5.mine"] == 2


def test_another_version_of_the_course_grades_nobody(job):
    other = dataclasses.replace(job("anna"), version="0123456789ab")
    with pytest.raises(GraderError, match="of 01_rnn, not 0123456789ab: install"):
        batch.grade_job(other)


def test_no_scheduler_and_no_dask_are_said(monkeypatch):
    monkeypatch.setattr(batch, "_PATIENCE", 0.5)
    with (
        pytest.raises(ValueError, match=r"no Dask scheduler answers at tcp://127\.0"),
        batch.cluster("tcp://127.0.0.1:9"),
    ):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    says = r"--scheduler needs Dask: pip install 'course-lib\[cluster\]'"
    with pytest.raises(ValueError, match=says), batch.cluster("tcp://127.0.0.1:9"):
        pass


def test_a_dask_worker_of_root_grades_nobody(job, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(GraderError, match="runs as root: start it as an ordinary user"):
        batch._grade_apart(job("anna"))


def test_a_cluster_gives_the_same_grades_though_it_loses_a_worker(
    rnn, submit, tmp_path
):
    from distributed import LocalCluster

    path = submit("anna", ["import time\ntime.sleep(2)", DECAY_RATE])
    [job] = batch.jobs(rnn, {"late/anna": path}, 7, sandbox.PROCESS)
    home = tmp_path / "home"
    home.mkdir()
    workers = []

    with LocalCluster(n_workers=0, dashboard_address=None) as dask:

        def hire():
            argv = [sys.executable, "-m", "distributed.cli.dask_worker"]
            argv += [dask.scheduler_address, "--nthreads", "1", "--no-dashboard"]
            argv = [*ordinary_user(home), *argv, "--no-nanny"]
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            workers.append(
                subprocess.Popen(argv, cwd=home, start_new_session=True, **quiet)
            )

        def lose_the_first():
            while not any(w.processing for w in dask.scheduler.workers.values()):
                time.sleep(0.05)
            time.sleep(0.5)
            os.killpg(workers[0].pid, signal.SIGKILL)
            hire()

        hire()
        accident = threading.Thread(target=lose_the_first)
        accident.start()
        try:
            with batch.cluster(dask.scheduler_address) as submit_job:
                [made] = batch.grades(rnn, [job], submit_job, at_once=9)
        finally:
            accident.join()
            for worker in workers:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()

    assert workers[0].returncode == -signal.SIGKILL
    here = batch.grade_job(job)
    assert made | {"seconds": 0} == here | {"seconds": 0}
    assert here["points"] == 1


class Untidy(Submission):
    """Leaves a folder behind, as a process does that is ended while it grades."""

    @property
    def sha256(self):
        if os.getpid() != int(self.file):
            Path(tempfile.mkdtemp(), "large").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return ""


def test_a_process_that_is_ended_leaves_no_folder(rnn, job, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    jobs = [job("untidy", kind=Untidy, file=str(os.getpid()))]
    with batch.processes(1, rnn) as submit:
        assert graded(rnn, jobs, submit)["untidy"][0] == "GRADER ERROR"
        assert list(tmp_path.glob("*/*/large"))
    assert not list(tmp_path.glob("course-*"))


def test_a_test_that_prints_spoils_no_grade(job, monkeypatch, capsys):
    def talkative(job):
        print("a test talks")
        return {"student": job.submission.student}

    monkeypatch.setattr(batch, "grade_job", talkative)
    sent = io.TextIOWrapper(io.BytesIO(pickle.dumps(job("anna"))))
    monkeypatch.setattr(sys, "stdin", sent)
    batch.serve()
    assert json.loads(capsys.readouterr().out) == {"student": "anna"}
