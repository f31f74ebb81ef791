"""Questions that a person grades: what is read, filled in, kept and added up."""

from __future__ import annotations

import csv
import io
import json
import unicodedata

import pytest
from made_up import graded, with_manual, without_tests

from course_lib.grading import reports
from course_lib.grading.notebook import Unreadable
from course_lib.grading.reports import similarity
from course_lib.grading.reports.manual import PLACEHOLDER, written_answers

HEADER = "student,question,of,points,comment,answer"


def notebook(*texts: str, kind: str = "markdown") -> bytes:
    cells = [{"cell_type": kind, "source": text} for text in texts]
    return json.dumps({"cells": cells}).encode()


@pytest.mark.parametrize(
    "first",
    [
        "Answer to q6",
        "## Answer to q6",
        "### **answer to Q6:**",
        "**ANSWER TO q6**",
        "__Answer to q6__",
        "\n> *Answer  to q6.*",
    ],
)
def test_an_answer_is_found_by_its_name(first) -> None:
    data = notebook("# Answer to q60\n\nno", f"{first}\n\nBecause *a* is\nsmall.\n")
    assert written_answers(data, ["q6", "q_7"]) == {
        "q6": "Because *a* is\nsmall.",
        "q_7": "",
    }


def test_a_question_may_have_a_longer_name() -> None:
    data = notebook("**Answer to why_scale**\n\nyes", "Answer to why\n\nno")
    assert written_answers(data, ["why_scale"]) == {"why_scale": "yes"}


def test_two_cells_of_one_answer_are_both_kept() -> None:
    data = notebook("Answer to q6\nfirst", "Answer to q6\nfirst", "Answer to q6\nlast")
    assert written_answers(data, ["q6"]) == {"q6": "first\n\nlast"}


def test_what_was_handed_out_is_no_answer() -> None:
    data = notebook(
        f"Answer to q6\n\n{PLACEHOLDER}", f"Answer to q7\n{PLACEHOLDER}\nIt"
    )
    assert written_answers(data, ["q6", "q7"]) == {"q6": "", "q7": "It"}


def test_code_is_no_written_answer() -> None:
    data = notebook("# Answer to q6\nx = 1", kind="code")
    assert written_answers(data, ["q6"]) == {"q6": ""}


def test_what_no_file_can_hold_is_replaced() -> None:
    data = notebook("Answer to q6\n\na\0b\ud800c\td")
    assert written_answers(data, ["q6"]) == {"q6": "a�b�c\td"}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b" \n", "the file is empty"),
        (b'{"cells": [', "its text is damaged or cut off"),
        (b"caf\xe9", "its text is damaged or cut off"),
        (b"[]", "it has no proper cells"),
    ],
)
def test_why_it_is_no_notebook_is_said_in_words(data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=rf"not a Jupyter notebook \({why}\)"):
        written_answers(data, ["q6"])


@pytest.fixture
def course(rnn, tmp_path):
    """The reports on a small class, again and again; the last one's table and notes."""
    exercise = with_manual(rnn)
    names = {"ada": "Because\nW is big.", "김민수": "곱해서", "cid": "-1 *= 2; =1"}

    def again(written: str | bytes | None = None, *more):
        file = tmp_path / "manual.csv"
        if written is not None:
            data = written.encode() if isinstance(written, str) else written
            file.write_bytes(data)
        grades = [
            graded(exercise, name, manual={"q6": text, "q7": ""})
            for name, text in names.items()
        ]
        says = reports.write_class(exercise, [*grades, *more], tmp_path)
        with (tmp_path / "grades.csv").open(encoding="utf-8-sig") as table:
            rows = {row["student"]: row for row in csv.DictReader(table)}
        return rows, says

    again.exercise, again.folder = exercise, tmp_path
    again.rows = lambda: read(tmp_path / "manual.csv")
    return again


def read(path):
    """The rows of ``manual.csv`` as a spreadsheet would show them."""
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def filled(rows, **points):
    """``manual.csv`` with the points of q6, as text, for each student."""
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0])
    writer.writeheader()
    for row in rows:
        if row["question"] == "q6" and row["student"] in points:
            row = {**row, "points": points[row["student"]], "comment": "So, so."}
        writer.writerow(row)
    return file.getvalue()


