"""The chapter's own model is never importable by an answer that is graded."""

from __future__ import annotations

import shutil

import pytest

from course_lib.grading import exercises
from course_lib.grading.exercises import all_exercises, exercise, exercises_folder
from course_lib.grading.grade import grade_one

IMPORTED = """
from course_lib.rnn import RNN
def run_rnn(x, mask, h0, W_x, W_h, b): return x
"""


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Exercise 1 in a folder ``name``, with lines added to its ``exercise.toml``."""

    def copy(lines="", name="01_rnn"):
        shutil.copytree(exercises_folder() / "01_rnn", tmp_path / name)
        about = tmp_path / name / "exercise.toml"
        text = about.read_text(encoding="utf-8")
        assert "hide" not in text, "the default is enough"
        about.write_text(f"{lines}\n{text}", encoding="utf-8")
        monkeypatch.setattr(exercises, "exercises_folder", lambda: tmp_path)
        return exercise(name)

    return copy


def test_the_model_is_hidden_and_the_file_can_only_add(copied):
    assert copied('hide = ["torch.fft"]').hide == ("course_lib.rnn", "torch.fft")


def test_every_exercise_hides_its_chapters_model():
    for one in all_exercises():
        assert f"course_lib.{one.name.partition('_')[2]}" in one.hide


def test_a_folder_that_is_no_chapters_is_refused(copied):
    with pytest.raises(ValueError, match="chapter: got 'rnn_1', expected one of rnn"):
        copied(name="rnn_1")


def test_an_answer_that_imports_the_model_earns_nothing(rnn, cells, submit):
    got = grade_one(rnn, submit("sly", cells(q2=IMPORTED)), seed=1)
    assert got["questions"]["q2"] == 0
    assert "course_lib.rnn" in str(got["cells"])
    assert [flag["name"] for flag in got["flags"]] == ["course_lib.rnn"]
