"""Growth: slopes of times and of products, measured in turns, and what they say."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from rich.console import Console

from course_lib.bench import growth, rounds
from course_lib.bench.growth import AXES, FIXED, GRIDS, LENGTHS, curves, grown, slope
from course_lib.bench.match import SCALES, Work
from course_lib.bench.models import MODELS, Grows, Model
from course_lib.bench.rounds import count
from course_lib.bench.run import bench
from course_lib.chapters import CHAPTERS
from course_lib.experiments import run_to_end
from course_lib.experiments.claim import Progress
from course_lib.training import Setting

SETTING = Setting(deterministic=False)
BY_NAME = {model.name: model for model in MODELS}
GROWS = dict.fromkeys(AXES, Grows(3, "for a reason"))


class Synthetic:
    """A clock, and a model that takes T^1.5 C^2.25 / B seconds; its first step more.

    With too large a T it fails, and everything is slow in the first round.
    """

    name, chapter, written_out, grows = "synthetic", "rnn", "steps", GROWS

    def __init__(self):
        self.now, self.order, self.largest, self.slow = 0.0, [], math.inf, 1.0

    def work(self, sizes, path, setting):
        T, C, B = (sizes[letter] for letter in "TCB")
        steps = []

        def step():
            if self.largest < T:
                raise RuntimeError("out of memory\nand more")
            steps.append(1)
            self.order.append(T)
            # one to warm up, two to see how long it takes, then the rounds
            times = {1: 100.0, 4: self.slow}.get(len(steps), 1.0)
            self.now += times * T**1.5 * C**2.25 / B

        return Work(step, {})

    def seconds(self, work, device):
        start = self.now
        work()
        return self.now - start


@pytest.fixture
def synthetic(monkeypatch):
    made = Synthetic()
    monkeypatch.setattr(rounds, "seconds", made.seconds)
    monkeypatch.setattr(rounds, "LEAST", 0.0)
    monkeypatch.setattr(growth, "count", lambda step: 7)
    return made


@pytest.mark.parametrize(("axis", "power"), [("T", 1.5), ("C", 2.25), ("B", -1.0)])
def test_a_synthetic_clock_gives_its_power(synthetic, axis, power):
    found = grown(synthetic, axis, "cpu", SETTING, rounds=3)
    assert found["slope"] == pytest.approx(power)
    assert found["counted_slope"] == pytest.approx(0)
    assert (found["exponent"], found["words"]) == (3, "for a reason")
    assert found["sizes"] == list(GRIDS["cpu"][axis])
    assert found["fixed"] == {k: v for k, v in FIXED["cpu"].items() if k != axis}


def test_sizes_take_turns_and_a_slow_moment_is_no_slope(synthetic):
    sizes = GRIDS["cpu"]["T"]
    found = grown(synthetic, "T", "cpu", SETTING, rounds=3)
    assert synthetic.order[-3 * len(sizes) :] == [*sizes] * 3
    synthetic.slow = 50.0
    assert grown(synthetic, "T", "cpu", SETTING, 3)["ms"] == found["ms"]


def test_a_short_step_is_repeated_within_its_turn(synthetic, monkeypatch):
    monkeypatch.setattr(rounds, "LEAST", 1e9)
    monkeypatch.setattr(rounds, "MOST", 4)
    grown(synthetic, "T", "cpu", SETTING, rounds=1)
    sizes = GRIDS["cpu"]["T"]
    assert synthetic.order[-4 * len(sizes) :] == [T for T in sizes for _ in range(4)]


def test_a_size_that_fails_is_left_out_with_its_reason(synthetic):
    *fine, last = GRIDS["cpu"]["T"]
    synthetic.largest = fine[-1]
    found = grown(synthetic, "T", "cpu", SETTING, rounds=1)
    assert found["sizes"] == fine
    assert len(found["ms"]) == len(found["flop"]) == len(fine)
    assert found["slope"] == pytest.approx(1.5)
    assert found["left_out"] == {str(last): "out of memory"}
    said = {f"growth of synthetic with T {last}": "out of memory"}
    assert growth.failures(found) == said
    synthetic.largest = fine[0]
    found = grown(synthetic, "T", "cpu", SETTING, rounds=1)
    assert found["failed"] == "out of memory"
    assert "ms" not in found


def test_the_slope_is_the_least_squares_of_logarithms():
    assert slope((1, 10, 100), (5, 50, 500)) == pytest.approx(1)
    assert slope((2, 4, 8), (1, 8, 8)) == pytest.approx(1.5)
    with pytest.raises(ValueError, match=r"sizes: got \[3\], expected at least two"):
        slope((3,), (1,))


def counted(name, axis, sizes, **fixed):
    model, about = BY_NAME[name], {"T": 4, "C": 8, "B": 2} | fixed
    flop = [
        count(model.work(about | {axis: size}, model.written_out, SETTING).step)
        for size in sizes
    ]
    return slope(sizes, flop)


def test_the_products_of_attention_grow_between_t_and_t_squared_and_tend_to_it():
    name = "Transformer encoder"
    short, middle, long = (
        counted(name, "T", sizes, B=1) for sizes in ((8, 16), (64, 128), (256, 512))
    )
    assert 1 < short < middle < long < 2
    assert short < 1.4
    assert long > 1.8


def test_the_products_of_a_recurrence_grow_with_t():
    for name in ("RNN", "LSTM", "GRU"):
        assert counted(name, "T", (4, 8, 16)) == pytest.approx(1, abs=0.03)


def test_the_products_of_the_decoder_grow_with_t_squared_as_it_looks_at_all():
    name = "Bahdanau's decoder"
    short, long = (counted(name, "T", sizes, B=1) for sizes in ((4, 8), (32, 64)))
    assert 1 < short < 1.2 < long < 2


@pytest.mark.parametrize("name", BY_NAME)
def test_products_grow_with_c_squared_and_with_b(name):
    assert 1.7 < counted(name, "C", (256, 512), B=1) <= 2
    assert counted(name, "B", (2, 4, 8)) == pytest.approx(1, abs=0.15)


def test_every_chapter_with_a_model_of_its_own_is_there_and_a_part_can_be_chosen():
    without = {"seq2seq"}  # its parts are chapter 2's
    assert {m.chapter for m, _ in curves([])} | without == {c.name for c in CHAPTERS}
    assert [(m.name, axis) for m, axis in curves(["bert"])] == [
        ("BERT", axis) for axis in AXES
    ]


def test_grids_are_geometric_and_hold_four_or_five_points():
    grids = [GRIDS[scale][axis] for scale in ("cpu", "cuda") for axis in AXES]
    for found in LENGTHS.values():
        grids += found.values()
    for grid in grids:
        assert 4 <= len(grid) <= 5
        assert len({b / a for a, b in pairwise(grid)}) == 1
    assert FIXED.keys() == GRIDS.keys() == set(SCALES)


def test_one_that_fails_says_so_and_costs_no_other_anything():
    def build(T, C, B, path, setting):
        raise RuntimeError("out of memory\nand more")

    model = Model("too large", "bert", build, "written_out", GROWS)
    found = grown(model, "C", "quick", SETTING, rounds=1)
    assert found["failed"] == "out of memory"
    assert "ms" not in found
    fine = grown(BY_NAME["RNN"], "T", "quick", SETTING, rounds=1)
    console = Console(record=True, width=200)
    console.print(growth.table([found, fine]))
    said = console.export_text()
    assert "out of memory" in said
    assert f"T^{fine['slope']:.2f}" in said
    assert f"T^{fine['counted_slope']:.2f}" in said


def test_the_bench_ends_with_the_curves_of_its_chapters(monkeypatch):
    monkeypatch.setattr("course_lib.bench.rounds.LEAST", 0.0)
    monkeypatch.setattr("course_lib.bench.peak.SIDES", {"cpu": (64,)})
    seen = []
    said = run_to_end(bench(["rnn"], "quick", SETTING, rounds=1), seen.append)
    progress = [one.done / one.total for one in seen if isinstance(one, Progress)]
    assert [(one["model"], one["axis"]) for one in said["growth"]] == [
        ("RNN", axis) for axis in AXES
    ]
    assert all(len(one["ms"]) == len(one["sizes"]) for one in said["growth"])
    assert progress == sorted(progress)
    assert progress[-1] == 1