def test_a_file_to_fill_in(course) -> None:
    rows, says = course()
    assert says == []
    assert (course.folder / "manual.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert course.rows()[0] == {
        "student": "ada",
        "question": "q6",
        "of": "4",
        "points": "",
        "comment": "",
        "answer": "Because\nW is big.",
    }
    assert [(r["student"], r["question"]) for r in course.rows()] == [
        (name, question)
        for name in ("ada", "김민수", "cid")
        for question in ("q6", "q7")
    ]
    # A spreadsheet must run no part of it, whatever it takes for a separator.
    assert course.rows()[4]["answer"] == "'-1 *= 2; =1"
    assert rows["ada"]["points"] == "20"
    assert (rows["ada"]["of"], rows["ada"]["q6"]) == ("26", "pending")


def test_points_join_the_totals_and_are_kept(course) -> None:
    course()
    rows, says = course(filled(course.rows(), ada="2.5", cid="0"))
    assert says == []
    assert (rows["ada"]["points"], rows["ada"]["q6"]) == ("22.5", "2.5")
    assert (rows["cid"]["points"], rows["cid"]["q6"]) == ("20", "0")
    assert rows["김민수"]["q6"] == rows["ada"]["q7"] == "pending"
    kept = course.rows()
    assert course()[0] == rows
    assert course.rows() == kept
    assert (kept[0]["points"], kept[0]["comment"]) == ("2.5", "So, so.")
    page = (course.folder / "report.html").read_text()
    assert "22.5 of 26 so far" in page
    assert "So, so." in page
    sent = json.loads((course.folder / "gradescope/ada/results.json").read_text())
    assert sent["score"] == 22.5
    assert sent["tests"][-2]["score"] == 2.5
    assert sent["tests"][-2]["output"] == "So, so."
    assert "score" not in sent["tests"][-1]
    assert sent["tests"][-1]["output"] == "Not graded yet."
    assert sent["output"].endswith("not in the score yet: q7.")


@pytest.mark.parametrize(
    ("encoding", "separator", "newline"),
    [
        ("utf-8", ",", "\n"),
        ("utf-8-sig", ",", "\r\n"),
        ("utf-8-sig", ";", "\r\n"),
        ("cp949", ",", "\r\n"),
        ("cp949", ";", "\r\n"),
        ("utf-16", "\t", "\r\n"),
    ],
)
def test_as_spreadsheets_save_it(course, encoding, separator, newline) -> None:
    course()
    text = (
        f"{HEADER}\n김민수,q6,4,{{}},잘했어요,곱해서\nada,q6,4,3,,\n".replace(
            ",", separator
        )
        .replace("\n", newline)
        .format("1.5" if separator == "," else "1,5")
    )
    rows, says = course(text.encode(encoding))
    assert says == []
    assert (rows["김민수"]["q6"], rows["ada"]["q6"]) == ("1.5", "3")
    assert course.rows()[2]["comment"] == "잘했어요"


@pytest.mark.parametrize(
    "points", ["-1", "4.5", "nan", "inf", "good", "2/4", "1.234,5", "1e1"]
)
def test_other_points_are_refused_and_kept(course, points) -> None:
    course()
    rows, says = course(filled(course.rows(), ada=points, cid="4"))
    assert [said.split(" is kept")[0] for said in says] == [
        f"{course.folder / 'manual.csv'}, row 2 (ada, q6)"
    ]
    assert f"points is {points!r}; expected a number from 0 to 4" in says[0]
    assert (rows["ada"]["q6"], rows["ada"]["points"]) == ("pending", "20")
    assert rows["cid"]["q6"] == "4"
    kept = course.rows()[0]
    assert (kept["points"].lstrip("'"), kept["comment"]) == (points, "So, so.")
    assert course()[1] == says  # until somebody mends it
    assert "row 2 (ada, q6)" in (course.folder / "report.html").read_text()


