"""A teacher's own folder of tests: they count, and a mistake in them stops at once."""

from __future__ import annotations

import shutil

import pytest

from course_lib.grading.exercises import exercise, exercises_folder
from course_lib.grading.grade import grade_one
from course_lib.grading.prove import prove
from course_lib.grading.sources import Manual

HEAD = "import torch\nfrom course_lib.grading import expect, question\n\n"
# No test of the course has a state as wide as this.
WIDE = '''
@question("q1", points=3, hidden=True, hint="every unit counts")
def wide(S, rng):
    """A state of 300 units"""
    W_x, W_h, b = torch.zeros(300, 1), torch.zeros(300, 300), torch.ones(300)
    got = S.rnn_step(torch.zeros(1, 1), torch.zeros(1, 300), W_x, W_h, b)
    expect(got, torch.tanh(b)[None])
'''
NARROW = """
def rnn_step(x_t, h, W_x, W_h, b):
    new = torch.tanh(x_t @ W_x.T + h @ W_h.T + b)
    return new if new.shape[1] < 300 else torch.zeros_like(new)
"""
NEW = """
@question("q9", points=1, hidden=True)
def doubled(S, rng):
    expect(S.double(2), 4)
"""


@pytest.fixture
def overlay(tmp_path):
    """``overlay(hidden, toml)`` writes the files and returns the folder."""

    def write(hidden="", toml="", name="01_rnn"):
        folder = tmp_path / "overlay" / name
        folder.mkdir(parents=True, exist_ok=True)
        if hidden:
            (folder / "hidden.py").write_text(HEAD + hidden)
        if toml:
            (folder / "exercise.toml").write_text(toml)
        return folder.parent

    return write


def test_its_test_fails_what_the_courses_own_let_pass(rnn, overlay, cells, submit):
    path = submit("narrow", cells(q1=NARROW))
    before = grade_one(rnn, path, seed=1)
    assert (before["points"], before["of"]) == (20, 20)

    more = exercise("01_rnn", overlay(WIDE))
    got = grade_one(more, path, seed=1)
    assert (got["points"], got["of"]) == (20, 23)
    (failed,) = (test for test in got["tests"] if test["status"] != "passed")
    assert (failed["name"], failed["hidden"]) == ("q1.wide", True)
    assert (failed["title"], failed["hint"]) == (
        "A state of 300 units",
        "every unit counts",
    )

    right = grade_one(more, submit("right", cells()), seed=1)
    assert (right["points"], right["of"]) == (23, 23)


def test_a_question_of_its_own(overlay, cells, submit):
    more = exercise("01_rnn", overlay(NEW))
    prove(more, 1)  # without a reference answer to q9
    assert more.points == 21
    double = "def double(x):\n    return 2 * x"
    got = grade_one(more, submit("written", [*cells(), double]), seed=1)
    assert got["questions"]["q9"] == 1
    got = grade_one(more, submit("missing", cells()), seed=1)
    assert (got["questions"]["q9"], got["points"]) == (0, 20)


def test_questions_that_are_answered_in_words(overlay):
    toml = '[manual.q6]\ntitle = "Why tanh?"\npoints = 4\n'
    more = exercise("01_rnn", overlay(toml=toml))
    assert more.manual == {"q6": Manual("Why tanh?", 4)}
    assert (more.points, exercise("01_rnn").manual) == (20, {})


