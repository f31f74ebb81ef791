"""Claims are found in packages named like chapters; what is wrong names its file."""

from __future__ import annotations

import importlib
import itertools

import pytest

from course_lib.experiments import experiments
from course_lib.experiments.catalogue import collect

GOOD = """
from dataclasses import replace
from toy import TOY
EXPERIMENT = replace(TOY, name={name!r}, chapter={chapter!r})
"""
NUMBER = itertools.count()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write ``{path: text}`` as a package of claims and import it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(files):
        name = f"made_claims_{next(NUMBER)}"  # a fresh one for the import system
        for path, text in {"__init__.py": "", **files}.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    return write


def claim(name, chapter):
    return GOOD.format(name=name, chapter=chapter)


def test_the_order_is_that_of_the_chapters_and_of_their_lists(package):
    made = package(
        {
            "lstm_gru/__init__.py": "CLAIMS = ('gates',)",
            "lstm_gru/gates.py": claim("gates", "lstm_gru"),
            "rnn/__init__.py": "CLAIMS = ('second', 'first')",
            "rnn/first.py": claim("first", "rnn"),
            "rnn/second.py": claim("second", "rnn"),
            "rnn/helper.py": "",
            "learning.py": "",
        }
    )
    assert list(collect(made)) == ["second", "first", "gates"]


def test_those_of_the_course_are_found():
    assert "vanishing-gradient" in experiments()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"rnn/__init__.py": ""}, r"rnn/__init__\.py: got CLAIMS = None, expected a"),
        (
            {"rnn/__init__.py": "CLAIMS = ('one')"},
            r"rnn/__init__\.py: got CLAIMS = 'one', expected a tuple",
        ),
        (
            {"rnn/__init__.py": "CLAIMS = ('oen',)"},
            r"rnn/__init__\.py: CLAIMS names 'oen', expected some of one",
        ),
        ({"rnn/one.py": ""}, r"rnn/one\.py: got EXPERIMENT = None, expected an Exp"),
        (
            {"rnn/one.py": claim("one", "bert")},
            r"rnn/one\.py: got chapter='bert', expected 'rnn'",
        ),
        ({"rnnn/__init__.py": ""}, "rnnn: no chapter has this name; expected one of"),
        (
            {
                "vit/__init__.py": "CLAIMS = ('two',)",
                "vit/two.py": claim("one", "vit"),
            },
            r"vit/two\.py: an experiment is called 'one' in .*rnn/one\.py as well",
        ),
    ],
)
def test_what_is_wrong_names_its_file(package, files, says):
    good = {"rnn/__init__.py": "CLAIMS = ('one',)", "rnn/one.py": claim("one", "rnn")}
    with pytest.raises(ValueError, match=says):
        collect(package({**good, **files}))


def test_a_bug_inside_a_claim_is_not_called_a_missing_claim(package):
    made = package(
        {"rnn/__init__.py": "CLAIMS = ('one',)", "rnn/one.py": "import no_such_thing"}
    )
    with pytest.raises(ModuleNotFoundError, match="no_such_thing"):
        collect(made)