def test_what_is_saved_while_the_reports_are_made_is_kept(course, monkeypatch) -> None:
    course()
    text = filled(course.rows(), ada="2.5")

    def take_long(*_):
        (course.folder / "manual.csv").write_text(text, encoding="utf-8")
        return []

    monkeypatch.setattr(similarity, "pairs", take_long)
    rows, _ = course()
    assert rows["ada"]["q6"] == course.rows()[0]["points"] == "2.5"


def test_rows_of_nobody_and_of_no_question_are_said_and_kept(course) -> None:
    course()
    rows, says = course(f"{HEADER}\nbea,q6,4,3,good,old\nada,q9,4,3,,\nada,q6,4,2,,\n")
    assert [said.split(": ", 1)[1] for said in says] == [
        "there is no submission of that name.",
        "expected a question of ['q6', 'q7'].",
    ]
    assert rows["ada"]["q6"] == "2"
    late = graded(course.exercise, "bea", manual={"q6": "late", "q7": ""})
    rows, says = course(None, late)
    assert len(says) == 1
    assert rows["bea"]["q6"] == "3"


def test_a_row_that_is_there_twice(course) -> None:
    course()
    same = "ada,q6,4,2,,\nada,q6,4,2,,\nada,q6,4,,,\ncid,q6,4,1,,\ncid,q6,4,2,,\n"
    rows, says = course(f"{HEADER}\n{same}")
    assert len(says) == 1
    assert "row 6 (cid, q6)" in says[0]
    assert "neither counts" in says[0]
    assert (rows["ada"]["q6"], rows["cid"]["q6"]) == ("2", "pending")
    assert [r["points"] for r in course.rows() if r["student"] == "cid"][:2] == [
        "1",
        "2",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("student,question,points\nada,q6,3\n", "it has no column of, comment, answer"),
        (f"{HEADER}\nada,q6,4,3,good, but short,x\n", "its row 2 has more cells"),
        (f"{HEADER},points\n", "two of its columns"),
        (b"\x81\x20\xff", "neither UTF-8 nor Korean (cp949); save it as CSV UTF-8"),
        ("", "it has no column"),
    ],
)
def test_a_file_that_cannot_be_read_is_left_as_it_is(course, content, says) -> None:
    rows, said = course(content)
    data = content.encode() if isinstance(content, str) else content
    assert (course.folder / "manual.csv").read_bytes() == data
    assert len(said) == 1
    assert says in said[0]
    assert "is left as it is" in said[0]
    assert rows["ada"]["q6"] == "pending"


def test_columns_and_texts_of_the_teacher_are_kept(course) -> None:
    course(f"{HEADER},who\nada,q6,4,1,- short; =1,,Ms Lee\n")
    once = (course.folder / "manual.csv").read_bytes()
    assert course.rows()[0]["who"] == "Ms Lee"
    assert course.rows()[0]["comment"] == "'- short; =1"
    course()
    assert (course.folder / "manual.csv").read_bytes() == once
    assert "- short; =1" in (course.folder / "report.html").read_text()


def test_a_name_is_the_same_in_pieces(course) -> None:
    # So macOS writes the names of files: the letters of a syllable one by one.
    apart = unicodedata.normalize("NFD", "김민수")
    rows, says = course(f"{HEADER}\n{apart},q6,4,3,,\n")
    assert (says, rows["김민수"]["q6"]) == ([], "3")


def test_nothing_is_pending_where_nothing_ran(course) -> None:
    lost = without_tests(course.exercise, "lost", "GRADER ERROR")
    broken = without_tests(course.exercise, "broken", "unreadable")
    rows, _ = course(f"{HEADER}\nbroken,q6,4,1,by mail,\n", lost, broken)
    assert (rows["lost"]["points"], rows["lost"]["q6"]) == ("", "")
    assert (rows["broken"]["points"], rows["broken"]["q6"]) == ("1", "1")


def test_an_exercise_without_such_questions_has_no_such_file(rnn, tmp_path) -> None:
    reports.write_class(rnn, [graded(rnn, "ada")], tmp_path)
    assert not (tmp_path / "manual.csv").exists()
    assert "Written answers" not in (tmp_path / "report.html").read_text()
