"""A match: who is compared, who is timed, in which order, and what is said of it."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from course_lib.bench import report, rounds
from course_lib.bench.match import (
    Contender,
    Match,
    Work,
    differences,
    forward_and_backward,
    training_step,
)
from course_lib.bench.rounds import count, extra_mib, play
from course_lib.training import Setting

TRUE = {"output": torch.tensor([1.0, 2.0, 4.0])}


class Clock:
    """A contender's step takes as long as it says; nothing else takes any time."""

    def __init__(self) -> None:
        self.now, self.order = 0.0, []

    def work(self, name, taken, values=TRUE):
        laps = iter(taken)

        def step():
            self.order.append(name)
            self.now += next(laps)

        return lambda setting: Work(step, values)

    def seconds(self, work, device):
        start = self.now
        work()
        return self.now - start


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(rounds, "seconds", made.seconds)
    monkeypatch.setattr(rounds, "LEAST", 0.0)
    monkeypatch.setattr(rounds, "extra_mib", lambda step, device: 3.0)
    return made


def match(*contenders, **changes):
    return Match("a model", "rnn", "decoding", {"B": 2}, 10, contenders, **changes)


def played(of, count=3):
    *_, (_, _, result) = play(of, Setting(), count)
    return result


def test_they_take_turns_after_all_were_compared_and_warm(clock):
    ours = Contender("ours", "ours", clock.work("A", [9, 9, 9, 1, 2, 3]))
    other = Contender("other", "peer", clock.work("B", [9, 9, 9, 2, 8, 6]))
    result = played(match(ours, other))
    assert clock.order == list("AB") + list("AABB") + list("ABABAB")
    assert result.by["ours"].seconds == (1, 2, 3)
    assert result.by["other"].seconds == (2, 8, 6)
    stored = report.stored(result, peak=1.0)["contenders"]
    assert [one["speed_up"] for one in stored] == [1, 3]


def test_a_short_step_is_repeated_within_its_turn(clock, monkeypatch):
    monkeypatch.setattr(rounds, "LEAST", 0.5)
    laps = [9, 0.125, 0.125, 0.125, 0.25, 0.5, 0.125]
    result = played(match(Contender("ours", "ours", clock.work("A", laps))), 1)
    assert result.by["ours"].seconds == (0.25,)


@pytest.mark.parametrize(
    "values",
    [
        {"output": torch.tensor([1.0, 2.0, 4.1])},
        {"output": torch.tensor([1.0, 2.0, math.nan])},
        {"output": torch.tensor([1.0, 2.0])},
        {},
    ],
)
def test_who_computes_something_else_is_not_timed(clock, values):
    ours = Contender("ours", "ours", clock.work("A", [1] * 6))
    other = Contender("other", "peer", clock.work("B", [1], values))
    right = Contender("right", "peer", clock.work("C", [1] * 6))
    result = played(match(ours, other, right))
    assert "computes other values" in result.by["other"].failed
    assert result.by["other"].seconds == ()
    assert clock.order.count("B") == 1
    assert len(result.by["right"].seconds) == 3


def test_a_difference_within_the_tolerance_is_said_and_timed(clock):
    near = {"output": TRUE["output"] + 2e-5, "more": torch.ones(1)}
    ours = Contender("ours", "ours", clock.work("A", [1] * 12))
    other = Contender("other", "peer", clock.work("B", [1] * 12, near))
    result = played(match(ours, other))
    assert result.by["other"].apart == pytest.approx(5e-6, rel=0.02)
    assert not result.by["other"].failed
    result = played(match(ours, other, tolerance=1e-6))
    assert result.by["other"].failed


def missing(setting):
    raise ImportError("timm is not installed\nand more")


def broken(setting):
    raise RuntimeError("CUDA error: no kernel\nand more")


def crowded(setting):
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 7 GiB")


def test_who_is_missing_or_fails_is_named_and_costs_no_other(clock):
    result = played(
        match(
            Contender("ours", "ours", clock.work("A", [1] * 6)),
            Contender("timm", "peer", missing),
            Contender("theirs", "peer", broken),
            Contender("large", "peer", crowded),
            Contender("last", "limit", clock.work("B", [1] * 6)),
        )
    )
    assert result.by["timm"].missing == "timm is not installed"
    assert result.by["theirs"].failed == "CUDA error: no kernel"
    assert result.by["large"].failed == "needs more memory than there is"
    assert len(result.by["last"].seconds) == 3


def test_without_ours_there_is_no_match(clock):
    with pytest.raises(ValueError, match="a model: ours failed: CUDA error: no kernel"):
        played(match(Contender("ours", "ours", broken)))


def test_a_match_begins_with_ours_and_names_are_told_apart(clock):
    ours = Contender("ours", "ours", missing)
    with pytest.raises(ValueError, match="expected different names and one of ours"):
        match(Contender("d2l", "peer", missing), ours)
    with pytest.raises(ValueError, match="expected different names"):
        match(ours, ours)
    with pytest.raises(ValueError, match="counted: got 'theirs', expected one of ours"):
        match(ours, counted="theirs")
    with pytest.raises(
        ValueError, match="kind: got 'them', expected one of ours, peer"
    ):
        Contender("x", "them", missing)


def test_all_begin_with_the_same_random_numbers(clock):
    drawn = []

    def prepare(setting):
        drawn.append(torch.rand(3))
        return clock.work("any", [1] * 6)(setting)

    played(match(Contender("ours", "ours", prepare), Contender("b", "peer", prepare)))
    assert torch.equal(*drawn)


