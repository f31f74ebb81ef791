"""``course grade``: one file per student, and never a lost grade."""

from __future__ import annotations

import csv
import html
import json
import re

import pytest
import typer
from typer.testing import CliRunner

from course_lib.grading import command, grade, remote, reports
from course_lib.grading.exercises import Exercise, all_exercises

EXERCISES = [exercise.name for exercise in all_exercises()]

app = typer.Typer()
app.command()(command.grade_command)

# Enough for two cheap questions; nobody needs a whole exercise to test the command.
ANSWERS = """
from course_lib.grading import exercise
import torch, subprocess
check = exercise("01_rnn").check
check("q1")
def decay_rate(W_h):
    return torch.linalg.eigvals(W_h).abs().max().item()
def clip_by_global_norm(grads, max_norm):
    return ["<script>alert(1)</script>", "=1+1"]
"""


@pytest.fixture
def course(tmp_path):
    def run(*arguments):
        out = tmp_path / "out"
        done = CliRunner().invoke(app, [*map(str, arguments), "-o", str(out)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done, out

    return run


def rows(out):
    with (out / "grades.csv").open(encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def test_a_folder(submit, course):
    path = submit("anna", [ANSWERS])
    folder = path.parent
    submit("=HYPERLINK(1)", ["x = 1"])
    (folder / "broken.ipynb").write_text("{")
    (folder / "link.ipynb").symlink_to(path)
    (folder / "late").mkdir()
    path.rename(folder / "late" / "anna.ipynb")

    done, out = course("01_rnn", folder, "--seed", 7)

    assert done.exit_code == 0
    got = rows(out)
    assert {name: (row["status"], row["points"]) for name, row in got.items()} == {
        "'=HYPERLINK(1)": ("graded", "0"),  # a spreadsheet must not run it
        "broken": ("unreadable", "0"),
        "late/anna": ("graded", "1"),
        "link": ("unreadable", "0"),
    }
    anna = json.loads((out / "students" / "late" / "anna.json").read_text())
    assert anna["questions"] == {"q1": 0, "q2": 0, "q3": 0, "q4": 0, "q5": 1}
    assert anna["flags"] == [
        {
            "name": "subprocess",
            "why": "reaches outside the notebook",
            "where": "answer to q4 and q5 (code cell 1)",
            "line": 3,
            "code": "import torch, subprocess",
        }
    ]
    assert got["late/anna"]["flags"] == (
        "subprocess: answer to q4 and q5 (code cell 1), line 3"
    )
    assert (anna["sandbox"], anna["seed"]) == ("process", 7)
    assert len(anna["sha256"]) == 64
    assert sum(test["of"] for test in anna["tests"]) == anna["of"] == 20
    page = (out / "report.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "Sandbox level: <strong>process</strong>" in page
    assert all(html.escape(item) in page for item in remote.OPEN)
    assert "Seed 7." in done.stdout


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


def test_ones_own_notebook_says_which_exercise_it_is(submit, course):
    done, out = course(submit("mine", [ANSWERS]))
    assert done.exit_code == 0
    assert "mine: 1 of 20 points" in done.stdout
    assert "q5.any_matrix (hidden)" in done.stdout
    assert "Hint: a gradient that is short enough is left alone." in done.stdout
    assert rows(out)["mine"]["points"] == "1"


def test_late_submissions_join_the_others(submit, course, tmp_path):
    folder = submit("anna", [ANSWERS]).parent
    submit("ben", ["x = 1"])
    assert course("01_rnn", folder, "--seed", 7)[0].exit_code == 0
    late = tmp_path / "late"
    late.mkdir()
    (late / "ben.ipynb").write_bytes((folder / "anna.ipynb").read_bytes())
    (late / "cleo.ipynb").write_text("{")

    # Without --seed: that of the folder, or the table would compare what differs.
    done, out = course("01_rnn", late)

    assert done.exit_code == 0
    assert "Seed 7. The report on 3 students is" in done.stdout
    assert {n: (r["points"], r["seed"]) for n, r in rows(out).items()} == {
        "anna": ("1", "7"),
        "ben": ("1", "7"),
        "cleo": ("0", "7"),
    }
    page = (out / "report.html").read_text()
    assert all(f">{name}</a>" in page for name in ("anna", "ben", "cleo"))


def test_grades_that_do_not_compare_are_not_mixed(submit, course):
    path = submit("anna", ["x = 1"])
    _, out = course("01_rnn", path, "--seed", 7)
    before = {file: file.read_bytes() for file in out.rglob("*.*")}

    done, _ = course("01_rnn", path, "--seed", 8)
    assert done.exit_code == 1
    assert "out holds grades with the seed 7, not 8. Choose another" in done.stderr
    assert {file: file.read_bytes() for file in out.rglob("*.*")} == before

    stored = out / "students" / "anna.json"
    grade = json.loads(stored.read_text())
    stored.write_text(json.dumps(grade | {"exercise": "02_lstm"}))
    done, _ = course("01_rnn", path, "--seed", 7)
    assert done.exit_code == 1
    assert "out holds grades of 02_lstm, not of 01_rnn. Choose" in done.stderr

    for broken in ("{", "[]", "{}", "3"):
        stored.write_text(broken)
        done, _ = course("01_rnn", path)
        assert done.exit_code == 1
        assert "anna.json is not a grade" in done.stderr


def test_the_report_begins_with_the_grades(rnn, tmp_path):
    def graded(name, points, **more):
        return {
            "exercise": "01_rnn", "student": name, "seed": 7, "status": "graded",
            "points": points, "of": 20, "says": "", "sandbox": "process",
            "seconds": 1.0, "questions": {}, "tests": [], "flags": [], "cells": {},
            "answers": {}, **more,
        }  # fmt: skip

    flag = {
        "name": "torch.nn.RNN",
        "why": "can do the work that a question asks for",
        "where": "answer to q2 (code cell 4)",
        "line": 3,
        "code": "return nn.RNN(1, 1)(x < 3)",
    }
    lost = {"status": "GRADER ERROR", "says": "no worker"}
    grades = [
        graded("ada", 20, flags=[flag], answers={"q1": "", "q2": "x < 3 </pre>"}),
        graded("bea", 4),
        graded("cid", 12),
        graded("dan", None, **lost),
    ]
    reports.write_class(rnn, grades, tmp_path)
    page = (tmp_path / "report.html").read_text()

    assert (
        "3 graded. 1 without a graded notebook left out. Mean 12.0, median 12, "
        "standard deviation 8.0, lowest 4, highest 20 of 20 points." in page
    )
    found = re.findall(r">(\d+ to \d+)</th><td><span[^>]*></span> (\d)<", page)
    assert found == [
        ("0 to 4", "1"),
        ("5 to 8", "0"),
        ("9 to 12", "1"),
        ("13 to 16", "0"),
        ("17 to 20", "1"),
    ]
    order = ["Grades", "Tests", "How safe the grading was", "Each student"]
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", page) == order
    for number, name in enumerate(["ada", "bea", "cid", "dan"]):
        assert f'<a href="#student-{number}">{name}</a>' in page
        assert f'<section id="student-{number}"><h3>{name}: ' in page
    assert "answer to q2 (code cell 4)</td><td>3</td>" in page
    assert "<code>return nn.RNN(1, 1)(x &lt; 3)</code>" in page
    assert "<summary>Code of q2</summary><pre><code>x &lt; 3 &lt;/pre&gt;<" in page
    assert "Code of q1" not in page  # nothing to show


def test_the_code_of_an_answer_is_kept(rnn, submit):
    helper = "def my_helper(): return 1"
    late = "def bptt(*a): return 2"
    stored = grade.grade_one(rnn, submit("anna", [ANSWERS, helper, late]), 7)
    assert stored["answers"] == {
        "q1": "", "q2": "", "q3": late, "q4": ANSWERS, "q5": ANSWERS
    }  # fmt: skip


def test_grading_as_root_is_warned_of(submit, course, monkeypatch):
    path = submit("anna", ["x = 1"])
    for user, warned in ((0, True), (1000, False)):
        monkeypatch.setattr(command.os, "geteuid", lambda user=user: user)
        done, _ = course("01_rnn", path)
        assert done.exit_code == 0
        assert ("Warning: you grade as root" in done.stderr) is warned
        assert done.stderr.count("\n") == warned


def test_a_failing_grader_gives_no_zero(submit, course, monkeypatch):
    folder = submit("anna", [ANSWERS]).parent
    submit("ben", [ANSWERS])
    monkeypatch.setattr(remote, "worker_argv", lambda: ["false"])
    done, out = course("01_rnn", folder)
    assert done.exit_code == 1
    assert "GRADER ERROR, not a zero, for: anna, ben" in done.stderr
    assert {row["status"] for row in rows(out).values()} == {"GRADER ERROR"}
    assert {row["points"] for row in rows(out).values()} == {""}


def test_a_bug_in_the_grader_costs_no_other_student(submit, course, monkeypatch):
    folder = submit("anna", ["x = 1"]).parent
    submit("ben", ["x = 1"])
    right, graded = grade.run, []

    def buggy(*arguments):
        graded.append(arguments)
        if len(graded) == 1:
            raise KeyError("a bug")
        return right(*arguments)

    monkeypatch.setattr(grade, "run", buggy)
    done, out = course("01_rnn", folder)
    assert done.exit_code == 1
    assert [row["status"] for row in rows(out).values()] == ["GRADER ERROR", "graded"]


@pytest.mark.parametrize(
    ("sources", "arguments", "says"),
    [
        (["x = 1"], ["no_such"], f"name is 'no_such'; expected one of {EXERCISES}"),
        (["x = 1"], [], "Which exercise?"),
        ([], ["01_rnn"], "No notebook"),
    ],
)
def test_what_cannot_be_graded_is_said(
    submit, course, tmp_path, sources, arguments, says
):
    path = submit("mine", sources) if sources else tmp_path
    done, out = course(*arguments, path)
    assert done.exit_code == 1
    assert says in done.stderr
    assert not out.exists()


def test_points_that_do_not_add_up_stop_the_grading(rnn):
    wrong = Exercise("01_rnn", rnn.folder, "An RNN by hand", points=19, minutes=1)
    with pytest.raises(ValueError, match=r"give 20 points, exercise\.toml says 19"):
        _ = wrong.cases
