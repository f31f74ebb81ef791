"""The notebook for a class: this version of the course, and the teacher's questions."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
import typer
from typer.testing import CliRunner

from course_lib.grading import build, exercise, handout, notebook
from course_lib.grading.exercises import all_exercises
from course_lib.grading.reports.manual import written_answers

COURSE = "course-lib @ git+https://example.org/course@abc123"


@pytest.fixture(autouse=True)
def version(monkeypatch) -> None:
    monkeypatch.setattr(handout, "requirement", lambda: COURSE)


@pytest.mark.parametrize("name", [one.name for one in all_exercises()])
def test_it_is_the_students_notebook_with_this_version(name: str) -> None:
    one = exercise(name)
    text = handout.handout(one)
    nbformat.validate(nbformat.reads(text, as_version=4))
    student = (one.folder / "student.ipynb").read_text(encoding="utf-8")
    handed, built = (json.loads(each)["cells"] for each in (text, student))
    differ = [
        ("".join(mine["source"]), "".join(theirs["source"]))
        for mine, theirs in zip(handed, built, strict=True)
        if "".join(mine["source"]) != "".join(theirs["source"])
    ]
    assert len(differ) == 1
    assert differ[0][1] == build.INSTALL
    assert f'%pip install -q "{COURSE}"' in differ[0][0]
    assert build.COURSE not in text


def test_questions_to_grade_by_hand_stand_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "01_rnn").mkdir()
    (tmp_path / "01_rnn" / "exercise.toml").write_text(
        '[manual.q6]\ntitle = "왜?"\npoints = 3\n'
        '[manual.q7]\ntitle = "B"\npoints = 1\n',
        encoding="utf-8",
    )
    out = tmp_path / "handout"
    app = typer.Typer()
    app.command()(handout.handout_command)

    done = CliRunner().invoke(
        app, ["01_rnn", "-o", str(out), "--overlay", str(tmp_path)]
    )

    assert done.exit_code == 0
    assert COURSE in done.stdout
    data = (out / "01_rnn.ipynb").read_bytes()
    nbformat.validate(nbformat.reads(data.decode(), as_version=4))
    end = notebook.markdown_cells(data)[-4:]
    assert end[0] == "## q6: 왜?\n\n3 points, in words."
    assert end[2] == "## q7: B\n\n1 point, in words."
    # The grader finds the answer there, and takes what was handed out for none.
    assert written_answers(data, ["q6", "q7"]) == {"q6": "", "q7": ""}
    answered = json.loads(data)
    answered["cells"][-3]["source"] += ["\n", "Because of the verb."]
    assert (
        "Because of the verb."
        in written_answers(json.dumps(answered).encode(), ["q6"])["q6"]
    )
