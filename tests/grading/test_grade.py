"""The grade of one submission: the same for the same arguments, and never an error."""

from __future__ import annotations

import dataclasses
import json

import pytest

from course_lib.grading import grade, sandbox
from course_lib.grading.exercises import Exercise
from course_lib.grading.question import question
from course_lib.grading.sources import Manual

ANSWERS = """
def decay_rate(W_h):
    return 1.0
def clip_by_global_norm(grads, max_norm):
    return grads
"""


def with_tests(exercise, test_seconds, *tests):
    """``exercise`` with ``tests`` instead of its own."""
    limits = dataclasses.replace(exercise.limits, test_seconds=test_seconds)
    changed = dataclasses.replace(exercise, limits=limits)
    vars(changed)["cases"] = tuple(question("q5", points=1)(test) for test in tests)
    return changed


def test_the_seed_gives_the_same_grade_again(rnn, cells, submit):
    wrong = "def rnn_step(x_t, h, W_x, W_h, b): return x_t @ W_x.T"
    path = submit("anna", cells(q1=wrong))
    one, again, other = (grade.grade_one(rnn, path, seed) for seed in (7, 7, 8))
    assert one | {"seconds": 0} == again | {"seconds": 0}
    assert one["questions"] == other["questions"]
    differ = {
        test["name"]
        for test, there in zip(one["tests"], other["tests"], strict=True)
        if test["says"] != there["says"]
    }
    assert differ == {"q1.any_step"}


def test_the_code_of_an_answer_is_kept(rnn, submit):
    helper = "def my_helper(): return 1"
    late = "def bptt(*a): return 2"
    stored = grade.grade_one(rnn, submit("anna", [ANSWERS, helper, late]), 7)
    assert stored["answers"] == {
        "q1": "", "q2": "", "q3": late, "q4": ANSWERS, "q5": ANSWERS
    }  # fmt: skip


def test_a_written_answer_is_kept(rnn):
    exercise = dataclasses.replace(rnn, manual={"q6": Manual("Why?", 4)})
    cells = [{"cell_type": "markdown", "source": "## Answer to q6\nSo."}]
    data = json.dumps({"cells": cells}).encode()
    stored = grade.grade(exercise, grade.Submission("anna", "anna.ipynb", data), 7)
    assert stored["manual"] == {"q6": "So."}
    assert stored["of"] == exercise.points


def test_a_test_that_goes_on_for_ever_is_failed(rnn, submit):
    def endless(S, rng):
        """Ends."""
        while True:
            S.decay_rate(2.0)

    def next_one(S, rng):
        if S.decay_rate(2.0) != 1.0:
            raise AssertionError

    exercise = with_tests(rnn, 0.3, endless, next_one)
    first, second = grade.grade_one(exercise, submit("anna", [ANSWERS]), 7)["tests"]
    assert first["status"] == "failed"
    assert first["title"] == "Ends."
    assert first["says"] == "The test took longer than 0.3 seconds with this answer."
    # The worker was amid a call; the next test finds one that answers it.
    assert second["status"] == "passed"


def test_a_test_may_wait_for_an_answer(rnn, submit):
    exercise = with_tests(rnn, 0.5, lambda S, rng: S.decay_rate(2.0))
    slow = "import time\ndef decay_rate(W): time.sleep(1)"
    stored = grade.grade_one(exercise, submit("anna", [slow]), 7)
    assert [test["status"] for test in stored["tests"]] == ["passed"]


def test_a_bug_in_the_grader_gives_no_zero(rnn, submit, monkeypatch):
    def buggy(*arguments):
        raise KeyError("a bug")

    monkeypatch.setattr(grade, "run", buggy)
    stored = grade.grade_one(rnn, submit("anna", ["x = 1"]), 7)
    assert (stored["status"], stored["points"]) == ("GRADER ERROR", None)
    assert stored["says"] == "KeyError: 'a bug'"


def test_a_sandbox_that_fails_gives_no_zero(rnn, submit, monkeypatch):
    monkeypatch.setattr(sandbox, "worker_argv", lambda *_: ["false"])
    submission = grade.Submission.read(submit("anna", ["x = 1"]), "anna")
    stored = grade.grade(rnn, submission, 7, sandbox.PROCESS)
    assert (stored["status"], stored["points"]) == ("GRADER ERROR", None)
    assert "no worker started" in stored["says"]


def test_a_file_that_cannot_be_read_gives_no_zero(rnn, submit, monkeypatch):
    path = submit("anna", ["x = 1"])

    def broken(self, *arguments):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(path), "open", broken)
    stored = grade.grade_one(rnn, path, 7)
    assert (stored["status"], stored["points"]) == ("GRADER ERROR", None)
    assert "Input/output error" in stored["says"]


def test_a_file_that_is_gone_gives_no_zero(rnn, tmp_path):
    stored = grade.grade_one(rnn, tmp_path / "gone.ipynb", 7)
    assert (stored["status"], stored["points"]) == ("GRADER ERROR", None)
    assert "No such file" in stored["says"]


def test_a_long_path_names_its_own_student(rnn):
    one, other = (f"{'folder/' * 100}{name}" for name in ("anna", "ben"))
    submissions = [grade.Submission(name, "a.ipynb", b"{") for name in (one, other)]
    graded = [grade.grade(rnn, submission, 7) for submission in submissions]
    assert [stored["student"] for stored in graded] == [one, other]


def test_what_is_no_file_is_unreadable(rnn, submit, tmp_path):
    link = tmp_path / "link.ipynb"
    link.symlink_to(submit("anna", ["x = 1"]))
    for place in (link, tmp_path):
        stored = grade.grade_one(rnn, place, 7)
        assert (stored["status"], stored["points"]) == ("unreadable", 0)
        assert stored["sha256"] == ""


def test_points_that_do_not_add_up_stop_the_grading(rnn):
    wrong = Exercise("01_rnn", rnn.folder, "An RNN by hand", points=19, minutes=1)
    with pytest.raises(ValueError, match=r"give 20 points, exercise\.toml says 19"):
        _ = wrong.cases
