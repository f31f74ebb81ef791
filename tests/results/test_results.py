from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from course_lib.files import write_whole
from course_lib.results import Result, Run, Verdict, stored
from course_lib.results.table import band, duration, mean_and_sd, number

RUNS = (
    Run(
        0, {"loss": 0.1234567891, "rate": 2e-8}, {"losses": [1.0, 0.5]}, 2.0, 50.0, 9.0
    ),
    Run(1, {"loss": 0.2, "rate": 4e-8}, {"losses": [1.0, 0.4]}, 4.0, 25.0, 12.0),
)
VERDICTS = (
    Verdict("loss", "the loss is < 1", None, 1.0, 0.161728, 0.0541241, "nats", True),
    Verdict("rate", "it decays", 1e-9, 1e-7, 3e-8, 1.41421e-8, "per step", False),
)
RESULT = Result(
    experiment="toy",
    scale="quick",
    claim={
        "chapter": "00",
        "says": "Small <models> & big claims.",
        "source": "Elman (1990), figure 3",
        "paper": "0.2 nats.",
    },
    verdicts=VERDICTS,
    config={"steps": 12, "widths": [3, 2]},
    runs=RUNS,
    machine={
        "device": "cpu",
        "device_name": "A CPU",
        "precision": "float32",
        "threads": 2,
        "python": "3.11.7",
        "torch": "2.13.0",
        "course_lib": "0.1.0",
        "commit": "abc123",
    },
)


def test_a_stored_result_comes_back_and_is_written_the_same(tmp_path):
    path = RESULT.save(tmp_path)
    assert path == tmp_path / "toy.quick.json"
    again = Result.load(path)
    assert again.verdicts == RESULT.verdicts
    assert again.runs[0].metrics["loss"] == 0.123457, "six significant digits"
    assert again.runs[0].metrics["rate"] == 2e-8
    assert again.to_json() == RESULT.to_json()
    assert stored("toy", "quick", tmp_path) == again
    assert [p.name for p in tmp_path.iterdir()] == ["toy.quick.json"]


def test_numbers_that_are_not_finite_are_stored_as_null_and_come_back_as_nan(tmp_path):
    run = replace(
        RUNS[0],
        metrics={"loss": math.nan, "rate": math.inf},
        series={"losses": [1.0, math.nan]},
        peak_memory_mib=math.nan,
    )
    verdict = replace(VERDICTS[0], mean=math.nan, sd=None, holds=False)
    path = replace(RESULT, runs=(run,), verdicts=(verdict,)).save(tmp_path)
    assert "NaN" not in path.read_text()
    assert "Infinity" not in path.read_text()
    again = Result.load(path)
    assert math.isnan(again.runs[0].metrics["loss"])
    assert again.runs[0].series["losses"] == [1.0, None]
    assert math.isnan(again.verdicts[0].mean)
    assert "not a number" in again._repr_html_()
    assert "peak" not in repr(again)


@pytest.mark.parametrize("damage", ["half", "no runs", "new field", "a list"])
def test_a_file_of_another_form_says_so(tmp_path, damage):
    path = RESULT.save(tmp_path)
    said = json.loads(path.read_text())
    if damage == "no runs":
        del said["runs"]
    if damage == "new field":
        said["verdicts"][0]["colour"] = "green"
    text = json.dumps([said] if damage == "a list" else said)
    path.write_text(text[: len(text) // 2] if damage == "half" else text)
    with pytest.raises(ValueError, match="not a result of this version"):
        Result.load(path)


def test_a_missing_result_names_the_command_that_measures_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="course run toy --scale cpu --seeds 3"):
        stored("toy", "cpu", tmp_path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    write_whole(path, "old")

    def full(fd):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"


def test_mean_and_sd_over_the_seeds():
    assert RESULT.mean("loss") == pytest.approx(0.16172839455)
    assert RESULT.sd("loss") == pytest.approx(0.0541241, rel=1e-5)
    assert replace(RESULT, runs=RUNS[:1]).sd("loss") is None
    assert not RESULT.holds
    assert replace(RESULT, verdicts=VERDICTS[:1]).holds


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0, "0"),
        (0.123456, "0.1235"),
        (-12.0, "−12"),
        (1234.4, "1 234"),
        (123456.0, "123 456"),
        (2.1e-8, "2.1 × 10⁻⁸"),
        (-3.5e12, "−3.5 × 10¹²"),
        (0.001, "0.001"),
        (0.0009999, "9.999 × 10⁻⁴"),
        (math.inf, "∞"),
        (math.nan, "not a number"),
    ],
)
def test_a_number_is_written_for_people(value, said):
    assert number(value) == said


