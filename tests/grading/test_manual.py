"""Questions that a person grades: what is read, filled in, kept and added up."""

from __future__ import annotations

import json

import pytest

from course_lib.grading.notebook import Unreadable
from course_lib.grading.reports.manual import written_answers


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
    assert written_answers(data, ["q6", "q7"]) == {
        "q6": "Because *a* is\nsmall.",
        "q7": "",
    }


def test_two_cells_of_one_answer_are_both_kept() -> None:
    data = notebook("Answer to q6\nfirst", "Answer to q6\nfirst", "Answer to q6\nlast")
    assert written_answers(data, ["q6"]) == {"q6": "first\n\nlast"}


def test_code_is_no_written_answer() -> None:
    data = notebook("# Answer to q6\nx = 1", kind="code")
    assert written_answers(data, ["q6"]) == {"q6": ""}


def test_what_is_no_notebook_is_said() -> None:
    with pytest.raises(Unreadable, match="not a Jupyter notebook"):
        written_answers(b"{", ["q6"])
