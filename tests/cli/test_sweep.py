"""``course run`` with many claims: whatever happens to one, the others are measured."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import replace

import pytest
from toy_course import NAMES, measured, start, toys, until_they_wait
from typer.testing import CliRunner

from course_lib.cli import app
from course_lib.cli.sweep import in_order
from course_lib.results import Result
from toy import TOY, Config, greedy


@pytest.fixture
def course(tmp_path, monkeypatch):
    """``course run --all``, with ``tmp_path`` as its checkout and claims of its own."""
    monkeypatch.setattr("course_lib.results.workplace", lambda: tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments, claims=None):
        claims = claims or toys()
        monkeypatch.setattr("course_lib.experiments.experiments", lambda: claims)
        words = ["run", "--all", "--scale", "cpu", "--seeds", 2, *arguments]
        return CliRunner().invoke(app, [str(word) for word in words])

    return call


def table(output):
    """The rows of the table at the end: the verdict, where it comes from."""
    found = re.findall(rf"^ +({'|'.join(NAMES)})  +(.+?)  +(\S.*?) *$", output, re.M)
    return {name: re.split("  +", f"{rest}  {time}")[:-1] for name, rest, time in found}


def results(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.json")}


def test_all_are_measured_and_summed_up(course, tmp_path):
    done = course()
    assert done.exit_code == 1, "one does not hold"
    assert len(results(tmp_path / "results")) == 4
    assert table(done.output) == {
        name: ["does not hold" if name == "toy-1" else "holds", "measured"]
        for name in NAMES
    }
    assert re.search(r"toy-3 \(4 of 4\) +50 %", done.output), "how far all have come"
    said = done.output.splitlines()[-1]
    assert said.startswith("4 claims: 3 holds, 1 does not hold, 0 error; ")


def test_what_is_there_already_is_not_measured_again(course, tmp_path):
    course()
    before = results(tmp_path / "results")
    done = course()
    assert results(tmp_path / "results") == before
    assert done.exit_code == 1, "of what is there one does not hold"
    assert {source for _, source in table(done.output).values()} == {"there already"}
    assert "toy-1 (2 of 4): there already, does not hold (--fresh" in done.output
    done = course("--fresh")
    assert {source for _, source in table(done.output).values()} == {"measured"}


def edit(path, **changes):
    stored = json.loads(path.read_text())
    stored["machine"] |= changes
    path.write_text(json.dumps(stored))


@pytest.mark.parametrize(
    ("stored", "here", "again"),
    [
        ({"device_name": "another"}, {}, True),
        ({"torch": "1.0"}, {}, True),
        ({"precision": "bfloat16"}, {}, True),
        ({"threads": 64}, {}, True),
        ({"sources": "other code"}, {}, True),
        ({"commit": "another, that changed no code"}, {}, False),
        ({"commit": None}, {}, False),
        ({"commit": "abc-dirty"}, {"commit": "abc"}, True),
        ({"commit": "abc-dirty"}, {"commit": "abc-dirty"}, False),
        ({"commit": "abc"}, {"commit": "abc-dirty"}, False),
    ],
)
def test_only_this_code_on_this_machine_counts(
    course, tmp_path, monkeypatch, stored, here, again
):
    claims = {"toy-0": toys()["toy-0"]}
    from course_lib.experiments import runner

    there = {**runner.machine("cpu", "float32"), "commit": "abc", **here}
    monkeypatch.setattr(runner, "machine", lambda device, precision: dict(there))
    course(claims=claims)
    path = tmp_path / "results" / "toy-0.cpu.json"
    edit(path, **stored)
    assert ("there already" in course(claims=claims).output) is not again


def test_other_settings_seeds_and_folders_are_measured(course, tmp_path):
    claims = {"toy-0": toys()["toy-0"]}
    course(claims=claims)
    for words in (["--seeds", 1], ["--out", tmp_path / "elsewhere"]):
        assert "there already" not in course(*words, claims=claims).output
    other = {"toy-0": toys(**{"toy-0": Config(steps=21)})["toy-0"]}
    assert "there already" not in course("--seeds", 1, claims=other).output
    path = tmp_path / "results" / "toy-0.cpu.json"
    path.write_text("of another version")
    assert "there already" not in course(claims=claims).output
    assert Result.load(path).runs


@pytest.mark.parametrize(
    ("fail", "says"),
    [
        ("memory", "error: toy-2: out of GPU memory; lower widths (now (3, 2))"),
        ("disk", "error: toy-2: the disk is full while writing runs/model.pt"),
        ("a bug", "RuntimeError: a bug"),
    ],
)
def test_one_that_fails_costs_no_other(course, tmp_path, fail, says):
    done = course(claims=toys(**{"toy-2": Config(fail=fail)}))
    assert done.exit_code == 2
    assert says in done.output
    assert ("Traceback" in done.output) is (fail == "a bug")
    assert len(results(tmp_path / "results")) == 3
    assert table(done.output)["toy-2"] == ["error"]
    assert "1 error" in done.output.splitlines()[-1]


def test_what_a_failed_one_held_is_let_go_before_the_next(course):
    alive = []

    def next_one(config, setting):
        assert [ref() for ref in alive] == [None]
        return (yield from TOY.run(config, setting))

    claims = toys()
    claims["toy-0"] = replace(claims["toy-0"], run=greedy(alive))
    claims["toy-1"] = replace(claims["toy-1"], run=next_one)
    assert table(course(claims=claims).output)["toy-1"][0] == "does not hold"


def test_the_cheapest_come_first(course, monkeypatch, tmp_path):
    course()
    seconds = {"toy-3": 1.0, "toy-2": 2.0}

    def stored(name, scale):
        if name not in seconds:
            raise FileNotFoundError(name)
        result = Result.load(tmp_path / "results" / f"{name}.{scale}.json")
        runs = tuple(replace(run, seconds=seconds[name]) for run in result.runs)
        return replace(result, runs=runs)

    monkeypatch.setattr("course_lib.results.stored", stored)
    assert [*table(course("--fresh").output)] == [
        *("toy-3", "toy-2"),
        *("toy-0", "toy-1"),  # nobody knows: as in the book
    ]
    for scale in ("cpu", "real"):  # nothing is stored of this one
        several = in_order(toys().values(), scale, jobs=2)
        assert [claim.name for claim in several] == NAMES


@pytest.fixture
def whole(course, tmp_path):
    """What a sweep measures that nobody stops."""
    course("--out", tmp_path / "whole")
    return measured(tmp_path / "whole")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)]
)
def test_a_sweep_that_is_killed_goes_on_with_the_same_command(
    tmp_path, whole, number, code
):
    words = ["run", "--all", "--scale", "cpu", "--seeds", 2]
    with start(tmp_path, *words, happens="waits toy-2") as child:
        until_they_wait(tmp_path, "toy-2")
        child.send_signal(number)
        said = child.stdout.read()
    assert child.returncode == code
    if code > 0:
        assert said.splitlines()[-1] == (
            "toy-2 (3 of 4): stopped; the same command continues from here."
        )
    before = results(tmp_path / "results")
    assert set(before) == {f"toy-{number}.cpu.json" for number in range(2)}
    with start(tmp_path, *words) as child:
        said = child.stdout.read()
    assert child.returncode == 1
    assert "toy-2: continuing what was begun" in said
    assert {name: source for name, (_, source) in table(said).items()} == {
        name: "there already" if name in NAMES[:2] else "measured" for name in NAMES
    }
    after = results(tmp_path / "results")
    assert {name: after[name] for name in before} == before, "measured again"
    assert measured(tmp_path / "results") == whole
    assert not list((tmp_path / "runs").iterdir())
