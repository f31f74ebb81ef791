"""The workflows of GitHub: pinned, with few rights, made of commands people have."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
FILES = {path.stem: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
# What a job does, beside asking for a machine's own packages.
WORK = {
    "test": ".ci/run",
    "book": "make book",
    "release": "make dist",
    "gpu": "make gpu",
    "weekly": "make colab",
}

each = pytest.mark.parametrize("name", FILES)


def jobs(name: str) -> dict[str, dict]:
    return yaml.safe_load(FILES[name].read_text("utf-8"))["jobs"]


def commands(name: str) -> list[str]:
    """Every command of the workflow, without its comment."""
    runs = (step.get("run") for job in jobs(name).values() for step in job["steps"])
    return [shlex.join(shlex.split(run, comments=True)) for run in runs if run]


def test_there_is_a_workflow_for_each_work():
    assert FILES.keys() == WORK.keys()


@each
def test_it_calls_the_same_commands_as_people_do(name):
    assert WORK[name] in commands(name)
    for command in commands(name):
        for target in re.findall(r"\bmake (\w+)", command):
            assert target in TARGETS
        for path in re.findall(r"(?:^| )((?:tests/|\.ci/)[\w./]+)", command):
            assert (ROOT / path).exists()


@each
def test_actions_are_pinned_to_commits_with_their_version_beside(name):
    used = re.findall(r"\buses: (.+)", FILES[name].read_text("utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_an_action_has_one_version():
    texts = [path.read_text("utf-8") for path in FILES.values()]
    used = {line for text in texts for line in re.findall(r"\buses: (.+)", text)}
    names = [line.partition("@")[0] for line in used]
    assert sorted(set(names)) == sorted(names)


@each
def test_it_may_read_and_no_more_unless_a_job_says_so_and_it_ends(name):
    workflow = yaml.safe_load(FILES[name].read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    rights = {"deploy": {"pages", "id-token"}, "publish": {"id-token"}}
    for job, said in workflow["jobs"].items():
        assert said["timeout-minutes"]
        assert said.get("permissions", {}).keys() - {"contents"} == rights.get(
            job, set()
        )


def test_what_is_published_is_what_was_built_and_tested():
    build, publish = jobs("release")["build"], jobs("release")["publish"]
    assert publish["needs"] == "build"
    assert not [step for step in publish["steps"] if "run" in step]
    done = [
        step.get("run") or step["uses"].partition("@")[0] for step in build["steps"]
    ]
    tested = done.index(".venv/bin/python -m pytest tests/test_release.py")
    assert done.index("make dist") < tested < done.index("actions/upload-artifact")


def test_the_oldest_python_is_tested():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pythons = jobs("test")["test"]["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={pythons[0]}"