def test_the_difference_is_of_the_largest_entry_of_ours():
    ours = {"a": torch.tensor([0.0, 8.0]), "b": torch.tensor([1e-3])}
    assert differences(ours, ours) == 0
    theirs = {"a": torch.tensor([0.4, 8.0]), "b": torch.tensor([1.1e-3])}
    assert differences(theirs, ours) == pytest.approx(0.1)


def test_a_training_step_is_that_of_the_course_and_values_are_from_before_it():
    model = nn.Linear(3, 1)
    batch = torch.randn(5, 3)

    def loss(model, batch):
        return model(batch).square().mean()

    before, was = loss(model, batch), model.weight.detach().clone()
    work = training_step(
        model,
        loss,
        batch,
        lambda m: {"weight": m.weight.grad},
        Setting(),
        nn.Module.__call__,
    )
    assert torch.equal(model.weight, was)
    assert torch.equal(work.values["loss"], before)
    assert torch.equal(work.values["output"], model(batch))
    gradient = torch.autograd.grad(before, model.weight)[0]
    torch.testing.assert_close(work.values["weight"], gradient)
    step = work.step()
    assert step.number == 1
    moved = (model.weight - was).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 1e-4), rtol=1e-3, atol=0)


def test_a_gradient_that_was_not_made_is_an_error():
    model, unused = nn.Linear(2, 1), nn.Linear(2, 1)
    with pytest.raises(ValueError, match="got none of unused"):
        training_step(
            model,
            lambda model, batch: model(batch).sum(),
            torch.ones(1, 2),
            lambda _: {"unused": unused.weight.grad},
            Setting(),
        )


def test_forward_and_backward_gives_output_and_gradients_and_never_adds_up():
    x, layer = torch.randn(4, 3, requires_grad=True), nn.Linear(3, 2)
    work = forward_and_backward(lambda: layer(x), {"x": x}, layer)
    signs = torch.tensor([1.0, -1.0]).expand(4, 2) / math.sqrt(8)
    torch.testing.assert_close(work.values["of x"], signs @ layer.weight)
    torch.testing.assert_close(work.values["output"], layer(x).detach())
    for _ in range(2):
        work.step()
        torch.testing.assert_close(layer.weight.grad, signs.T @ x.detach())


def test_products_are_counted():
    a, b = torch.ones(3, 4), torch.ones(4, 5)
    assert count(lambda: a @ b) == 2 * 3 * 4 * 5


def test_memory_is_that_of_the_peak_and_not_what_was_there_before():
    mib = 2**20 // 4  # of float32
    there = torch.ones(64 * mib)

    def step():
        more = torch.ones(48 * mib)
        (more + there[: len(more)]).sum()  # two of them at once

    assert extra_mib(step, "cpu") == pytest.approx(96, abs=12)


def test_memory_is_not_known_where_its_peak_cannot_be_measured_anew(monkeypatch):
    monkeypatch.setattr(rounds, "reset_peak", lambda device: False)
    assert math.isnan(extra_mib(lambda: torch.ones(2**20), "cpu"))


def test_bfloat16_is_timed_and_values_are_compared_in_float32(clock):
    x, layer, seen = torch.randn(3, 4), nn.Linear(4, 2), []

    def prepare(setting):
        def call():
            seen.append(layer(x))
            clock.now += 1
            return seen[-1]

        return forward_and_backward(call, {"weight": layer.weight})

    setting = Setting(precision="bfloat16")
    [*play(match(Contender("ours", "ours", prepare)), setting, 1)]
    kinds = [tensor.dtype for tensor in seen]
    assert kinds[:2] == [torch.float32] * 2, "for the values"
    assert set(kinds[2:]) == {torch.bfloat16}


def test_bfloat16_does_not_go_on_with_the_weights_of_the_turn_before(monkeypatch):
    """Autocast keeps its copies of weights until it is left."""
    monkeypatch.setattr(rounds, "LEAST", 1e9)  # all steps of a turn
    monkeypatch.setattr(rounds, "MOST", 3)
    layer, x, seen = nn.Linear(2, 1, bias=False), torch.ones(1, 2), []

    def prepare(setting):
        def step():
            y = layer(x)
            seen.append(y.item())
            with torch.no_grad():
                layer.weight += 1

        return Work(step, TRUE)

    setting = Setting(precision="bfloat16")
    [*play(match(Contender("ours", "ours", prepare)), setting, 1)]
    assert all(after > before for before, after in pairwise(seen))


def test_one_that_fails_amid_the_rounds_costs_no_other(clock):
    def tires(setting):
        work = clock.work("B", [1] * 4)(setting)  # then it raises StopIteration

        def step():
            try:
                work.step()
            except StopIteration:
                raise TypeError("it is tired") from None

        return Work(step, TRUE)

    result = played(
        match(
            Contender("ours", "ours", clock.work("A", [1] * 6)),
            Contender("other", "peer", tires),
        )
    )
    assert result.by["other"].failed == "it is tired"
    assert result.by["other"].seconds == ()
    assert len(result.by["ours"].seconds) == 3


def test_tokens_are_the_same_or_not():
    ours = {"tokens": torch.tensor([[15_999, 3]])}
    assert differences(ours, ours) == 0
    assert differences({"tokens": torch.tensor([[15_998, 3]])}, ours) == math.inf
