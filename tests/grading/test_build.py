"""The student's notebook is the master without its solutions, byte for byte again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import nbformat
import pytest
import typer
from typer.testing import CliRunner

from course_lib.grading import build, exercises

MASTER = '''\
# %% [markdown]
# # Title

# %%
import torch

# %% tags=["answer:q1"]
def two():
    """Two."""
    # BEGIN SOLUTION
    one = 1
    return one + one
    # END SOLUTION

def three():
    # BEGIN SOLUTION
    return 3
    # END SOLUTION
'''
TESTS = """
from course_lib.grading import expect, question

@question("q1", points=1)
def two(S, rng):
    expect(S.two(), 2)
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    folder = tmp_path / "02_lstm_gru"
    folder.mkdir()
    (folder / "master.py").write_text(MASTER)
    (folder / "tests.py").write_text(TESTS)
    (folder / "hidden.py").write_text("")
    (folder / "exercise.toml").write_text('title = "S"\npoints = 1\nminutes = 1\n')
    monkeypatch.setattr(exercises, "_CHECKOUT", tmp_path)
    return exercises.exercise("02_lstm_gru")


def test_solutions_become_stubs(small):
    cells = json.loads(build.student(small))["cells"]
    sources = ["".join(cell["source"]) for cell in cells]
    assert sources[0] == "# Title"
    assert sources[1] == build.INSTALL
    assert sources[3] == (
        f'def two():\n    """Two."""\n    {build.STUB}\n\n'
        f"def three():\n    {build.STUB}"
    )
    assert cells[3]["metadata"] == {"tags": ["answer:q1"]}
    assert build.solution_lines(small) == {"one = 1", "return one + one", "return 3"}


def test_the_notebook_is_valid_and_the_same_again(small):
    text = build.student(small)
    assert text == build.student(small)
    nbformat.validate(nbformat.reads(text, as_version=4))


def test_each_question_needs_its_answer_cell(small):
    path = small.folder / "master.py"
    path.write_text(MASTER.replace("answer:q1", "answer:q2"))
    with pytest.raises(ValueError, match=r"answer cells for \['q2'\]; expected"):
        build.student(small)


def test_a_hidden_test_among_the_visible_is_refused(small):
    (small.folder / "hidden.py").write_text(TESTS)
    with pytest.raises(ValueError, match=r"expected hidden=True for \['q1\.two'\]"):
        _ = dataclasses.replace(small).cases


def test_the_tests_know_which_question_a_function_answers(small):
    assert small.answers == {"two": "q1", "three": "q1"}


def test_a_question_is_given_the_reference_of_others(small):
    given = dataclasses.replace(small, given={"q1": ("three",)}).cases[0].given
    there: dict = {}
    exec(given, there)
    assert there["three"]() == 3
    assert "two" not in there
    assert small.cases[0].given == ""


def test_what_is_given_must_be_an_answer(small):
    wrong = dataclasses.replace(small, given={"q1": ("four",)})
    with pytest.raises(ValueError, match=r"given of q1 is \['four'\]; expected"):
        _ = wrong.cases


def test_the_command_writes_the_notebook(small):
    app = typer.Typer()
    app.command()(build.build_command)
    done = CliRunner().invoke(app, ["02_lstm_gru"])
    assert done.exit_code == 0
    assert "1 questions, 1 points" in done.stdout
    path: Path = small.folder / "student.ipynb"
    assert path.read_text() == build.student(small)


def test_the_install_line_is_that_of_the_chapters():
    text = Path(__file__).parents[2] / "text"
    line = build.INSTALL.splitlines()[-1]
    for chapter in text.glob("*.md"):
        assert line in chapter.read_text(encoding="utf-8").splitlines(), chapter
