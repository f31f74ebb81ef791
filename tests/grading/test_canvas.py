"""``canvas.csv``: each score in the row of its student, and nobody lost in silence."""

from __future__ import annotations

import csv
import unicodedata

import pytest
from made_up import graded, result, with_manual, without_tests

from course_lib.grading import reports
from course_lib.grading.reports import canvas

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section,Quiz 1 (77),Current Score"
ROWS = (
    "    Points Possible,,,,,10.00,(read only)",
    '"Lee, Kim",101,2024001,kim.lee@uni.kr,Ü 1,9,90',
    "김민수,102,2024002,minsu,Ü 1,,",
    '"Ünal, Ada",103,2024003,ada,Ü 2,,',
    '"Lee, Min",104,2024004,min,Ü 2,,',
    '"Student, Test",105,,,Ü 2,,',
)


@pytest.fixture
def export(rnn, tmp_path):
    """Write ``canvas.csv`` for submissions of these names; its cells and notes."""

    def run(*grades, header=HEADER, rows=ROWS, exercise=rnn, encoding="utf-8-sig"):
        roster = tmp_path / "roster.csv"
        roster.write_bytes("\r\n".join((header, *rows)).encode(encoding))
        made = [
            graded(exercise, one, 3) if isinstance(one, str) else one for one in grades
        ]
        file = tmp_path / "canvas.csv"
        found = canvas.read(roster)
        says = canvas.write(exercise, result(exercise, *made), found, file)
        with file.open(encoding="utf-8", newline="") as table:
            return list(csv.reader(table)), says

    return run


def scores(table):
    """The score in each student's row, by ID."""
    at = table[0].index("ID")
    return {row[at]: row[-1] for row in table[2:]}


def test_the_table_is_that_of_the_gradebook_with_one_column(export, rnn) -> None:
    table, says = export("leekim_101_9001_student")
    assert table[0] == [*HEADER.split(",")[:5], rnn.title]
    assert table[1] == ["    Points Possible", "", "", "", "", "20"]
    assert table[2] == ["Lee, Kim", "101", "2024001", "kim.lee@uni.kr", "Ü 1", "3"]
    assert scores(table) == {"101": "3", "102": "", "103": "", "104": "", "105": ""}
    assert says[0] == (
        "canvas.csv: without a score, no submission: 김민수; Ünal, Ada; Lee, Min; "
        "Student, Test."
    )
    assert "Canvas will make a new assignment" in says[1]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("leekim_101_9001_student", "101"),
        ("leekim_LATE_101_9001_student-1", "101"),
        ("submissions/renamed_102_9001_x", "102"),
        ("anon_x_104_9_leekim_101_456_x", "104"),  # the first number is Canvas's
        ("Kim Lee_123_assignsubmission_file_/student", "101"),
        ("Kim Lee_123_assignsubmission_file_student", "101"),
        ("Kim Lee_1_assignsubmission_file_/min", "101"),  # what he called his file
        ("LEE Kim_1_assignsubmission_file/leemin_104_9_x", "101"),
        ("Lee, Min", "104"),
        ("김민수", "102"),
        (unicodedata.normalize("NFD", "김민수"), "102"),
        (unicodedata.normalize("NFD", "ünal ada"), "103"),
        ("2024003", "103"),
        ("late/kim.lee@uni.kr", "101"),
        ("KIM.LEE", "101"),
        ("minsu/student", "102"),
        ("minsu/Lee Min", "102"),  # a login is surer than a name
        ("Student Test", "105"),
    ],
)
def test_who_handed_it_in(export, name, id) -> None:
    table, says = export(name)
    assert {key: score for key, score in scores(table).items() if score} == {id: "3"}
    assert not any("nobody" in said for said in says)


@pytest.mark.parametrize(
    "name", ["park", "leepark_999_9001_student", "Lee", "0", "Kim/x", "_", "101"]
)
def test_who_is_nobody_is_named(export, name) -> None:
    table, says = export(name)
    assert set(scores(table).values()) == {""}
    assert says[0] == f"canvas.csv: submissions of nobody in the roster: {name}."


