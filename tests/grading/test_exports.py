"""What ``--export`` writes is run: as Gradescope would, and part by part as a job."""

from __future__ import annotations

import csv
import importlib.metadata
import json
import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from ordinary_user import _closed_above, lacking, ordinary_user

from course_lib.grading import exports
from course_lib.grading.exercises import exercise

COMMIT = "course-lib @ git+https://example.org/course@" + 40 * "a"
REPOSITORY = Path(__file__).parents[2]
HIDDEN = '''
import torch
from course_lib.grading import expect, question

@question("q1", points=2, hidden=True, hint="every unit counts")
def wide(S, rng):
    """A state of 300 units"""
    W_x, W_h, b = torch.zeros(300, 1), torch.zeros(300, 300), torch.ones(300)
    got = S.rnn_step(torch.zeros(1, 1), torch.zeros(1, 300), W_x, W_h, b)
    expect(got, torch.tanh(b)[None])
'''


@pytest.fixture
def overlay(tmp_path):
    folder = tmp_path / "overlay"
    (folder / "01_rnn").mkdir(parents=True)
    (folder / "01_rnn" / "hidden.py").write_text(HIDDEN)
    (folder / "02_lstm_gru").mkdir()
    (folder / "02_lstm_gru" / "hidden.py").write_text("of another exercise")
    return folder


@pytest.fixture
def committed(monkeypatch):
    """The checkout is as the repository has it."""
    monkeypatch.setattr(exports, "requirement", lambda: COMMIT)


@pytest.fixture
def written(tmp_path, committed):
    """``written(kind, overlay=None)``: the folder of an export."""

    def write(kind, overlay=None):
        folder = tmp_path / kind
        paths = exports.export(kind, exercise("01_rnn", overlay), folder, seed=7431)
        there = sorted(path for path in folder.rglob("*") if path.is_file())
        assert paths == there
        return folder

    return write


def refusal(folder):
    """What the check of the exported tests says where they lie; empty if it agrees."""
    try:
        runpy.run_path(str(folder / "tests" / "same_tests.py"))
    except SystemExit as end:
        return end.code
    return ""


def test_an_autograder_is_complete(written, overlay):
    folder = written("gradescope", overlay)
    with zipfile.ZipFile(folder / "autograder.zip") as archive:
        modes = {one.filename: one.external_attr >> 16 for one in archive.infolist()}
        inside = {name: archive.read(name) for name in modes}
    assert {name for name, mode in modes.items() if mode & 0o100} == {
        "setup.sh", "run_autograder"
    }  # fmt: skip
    assert "tests/overlay/01_rnn/hidden.py" in inside
    assert not any("02_lstm_gru" in name for name in inside)
    for name, data in inside.items():
        assert (folder / name).read_bytes() == data
    settings = inside["settings"].decode()
    assert f"COURSE='{COMMIT}'\n" in settings
    assert "SEED='7431'\n" in settings
    for name in ("setup.sh", "run_autograder", "settings"):
        subprocess.run(["bash", "-n", folder / name], check=True)

    before = (folder / "autograder.zip").read_bytes()
    assert written("gradescope", overlay) == folder
    assert (folder / "autograder.zip").read_bytes() == before


@pytest.mark.parametrize("kind", exports.KINDS)
def test_other_tests_are_not_graded_with(written, overlay, kind):
    folder = written(kind, overlay)
    assert refusal(folder) == ""
    changed = folder / "tests" / "overlay" / "01_rnn" / "hidden.py"
    changed.write_text(changed.read_text() + "\n# another\n")
    assert "it was exported with" in refusal(folder)


def test_without_an_overlay_there_is_none(written):
    for kind in exports.KINDS:
        folder = written(kind)
        assert not (folder / "tests" / "overlay").exists()
        assert refusal(folder) == ""
    assert "--overlay" not in (folder / "job.yaml").read_text()


def test_an_unknown_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"kind is 'moodle'; expected one of"):
        exports.export("moodle", exercise("01_rnn"), tmp_path, 1)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """``installed(origin)``: as pip notes where the course came from."""

    class Course:
        version = "1.2.3"
        origin = None

        def read_text(self, name):
            assert name == "direct_url.json"
            return self.origin and json.dumps(self.origin)

    course = Course()
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: course)

    def was(origin):
        course.origin = origin

    return was


