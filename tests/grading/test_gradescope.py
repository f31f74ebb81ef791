"""Each student's ``results.json``, as Gradescope documents its form."""

from __future__ import annotations

import json

import pytest
from made_up import HOSTILE, graded, result, with_manual, without_tests

from course_lib.grading.reports import gradescope

TOP = {
    "score", "execution_time", "output", "output_format", "test_output_format",
    "test_name_format", "visibility", "stdout_visibility", "tests",
}  # fmt: skip
TEST = {"number", "name", "score", "max_score", "status", "output", "visibility"}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}


@pytest.fixture
def sent(tmp_path):
    def write(exercise, *grades):
        gradescope.write(exercise, result(exercise, *grades), tmp_path)
        return [
            json.loads((tmp_path / g["student"] / "results.json").read_text())
            for g in grades
        ]

    return write


def test_the_form_and_the_score(rnn, sent) -> None:
    cells = {"code cell 3": "SyntaxError: invalid syntax"}
    (one,) = sent(rnn, graded(rnn, "late/ada", passed=2, cells=cells))
    assert one.keys() == TOP
    assert one["visibility"] in VISIBILITIES
    assert one["score"] == sum(test["score"] for test in one["tests"]) == 2
    assert sum(test["max_score"] for test in one["tests"]) == 20
    assert one["execution_time"] == 1.5
    assert one["output"] == "code cell 3: SyntaxError: invalid syntax"
    for test, case in zip(one["tests"], rnn.cases, strict=True):
        assert test.keys() == TEST
        assert test["number"] == case.name
        assert test["name"] == case.title
        assert test["visibility"] in VISIBILITIES
        assert test["status"] in ("passed", "failed")
    failed = one["tests"][2]
    assert failed["output"] == f"It failed for late/ada. Hint: {rnn.cases[2].hint}"
    assert one["tests"][0]["output"] == "Passed."


def test_hidden_tests_are_shown_when_the_grades_are(rnn, sent) -> None:
    (one,) = sent(rnn, graded(rnn, "ada"))
    shown = {test["number"] for test in one["tests"] if test["visibility"] == "visible"}
    assert shown == {case.name for case in rnn.cases if not case.hidden}
    assert {test["visibility"] for test in one["tests"]} == {
        "visible",
        "after_published",
    }


def test_the_seed_is_not_in_it(rnn, sent, tmp_path) -> None:
    sent(rnn, graded(rnn, "ada", seed=918273))
    assert "918273" not in (tmp_path / "ada" / "results.json").read_text()


def test_a_grader_error_gives_no_result_and_takes_an_old_one_away(
    rnn, sent, tmp_path
) -> None:
    sent(rnn, graded(rnn, "ada"), graded(rnn, "bea"))
    lost = without_tests(rnn, "ada", "GRADER ERROR")
    gradescope.write(rnn, result(rnn, lost), tmp_path)
    assert not (tmp_path / "ada" / "results.json").exists()
    assert (tmp_path / "bea" / "results.json").exists()


def test_an_unreadable_file_has_a_score_and_a_reason(rnn, sent) -> None:
    (one,) = sent(rnn, without_tests(rnn, "ada", "unreadable"))
    assert (one["score"], one["tests"], one["output"]) == (0, [], "It was so.")


def test_a_question_graded_by_hand_is_open(rnn, sent) -> None:
    exercise = with_manual(rnn)
    (one,) = sent(exercise, graded(exercise, "ada"))
    assert one["tests"][-2] == {
        "number": "q6",
        "name": "Why does it explode?",
        "max_score": 4,
        "output": "Not graded yet.",
        "visibility": "visible",
    }
    assert one["output"].endswith("not in the score yet: q6, q7.")


def test_what_a_student_wrote_is_text(rnn, sent) -> None:
    (one,) = sent(rnn, graded(rnn, "ada", says=HOSTILE))
    assert one["output"] == HOSTILE.replace("\ud800", "?")
    assert one["output_format"] == one["test_output_format"] == "text"


def test_no_name_leaves_the_folder_and_one_that_fails_costs_no_other(
    rnn, tmp_path
) -> None:
    names = ["/etc/ada", "../bea", "x" * 300, "cid"]
    grades = result(rnn, *(graded(rnn, name) for name in names))
    with pytest.raises(OSError, match="xxx"):
        gradescope.write(rnn, grades, tmp_path / "out")
    written = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("results.json")}
    assert written == {f"out/{name}/results.json" for name in ("etc/ada", "bea", "cid")}
