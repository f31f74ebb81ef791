"""What a whole class leaves behind: the table, the page, the stored grades."""

from __future__ import annotations

import csv
import html
import json
import re

import pytest
from made_up import HOSTILE, graded, with_manual, without_tests

from course_lib.grading import reports, sandbox
from course_lib.grading.reports import page, similarity, spreadsheet, stored
from course_lib.grading.reports.similarity import Pair

FLAG = {
    "name": "torch.nn.RNN",
    "why": "can do the work that a question asks for",
    "where": "answer to q2 (code cell 4)",
    "line": 3,
    "code": "return nn.RNN(1, 1)(x < 3)",
}


@pytest.fixture
def report(rnn, tmp_path):
    """The page about these grades."""

    def write(*grades, exercise=rnn):
        says = reports.write_class(exercise, list(grades), tmp_path)
        return (tmp_path / "report.html").read_text(encoding="utf-8"), says

    return write


def test_the_report_begins_with_the_grades(rnn, report) -> None:
    text, says = report(
        graded(rnn, "ada", flags=[FLAG], answers={"q1": "", "q2": "x < 3 </pre>"}),
        graded(rnn, "bea", points=4),
        graded(rnn, "cid", points=12),
        without_tests(rnn, "dan", "GRADER ERROR"),
    )
    assert says == []
    assert f"version {rnn.version}; 20 points from tests; seed 7; 4 submissions" in text
    assert (
        "3 graded. 1 without a graded notebook left out. Mean 12.0, median 12, "
        "standard deviation 8.0, lowest 4, highest 20 of 20 points." in text
    )
    found = re.findall(r">(\d+ to \d+)</th><td>.*?</span>(\d)</td>", text)
    assert found == [
        ("0 to 4", "1"),
        ("5 to 8", "0"),
        ("9 to 12", "1"),
        ("13 to 16", "0"),
        ("17 to 20", "1"),
    ]
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", text) == [
        "Grades",
        "Tests",
        "Alike answers",
        "How safe the grading was",
        "Each student",
    ]
    for number, name in enumerate(["ada", "bea", "cid", "dan"]):
        assert f'<a href="#student-{number}">{name}</a>' in text
        assert f'id="student-{number}"><summary><strong>{name}</strong>: ' in text
    assert "answer to q2 (code cell 4)</td><td>3</td>" in text
    assert "<code>return nn.RNN(1, 1)(x &lt; 3)</code>" in text
    assert "<summary>Code of q2</summary>" in text
    assert "<code>x &lt; 3 &lt;/pre&gt;<" in text
    assert "Code of q1" not in text  # nothing to show
    assert " open" not in "".join(re.findall("<details[^>]*>", text))


def test_how_many_pass_each_test_in_words_beside_a_bar(rnn, report) -> None:
    text, _ = report(
        graded(rnn, "ada"),
        graded(rnn, "bea", passed=1),
        graded(rnn, "cid", passed=0),
        without_tests(rnn, "dan", "unreadable"),
    )
    first, second = rnn.cases[:2]
    bar = r'{}</th><td><span class="bar" aria-hidden="true"><i style="width:{}%">'
    assert re.search(bar.format(first.name, 67) + "</i></span>2 of 3 .67%.<", text)
    assert re.search(bar.format(second.name, 33) + "</i></span>1 of 3 .33%.<", text)
    hint = html.escape(f"It failed for bea. Hint: {second.hint}")
    assert hint in text


def test_the_level_of_the_sandbox_is_in_each_row(rnn, report) -> None:
    text, _ = report(
        graded(rnn, "ada", sandbox="process, without RLIMIT_AS"),
        graded(rnn, "bea", sandbox="landlock"),
        graded(rnn, "cid", sandbox="landlock"),
        without_tests(rnn, "dan", "unreadable"),
    )
    rows = re.findall(r"<tr><th[^>]*><a href.*?</tr>", text)
    said = [re.findall(r"<td>([^<]*)</td>", row)[-1] for row in rows]
    assert said == [
        "process, without RLIMIT_AS",
        "landlock",
        "landlock",
        "nothing ran",
    ]
    found = re.findall(r"<h3>(.*?)</h3>", text)
    assert found == ["landlock (2 submissions)", "process (1 submission)"]
    for level in sandbox.LEVELS[1:]:
        assert all(html.escape(sentence) in text for sentence in level.open)