def test_what_is_installed_there_is_what_runs_here(tmp_path, installed):
    assert exports.requirement() == "course-lib==1.2.3"
    installed(
        {
            "url": "https://example.org/fork",
            "vcs_info": {"vcs": "git", "commit_id": "abc"},
        }
    )
    assert exports.requirement() == "course-lib @ git+https://example.org/fork@abc"

    checkout = tmp_path / "a checkout"
    (checkout / "src").mkdir(parents=True)
    installed({"url": checkout.as_uri(), "dir_info": {"editable": True}})
    assert exports.requirement() == "course-lib==1.2.3"  # unpacked, without git

    def git(*arguments):
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        command = ["git", *who, "-C", checkout, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True)

    (checkout / "src" / "module.py").write_text("1")
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    (checkout / "notes.txt").write_text("no part of the course")
    commit = git("rev-parse", "HEAD").stdout.strip()
    assert exports.requirement().endswith(f"/course@{commit}")
    (checkout / "src" / "module.py").write_text("2")
    with pytest.raises(ValueError, match=r"not committed, such as src/module\.py"):
        exports.requirement()


# --- Gradescope -----------------------------------------------------------------------


def scratch_root(autograder):
    """A command before another: root, with ``/autograder`` and what setup.sh makes.

    All else is this machine, so nothing has to be installed.
    """
    if os.geteuid() != 0:
        pytest.skip("Gradescope starts an autograder as root, which this test is not")
    if not shutil.which("bwrap"):
        lacking("the scratch root of an autograder needs bwrap")
    etc = autograder / "etc"
    etc.mkdir()
    for name, line in (
        ("passwd", "grader:x:4242:4242::/:/bin/sh"),
        ("group", "grader:x:4242:"),
    ):
        there = Path("/etc", name).read_text().rstrip("\n")
        (etc / name).write_text(f"{there}\n{line}\n")
    command = ["bwrap", "--cap-add", "ALL", "--die-with-parent"]
    for entry in sorted(Path("/").iterdir()):
        if entry.is_symlink():
            command += ["--symlink", os.readlink(entry), entry]
        elif entry.is_dir() and entry.name != "opt":
            command += ["--dev-bind", entry, entry]
    needed = [Path(sys.prefix), Path(sys.base_prefix), REPOSITORY]
    closed = [(folder, path) for path in needed if (folder := _closed_above(path))]
    for folder in {folder for folder, _ in closed}:
        command += ["--perms", "0755", "--tmpfs", folder]
    for folder, path in closed:
        for parent in reversed(path.parents):
            if folder in parent.parents:
                command += ["--perms", "0755", "--dir", parent]
        command += ["--ro-bind", path, path]
    command += ["--ro-bind", etc / "passwd", "/etc/passwd"]
    command += ["--ro-bind", etc / "group", "/etc/group"]
    command += ["--dir", "/opt", "--symlink", sys.prefix, "/opt/course"]
    return [*map(str, command), "--bind", str(autograder), "/autograder"]


@pytest.fixture
def gradescope(tmp_path, written, overlay):
    """``gradescope({file: bytes})`` hands in, and returns the exit status and JSON."""
    autograder = tmp_path / "autograder"
    for name in ("source", "results", "submission"):
        (autograder / name).mkdir(parents=True)
    root = scratch_root(autograder)
    with zipfile.ZipFile(written("gradescope", overlay) / "autograder.zip") as archive:
        archive.extractall(autograder / "source")
    shutil.copy(autograder / "source" / "run_autograder", autograder)
    (autograder / "run_autograder").chmod(0o755)
    subprocess.run(["chmod", "-R", "go=", autograder / "source"], check=True)

    def hand_in(files, *changed):
        shutil.rmtree(autograder / "submission")
        for name, data in files.items():
            path = autograder / "submission" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (autograder / "submission").mkdir(exist_ok=True)
        run = [*root, *changed, "--chdir", "/autograder", "/autograder/run_autograder"]
        done = subprocess.run(run, capture_output=True, text=True)
        results = json.loads((autograder / "results" / "results.json").read_text())
        return done, results

    return hand_in


def notebook(sources):
    cells = [{"cell_type": "code", "source": source} for source in sources]
    return json.dumps({"cells": cells}).encode()


def test_gradescope_grades_a_notebook(gradescope, cells):
    done, right = gradescope({"한글 my 1.ipynb": notebook(cells())})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "you are root" not in done.stderr  # he has stepped down
    assert right["score"] == 22  # 2 of them from the overlay
    assert right["tests"][-1]["max_score"] > 0
    assert sum(test["score"] for test in right["tests"]) == 22

    wrong_step = "def rnn_step(x_t, h, W_x, W_h, b): return x_t @ W_x.T"
    files = {"a.ipynb": notebook(cells(q1=wrong_step)), "data.csv": b"1"}
    files[".ipynb_checkpoints/a-checkpoint.ipynb"] = b"{}"
    done, wrong = gradescope(files)
    assert done.returncode == 0
    assert 0 < wrong["score"] < 20
    (ours,) = [t for t in wrong["tests"] if t["name"] == "A state of 300 units"]
    assert (ours["status"], ours["score"], ours["max_score"]) == ("failed", 0, 2)


