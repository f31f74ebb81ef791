"""``make lab`` opens where the exercises are, and its notebooks find ``course``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# In place of Python: shows what make would start, and where `course` is then found.
FAKE_PYTHON = '#!/bin/sh\necho "$*"\ncommand -v course\n'


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("user", ["0", "1000"])
def test_lab(tmp_path, user):
    folder = tmp_path / "a checkout"
    for name, text in {
        ".venv/bin/python": FAKE_PYTHON,
        ".venv/bin/course": "#!/bin/sh\n",
        "fake/id": f"#!/bin/sh\necho {user}\n",
        "book/tools/install.sh": "",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    shutil.copy(ROOT / "Makefile", folder)
    path = f"{folder / 'fake'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["make", "lab"],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    *_, arguments, course = done.stdout.splitlines()
    assert course == str(folder / ".venv/bin/course")
    assert "--ServerApp.root_dir=." in arguments
    assert arguments.split()[-1 if user == "1000" else -2].endswith("=/lab")
    assert ("--allow-root" in arguments) is (user == "0")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_names_and_grades_stay_out_of_git(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    shutil.copy(ROOT / ".gitignore", tmp_path)
    for path in (
        "submissions/kim.ipynb",
        "submissions-late/kim.ipynb",
        "graded/01_rnn/grades.csv",
        "exported/01_rnn/settings",
    ):
        subprocess.run(["git", "check-ignore", "-q", path], cwd=tmp_path, check=True)
