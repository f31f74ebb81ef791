"""One memory cell with gates set by hand: what it computes, and what it says."""

from __future__ import annotations

import pytest
import torch
from javascript import run
from torch import Tensor

from course_lib.figures.lstm_gru import GateConsole

T = 21
SEEDS = range(12)
CHALLENGES = GateConsole.arguments["challenge"].options


def compute(cell: str, gates: dict[str, list[float]], xs: list[float]) -> dict:
    """One list for each part of the steps."""
    script = """const { run } = await load("lstm_gru/gates.js");
      return run(cell, gates, xs);"""
    steps = run(script, cell=cell, gates=gates, xs=xs)
    return {key: [step[key] for step in steps] for key in steps[0]}


def judge(
    challenge: str, cell: str, gates: dict | str, seed: int = 1
) -> tuple[str | None, dict]:
    """What the challenge says of gates, or of its own solution; and the last steps."""
    script = """const { CHALLENGES, run, stream, untouched, wanted } =
        await load("lstm_gru/gates.js");
      const read = stream(challenge, seed);
      const own = gates === "untouched" ? untouched(cell)
        : gates === "solution" ? CHALLENGES[challenge].solution({ cell, xs: read.xs })
        : gates;
      if (own === null) return null;
      const steps = run(cell, own, read.xs);
      const goal = wanted(challenge, read);
      const says = CHALLENGES[challenge].check({ cell, steps, goal });
      return [says, { steps, goal, read, own }];"""
    return run(script, challenge=challenge, cell=cell, gates=gates, seed=seed)


def random_gates(cell: str) -> tuple[dict[str, Tensor], Tensor]:
    generator = torch.Generator().manual_seed(0)

    def uniform() -> Tensor:
        return torch.rand(T, dtype=torch.float64, generator=generator)

    names = "fio" if cell == "LSTM" else "zr"
    return {name: uniform() for name in names}, 2 * uniform() - 1


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_values_and_gradients_equal_autograd(cell: str) -> None:
    gates, xs = random_gates(cell)
    kept, shown, before = [], [], torch.zeros((), dtype=torch.float64)
    for t, x in enumerate(xs):
        at = {name: values[t] for name, values in gates.items()}
        if cell == "LSTM":
            before = at["f"] * before + at["i"] * torch.tanh(3 * x)
            shown.append(at["o"] * before.tanh())
        else:
            candidate = torch.tanh(3 * (x + at["r"] * before))
            before = at["z"] * before + (1 - at["z"]) * candidate
            shown.append(before)
        kept.append(before.requires_grad_())
    gradient = torch.autograd.grad(kept[-1], kept)
    got = compute(cell, {k: v.tolist() for k, v in gates.items()}, xs.tolist())
    for name, expected in {"kept": kept, "shown": shown, "gradient": gradient}.items():
        torch.testing.assert_close(
            torch.tensor(got[name], dtype=torch.float64),
            torch.stack(list(expected)).detach(),
            rtol=1e-12,
            atol=1e-14,
        )


def latch(f: float, o: float = 1) -> dict[str, list[float]]:
    return {"f": [f] * T, "i": [1] + [0] * (T - 1), "o": [o] * T}


def test_a_forget_gate_of_nine_tenths_loses_the_same_of_value_and_gradient() -> None:
    _, xs = random_gates("LSTM")
    got = compute("LSTM", latch(0.9), xs.tolist())
    assert got["kept"][-1] / got["kept"][0] == pytest.approx(0.9**20)
    assert got["gradient"][0] == pytest.approx(0.9**20)
    whole = compute("LSTM", latch(1), xs.tolist())
    assert whole["kept"] == [whole["kept"][0]] * T
    assert whole["gradient"] == [1] * T


def test_the_output_gate_hides_and_does_not_forget() -> None:
    _, xs = random_gates("LSTM")
    opened, closed = (compute("LSTM", latch(1, o), xs.tolist()) for o in (1, 0))
    assert opened["kept"] == closed["kept"]
    assert opened["gradient"] == closed["gradient"]
    assert closed["shown"] == [0] * T


def test_a_gru_that_only_resets_is_a_plain_rnn() -> None:
    """It may hold a bit, in a corner of tanh, where the gradient dies."""
    says, _ = judge("remember", "GRU", {"z": [0] * T, "r": [1] * T})
    assert "The value is there" in says
    assert "a network could hold this bit, but hardly learn to" in says


# -- the challenges -------------------------------------------------------------------


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_what_is_read(challenge: str) -> None:
    script = """const { stream } = await load("lstm_gru/gates.js");
      return seeds.map((seed) => stream(challenge, seed));"""
    streams = run(script, challenge=challenge, seeds=list(SEEDS))
    assert {stream["xs"][0] for stream in streams} == {-1, 1}
    expected = {"replace": [0, 10], "count": list(range(T))}.get(challenge, [0])
    for stream in streams:
        assert len(stream["xs"]) == T
        assert stream["bits"] == expected
        for t, x in enumerate(stream["xs"]):
            assert abs(x) == 1 if t in expected else 0 < abs(x) <= 0.4
        if challenge == "replace":
            assert stream["xs"][10] == -stream["xs"][0]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("challenge", CHALLENGES)
