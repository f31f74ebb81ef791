"""The course fits into Colab's packages, and into the oldest that it says it takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import environment
import pytest
import simulate
from environment import LISTS, LOWEST, ROOT, CommandError
from packaging.utils import canonicalize_name

each_list = pytest.mark.parametrize("runtime", LISTS)


def test_both_runtimes_are_known():
    assert list(LISTS) == ["3.12", "3.13"]


@each_list
def test_the_ranges_admit_what_colab_brings(runtime):
    """Or the first cell would change it, under all that is imported already."""
    brings = environment.pins(runtime)
    missing = set()
    for requirement in environment.requirements():
        version = brings.get(canonicalize_name(requirement.name))
        if version is None:
            missing.add(requirement.name)
        else:
            assert requirement.specifier.contains(version), f"{requirement}: {version}"
    assert missing == {"pebble", "sacrebleu"}  # all that the first cell has to fetch


@pytest.mark.data
@each_list
def test_the_list_is_that_of_colab(runtime):
    folder = Path(os.environ["COURSE_DATA_MIRROR"]) / "colab_runtime"
    name = f"packages-py{runtime.replace('.', '')}.txt"
    theirs = environment.read_list(folder / name)
    ours = environment.pins(runtime)
    torch = ours.pop("torch")  # it is not in the list; its first line says it
    assert f"torch {torch})" in (folder / name).read_text("utf-8").partition("\n")[0]
    assert ours.items() <= theirs.items()
    asked = {canonicalize_name(one.name) for one in environment.requirements()}
    assert asked & theirs.keys() <= ours.keys(), "run tests/colab/extract.py"


def test_every_range_has_a_lower_end():
    asked = {canonicalize_name(one.name) for one in environment.requirements()}
    assert environment.pins(LOWEST).keys() == asked


@pytest.fixture(scope="session")
def pypi(tmp_path_factory):
    """pip can fetch something; required where COURSE_REQUIRE_PYPI is 1."""
    pip = (sys.executable, "-m", "pip", "download", "-q", "--retries", "0")
    to = tmp_path_factory.mktemp("pypi")
    try:
        environment.run(*pip, "--no-deps", "--dest", to, "colorama==0.4.6")
    except CommandError as error:
        if os.environ.get("COURSE_REQUIRE_PYPI") == "1":
            pytest.fail(str(error))
        pytest.skip("the package index cannot be reached")


@pytest.mark.usefixtures("pypi")
@pytest.mark.parametrize(
    ("runtime", "notebook"),
    [
        ("3.12", "chapters/07_vit.ipynb"),
        (LOWEST, "exercises/04_attention/student.ipynb"),
    ],
)
def test_a_notebook_runs_and_changes_nothing(runtime, notebook):
    """`make colab` runs them all, with the Pythons and the torch that belong there."""
    assert simulate.main([str(ROOT / notebook), "--quick", "--runtime", runtime]) == 0
