"""How far one has come: noted by a check and by one's own grade, and never in the way.

The record is in a folder of its own for each test (``conftest.py``).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from course_lib.chapters import CHAPTERS
from course_lib.cli import app
from course_lib.grading import overview, progress, record
from course_lib.grading.exercises import all_exercises
from course_lib.grading.grade import grade_one

STUB = "def rnn_step(*a): raise NotImplementedError"
PARTLY = "def rnn_step(x_t, h, W_x, W_h, b):\n    return x_t @ W_x.T + h @ W_h.T + b"


def noted(name="01_rnn"):
    path = Path(os.environ["COURSE_PROGRESS"]) / f"{name}.json"
    if not path.exists():
        return {}
    entries = json.loads(path.read_text())
    return {entry: (best["points"], best["of"]) for entry, best in entries.items()}


def first():
    return record.standings()[0]


def test_a_check_notes_the_points_of_its_question(rnn, names):
    rnn.check("q1", names(q1=PARTLY))
    assert noted() == {"q1": (1, 2)}
    rnn.check("q2", names())
    assert noted() == {"q1": (1, 2), "q2": (2, 2)}
    rnn.check(None, names())
    assert set(noted()) == set(rnn.questions)
    assert sum(points for points, _ in noted().values()) == 11


def test_the_best_stays(rnn, names):
    rnn.check("q1", names())
    before = first().when
    rnn.check("q1", names(q1=PARTLY))  # broken again
    rnn.check("q1", {})  # a restarted kernel
    assert noted() == {"q1": (2, 2)}
    assert first().when == before


def test_a_stub_is_not_begun(rnn, names):
    rnn.check("q1", names(q1=STUB))
    rnn.check(None, names(**{q: STUB for q in rnn.questions}))
    rnn.check(None, {})  # no cell was run
    assert (first().when, first().points) == ("", 0)
    assert overview.row(first())[1] == "not begun"
    rnn.check("q1", {"rnn_step": lambda *a: None})
    assert first().when
    assert overview.row(first())[1] == "0 of 11"


def test_points_of_tests_that_have_changed_do_not_count(rnn, names):
    record.note(rnn, {"q1": (3, 3), "q2": (2, 2), "graded": (25, 25)})
    assert list(first().visible) == ["q2"]
    assert first().graded is None
    rnn.check("q1", names(q1=PARTLY))
    assert first().visible["q1"].points == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"q1": 3}',
        '{"q1": {"points": "2", "of": 2, "when": "2026-01-01"}}',
        '{"q1": {"points": 3, "of": 2, "when": "2026-01-01"}}',
        '{"q1": {"points": 2, "of": 2, "when": "soon"}}',
        '{"q1": {"points": 2}}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_a_broken_record_is_put_aside(rnn, names, text, capsys):
    path = record.folder() / "01_rnn.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode("latin-1"))
    assert first().visible == {}
    path.write_bytes(text.encode("latin-1"))
    rnn.check("q1", names())
    assert noted() == {"q1": (2, 2)}
    assert path.with_suffix(".broken").read_bytes() == text.encode("latin-1")
    assert "could not" not in capsys.readouterr().out


def test_a_record_that_cannot_be_written_breaks_no_check(
    rnn, names, monkeypatch, tmp_path, capsys
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "below"))
    rnn.check("q1", names())
    shown = capsys.readouterr().out
    assert "q1: 2 of 2 visible points" in shown
    assert "Your progress could not be noted" in shown
    progress()
    assert "not begun" in capsys.readouterr().out


def test_one_record_that_cannot_be_read_hides_no_other(rnn, names):
    rnn.check("q1", names())
    (record.folder() / "02_lstm_gru.json").mkdir()
    assert [standing.points for standing in record.standings()[:2]] == [2, 0]


def test_every_exercise_in_the_order_of_the_chapters(capsys):
    standings = record.standings()
    assert [s.exercise.name for s in standings] == [c.folder for c in CHAPTERS]
    progress()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Exercises: 0 of 7 done"
    assert lines[1].startswith("1. An RNN by hand | not begun | not yet | 55 min")
    assert lines[-1] == "Next: begin exercise 1, An RNN by hand (about 55 minutes)."


def test_what_is_next(rnn, names):
    def says():
        return record.what_is_next(record.standings())

    everything = {question: (of, of) for question, of in first().of.items()}
    lstm = record.standings()[1]
    assert says().startswith("Next: begin exercise 1,")
    record.note(lstm.exercise, {"q1": (0, lstm.of["q1"])})  # what is begun comes first
    assert says() == "Next: go on with q1 of exercise 2, LSTM and GRU by hand."
    record.note(rnn, everything | {"q3": (0, everything["q3"][1])})
    assert says() == "Next: go on with q3 of exercise 1, An RNN by hand."
    record.note(rnn, everything)
    assert "run the hidden tests of exercise 1, An RNN by hand: `course" in says()
    record.note(rnn, {"graded": (18, 20)})
    assert "exercise 1, An RNN by hand, which has 18 of 20 points" in says()
    record.note(rnn, {"graded": (20, 20)})
    assert says().startswith("Next: go on with q1 of exercise 2")
    for exercise in all_exercises():
        record.note(exercise, {"graded": (exercise.points, exercise.points)})
    assert says() == "You have the full points everywhere."
    assert overview.table(record.standings()).caption == "Exercises: 7 of 7 done"


def course(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output


def test_a_grade_of_ones_own_is_noted_with_its_visible_points(cells, submit, tmp_path):
    course("grade", submit("mine", cells(q1=PARTLY)), "-o", tmp_path / "first")
    assert noted()["q1"] == (1, 2)
    assert 0 < noted()["graded"][0] < 20
    course("grade", submit("mine", cells()), "-o", tmp_path / "second")
    assert noted()["graded"] == (20, 20)
    assert overview.row(first())[1:3] == ("11 of 11", "20 of 20")
    said = course("progress")
    assert "An RNN by hand" in said
    assert "██████ 11 of 11" in said
    assert "1 of 7 done. Next: begin exercise 2" in said
    assert str(record.folder()) in said


def test_a_notebook_of_stubs_or_without_cells_is_no_progress(rnn, submit, tmp_path):
    course("grade", rnn.folder / "student.ipynb", "-o", tmp_path / "stubs")
    broken = submit("broken", [])
    broken.write_text("no notebook")
    course("grade", "01_rnn", broken, "-o", tmp_path / "broken")
    assert noted() == {}


def test_a_class_is_nobodys_progress(cells, submit, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # root grades no class
    folder = submit("kim", cells()).parent
    course("grade", "01_rnn", folder, "-o", tmp_path / "class", "-j", "1")
    assert noted() == {}


def test_what_is_graded_notes_nothing(cells, submit, rnn, monkeypatch, tmp_path):
    # Whatever a submission calls: in the worker there are no checks and no record.
    shows = "from course_lib.grading import progress\nprogress()\ncheck('q1')"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    grade = grade_one(rnn, submit("mine", [*cells(), shows]), seed=1)
    assert (grade["points"], grade["cells"]) == (20, {})
    assert noted() == {}
    assert not (tmp_path / "home").exists()


def test_the_bars_are_as_long_as_the_words_say(rnn):
    record.note(rnn, {"q1": (2, 2), "q2": (1, 2)})
    html = overview.table(record.standings())._repr_html_()
    assert html.count("width:27%") == 1  # 3 of 11
    assert html.count("width:0%") == 6
    assert html.count('aria-hidden="true"') == 7
    assert ">3 of 11<" in html


def test_the_clock_is_that_of_the_machine(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Seoul")
    import time

    time.tzset()
    try:
        assert record.local_time("2026-01-01T20:05:59+00:00") == "2026-01-02 05:05"
        assert record.local_time("") == ""
    finally:
        monkeypatch.undo()
        time.tzset()


def test_the_folder_is_the_users_own_or_the_chosen_one(monkeypatch):
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere")
    assert "course_lib" in record.folder().parts
    monkeypatch.setenv("COURSE_PROGRESS", "~/drive")
    assert record.folder() == Path.home() / "drive"