@pytest.mark.parametrize(
    ("hidden", "toml", "says"),
    [
        (WIDE.replace("wide", "values"), "", r"named twice: \['q1\.values'\]"),
        (WIDE + WIDE, "", r"hidden\.py, line 13: a second function wide"),
        (WIDE.replace(", hidden=True", ""), "", r"expected hidden=True for \['q1\.wi"),
        (WIDE.replace("points=3", "points=0"), "", r"hidden\.py, line 5: .*points of"),
        ("def wide(S, rng):\n    expect(1, 1)", "", r"hidden\.py: no test in it"),
        ("def wide(:", "", r"hidden\.py, line 4: invalid syntax"),
        ("import torhc", "", r"hidden\.py, line 4: ModuleNotFoundError: .*torhc"),
        ("", "[manual.q6]\ntitle = 'Why?'", r"exercise\.toml: manual\.q6 is"),
        ("", "[manual.q6]\ntitle = 1\npoints = 1", r"exercise\.toml: manual\.q6 is"),
        ("", "[manual.q6]\ntitle = ''\npoints = -1", r"exercise\.toml: manual\.q6 is"),
        ("", "[manual.q_6]\ntitle = ''\npoints = 1", r"exercise\.toml: manual\.q_6 is"),
        ("", "[manual.q1]\ntitle = 'Why?'\npoints = 1", r"\['q1'\] have tests and are"),
        ("", "points = 3", r"exercise\.toml: \['points'\]; an overlay has"),
        ("", "points = ", r"exercise\.toml: Invalid value"),
    ],
)
def test_a_mistake_names_the_file_and_what_to_do(overlay, hidden, toml, says):
    with pytest.raises(ValueError, match=says):
        _ = exercise("01_rnn", overlay(hidden, toml)).cases


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("torch.tanh(b)", "torhc.tanh(b)", "line 10: NameError in q1.wide: name 'torh"),
        ("S.rnn_step", "S.rnn_stp", "line 9: there is no function `rnn_stp` in master"),
        ("torch.tanh(b)", "b", "line 10: the reference answer fails q1.wide: at"),
        ("[None]", "", "line 10: the reference answer fails q1.wide: expected shape"),
        ("zeros(1, 1)", "zeros(1, 2)", "line 9: the reference answer fails q1.wide: `"),
    ],
)
def test_a_test_that_the_reference_fails_stops_before_the_first_student(
    overlay, old, new, says
):
    prove(exercise("01_rnn", overlay(WIDE)), seed=1)
    with pytest.raises(ValueError, match=rf"01_rnn.hidden\.py, {says}"):
        prove(exercise("01_rnn", overlay(WIDE.replace(old, new))), seed=1)


def test_a_mistake_before_the_first_call_of_a_new_question(overlay):
    wrong = NEW.replace("expect(S", "expcet(S")
    with pytest.raises(ValueError, match=r"NameError in q9\.doubled"):
        prove(exercise("01_rnn", overlay(wrong)), seed=1)


def test_an_overlay_of_another_exercise_is_refused(overlay):
    folder = overlay(WIDE, name="02_lstm_gru")
    with pytest.raises(ValueError, match=r"overlay is .*expected .*01_rnn.hidden\.py"):
        exercise("01_rnn", folder)


def test_visible_tests_are_refused(overlay):
    folder = overlay(WIDE)
    (folder / "01_rnn" / "tests.py").write_text("")
    with pytest.raises(ValueError, match=r"tests\.py: students do not have an overlay"):
        exercise("01_rnn", folder)


def test_the_version_changes_with_every_file_and_with_nothing_else(overlay):
    plain = exercise("01_rnn").version
    folder = overlay(WIDE)
    versions = {plain, exercise("01_rnn", folder).version}
    # What Python leaves there when it reads a test.
    (folder / "01_rnn" / "__pycache__").mkdir(exist_ok=True)
    (folder / "01_rnn" / "__pycache__" / "x.pyc").write_text("")
    versions.add(exercise("01_rnn", folder).version)
    assert len(versions) == 2
    (folder / "01_rnn" / "numbers.json").write_text("[1]")
    versions.add(exercise("01_rnn", folder).version)
    assert len(versions) == 3
    overlay(NEW)
    versions.add(exercise("01_rnn", folder).version)
    assert len(versions) == 4
    assert all(len(version) == 12 for version in versions)
    assert plain == exercise("01_rnn").version


def test_a_path_is_a_name(tmp_path, monkeypatch):
    assert exercise("exercises/01_rnn/").name == "01_rnn"
    assert exercise(str(exercises_folder() / "01_rnn")).name == "01_rnn"
    # Of two copies that differ, none is graded in the name of the other.
    copy = tmp_path / "exercises" / "01_rnn"
    shutil.copytree(exercises_folder() / "01_rnn", copy)
    monkeypatch.chdir(tmp_path)
    assert exercise("exercises/01_rnn").name == "01_rnn"
    (copy / "hidden.py").write_text("")
    with pytest.raises(ValueError, match=r"hidden\.py is not the hidden\.py that"):
        exercise("exercises/01_rnn")
    with pytest.raises(ValueError, match=r"name is 'exercises/01_rn'; expected one of"):
        exercise("exercises/01_rn")
