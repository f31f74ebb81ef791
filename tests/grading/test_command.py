"""``course grade``: one file per student, and never a lost grade."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
import typer
from ordinary_user import ordinary_user
from rich.console import Console
from typer.testing import CliRunner

from course_lib.grading import batch, command, exports, resume, sandbox, shown
from course_lib.grading.exercises import all_exercises

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
def course(tmp_path, monkeypatch):
    """Run the command, by default as an ordinary user, who may grade a class."""

    def run(*arguments, user=1000):
        monkeypatch.setattr(os, "geteuid", lambda: user)
        out = tmp_path / "out"
        done = CliRunner().invoke(app, [*map(str, arguments), "-o", str(out)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done, out

    return run


def rows(out):
    with (out / "grades.csv").open(encoding="utf-8-sig") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def stored(out, student):
    return json.loads((out / "students" / f"{student}.json").read_text())


def test_a_folder(submit, course):
    path = submit("anna", [ANSWERS])
    folder = path.parent
    submit("=HYPERLINK(1)", ["x = 1"])
    (folder / "broken.ipynb").write_text("{")
    (folder / "link.ipynb").symlink_to(path)
    (folder / "late").mkdir()
    path.rename(folder / "late" / "anna.ipynb")

    done, out = course("01_rnn", folder, "--seed", 7, "-j", 2)

    assert done.exit_code == 0
    got = rows(out)
    assert {name: (row["status"], row["points"]) for name, row in got.items()} == {
        "'=HYPERLINK(1)": ("graded", "0"),  # a spreadsheet must not run it
        "broken": ("unreadable", "0"),
        "late/anna": ("graded", "1"),
        "link": ("unreadable", "0"),
    }
    anna = stored(out, "late/anna")
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
    assert anna["sandbox"].split(",")[0] == sandbox.strongest().name
    assert anna["seed"] == 7
    assert len(anna["sha256"]) == 64
    assert sum(test["of"] for test in anna["tests"]) == anna["of"] == 20
    assert "[4/4] " in done.stdout
    assert "late/anna: 1 of 20 points" in done.stdout
    assert "Seed 7." in done.stdout


def test_ones_own_notebook_says_which_exercise_it_is(submit, course):
    done, out = course(submit("mine", [ANSWERS]))
    assert done.exit_code == 0
    assert "mine: 1 of 20 points" in done.stdout
    assert "q5: 1 of 3 points" in done.stdout
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


def test_what_is_graded_already_is_kept(submit, course):
    folder = submit("anna", ["x = 1"]).parent
    (folder / "ben.ipynb").write_text("{")
    (folder / "cleo.ipynb").write_text("{")
    _, out = course("01_rnn", folder, "--seed", 7)
    first = {name: stored(out, name) for name in ("anna", "ben", "cleo")}
    marked = {name: grade | {"seconds": 1234.5} for name, grade in first.items()}
    lost = {"points": None, "status": "GRADER ERROR"}
    for name, grade in marked.items():
        grade |= lost if name == "cleo" else {}
        (out / "students" / f"{name}.json").write_text(json.dumps(grade))
    (folder / "ben.ipynb").write_text("[]")  # handed in once more

    done, _ = course("01_rnn", folder)

    assert done.exit_code == 0
    assert "1 of 3 graded before." in done.stdout
    assert "[2/2]" in done.stdout
    assert stored(out, "anna") == marked["anna"]
    assert stored(out, "ben")["seconds"] != 1234.5
    assert stored(out, "cleo")["status"] == "unreadable"
    assert rows(out).keys() == first.keys()


def test_a_weaker_sandbox_is_not_kept_where_a_strong_one_is_required(submit, course):
    if sandbox.refusal(sandbox.BUBBLEWRAP):
        pytest.skip("needs bubblewrap")
    path = submit("anna", ["x = 1"])
    _, out = course("01_rnn", path)
    weak = stored(out, "anna") | {"sandbox": "process, without seccomp"}
    (out / "students" / "anna.json").write_text(json.dumps(weak))
    assert course("01_rnn", path)[0].exit_code == 0
    assert stored(out, "anna") == weak
    assert course("01_rnn", path, "--require-sandbox")[0].exit_code == 0
    assert stored(out, "anna")["sandbox"] == "bubblewrap"


def test_no_strong_sandbox_is_refused_where_it_is_required(submit, course, monkeypatch):
    path = submit("anna", ["x = 1"])
    monkeypatch.setattr(sandbox, "refusal", lambda level: "bwrap: not permitted")
    done, out = course("01_rnn", path, "--require-sandbox")
    assert done.exit_code == 1
    assert "no bubblewrap here (bwrap: not permitted)" in done.stderr
    assert "apt-get install bubblewrap" in done.stderr
    assert not out.exists()


def test_grades_that_do_not_compare_are_not_mixed(submit, course):
    path = submit("anna", ["x = 1"])
    _, out = course("01_rnn", path, "--seed", 7)
    before = {file: file.read_bytes() for file in out.rglob("*.*")}

    done, _ = course("01_rnn", path, "--seed", 8)
    assert done.exit_code == 1
    assert "out holds grades with the seed 7, not 8. Choose another" in done.stderr
    assert {file: file.read_bytes() for file in out.rglob("*.*")} == before

    file = out / "students" / "anna.json"
    right = json.loads(file.read_text())
    for change, says in (
        ({"exercise": "02_lstm"}, "out holds grades of 02_lstm, not of 01_rnn."),
        ({"version": "abc"}, "out holds grades by other tests (version abc, now "),
    ):
        file.write_text(json.dumps(right | change))
        done, _ = course("01_rnn", path.parent, "--seed", 7)
        assert done.exit_code == 1
        assert says in done.stderr


def test_two_commands_do_not_grade_into_one_folder(submit, course):
    folder = submit("anna", ["x = 1"]).parent
    out = folder.parent / "out"
    with resume.only_one(out, parts=False):
        done, _ = course("01_rnn", folder)
        assert done.exit_code == 1
        assert f"another command is grading into {out}: wait" in done.stderr
    assert not out.exists()
    with resume.only_one(out, parts=True):
        assert course("01_rnn", folder)[0].exit_code == 1
        done, _ = course("01_rnn", folder, "--part", "0/1", "--seed", 7)
        assert done.exit_code == 0
    assert course("01_rnn", folder)[0].exit_code == 0


def test_a_folder_that_cannot_be_made_is_said_before_anybody_is_graded(submit, course):
    folder = submit("anna", ["x = 1"]).parent
    (folder.parent / "out").write_text("a file")
    done, out = course("01_rnn", folder)
    assert done.exit_code == 1
    assert f"{out} cannot be used: [Errno 17] File exists" in done.stderr


def test_a_class_is_not_graded_as_root(submit, course):
    path = submit("anna", ["x = 1"])
    done, out = course("01_rnn", path.parent, user=0)
    assert done.exit_code == 1
    assert "Not graded: you are root" in done.stderr
    ours = Path(sys.executable).with_name("course")
    assert f"sudo -u NAME {ours} grade" in done.stderr
    assert not out.exists()


def test_ones_own_notebook_is_graded_as_root_with_a_warning(submit, course):
    path = submit("anna", ["x = 1"])
    for user, warned in ((0, True), (1000, False)):
        done, _ = course("01_rnn", path, user=user)
        assert done.exit_code == 0
        assert ("Warning: you are root" in done.stderr) is warned
        assert done.stderr.count("\n") == warned


def test_a_failing_grader_gives_no_zero(submit, course, monkeypatch):
    path = submit("anna", [ANSWERS])
    monkeypatch.setattr(sandbox, "worker_argv", lambda *_: ["false"])
    monkeypatch.setattr(sandbox, "refusal", lambda _: "")
    done, out = course("01_rnn", path)
    assert done.exit_code == 1
    assert "GRADER ERROR, not a zero, for: anna" in done.stderr
    assert rows(out)["anna"]["status"] == "GRADER ERROR"
    assert rows(out)["anna"]["points"] == ""


def test_a_grade_that_cannot_be_written_costs_no_other_student(submit, course):
    folder = submit("anna", ["x = 1"]).parent
    submit("ben", ["x = 1"])
    out = folder.parent / "out"
    (out / "students" / "anna.json").mkdir(parents=True)
    done, _ = course("01_rnn", folder, "--seed", 7)
    assert done.exit_code == 1
    assert "The grade of anna is not stored" in done.stderr
    assert "anna: GRADER ERROR (it is not stored)" in done.stdout
    assert "GRADER ERROR, not a zero, for: anna." in done.stderr
    assert rows(out)["ben"]["status"] == "graded"


def test_parts_make_a_whole(submit, course):
    folder = submit("anna", ["x = 1"]).parent
    for name in ("ben", "cleo", "dan", "eva"):
        (folder / f"{name}.ipynb").write_text("{")
    graded = []
    for part in ("1/2", "0/2"):
        done, out = course("01_rnn", folder, "--part", part, "--seed", 7)
        assert done.exit_code == 0
        assert f"Part {part}: " in done.stdout
        graded.append({path.stem for path in (out / "students").iterdir()})
    everyone = {"anna", "ben", "cleo", "dan", "eva"}
    assert graded == [{"ben", "dan"}, everyone]
    assert not (out / "grades.csv").exists()

    done, _ = course("01_rnn", folder)
    assert "5 of 5 graded before." in done.stdout
    assert "[1/" not in done.stdout
    assert rows(out).keys() == everyone


@pytest.mark.parametrize("part", ["2/2", "-1/2", "1", "a/b", "0/0"])
def test_a_part_that_there_is_not(submit, course, part):
    folder = submit("anna", ["x = 1"]).parent
    done, out = course("01_rnn", folder, "--part", part, "--seed", 7)
    assert done.exit_code == 1
    assert f"--part is {part!r}; expected K/N" in done.stderr
    assert not out.exists()


def test_an_overlay_adds_its_tests(submit, course, tmp_path):
    overlay = tmp_path / "mine"
    (overlay / "01_rnn").mkdir(parents=True)
    (overlay / "01_rnn" / "hidden.py").write_text(
        "from course_lib.grading import expect, question\n"
        '@question("q5", points=2, hidden=True)\n'
        "def mine(S, rng):\n"
        "    import torch\n"
        "    expect(S.decay_rate(torch.eye(2)), 1.0)\n"
        '@question("q9", points=3, hidden=True)\n'
        "def slip(S, rng):\n"
        "    S.decay()\n"
    )
    folder = submit("anna", [ANSWERS]).parent
    done, out = course("01_rnn", folder, "--overlay", overlay)
    assert done.exit_code == 0
    anna = stored(out, "anna")
    assert (anna["points"], anna["of"]) == (3, 25)
    added = "with these points: q5.mine (2), q9.slip (3, a new question)."
    assert f"The overlay adds, {added}" in done.stdout
    assert "q5.mine" in {test["name"] for test in anna["tests"]}

    done, _ = course("01_rnn", folder)
    assert done.exit_code == 1
    assert "by other tests" in done.stderr


@pytest.mark.parametrize("kind", exports.KINDS)
def test_an_export_grades_nobody(course, monkeypatch, kind):
    monkeypatch.setattr(exports, "requirement", lambda: "course-lib==0.1.0")
    done, out = course("01_rnn", "--export", kind, "--seed", 7)
    assert done.exit_code == 0
    assert (out / "README.md").exists()
    assert f"Seed 7. {out / 'README.md'} says" in done.stdout
    assert not (out / "students").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["01_rnn", "anna.ipynb", "--export", "k8s"], "expected one exercise, no note"),
        (["01", "--export", "k8s"], "--export: name is '01'; expected one of"),
        (["01_rnn", "--export", "moodle"], "--export: kind is 'moodle'; expected one"),
    ],
)
def test_what_cannot_be_exported_is_said(course, arguments, says):
    done, out = course(*arguments)
    assert done.exit_code == 1
    assert says in done.stderr
    assert not out.exists()


def test_a_cluster_grades_a_class(submit, course, monkeypatch):
    folder = submit("anna", [ANSWERS]).parent
    asked = []

    @contextlib.contextmanager
    def cluster(address):
        asked.append(address)
        with batch.here() as submit:
            yield lambda job: asked.append(job.level) or submit(job)

    monkeypatch.setattr(batch, "cluster", cluster)
    done, out = course("01_rnn", folder, "--scheduler", "tcp://machine:8786")
    assert done.exit_code == 0
    assert rows(out)["anna"]["points"] == "1"
    assert asked == ["tcp://machine:8786", None]  # its machines find their own level


def test_a_cluster_that_does_not_answer(submit, course, monkeypatch):
    monkeypatch.setattr(batch, "_PATIENCE", 0.5)
    folder = submit("anna", ["x = 1"]).parent
    done, out = course("01_rnn", folder, "--scheduler", "tcp://127.0.0.1:9")
    assert done.exit_code == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no_such", "{class}"], f"name is 'no_such'; expected one of {EXERCISES}"),
        (["{class}"], "Which exercise? Name it first: course grade 01_rnn"),
        (["{class}/anna.ipynb"], "Which exercise?"),
        (["01_rnn", "{empty}"], "No notebook (*.ipynb) in"),
        (["01_rnn", "no/such"], "SUBMISSION is 'no/such'; expected a notebook (*."),
        (["01_rnn"], "SUBMISSION is '01_rnn'; expected a notebook (*.ipynb) or"),
        (["01_rnn", __file__], "A zip has to be unpacked first."),
        (
            ["04_attention", "{other}"],
            "1 of 1 notebooks say that they are answers to 01_rnn, not to 04_attention",
        ),
        (["01_rnn", "{class}", "3"], "expected at most two arguments"),
        (
            ["{class}", "01_rnn"],
            "The exercise comes first: course grade 01_rnn {class}",
        ),
        (
            ["{class}", "exercises/01_rnn"],
            "The exercise comes first: course grade exercises/01_rnn {class}",
        ),
        (["01_rnn", "{class}", "--part", "0/2"], "--part needs --seed"),
        (
            ["01_rnn", "{class}", "-j", "2", "--scheduler", "tcp://x:1"],
            "-j is for this machine and --scheduler for a cluster: choose one.",
        ),
        (
            ["01_rnn", "{class}", "--roster", "{class}/anna.ipynb"],
            "expected the file that Canvas's gradebook exports",
        ),
    ],
)
def test_what_cannot_be_graded_is_said(submit, course, tmp_path, arguments, says):
    places = {"class": submit("anna", ["x = 1"]).parent, "empty": tmp_path / "empty"}
    places |= {"other": tmp_path / "other"}
    for name in ("empty", "other"):
        places[name].mkdir()
    cell = {"cell_type": "code", "source": 'check = exercise("01_rnn").check'}
    (places["other"] / "ben.ipynb").write_text(json.dumps({"cells": [cell]}))
    done, out = course(*(text.format(**places) for text in arguments))
    assert done.exit_code == 1
    assert says.format(**places) in done.stderr
    assert not out.exists()


def test_a_folder_that_cannot_be_read_is_said(submit, course, monkeypatch):
    folder = submit("anna", ["x = 1"]).parent

    def walk(path, onerror):
        onerror(PermissionError(13, "Permission denied", "late"))

    monkeypatch.setattr(os, "walk", walk)
    done, _ = course("01_rnn", folder)
    assert done.exit_code == 1
    assert "can be read: [Errno 13] Permission denied: 'late'" in done.stderr


def test_on_windows_it_says_what_to_do():
    windows = "import os, sys; sys.modules['resource'] = None; "
    windows += "from course_lib.grading import command; os.name = 'nt'; "
    windows += "import typer; typer.run(command.grade_command)"
    argv = [sys.executable, "-c", windows, "01_rnn", "mine.ipynb"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 1
    assert "on Windows, run it inside WSL 2" in done.stderr


def test_a_terminal_has_a_bar(monkeypatch):
    terminal = Console(file=StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(shown, "console", lambda: terminal)
    with shown.shown(3) as show:
        show("anna: 1 of 20 points")
        show("ben: 2 of 20 points")
    text = terminal.file.getvalue()
    assert "2/3" in text
    assert "ben: 2 of 20 points" in text


@pytest.mark.skipif(os.name != "posix", reason="grading needs Linux or macOS")
def test_an_ordinary_user_stops_and_continues(submit, tmp_path):
    folder = submit("anna", ["x = 1"]).parent
    submit("ben", ["import time", "time.sleep(1000)"])
    out = tmp_path / "out"
    course = [sys.executable, "-c", "from course_lib.cli import app; app()"]
    argv = [*course, "grade", "01_rnn", str(folder), "-o", str(out), "-j", "2"]
    argv = [*ordinary_user(tmp_path), *argv]
    texts = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    with subprocess.Popen(argv, **texts, start_new_session=True) as graded:
        while not (out / "students" / "anna.json").exists():
            assert graded.poll() is None, graded.communicate()
            time.sleep(0.1)
        os.killpg(graded.pid, signal.SIGINT)  # what Ctrl-C does
        _, said = graded.communicate()
    assert graded.returncode == 130
    assert "Stopped: 1 of 2 are graded. The same command continues." in said
    assert not (out / "report.html").exists()

    anna = (out / "students" / "anna.json").read_bytes()
    Path(folder, "ben.ipynb").write_text("{")
    done = subprocess.run(argv, **texts)
    assert done.returncode == 0, done.stderr
    assert (out / "students" / "anna.json").read_bytes() == anna
    assert rows(out)["ben"]["status"] == "unreadable"
    assert rows(out)["anna"]["seed"] == rows(out)["ben"]["seed"]


def test_a_grade_by_older_tests_gives_way_where_it_is_graded_again(submit, course):
    path = submit("anna", ["x = 1"])
    _, out = course("01_rnn", path, "--seed", 7)
    stored = out / "students" / "anna.json"
    grade = json.loads(stored.read_text())
    stored.write_text(json.dumps(grade | {"version": "older", "points": 9}))

    done, _ = course("01_rnn", path, "--seed", 7)

    assert done.exit_code == 0
    assert rows(out)["anna"]["points"] == "0"

    stored.with_name("ben.json").write_text(
        json.dumps(grade | {"student": "ben", "version": "older"})
    )
    done, _ = course("01_rnn", path, "--seed", 7)
    assert done.exit_code == 1
    assert "holds grades by other tests" in done.stderr


def test_each_exercise_has_a_report_of_its_own(submit, monkeypatch):
    path = submit("anna", ["x = 1"])
    monkeypatch.chdir(path.parent)
    for name in ("01_rnn", "04_attention"):
        done = CliRunner().invoke(app, [name, str(path), "--seed", "7"])
        assert done.exit_code == 0
        assert Path("graded", "own", name, "report.html").is_file()


def test_one_who_answers_another_exercise_is_asked_for_the_right_one(submit, course):
    folder = submit("anna", [ANSWERS]).parent
    submit("ben", [ANSWERS])
    submit("cleo", ['check = exercise("04_attention").check'])
    (folder / "dan.pdf").write_bytes(b"%PDF")

    done, out = course("01_rnn", folder)

    assert done.exit_code == 0
    assert rows(out)["cleo"]["status"] == "unreadable"
    said = (
        "cleo is unreadable: answers to 04_attention, not to 01_rnn.",
        "The same file, byte for byte: anna, ben.",
        "Not graded, because it is no notebook: dan.pdf.",
    )
    report = (out / "report.html").read_text(encoding="utf-8")
    for sentence in said:
        assert sentence in done.stderr
        assert sentence in report

    alone, _ = course("01_rnn", folder / "cleo.ipynb")
    assert alone.exit_code == 0
    assert "answers to 04_attention, not to 01_rnn" in alone.stdout

    (out / "students" / "ben.json").unlink()
    (folder / "ben.ipynb").unlink()
    done, _ = course("01_rnn", folder)
    assert "Of an earlier run, to be deleted: " in done.stderr
    assert done.stderr.count("ben") == 2
