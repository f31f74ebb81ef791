"""``course grade``: one file per student, and never a lost grade."""

from __future__ import annotations

import csv
import html
import json

import pytest
import typer
from typer.testing import CliRunner

from course_lib.grading import grade, remote
from course_lib.grading.exercises import Exercise

app = typer.Typer()
app.command()(grade.grade_command)

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

    done, out = course(folder, "01_rnn", "--seed", 7)

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
    assert anna["flags"] == ["subprocess"]
    assert (anna["sandbox"], anna["seed"]) == ("process", 7)
    assert len(anna["sha256"]) == 64
    assert sum(test["of"] for test in anna["tests"]) == anna["of"] == 20
    report = (out / "report.html").read_text()
    assert "<script" not in report
    assert "&lt;script&gt;" in report
    assert "Sandbox level: <strong>process</strong>" in report
    assert all(html.escape(item) in report for item in remote.OPEN)
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
    assert differ == {"q1.any_step", "q2.one_by_one", "q2.padding_anywhere"}


def test_ones_own_notebook_says_which_exercise_it_is(submit, course):
    done, out = course(submit("mine", [ANSWERS]))
    assert done.exit_code == 0
    assert "mine: 1 of 20 points" in done.stdout
    assert "q5.any_matrix (hidden)" in done.stdout
    assert "Hint: a gradient that is short enough is left alone." in done.stdout
    assert rows(out)["mine"]["points"] == "1"


def test_a_failing_grader_gives_no_zero(submit, course, monkeypatch):
    folder = submit("anna", [ANSWERS]).parent
    submit("ben", [ANSWERS])
    monkeypatch.setattr(remote, "worker_argv", lambda: ["false"])
    done, out = course(folder, "01_rnn")
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
    done, out = course(folder, "01_rnn")
    assert done.exit_code == 1
    assert [row["status"] for row in rows(out).values()] == ["GRADER ERROR", "graded"]


@pytest.mark.parametrize(
    ("sources", "arguments", "says"),
    [
        (["x = 1"], ["no_such"], "name is 'no_such'; expected one of ['01_rnn'"),
        (["x = 1"], [], "Which exercise?"),
        ([], ["01_rnn"], "No notebook"),
    ],
)
def test_what_cannot_be_graded_is_said(
    submit, course, tmp_path, sources, arguments, says
):
    path = submit("mine", sources) if sources else tmp_path
    done, out = course(path, *arguments)
    assert done.exit_code == 1
    assert says in done.stderr
    assert not out.exists()


def test_points_that_do_not_add_up_stop_the_grading(rnn):
    wrong = Exercise("01_rnn", rnn.folder, "An RNN by hand", points=19, minutes=1)
    with pytest.raises(ValueError, match=r"give 20 points, exercise\.toml says 19"):
        _ = wrong.cases