def test_who_may_be_two_is_named_and_gets_no_score(export) -> None:
    two = ('"Kim, Lee",106,,kl,Ü 1,,',)
    table, says = export("Lee Kim", rows=ROWS + two)
    assert set(scores(table).values()) == {""}
    assert "Lee Kim can be any of Kim, Lee, Lee, Kim" in says[0]
    table, says = export("Lee Min/김민수")
    assert set(scores(table).values()) == {""}
    assert "Lee Min/김민수 can be any of Lee, Min, 김민수" in says[0]


def test_two_submissions_of_one_student_give_no_score(export) -> None:
    table, says = export("leekim_101_1_x", "leekim_LATE_101_2_x", "minsu")
    assert scores(table) | {"101": ""} == scores(table)
    assert scores(table)["102"] == "3"
    assert (
        "canvas.csv: without a score, more than one submission: Lee, Kim "
        "(leekim_101_1_x, leekim_LATE_101_2_x)." in says
    )


def test_a_column_that_is_there_is_filled(export, rnn) -> None:
    header = HEADER.replace("Quiz 1 (77)", f"Exercise 1: {rnn.title.upper()} (88)")
    table, says = export("minsu", header=header)
    assert table[0][-1] == f"Exercise 1: {rnn.title.upper()} (88)"
    # What stood there stays where there is no score: an empty cell would delete it.
    assert scores(table)["101"] == "9"
    assert scores(table)["102"] == "3"
    assert "is worth 10.00 points in Canvas and 20 here" in says[-1]
    rows = (ROWS[0].replace("10.00", "20.00"), *ROWS[1:])
    assert len(export("minsu", header=header, rows=rows)[1]) == 1


def test_no_score_before_it_is_one(export, rnn) -> None:
    exercise = with_manual(rnn)
    lost = without_tests(exercise, "ada", "GRADER ERROR")
    broken = without_tests(exercise, "min", "unreadable")
    table, says = export("minsu", lost, broken, exercise=exercise)
    assert scores(table) == {"101": "", "102": "", "103": "", "104": "", "105": ""}
    assert "canvas.csv: without a score, not yet graded by hand: 김민수." in says
    assert "canvas.csv: without a score, GRADER ERROR: Ünal, Ada." in says
    unreadable = "canvas.csv: without a score, unreadable, ask for another file: "
    assert any(said.startswith(unreadable) for said in says)
    assert table[1][-1] == "26"


def test_other_forms_of_the_roster(export) -> None:
    header = "LastName;FirstName;ID;SIS Login ID;Section"
    rows = (";;;;Manual Posting", "Points Possible;;;;", "이;하나;7;hana;1", ";;;;")
    table, _ = export("이하나", "하나 이", header=header, rows=rows, encoding="cp949")
    assert table[0][:5] == header.split(";")
    assert table[2:] == [["이", "하나", "7", "hana", "1", ""]]
    assert scores(export("하나이", header=header, rows=rows)[0]) == {"7": "3"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name,points\nkim,3\n", "expected the file that Canvas's gradebook exports"),
        ("", "expected the file that Canvas's gradebook exports"),
        (f"{HEADER}\n{ROWS[0]}\n", "has no student in it"),
        (b"\x81\x20\xff", "cannot be read"),
    ],
)
def test_a_roster_that_is_none(rnn, tmp_path, content, says) -> None:
    path = tmp_path / "roster.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ValueError, match=says):
        canvas.read(path)
    # The other reports are there all the same.
    out = tmp_path / "out"
    said = reports.write_class(rnn, [graded(rnn, "ada")], out, path)
    assert says in said[0]
    assert not (out / "canvas.csv").exists()
    assert says in (out / "report.html").read_text().replace("&#x27;", "'")


def test_a_formula_stays_text(export) -> None:
    table, _ = export("x", rows=('"=1+1",7,,,1,,',))
    assert table[2][0] == "'=1+1"


def test_the_report_names_whom_the_roster_does_not_have(rnn, tmp_path) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("\n".join((HEADER, *ROWS)))
    strangers = [graded(rnn, "park"), graded(rnn, "choi")]
    says = reports.write_class(rnn, strangers, tmp_path, roster)
    assert "canvas.csv: submissions of nobody in the roster: park; choi." in says
    assert "nobody in the roster: park; choi" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "canvas.csv").exists()
