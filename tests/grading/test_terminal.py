"""What a learner reads in the terminal about his own notebook."""

from __future__ import annotations

import pytest

from course_lib.grading.grade import grade_one
from course_lib.grading.reports import terminal

NO_TANH = "def rnn_step(x_t, h, W_x, W_h, b):\n    return x_t @ W_x.T + h @ W_h.T + b"
STUB = "def bptt(*a): raise NotImplementedError"


@pytest.fixture
def said(rnn, cells, submit, monkeypatch):
    def of(columns=72, **answers):
        monkeypatch.setenv("COLUMNS", str(columns))
        grade = grade_one(rnn, submit("mine", cells(**answers)), seed=7)
        return terminal.text(grade).splitlines()

    return of


def test_what_is_wrong_with_expected_got_and_hint(rnn, said):
    name = next(name for name, q in rnn.answers.items() if q == "q5")
    lines = said(q1=NO_TANH, q3=STUB, q5=f"def {name}(:")
    assert all(len(line) <= 72 for line in lines)
    text = " ".join(line.strip() for line in lines)
    assert "q1: 1 of 3 points" in text
    assert "✓ The new state has shape (B, H) (1 of 1)" in text
    assert "✗ failed: The numbers are those of the formula (0 of 1) For x_t" in text
    _, after = text.split("The numbers are those of the formula")
    assert "expected [[" in after.split("Hint:")[0]
    assert ", hidden) For" in text
    assert "○ not written yet: " in text
    assert text.count("The answer to q5 did not run: SyntaxError") == 1
    assert "As above." in text
    assert "Cells that did not run: answer to q5 (code cell" in text
    assert lines[-1].startswith("mine: ")
    assert lines[-1].endswith(" of 20 points")


def test_a_narrow_terminal(said):
    assert max(map(len, said(columns=20, q1=NO_TANH))) <= 40


def test_what_is_no_notebook(rnn, submit):
    path = submit("mine", [])
    path.write_text("{")
    grade = grade_one(rnn, path, seed=7)
    assert terminal.text(grade).strip().startswith("mine: unreadable (not a Jupyter")
