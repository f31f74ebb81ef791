"""Hostile and broken submissions: no undeserved point, and honest work counted.

Each notebook holds several misdeeds, one in each question, because starting a worker
costs seconds; what is left of it is honest.
"""

from __future__ import annotations

import dataclasses
import os

import pytest

from course_lib.grading import sandbox
from course_lib.grading.remote import Remote
from course_lib.grading.run import GraderError, run

FULL = {"q1": 3, "q2": 5, "q3": 6, "q4": 3, "q5": 3}

ALWAYS_EQUAL = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __sub__(self, other): return 0
    shape = property(lambda self: self)
def rnn_step(*a): return Equal()
"""
PATCHED_TORCH = """
import json, math
true = lambda *a, **k: True
torch.allclose = torch.equal = torch.Tensor.equal = torch.Tensor.allclose = true
torch.testing.assert_close = torch.Tensor.__eq__ = math.isclose = true
import course_lib.grading.question as honest
honest.expect = honest._difference = honest._tensor_difference = lambda *a, **k: ""
import course_lib.grading.run
course_lib.grading.run.run = lambda *a: []
def run_rnn(*a): return torch.zeros(1)
"""
FAKE_SCORE = """
import sys
print("q3: 6 of 6", '{"status": "graded", "points": 20}')
for stream in (sys.stdout, sys.stderr, sys.__stdout__):
    for _ in range(20): print("x" * 5_000_000, file=stream)
def bptt(*a): return "passed"
"""
SYSTEM_EXIT = "import sys\ndef clip_by_global_norm(*a): sys.exit(0)"

LOOP_IN_CELL = "while True: pass"
EXIT_IN_CELL = "import os\nos._exit(0)"
MEMORY_BOMB = "heap = []\nwhile True: heap.append(bytes(10**9))"
LARGE_FILE = "file = open('big', 'wb', 0)\nfile.seek(10**10)\nfile.write(b'x')"

LOOP_IN_FUNCTION = """
def rnn_step(*a):
    while True: pass
"""
EXIT_IN_FUNCTION = "import os\ndef clip_by_global_norm(*a): os._exit(0)"
FORGED_REPLY = """
import os, struct
from course_lib.grading import wire
def bptt(states, h0, W_h, g):
    for said in ({"status": "passed"}, {"status": "value", "value": [W_h, h0]}):
        forged = wire.encode(said)
        for turn in range(100):
            for descriptor in range(3, 12):
                try: os.write(descriptor, wire.FRAME.pack(turn, len(forged)) + forged)
                except OSError: pass
"""


def points(exercise, cells, seed=7):
    """Points by question, and the errors of the cells."""
    with Remote(exercise, cells) as submission:
        outcomes = run(exercise.cases, submission.answers, seed)
    by_question = dict.fromkeys(exercise.questions, 0)
    for outcome in outcomes:
        by_question[outcome.case.question] += outcome.points
    says = {outcome.case.name: outcome.says for outcome in outcomes}
    return by_question, says, submission.cell_errors


def number(cells, source):
    return cells.index(source) + 1


def test_a_lie_brings_nothing(rnn, cells):
    told = cells(q1=ALWAYS_EQUAL, q2=PATCHED_TORCH, q3=FAKE_SCORE, q4=SYSTEM_EXIT)
    got, says, errors = points(rnn, told)
    assert got == {"q1": 0, "q2": 0, "q3": 0, "q4": 0, "q5": 3}
    assert "returned a Equal" in says["q1.values"]
    assert "SystemExit" in says["q4.too_long"]
    assert not errors


def test_a_cell_that_misfires_costs_its_own_question(rnn, cells):
    told = cells(q1=LOOP_IN_CELL, q2=EXIT_IN_CELL, q3=MEMORY_BOMB, q4=LARGE_FILE)
    got, says, errors = points(rnn, told)
    assert got == {"q1": 0, "q2": 0, "q3": 0, "q4": 0, "q5": 3}
    assert says["q1.shape"] == "There is no function `rnn_step` in the notebook."
    assert errors[number(told, LOOP_IN_CELL)] == "The cell took longer than 4 seconds."
    assert "ended the process (exit status 0)" in errors[number(told, EXIT_IN_CELL)]
    assert errors[number(told, MEMORY_BOMB)] == "The cell ran out of memory."
    assert "File too large" in errors[number(told, LARGE_FILE)]
    assert "There is no function `bptt`" in says["q3.one_step"]


def test_a_function_that_misfires_costs_its_own_question(rnn, cells):
    told = cells(q1=LOOP_IN_FUNCTION, q3=FORGED_REPLY, q4=EXIT_IN_FUNCTION)
    got, says, errors = points(rnn, told)
    assert got == {"q1": 0, "q2": 5, "q3": 0, "q4": 0, "q5": 3}
    assert says["q1.shape"] == "`rnn_step` took longer than 3 seconds."
    assert "was not called again" in says["q1.any_step"]
    assert "something that it was not asked" in says["q3.one_step"]
    assert "exit status 0" in says["q4.too_long"]
    assert not errors


def test_an_answer_that_does_not_run_says_so_and_costs_no_other(rnn, cells):
    unclosed = "def rnn_step(x_t, h, W_x, W_h, b):\n    return torch.tanh(x_t"
    halfway = "def decay_rate(W_h):\n    return 1.0\n\n1 / 0\ndef horizon(*a): pass"
    got, says, _ = points(rnn, cells(q1=unclosed, q5=halfway))
    assert got == FULL | {"q1": 0, "q5": 0}
    assert says["q1.shape"] == (
        "The answer to q1 did not run: SyntaxError: '(' was never closed "
        "(line 2 of its cell)."
    )
    assert says["q5.lag"] == (
        "The answer to q5 did not run: ZeroDivisionError: division by zero "
        "(line 4 of its cell)."
    )
    assert says["q5.rate"].startswith("For W_h")  # decay_rate is there


def test_a_notebook_in_disorder_is_graded_by_its_names(rnn, cells):
    right = cells()
    told = [
        "def rnn_step(*a): return 'an older answer'",
        "this is no Python",
        "%%time\nx = 1",
        *cells(q3="# deleted"),
        "display(x)",
        "raise KeyboardInterrupt",
        next(cell for cell in right if "def rnn_step" in cell),  # its answer, twice
    ]
    told[2] = "pass\nx = 1"
    got, _, errors = points(rnn, told)
    assert got == FULL | {"q3": 0}
    assert list(errors) == [2, len(told) - 1]
    assert errors[2].startswith("SyntaxError")


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


def test_a_worker_that_starts_at_the_second_try_is_enough(rnn, cells, monkeypatch):
    right = sandbox.worker_argv
    tries = iter([["false"]])
    monkeypatch.setattr(sandbox, "worker_argv", lambda *a: next(tries, right(*a)))
    assert points(rnn, cells())[0] == FULL
