"""What another machine has to install to get the course that runs here."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from course_lib.grading.build import REPOSITORY


def requirement() -> str:
    """What pip has to install to get the course that runs here.

    Raises ``ValueError`` where it cannot be had, because it was changed.
    """
    course = importlib.metadata.distribution("course-lib")
    origin = json.loads(course.read_text("direct_url.json") or "{}")
    if "vcs_info" in origin:
        commit = origin["vcs_info"]["commit_id"]
        return f"course-lib @ git+{origin['url']}@{commit}"
    checkout = Path(unquote(urlsplit(origin.get("url", "")).path))
    if "dir_info" in origin and (checkout / ".git").exists():
        return f"course-lib @ git+{REPOSITORY}@{_commit(checkout)}"
    return f"course-lib=={course.version}"


def _commit(checkout: Path) -> str:
    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(checkout), *arguments], capture_output=True, text=True
        )
        if done.returncode:
            raise ValueError(f"{checkout}: git says: {done.stderr.strip()}")
        return done.stdout.strip()

    parts = ("src", "exercises", "results", "pyproject.toml")  # what a wheel is made of
    if changed := git("status", "--porcelain", "--", *parts):
        raise ValueError(
            f"{checkout} has changes that are not committed, such as "
            f"{changed.splitlines()[0].split()[-1]}; what is handed out or exported "
            "installs a commit"
        )
    return git("rev-parse", "HEAD")