def test_nothing_that_a_student_wrote_is_markup(rnn, report) -> None:
    exercise = with_manual(rnn)
    grade = graded(
        exercise,
        HOSTILE,
        passed=0,
        says=HOSTILE,
        flags=[dict.fromkeys(FLAG, HOSTILE)],
        cells={HOSTILE: HOSTILE},
        answers={"q1": HOSTILE},
        manual={"q6": HOSTILE, "q7": ""},
        sandbox=HOSTILE,
    )
    grade["tests"][0]["says"] = HOSTILE
    grade["student"] = HOSTILE.replace("\ud800", "")
    text, _ = report(grade, exercise=exercise)
    assert "<img" not in text
    assert text.count("<script>") == text.count("</script>") == 1
    assert "\u202e" not in text  # code that reads in another order than it runs
    assert text.count("&lt;script&gt;alert(1)") >= 8


def test_alike_answers_are_listed_and_linked(rnn, tmp_path, monkeypatch) -> None:
    pair = Pair("ada", similarity.PUBLISHED, ("q1", "q2"), 0.914, "=the same <b>")
    monkeypatch.setattr(similarity, "pairs", lambda *_: [pair])
    reports.write_class(rnn, [graded(rnn, "ada")], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert (
        '<tr><th scope="row"><a href="#student-0">ada</a></th><td>the published '
        'solution</td><td>q1, q2</td><td>91%</td><td class="text">=the same &lt;b&gt;'
    ) in text
    with (tmp_path / "similarity.csv").open(encoding="utf-8-sig") as file:
        assert list(csv.reader(file)) == [
            ["one", "other", "questions", "share", "why"],
            ["ada", "the published solution", "q1 q2", "0.91", "'=the same <b>"],
        ]


def test_nobody_is_alike_in_a_class_of_one(rnn, report) -> None:
    assert "No two submissions are more alike" in report(graded(rnn, "ada"))[0]


def test_the_table_of_grades(rnn, tmp_path) -> None:
    names = ["=1+1", "김민수", "a;=1"]
    lost = without_tests(rnn, "dan", "GRADER ERROR")
    grades = [*(graded(rnn, name, 2, flags=[FLAG]) for name in names), lost]
    reports.write_class(rnn, grades, tmp_path)
    data = (tmp_path / "grades.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # or Excel shows no Korean
    rows = list(csv.DictReader(data.decode("utf-8-sig").splitlines()))
    assert [row["student"] for row in rows] == ["'=1+1", "김민수", "a;'=1", "dan"]
    assert rows[1] == {
        "student": "김민수", "status": "graded", "points": "2", "of": "20",
        "q1": "2", "q2": "0", "q3": "0", "q4": "0", "q5": "0",
        "flags": "torch.nn.RNN: answer to q2 (code cell 4), line 3",
        "seconds": "1.5", "sandbox": "bubblewrap", "seed": "7",
        "version": rnn.version, "sha256": grades[1]["sha256"],
    }  # fmt: skip
    assert (rows[3]["points"], rows[3]["q1"]) == ("", "")
    assert rows[3]["sandbox"] == "nothing ran"


@pytest.mark.parametrize(
    "text",
    ["=1", "+1", "-1", "@x", "a\n=1", "a;-1", "\t=1", "a\r\n@x", "'=1", "a = b", "-"],
)
def test_no_cell_is_a_formula_and_each_comes_back(tmp_path, text) -> None:
    path = tmp_path / "x.csv"
    spreadsheet.write(path, [["a", "b", "c"], [text, 1, "x"]])
    ((*_,), (cell, *_)) = csv.reader(path.open(encoding="utf-8-sig", newline=""))
    assert not re.search(r"(^|[;\t\r\n])[=+\-@]", cell)
    back = spreadsheet.read(path)[1][0]
    assert back == ("=1" if text == "'=1" else text)


def test_a_broken_grade_is_named_and_the_others_are_reported(rnn, tmp_path) -> None:
    folder = tmp_path / "students"
    whole = graded(rnn, "ada", answers={"q1": "\ud800"})
    stored.write_student(whole, folder / "late" / "ada.json")
    broken = {
        "cut": "{",
        "list": "[]",
        "empty": "{}",
        "deep": "[" * 100_000,
        "bytes": b"\xff",
        "points": json.dumps(graded(rnn, "x") | {"points": "9"}),
        "tests": json.dumps(graded(rnn, "x") | {"tests": [{"name": "q1"}]}),
        "flags": json.dumps(graded(rnn, "x") | {"flags": [3]}),
    }
    for name, content in broken.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / f"{name}.json").write_bytes(data)

    grades = stored.stored(tmp_path)
    says = reports.write_class(rnn, grades, tmp_path)

    assert [grade["student"] for grade in grades] == ["ada"]
    assert grades[0]["answers"] == {"q1": "?"}
    assert [said.partition(" is not a grade")[0] for said in says] == [
        str(folder / f"{name}.json") for name in sorted(broken)
    ]
    text = (tmp_path / "report.html").read_text()
    assert "points.json is not a grade (without a readable points)" in text
    assert "1 graded." in text


def test_a_grade_replaces_another_as_a_whole(rnn, tmp_path, monkeypatch) -> None:
    path = tmp_path / "students" / ("x" * 250 + ".json")
    stored.write_student(graded(rnn, "old"), path)
    before = path.read_bytes()
    monkeypatch.setattr("os.replace", _full)
    with pytest.raises(OSError, match="full"):
        stored.write_student(graded(rnn, "new"), path)
    assert path.read_bytes() == before
    assert [grade["student"] for grade in stored.stored(tmp_path)] == ["old"]


def _full(*_):
    raise OSError("the disk is full")


def test_a_file_that_cannot_be_written_costs_no_other(rnn, tmp_path) -> None:
    for name in ("grades.csv", "similarity.csv"):
        (tmp_path / name).mkdir()  # as if a spreadsheet had it open
    says = reports.write_class(rnn, [graded(rnn, "ada")], tmp_path)
    assert [said.partition(" could")[0] for said in says] == [
        str(tmp_path / name) for name in ("grades.csv", "similarity.csv")
    ]
    assert "grades.csv could not be written" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "gradescope" / "ada" / "results.json").exists()


