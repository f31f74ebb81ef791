from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from toy_course import start, until_they_wait
from typer.testing import CliRunner

from course_lib.cli import app
from course_lib.experiments import execute
from course_lib.results import Result
from toy import TOY, Config


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Call ``course`` on the toy experiment, with ``tmp_path`` as its checkout."""
    artefact = tmp_path / "figures" / "toy.json"
    known = {
        "toy": replace(TOY, artefact=artefact),
        "mute": replace(TOY, name="mute", export=None, artefact=None),
    }
    monkeypatch.setattr("course_lib.experiments.experiments", lambda: known)
    monkeypatch.setattr("course_lib.results.workplace", lambda: tmp_path)
    monkeypatch.setattr("course_lib.results.RESULTS", tmp_path / "packaged")
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments):
        return CliRunner().invoke(app, [str(a) for a in arguments])

    return call


def metrics(result):
    return [(run.seed, run.metrics, run.series) for run in result.runs]


def test_help_does_not_wait_for_torch():
    code = (
        "import sys; from course_lib.cli import app\n"
        "for words in ['--help'], ['run', '--help'], ['list', '--help']:\n"
        "    app(words, standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "list" in done.stdout


def test_run_ends_with_the_claim_and_stores_the_result(course, tmp_path):
    done = course("run", "toy", "--seeds", 2, "--scale", "cpu")
    lines = done.output.splitlines()
    assert "✗ does not hold: the loss is tiny: " in done.output
    assert " ± " in done.output
    assert lines[-1] == "toy: the claim does not hold."
    assert lines[-2].endswith("results/toy.cpu.json")
    result = Result.load(tmp_path / "results" / "toy.cpu.json")
    assert [run.seed for run in result.runs] == [0, 1]
    assert not list((tmp_path / "runs").iterdir()), (
        "the state of a finished run is gone"
    )


def test_a_quick_run_is_a_test_and_comes_among_no_results(course, tmp_path):
    done = course("run", "toy", "--seeds", 2)
    assert done.exit_code == 0, done.output
    assert "✓ holds: the loss is small: " in done.output
    assert "Not stored, because a quick run is a test; --out DIR" in done.output
    assert done.output.splitlines()[-1] == "toy: the claim holds."
    assert not (tmp_path / "results").exists()
    for place in ("results", "packaged"):
        done = course("run", "toy", "--out", tmp_path / place)
        assert done.exit_code == 2
        assert "--out: at scale quick it must be another folder than" in done.output
        assert not (tmp_path / place).exists()
    course("run", "toy", "--seeds", 1, "--out", tmp_path / "mine")
    assert Result.load(tmp_path / "mine" / "toy.quick.json").holds


def test_a_claim_that_does_not_hold_exits_with_1_and_is_stored(course, tmp_path):
    done = course("run", "toy", "--scale", "cpu", "--seeds", 1, "--out", tmp_path / "o")
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "toy: the claim does not hold."
    assert not Result.load(tmp_path / "o" / "toy.cpu.json").holds


def test_changed_settings_are_typed_and_never_stored_as_the_courses(course, tmp_path):
    change = ["--set", "steps=4", "--set", "widths=5,5", "--set", "clip_norm=none"]
    done = course("run", "toy", "--seeds", 1, *change)
    assert done.exit_code == 0, done.output
    assert "Not stored, because" in done.output
    done = course("run", "toy", "--seeds", 1, *change, "--scale", "cpu")
    assert "Not stored, because settings were changed" in done.output
    assert not (tmp_path / "results").exists()
    done = course("run", "toy", "--seeds", 1, *change, "--out", tmp_path / "mine")
    config = Result.load(tmp_path / "mine" / "toy.quick.json").config
    assert (config["steps"], config["widths"]) == (4, [5, 5])
    assert config["clip_norm"] is None
    done = course("run", "toy", *change, "--out", tmp_path / "results")
    assert done.exit_code == 2
    assert "--out: with --set it must be another folder" in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing"], "experiment: got 'nothing', expected one of toy, mute"),
        ([], "NAME: got none"),
        (["toy", "--scale", "huge"], "scale: got 'huge', expected one of quick, cpu"),
        (["toy", "--set", "depth=2"], "field: got 'depth', expected one of steps, "),
        (["toy", "--set", "steps=abc"], "steps: got 'abc', expected a whole number"),
        (["toy", "--set", "kind=rms"], "kind: got 'rms', expected one of adam, sgd"),
        (["toy", "--set", "noisy=maybe"], "noisy: got 'maybe', expected true or false"),
        (["toy", "--set", "widths=1,b"], "widths: got '1,b', expected a list: a whole"),
        (["toy", "--set", "steps"], "--set: got 'steps', expected FIELD=VALUE"),
        (["toy", "--set", "steps=0"], "steps: got 0, expected at least 1"),
        (["toy", "--device", "tpu"], "device: got 'tpu'"),
        (["toy", "--precision", "bfloat16"], "needs a CUDA device"),
        (["toy", "--set", "fail=disk"], "the disk is full while writing runs/model.pt"),
        (
            ["toy", "--set", "fail=memory", "--set", "widths=70,60"],
            "out of GPU memory; lower widths (now (70, 60))",
        ),
        (
            ["mute", "--export", "--scale", "cpu"],
            "--export: mute has nothing",
        ),
        (["toy", "--export", "--set", "steps=3"], "--export: not with --set"),
        (["toy", "--export"], "--export: not at scale quick; a figure has the model"),
    ],
)
def test_what_goes_wrong_is_one_line(course, arguments, says):
    done = course("run", *arguments)
    assert done.exit_code == 2
    (line,) = done.output.splitlines()
    assert line.startswith("error: ")
    assert says in line


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_said(course):
    done = course("run", "toy", "--device", "cuda")
    assert done.exit_code == 2
    assert done.output == (
        "error: toy: device: got 'cuda', but this torch sees no CUDA GPU\n"
    )


def test_a_bug_keeps_its_traceback(course):
    done = course("run", "toy", "--set", "fail=a bug")
    assert done.exit_code == 2
    assert done.output.startswith("error: toy: Traceback (most recent call last)")
    assert "RuntimeError: a bug" in done.output


def test_export_writes_the_model_of_seed_0(course, tmp_path):
    done = course("run", "toy", "--export", "--seeds", 2, "--scale", "cpu")
    assert done.exit_code == 1, done.output
    path = tmp_path / "figures" / "toy.json"
    assert f"Exported to {path}" in done.output
    assert len(json.loads(path.read_text())["weight"]) == 6
    assert [p.name for p in path.parent.iterdir()] == ["toy.json"]


def test_list_shows_claims_and_which_results_hold(course, tmp_path, monkeypatch):
    easy = {scale: TOY.bands["quick"] for scale in TOY.scales}
    known = {"toy": TOY, "easy": replace(TOY, name="easy", bands=easy)}
    monkeypatch.setattr("course_lib.experiments.experiments", lambda: known)
    course("run", "--all", "--seeds", 1, "--scale", "cpu")
    shown = course("list").output
    assert "  A line can be fitted to a noisy line." in shown.splitlines()
    assert "toy" in shown.splitlines()
    assert "cpu: does not hold" in shown
    assert "cpu: holds" in shown
    other = replace(TOY, scales={**TOY.scales, "cpu": Config(steps=41)})
    monkeypatch.setattr("course_lib.experiments.experiments", lambda: {"toy": other})
    assert "cpu: of other settings, measure it again" in course("list").output


def test_data_lists_what_is_registered():
    shown = CliRunner().invoke(app, ["data"], env={"COLUMNS": "160"}).output
    assert "time_machine" in shown
    assert "course data NAME" in shown
    done = CliRunner().invoke(app, ["data", "nothing"])
    assert done.exit_code == 2
    assert done.output.startswith("error: name: got 'nothing', expected one of ")


def test_grade_hands_its_options_on(monkeypatch):
    seen = []

    class Module:
        @staticmethod
        def grade_command(name: str, verbose: bool = False) -> None:
            seen.append((name, verbose))

    monkeypatch.setitem(sys.modules, "course_lib.grading.command", Module)
    CliRunner().invoke(app, ["grade", "01_rnn", "--verbose"])
    assert seen == [("01_rnn", True)]


@pytest.fixture
def unbroken(course, tmp_path):
    course("run", "toy", "--seeds", 2, "--scale", "cpu", "--out", tmp_path / "whole")
    return Result.load(tmp_path / "whole" / "toy.cpu.json")


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGKILL, -9)],
)
def test_a_run_that_is_interrupted_is_continued(tmp_path, unbroken, number, code):
    words = ["run", "toy", "--seeds", 2, "--scale", "cpu", "--out", tmp_path / "out"]
    with start(tmp_path, *words, happens="waits toy") as child:
        until_they_wait(tmp_path, "toy")
        child.send_signal(number)
        said = child.stdout.read()
    assert child.returncode == code
    if code > 0:
        assert said.splitlines()[-1] == (
            "toy: stopped; the same command continues from here."
        )
    assert list((tmp_path / "runs").glob("toy-*/seed-1/model.pt"))
    with start(tmp_path, *words) as child:
        said = child.stdout.read()
    assert child.returncode == 1
    assert said.startswith("toy: continuing what was begun")
    assert metrics(Result.load(tmp_path / "out" / "toy.cpu.json")) == metrics(unbroken)


def test_fresh_forgets_what_was_kept(course, tmp_path):
    for words, said in ([], True), (["--fresh"], False):
        begun = execute(TOY, seeds=(0,), folder=tmp_path / "runs")
        next(begun)
        begun.close()
        done = course("run", "toy", "--seeds", 1, *words)
        assert ("continuing what was begun" in done.output) is said


def test_elsewhere_than_on_a_terminal_each_tenth_is_a_line(course):
    lines = course("run", "toy", "--seeds", 1, "--scale", "cpu").output.splitlines()
    shares = [int(m[1]) for m in map(re.compile(r"toy +(\d+) %").match, lines) if m]
    assert shares == list(range(10, 101, 10))
    assert re.search(r"seed 0 · fitting a line · loss \d", lines[0])


def test_on_a_terminal_a_bar_moves(tmp_path):
    ours, theirs = pty.openpty()
    words = ["run", "toy", "--seeds", 1, "--set", "pause=0.05"]
    seen = b""
    with start(tmp_path, *words, stdout=theirs, stderr=theirs) as child:
        os.close(theirs)
        while True:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # the child has closed its terminal
                break
    os.close(ours)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    assert child.returncode == 0, text
    assert "━" in text
    assert len(set(re.findall(r"(\d+) %", text))) > 2
    assert "fitting a line · loss" in text
    assert text.rstrip().endswith("toy: the claim holds.")
