"""A worker's process from the trusted side: it starts, is alone, and has a time limit.

What students may try against it is in ``test_hostile.py``.
"""

from __future__ import annotations

import dataclasses
import os

import pytest

from course_lib.grading import remote, sandbox
from course_lib.grading.remote import Remote
from course_lib.grading.run import GraderError, run

FULL = {"q1": 3, "q2": 5, "q3": 6, "q4": 3, "q5": 3}


def points(exercise, cells, seed=7):
    """Points by question, and the errors of the cells."""
    with Remote(exercise, cells) as submission:
        outcomes = run(exercise.cases, submission.answers, seed)
    by_question = dict.fromkeys(exercise.questions, 0)
    for outcome in outcomes:
        by_question[outcome.case.question] += outcome.points
    says = {outcome.case.name: outcome.says for outcome in outcomes}
    return by_question, says, submission.cell_errors


def test_a_worker_is_alone_and_leaves_nothing(rnn, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "do not tell")
    spy = """
import os, sys
seen = [os.listdir(), "SECRET_TOKEN" in os.environ, os.getcwd() in sys.path]
def decay_rate(W_h): return seen
"""
    with Remote(rnn, [spy]) as submission:
        assert submission.answers.decay_rate(1) == [[], False, False]
        home = submission._worker._home.name
        process = submission._worker._process.pid
        assert os.path.isdir(home)
    assert not os.path.exists(home)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_time_for_the_whole_notebook_is_limited(rnn, cells):
    limits = dataclasses.replace(rnn.limits, total_seconds=0)
    hurried = dataclasses.replace(rnn, limits=limits)
    got, says, _ = points(hurried, cells())
    assert got == dict.fromkeys(FULL, 0)
    assert says["q5.lag"] == "The whole notebook took longer than 0 seconds."


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["/no/such/python"], "No such file"),
        (["python3", "-c", "raise SystemExit('out of order')"], "out of order"),
    ],
)
def test_a_worker_that_cannot_start_is_the_graders_fault(
    rnn, cells, monkeypatch, argv, says
):
    monkeypatch.setattr(sandbox, "worker_argv", lambda *_: argv)
    with pytest.raises(GraderError, match=says):
        points(rnn, cells())


def test_a_full_disk_is_the_graders_fault(rnn, cells, monkeypatch):
    def full(**_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(remote.tempfile, "TemporaryDirectory", full)
    with pytest.raises(GraderError, match="No space left on device"):
        points(rnn, cells())


def test_a_worker_that_starts_at_the_second_try_is_enough(rnn, cells, monkeypatch):
    right = sandbox.worker_argv
    tries = iter([["false"]])
    monkeypatch.setattr(sandbox, "worker_argv", lambda *a: next(tries, right(*a)))
    assert points(rnn, cells())[0] == FULL