def test_a_page_to_send_back_gives_no_hidden_test_away(rnn, tmp_path) -> None:
    exercise = with_manual(rnn)
    flagged = graded(
        exercise,
        "late/ada",
        passed=0,
        seed=918273,
        flags=[FLAG],
        cells={"code cell 3": "SyntaxError: <b>"},
        manual={"q6": "Because.", "q7": ""},
    )
    for test in flagged["tests"]:
        test["says"] = "hidden input" if test["hidden"] else "visible input"
        test["hint"] = f"{test['says']}: a hint"
    lost = without_tests(exercise, "bea", "GRADER ERROR")
    reports.write_class(exercise, [flagged, lost, graded(exercise, "cid")], tmp_path)

    folder = tmp_path / "feedback"
    text = (folder / "late" / "ada.html").read_text()
    visible = [case for case in rnn.cases if not case.hidden]
    assert text.count("visible input Hint: visible input: a hint") == len(visible)
    assert "hidden input" not in text
    for case in rnn.cases:
        name = f"{case.name}{' (hidden)' * case.hidden}"
        asks = html.escape(case.title)
        assert f'{name}</th><td class="text">{asks}</td><td>failed<' in text
    assert "late/ada: 0 of 26 so far." in text
    assert "SyntaxError: &lt;b&gt;" in text
    assert "Because." in text
    assert "918273" not in text
    assert FLAG["name"] not in text
    assert {p.name for p in folder.rglob("*.html")} == {"ada.html", "cid.html"}


def test_an_empty_class_has_a_report(rnn, report) -> None:
    assert "Nobody is graded yet." in report()[0]


def test_the_policy_lets_no_other_script_run(rnn) -> None:
    text = page.page(rnn, [], [], [])
    assert "http" not in text.replace("http-equiv", "")
    assert "script-src 'sha256-" in html.unescape(text)