def test_untouched_gates_fail_and_the_solution_does_it(challenge, seed) -> None:
    for cell in ("LSTM", "GRU"):
        says, _ = judge(challenge, cell, "untouched", seed)
        assert says
        solved = judge(challenge, cell, "solution", seed)
        if cell == "GRU" and challenge in ("reveal", "count"):
            assert solved is None
            assert says.startswith("A GRU cannot")
        else:
            assert solved[0] is None


def test_each_cell_says_what_there_is_to_learn() -> None:
    script = """const { CHALLENGES } = await load("lstm_gru/gates.js");
      const own = (c) => [Object.keys(c.learned),
        ["LSTM", "GRU"].filter((cell) => c.solution({ cell, xs: [] }))];
      return Object.values(CHALLENGES).map(own);"""
    for said, solved in run(script):
        assert said == solved


def steps_with(values: dict[int, float], otherwise: float) -> list[float]:
    return [values.get(t, otherwise) for t in range(T)]


@pytest.mark.parametrize(
    ("challenge", "cell", "gates", "says"),
    [
        ("remember", "LSTM", latch(0.9), "0.12 of that is kept (the product of the f)"),
        (
            "remember",
            "LSTM",
            latch(1) | {"i": steps_with({0: 0.5}, 0)},
            "Step 1 writes 50\u00a0% of the bit (i).",
        ),
        (
            "remember",
            "LSTM",
            latch(1) | {"i": [1] * T},
            "The noise that was written adds",
        ),
        (
            "remember",
            "GRU",
            {"z": steps_with({0: 0}, 0.9), "r": [0] * T},
            "0.12 of that is kept (the product of the z)",
        ),
        (
            "remember",
            "GRU",
            {"z": [0.5] * T, "r": [0.5] * T},
            "the candidate mixes the old state with the noise",
        ),
        ("replace", "LSTM", latch(0.5), "Before the mark, c₁₀ = 0.00"),
        (
            "replace",
            "LSTM",
            latch(1) | {"i": steps_with({0: 1, 10: 1}, 0)},
            "c₂₁ = 0.00, and the new bit is −1.00. 1.00 of it is the old bit",
        ),
        ("replace", "LSTM", latch(1), "1.00 of it is the old bit, still kept."),
        (
            "replace",
            "LSTM",
            {**latch(1), "f": steps_with({10: 0}, 1)},
            "It is not what was written at the mark",
        ),
        ("reveal", "LSTM", latch(1), "h₁ = 0.76 shows already."),
        ("reveal", "LSTM", latch(1, 0), "The cell has it: open o."),
        (
            "reveal",
            "LSTM",
            {**latch(0.9), "o": steps_with({20: 1}, 0)},
            "0.12 of that is kept",
        ),
        (
            "count",
            "LSTM",
            {"f": [1] * T, "i": [1] * T, "o": [1] * T},
            "Write the ones, and only the ones.",
        ),
        (
            "count",
            "LSTM",
            {"f": [0.9] * T, "i": [1] * T, "o": [1] * T},
            "Where f is below 1 it forgets",
        ),
    ],
)
def test_it_says_what_is_missing(challenge, cell, gates, says) -> None:
    """With seed 1, whose first bit is +1."""
    assert says in judge(challenge, cell, gates)[0]


def test_what_is_left_is_the_sum_of_what_was_written() -> None:
    """The sentence about the noise rests on this."""
    gates, xs = random_gates("LSTM")
    got = compute("LSTM", {k: v.tolist() for k, v in gates.items()}, xs.tolist())
    shares = [
        g * w for g, w in zip(got["gradient"], got["written"], strict=True)
    ]  # the empty past adds nothing
    assert got["kept"][-1] == pytest.approx(sum(shares), rel=1e-12)


def test_the_count_is_of_the_ones() -> None:
    _, end = judge("count", "LSTM", "solution")
    ones = sum(x > 0 for x in end["read"]["xs"])
    assert 3 < ones < 18
    assert end["steps"][-1]["kept"] == pytest.approx(ones, abs=0.1)
    assert end["goal"][-1] == pytest.approx(end["steps"][-1]["kept"])


def test_one_leak_is_enough() -> None:
    leaky = latch(1) | {"f": steps_with({12: 0.7}, 1)}
    assert "0.70 of that is kept" in judge("remember", "LSTM", leaky)[0]
    fine = latch(1) | {"f": steps_with({12: 0.95}, 1)}
    assert judge("remember", "LSTM", fine)[0] is None