@pytest.mark.parametrize(
    ("mean", "sd", "said"),
    [
        (0.93124, 0.0123, "0.931 ± 0.012"),
        (0.93124, None, "0.9312"),
        (0.93124, 0.0, "0.9312 ± 0"),
        (123.456, 20.0, "123 ± 20"),
        (33_044.2, 1_131.4, "33 044 ± 1 131"),
        (2.1e-8, 3e-9, "(2.10 ± 0.30) × 10⁻⁸"),
        (-0.5, 0.1, "−0.50 ± 0.10"),
        (0.0, 0.25, "0.00 ± 0.25"),
        (-5.8e-19, 0.0217, "0.000 ± 0.022"),
        (math.nan, 1.0, "not a number"),
    ],
)
def test_a_mean_is_rounded_to_what_its_sd_supports(mean, sd, said):
    assert mean_and_sd(mean, sd) == said


def test_a_band_is_written_for_people():
    low, high = replace(VERDICTS[1], high=None), VERDICTS[0]
    assert band(low) == "≥ 1 × 10⁻⁹"
    assert band(high) == "≤ 1"
    assert band(VERDICTS[1]) == "1 × 10⁻⁹ to 1 × 10⁻⁷"


def test_durations():
    said = [duration(s) for s in (0.41, 12.4, 59.6, 200, 3900)]
    assert said == ["0.4 s", "12 s", "1 min 00 s", "3 min 20 s", "1 h 05 min"]


class Cells(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.cells, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag in ("caption", "th", "td"):
            self.cells.append([tag, dict(attrs).get("scope"), ""])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if set(self.open) & {"caption", "th", "td"}:
            self.cells[-1][2] += data


def test_the_table_is_accessible_and_says_it_in_words():
    html = RESULT._repr_html_()
    cells = Cells(html).cells
    assert cells[0] == [
        "caption",
        None,
        "✗ does not hold here: Small <models> & big claims.",
    ]
    assert [c[:2] for c in cells[1:5]] == [["th", "col"]] * 4
    assert cells[2][2] == "Measured (mean ± sd, 2 seeds)"
    assert [c[2] for c in cells[5:9]] == [
        "the loss is < 1",
        "0.162 ± 0.054 nats",
        "≤ 1",
        "✓ holds",
    ]
    assert cells[5][:2] == ["th", "row"]
    assert [c[2] for c in cells[9:]] == [
        "it decays",
        "(3.0 ± 1.4) × 10⁻⁸ per step",
        "1 × 10⁻⁹ to 1 × 10⁻⁷",
        "✗ does not hold",
    ]
    assert "✗ does not hold</strong> at the scale “quick”" in html
    assert "The source says (Elman (1990), figure 3): 0.2 nats." in html
    assert (
        "<summary>Where and how it was measured</summary>"
        "<p>Measured on A CPU, 2 threads, float32, 3.0 s per seed, 38 tokens/s, "
        "peak memory 12 MiB, torch 2.13.0, commit abc123.</p></details>" in html
    )
    assert html == RESULT._repr_html_()
    holds = replace(RESULT, verdicts=VERDICTS[:1])._repr_html_()
    assert Cells(holds).cells[0][2] == "Small <models> & big claims."
    assert not re.search(r"#[0-9a-f]{3,6}\b|rgb\(", html), "colours come from the page"


def test_the_text_says_the_same():
    lines = repr(RESULT).splitlines()
    assert lines[0] == "toy · quick: Small <models> & big claims."
    assert lines[1] == (
        "  ✓ holds: the loss is < 1: 0.162 ± 0.054 nats "
        "(mean ± sd, 2 seeds; it holds if ≤ 1)"
    )
    assert lines[2].startswith("  ✗ does not hold: it decays")


@pytest.mark.parametrize(
    ("used", "says"),
    [
        ({}, "A CPU, 2 threads, float32"),
        ({"devices": 1}, "A CPU, 2 threads, float32"),
        ({"devices": 2, "threads": 1}, "A CPU, 2 processes, 1 thread each, float32"),
        ({"device": "cuda"}, "A CPU, cuda, float32"),
        ({"device": "cuda", "devices": 2}, "A CPU, 2 GPUs, float32"),
    ],
)
def test_the_table_says_how_many_devices_shared_the_work(used, says):
    shown = repr(replace(RESULT, machine={**RESULT.machine, **used}))
    assert f"Measured on {says}" in shown
