"""A release: what its archives hold, that an installed wheel works, and its version."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

import course_lib
from checkout import ROOT, copied

# Where the wheel has what the checkout has at its root.
PLACES = {
    "src/course_lib/": "course_lib/",
    "results/": "course_lib/_stored/results/",
    "exercises/": "course_lib/_stored/exercises/",
}


def run(*command: str | Path, **where) -> str:
    """The output of a command, which must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, **where)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def committed(tmp_path_factory) -> Path:
    """The checkout as a release has it: the files that git does not ignore."""
    folder = copied(tmp_path_factory.mktemp("release") / "checkout")
    # What a person leaves there, and git ignores.
    (folder / "exercises/01_rnn/.ipynb_checkpoints").mkdir()
    (folder / "exercises/01_rnn/.ipynb_checkpoints/student.ipynb").write_text("{}")
    (folder / "src/course_lib/__pycache__").mkdir()
    (folder / "src/course_lib/__pycache__/rnn.pyc").write_bytes(b"")
    (folder / "submissions").mkdir()
    (folder / "submissions/anna.ipynb").write_text("{}")
    return folder


def built(folder: Path, *what: str) -> Path:
    """The folder with the archives that `make dist` builds of ``folder``."""
    out = folder.parent / "-".join(("dist", *what))
    run(
        *(sys.executable, "-m", "build", "--no-isolation", *what),
        *("--outdir", out, folder),
    )
    return out


@pytest.fixture(scope="module")
def dist(committed) -> Path:
    """The source archive, and the wheel that was built from it."""
    return built(committed)


def wheel_in(folder: Path) -> Path:
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    ignored = {".ipynb_checkpoints", "__pycache__", "submissions"}
    return {path.as_posix() for path in found if not ignored & set(path.parts)}


def test_the_wheel_has_the_package_the_results_and_the_exercises(committed, dist):
    expected = {
        wheel + name.removeprefix(place)
        for name in files(committed)
        for place, wheel in PLACES.items()
        if name.startswith(place)
    }
    found = contents(wheel_in(dist))
    assert {name for name in found if ".dist-info/" not in name} == expected
    for needed in (
        "course_lib/figures/rnn/stepper.js",
        "course_lib/figures/rnn/stepper.json",  # the weights for the page
        "course_lib/_stored/results/word-language.cpu.json",
        "course_lib/_stored/exercises/01_rnn/tests.py",
        "course_lib/_stored/exercises/01_rnn/student.ipynb",
    ):
        assert found[needed]


def test_the_source_archive_has_the_whole_checkout(committed, dist):
    (archive,) = dist.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    assert names - {"PKG-INFO"} == files(committed)


def test_from_the_checkout_comes_the_same_wheel(committed, dist):
    assert contents(wheel_in(built(committed, "--wheel"))) == contents(wheel_in(dist))


def test_the_licences_come_along(dist):
    found = contents(wheel_in(dist))
    licences = {Path(name).name for name in found if "/licenses/" in name}
    assert licences == {"LICENSE", "LICENSE-TEXT.md"}
    (about,) = (text for name, text in found.items() if name.endswith("/METADATA"))
    assert b"\nLicense-Expression: MIT AND CC-BY-4.0\n" in about


def test_the_readme_on_pypi_leads_to_the_files_of_this_version(dist):
    found = contents(wheel_in(dist))
    (about,) = (text for name, text in found.items() if name.endswith("/METADATA"))
    links = re.compile(r'(?:src="|\]\()([^")]+)')
    here = links.findall((ROOT / "README.md").read_text("utf-8"))
    there = links.findall(about.decode())
    beside = [path for path in here if (ROOT / path).exists()]
    assert beside
    for path, address in zip(here, there, strict=True):
        if path in beside:
            assert address.startswith("https://")
            assert address.endswith(f"/v{course_lib.__version__}/{path}")
        else:
            assert address == path


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory) -> Path:
    """The ``bin`` of an environment that has the wheel, and no checkout.

    What the wheel asks for is lent by the environment of the tests.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv/bin/python"
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--no-index", "--no-deps", wheel_in(dist))
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    # Its own .pth files, such as that of our checkout, are not read from there.
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def test_an_installed_wheel_lists_and_runs_claims_shows_a_figure_and_checks(
    installed, tmp_path
):
    ours = ("PYTHON", "COURSE_", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    where = {"cwd": tmp_path, "env": kept | {"HOME": str(tmp_path), "COLUMNS": "200"}}
    listed = run(installed / "course", "list", **where)
    assert "vanishing-gradient" in listed
    assert "cpu: holds" in listed
    ran = run(
        installed / "course", "run", "vanishing-gradient", "--seeds", "1", **where
    )
    assert "vanishing-gradient: the claim holds." in ran
    script = """
import course_lib
from course_lib.figures.rnn import Stepper
from course_lib.grading.exercises import all_exercises
from course_lib.results import stored
print(course_lib.__file__)
assert "donderdag" in Stepper().to_html()
assert stored("word-language", "cpu").holds
assert len(all_exercises()) >= 7
rnn = all_exercises()[0]
rnn.check("q1", {"rnn_step": lambda *given: None})
"""
    said = run(installed / "python", "-c", script, **where)
    assert Path(said.splitlines()[0]).is_relative_to(installed.parent)
    assert "q1" in said


# --- one version


def test_the_version_is_the_same_wherever_it_is_said():
    version = course_lib.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" in project["project"]["dynamic"]
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## \[(\d[^]]*)\] – (\d{4}-\d\d-\d\d)$", changes, re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert newest[1] == citation["version"] == version
    assert newest[2] == citation["date-released"].isoformat()
    assert f"[{version}]: " in changes
    assert f"compare/v{version}...HEAD" in changes


def test_each_page_says_the_version():
    book = Path(os.environ.get("COURSE_BUILT_BOOK") or ROOT / "_build" / "html")
    pages = [*book.glob("book/*.html"), *book.glob("chapters/*.html")]
    if not pages:
        pytest.skip("the book is not built: make book")
    for page in pages:
        foot = page.read_text("utf-8").partition('<footer class="bd-footer-content">')[
            2
        ]
        assert f"Version {course_lib.__version__}\n" in foot, page.name


def test_the_project_is_called_what_the_book_is_called():
    book = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    source = book["repository"]["url"]
    assert project["urls"]["Source"] == citation["repository-code"] == source
    assert project["urls"]["Book"] == citation["url"] == book["html"]["baseurl"]
    assert project["urls"]["Changelog"].startswith(source)
