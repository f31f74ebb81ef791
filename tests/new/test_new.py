"""`course new`: in a copy of the checkout, its skeletons pass the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.testing

from checkout import ROOT, copied
from course_lib.cli import app, new
from course_lib.new import skeleton

ASKED = (
    ("chapter", "toy_line"),
    ("figure", "toy_line/slope_finder"),
    ("experiment", "toy_line/fits_noise"),
    ("exercise", "toy_line"),
)
# The tests of what every piece must hold to, and the skeletons' own. `make test` opens
# the figures in a browser; here that would cost more than it shows.
TESTS = (
    "tests/test_toy_line.py",
    "tests/test_chapter_list.py",
    "tests/test_chapters.py",
    "tests/test_exercises.py",
    "tests/experiments/test_claims.py",
    "tests/experiments/toy_line/test_fits_noise.py",
    "tests/figures/test_figure.py",
    "tests/figures/test_slope_finder.py",
    "tests/bench/test_bench_matches.py",
)
THEIRS = "toy_line or fits-noise or fits_noise or slope_finder or SlopeFinder or Toy"


class Copy:
    """The copy, and commands in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ours = ("PYTEST", "COURSE_", "GIT_")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        self.environment = kept | {"PYTHONPATH": str(folder / "src")}

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def course(self, *words: str) -> str:
        return self.run(sys.executable, "-m", "course_lib.cli", *words)

    def commit(self) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=none@localhost")
        self.run("git", "add", "-A")
        self.run("git", *who, "commit", "-qm", "The copy")


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Copy:
    """All four skeletons in one copy, with what a person then does by command."""
    made = Copy(copied(tmp_path_factory.mktemp("new") / "checkout"))
    made.run("git", "init", "-q")
    for words in ASKED:
        made.course("new", *words)
    made.commit()  # a result names its commit
    made.course("run", "fits-noise", "--scale", "cpu", "--seeds", "3")
    made.run(sys.executable, "book/tools/notebooks.py", "08_toy_line")
    return made


def test_the_skeletons_pass_the_tests(copy):
    said = copy.run(
        *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-vv"),
        *("-m", "not browser", "-k", THEIRS, *TESTS),
    )
    for piece in ("test_chapters", "test_claims", "test_figure", "test_exercises"):
        assert f"{piece}.py::" in said
    assert "skipped" not in said


def test_they_are_in_order_for_ruff(copy):
    python = [path for path in copy.run("git", "ls-files", "*.py").split("\n") if path]
    theirs = [path for path in python if "toy_line" in path or "slope" in path]
    theirs += ["src/course_lib/chapters.py", "tests/figures/test_figure.py"]
    assert len(theirs) > 12
    copy.run(sys.executable, "-m", "ruff", "check", *theirs)
    copy.run(sys.executable, "-m", "ruff", "format", "--check", *theirs)


def test_the_chapter_is_in_the_contents_and_on_the_first_page(copy):
    def text(name):
        return (copy.folder / name).read_text("utf-8")

    assert "chapters/07_vit\n      - file: chapters/08_toy_line\n" in text("_toc.yml")
    row = "* - **8** {doc}`Toy line <../chapters/08_toy_line>`\n"
    before, after = text("book/welcome.md").split(row)
    assert before.endswith("  - **published**\n")
    assert after.partition("```")[0].endswith("  - **published**\n")


def test_a_second_time_nothing_is_overwritten(copy):
    before = copy.run("git", "status", "--short")
    with pytest.raises(AssertionError, match=r"slope_finder\.js is there already"):
        copy.course("new", "figure", "toy_line/slope_finder")
    assert copy.run("git", "status", "--short") == before


@pytest.mark.parametrize(
    ("kind", "name", "says"),
    [
        ("chaptr", "gcn", "KIND: got 'chaptr', expected one of chapter, experiment"),
        ("chapter", "GCN", "NAME: got 'GCN', expected small letters, digits and _"),
        ("chapter", "rnn", "NAME: there is a chapter rnn already"),
        ("chapter", "data", "NAME: src/course_lib/data is there already"),
        ("experiment", "memory", "NAME: got 'memory', expected CHAPTER/NAME, such as"),
        ("experiment", "gcn/memory", "chapter: got 'gcn', expected one of rnn, "),
        ("experiment", "rnn/class", "NAME: got 'class', expected small letters"),
        ("experiment", "rnn/../x", "chapter: got 'rnn/..', expected one of rnn, "),
        ("experiment", "rnn/word_language", "rnn/word_language.py is there already"),
        ("experiment", "bert/word_language", "rnn/word_language.py is there already"),
        ("figure", "rnn/stepper", "rnn/stepper.js is there already"),
        ("figure", "bert/vit", "tests/test_vit.py is there already"),
        ("exercise", "gcn", "chapter: got 'gcn', expected one of rnn, "),
        ("exercise", "rnn", "exercises/01_rnn/exercise.toml is there already"),
    ],
)
def test_what_cannot_be_made_is_said(kind, name, says):
    with pytest.raises((ValueError, FileExistsError)) as error:
        skeleton(kind, name, ROOT)
    assert says in str(error.value)


def test_a_name_that_holds_a_templates_word_stays_whole():
    made = skeleton("experiment", "rnn/new_name_of_a_chapter", ROOT)
    (module,) = (p for p in made.new if p.parent.name == "rnn" and "test" not in p.name)
    assert module.name == "new_name_of_a_chapter.py"
    assert 'name="new-name-of-a-chapter"' in made.new[module]


def test_a_list_of_another_form_is_named(tmp_path):
    package = tmp_path / "src/course_lib/experiments/rnn/__init__.py"
    package.parent.mkdir(parents=True)
    package.write_text("CLAIMS = []\n")
    with pytest.raises(ValueError, match=r"rnn/__init__\.py: no list found; expected"):
        skeleton("experiment", "rnn/memory", tmp_path)


def test_it_needs_a_checkout_and_what_make_test_installs(tmp_path, monkeypatch):
    def said(*words):
        done = typer.testing.CliRunner().invoke(app, ["new", *words])
        assert done.exit_code == 2
        return done.output

    assert said("figure", "stepper").startswith("error: NAME: got 'stepper'")
    monkeypatch.setattr(new.importlib.util, "find_spec", lambda name: None)
    assert "course new: needs ruff; make test installs it" in said("figure", "rnn/x")
    monkeypatch.setattr(new, "_CHECKOUT", tmp_path)
    assert "works in a checkout of the course" in said("figure", "rnn/x")
    assert not list(tmp_path.iterdir())