def test_gradescope_says_what_is_no_notebook(gradescope):
    done, broken = gradescope({"a.ipynb": b"{"})
    assert done.returncode == 0
    assert broken["score"] == 0
    assert "not a Jupyter notebook" in broken["output"]
    for files in ({}, {"a.txt": b""}, {"a.ipynb": b"{}", "b/b.ipynb": b"{}"}):
        done, results = gradescope(files)
        assert done.returncode == 0
        assert results["score"] == 0
        count = sum(name.endswith(".ipynb") for name in files)
        assert f"{count} notebooks (*.ipynb) were handed in" in results["output"]


def test_gradescope_gives_no_zero_for_a_failure_of_the_grader(gradescope):
    for broken in (["--tmpfs", "/opt"], ["--tmpfs", "/autograder/source"]):
        done, results = gradescope({"a.ipynb": notebook(["x = 1"])}, *broken)
        assert done.returncode != 0
        assert set(results) == {"output"}  # no score: no grade
        assert results["output"].startswith("GRADER ERROR, not a grade: ")


# --- Kubernetes -----------------------------------------------------------------------


def documents(path):
    return {one["kind"]: one for one in yaml.safe_load_all(path.read_text())}


def test_a_job_is_confined(written, overlay):
    folder = written("k8s", overlay)
    job, about = documents(folder / "job.yaml"), documents(folder / "class.yaml")
    assert set(job) == {"Job", "NetworkPolicy"}
    assert set(about) == {"Secret", "PersistentVolumeClaim", "Pod"}
    spec = job["Job"]["spec"]
    assert spec["completionMode"] == "Indexed"
    policy = job["NetworkPolicy"]["spec"]
    assert policy == {
        "podSelector": {"matchLabels": {"app": "course-grade"}},
        "policyTypes": ["Ingress", "Egress"],
    }
    for pod in (spec["template"], about["Pod"]):
        assert pod["metadata"]["labels"] == {"app": "course-grade"}
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["spec"]["containers"]
        confined = container["securityContext"]
        assert confined["allowPrivilegeEscalation"] is False
        assert confined["readOnlyRootFilesystem"] is True
        assert confined["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}
        (env,) = container["env"]
        secret = env["valueFrom"]["secretKeyRef"]
        assert about["Secret"]["metadata"]["name"] == secret["name"]
        assert about["Secret"]["stringData"][secret["key"]] == "7431"
        assert container["image"].endswith(exercise("01_rnn", overlay).version)
        claims = [v["persistentVolumeClaim"] for v in pod["spec"]["volumes"][:1]]
        name = about["PersistentVolumeClaim"]["metadata"]["name"]
        assert claims == [{"claimName": name}]
    docker = (folder / "Dockerfile").read_text()
    assert f"'{COMMIT}'" in docker
    assert "COPY tests /tests" in docker
    for name in ("job.yaml", "Dockerfile"):
        assert "7431" not in (folder / name).read_text()


def test_the_parts_of_a_job_make_the_class(tmp_path, written, overlay, cells, submit):
    for number, name in enumerate(("ada", "ben", "cleo")):
        place = submit(name, cells() if number == 2 else ["x = 1"]).parent.parent
    folder = written("k8s", overlay)
    eight = (folder / "job.yaml").read_text()
    job, _ = yaml.safe_load_all(eight.replace(": 8\n", ": 2\n").replace("/8", "/2"))
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 2
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (_, last) = (folder / "README.md").read_text().split("course-desk -- sh -c '")
    last = last.partition("'\n")[0]
    user = ordinary_user(place, overlay)

    def run(command, **variables):
        command = [one.replace("/tests/overlay", str(overlay)) for one in command]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        variables |= {"SEED": "7431", "PATH": path}
        done = subprocess.run(
            [*user, *command],
            cwd=place,
            env=os.environ | variables,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    for index in ("0", "1"):
        run(container["command"], JOB_COMPLETION_INDEX=index)
    students = place / "out" / "students"
    assert sorted(path.stem for path in students.iterdir()) == ["ada", "ben", "cleo"]
    assert not (place / "out" / "grades.csv").exists()
    assert "3 of 3 graded before." in run(["sh", "-c", last])
    with (place / "out" / "grades.csv").open(encoding="utf-8-sig") as file:
        assert [row["points"] for row in csv.DictReader(file)] == ["0", "0", "22"]
