"""Notebooks are read in whatever state they are handed in."""

from __future__ import annotations

import json

import pytest

from course_lib.grading.notebook import (
    Unreadable,
    Use,
    code_cells,
    exercise_name,
    place,
    plain,
    submissions,
    uses,
)


def notebook(*cells: object) -> bytes:
    return json.dumps({"cells": list(cells)}).encode()


def test_code_cells_in_order_without_schema():
    data = notebook(
        {"cell_type": "markdown", "source": "# no code"},
        {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "id": "same"},
        {"cell_type": "code", "source": "c = 3", "id": "same"},
    )
    assert code_cells(b"\xef\xbb\xbf" + data) == ["a = 1\nb = 2", "c = 3"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"cells": 3}',
        b'{"cells": [3]}',
        b'{"cells": [{"source": 3}]}',
        b'{"cells": [{"cell_type": "code"}]}',
        b"[" * 200_000,
        b" " * (64 * 2**20 + 1),
    ],
    ids=range(11),
)
def test_what_is_no_notebook_is_unreadable(data):
    with pytest.raises(Unreadable):
        code_cells(data)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("if True:\n    !pip install d2l", "if True:\n    pass"),
        ("%%time\nx = 1", "pass\nx = 1"),
        ("x = (7\n% 4)", "x = (7\n% 4)"),
        ("x =", "x ="),
    ],
)
def test_lines_of_ipython_are_dropped(source, expected):
    assert plain(source) == expected


def test_uses_follow_imports():
    cells = [
        "from torch import nn\ncell = nn.RNNCell(1, 1)\nnn.RNNCell(1, 1)",
        "x = 1\nimport subprocess as s\nfrom course_lib.rnn import RNN\ns.run",
        "this is no Python",
        "def f():\n    return (nn.\n        RNN)",  # imported in another cell
        "a" + ".a" * 5000,
    ]
    asked = ["torch.nn.RNN", "torch.nn.RNNCell", "subprocess", "socket", "course_lib"]
    assert uses(cells, asked) == [
        Use("torch.nn.RNNCell", 1, 2),
        Use("subprocess", 2, 2),
        Use("course_lib", 2, 3),
        Use("torch.nn.RNN", 4, 2),
    ]


@pytest.mark.parametrize(
    ("cell", "called"),
    [
        ("def f(:\n  return", "answer to q1 (code cell 3)"),  # a mistake in it
        ("f = lambda x: x", "answer to q1 (code cell 3)"),
        ("def g(x): 1\ndef f(x): 1", "answer to q1 and q5 (code cell 3)"),
        ("f == 3\nff = 3\nf(3)", "code cell 3"),
    ],
)
def test_a_cell_is_called_by_what_it_answers(cell, called):
    assert place(3, cell, {"f": "q1", "g": "q5"}) == called


def test_the_exercise_is_told_by_the_notebook():
    assert exercise_name(["x = 1", 'check = exercise("01_rnn").check']) == "01_rnn"
    assert exercise_name(["x = 1"]) is None


def test_submissions_of_a_folder(tmp_path):
    for name in ("b.ipynb", "anna/a.ipynb", ".ipynb_checkpoints/b.ipynb", "c.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "__MACOSX" / "._b.ipynb").touch()
    assert submissions(tmp_path) == {
        "anna/a": tmp_path / "anna" / "a.ipynb",
        "b": tmp_path / "b.ipynb",
    }
    assert submissions(tmp_path / "b.ipynb") == {"b": tmp_path / "b.ipynb"}


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("..ipynb", "_"),
        ("...ipynb", "__"),
        ("....ipynb", "___"),
        ("a\nb/c\t.ipynb", "a\ufffdb/c\ufffd"),
        ("kim.json.ipynb", "kim.json_"),
        ("kim.json/a.ipynb", "kim.json_/a"),
        (".ipynb", "_"),
        ("김.ipynb", "김"),
        ("\u1100\u1175\u11b7.ipynb", "김"),  # as macOS writes it
        ("김 수.IPYNB", "김 수"),
    ],
)
def test_a_name_is_a_safe_path(tmp_path, place, name):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert list(submissions(tmp_path)) == [name]


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path):
    for name in ("x" * 249, "x" * 248 + "y", "\n" * 249):
        (tmp_path / f"{name}.ipynb").touch()
    found = list(submissions(tmp_path))
    assert len(set(found)) == 3
    assert all(len(name.encode()) <= 220 for name in found)


def test_no_two_have_the_same_name(tmp_path):
    same = ["Kim.ipynb", "kim.IPYNB", "kim.ipynb", "\t.ipynb", "\n.ipynb"]
    for name in same:
        (tmp_path / name).touch()
    found = submissions(tmp_path)
    assert len({name.casefold() for name in found}) == len(same)
    assert sorted(path.name for path in found.values()) == sorted(same)
    assert "Kim" in found
    (tmp_path / "lea.ipynb").touch()  # comes later, and nobody is renamed
    assert submissions(tmp_path).items() >= found.items()
