"""The three layers that race in the page train as torch trains them."""

from __future__ import annotations

import itertools
from functools import cache

import pytest
import torch
from javascript import Generator, run
from torch import Tensor, nn

from course_lib.figures.lstm_gru import Race
from course_lib.lstm_gru import GRU, LSTM
from course_lib.rnn import RNN

KINDS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
SETTING = {"lag": 6, "hidden": 5, "bias": 1, "rate": 0.01, "seed": 7}
every_kind = pytest.mark.parametrize("kind", KINDS)


def close(got: object, expected: Tensor, tolerance: float = 1e-9) -> None:
    got = torch.tensor(got, dtype=torch.float64).view_as(expected)
    torch.testing.assert_close(got, expected.detach(), rtol=tolerance, atol=tolerance)


class Tagger(nn.Module):
    """A layer of the course, on torch's kernel, with one logit for each state."""

    def __init__(self, kind: str, inputs: int, hidden: int, random: Generator) -> None:
        super().__init__()
        self.layer = KINDS[kind](inputs, hidden)
        self.output = nn.Linear(hidden, 1)
        self.double()
        bound = hidden**-0.5
        for parameter in self.parameters():
            values = [
                bound * (2 * random.uniform() - 1) for _ in range(parameter.numel())
            ]
            parameter.data = torch.tensor(values, dtype=torch.float64).view_as(
                parameter
            )

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.layer(x)  # (B, T, I) -> (B, T, H)
        return self.output(states).squeeze(-1)  # (B, T)


# -- the gradient ---------------------------------------------------------------------

GRADIENT = """const { bptt, elman, initial, read } = await load("kit/train.js");
  const { gru, lstm } = await load("kit/gated.js");
  const { generator } = await load("kit/nn.js");
  const cell = { rnn: elman, lstm, gru }[kind];
  const p = initial(cell, inputs, hidden, generator(seed));
  const sequences = xs.map((x, n) => ({ xs: x, targets: targets[n] }));
  return bptt(cell, p, sequences);"""


@every_kind
@pytest.mark.parametrize("scored", ["every step", "some steps", "the last"])
def test_loss_and_gradient_equal_autograd(kind: str, scored: str) -> None:
    B, T, inputs, H = 3, 9, 3, 4
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(B, T, inputs, dtype=torch.float64, generator=generator)
    y = torch.randint(0, 2, (B, T), generator=generator).double()
    counts = torch.zeros(B, T, dtype=torch.bool)
    counts[:, {"every step": 0, "some steps": 4, "the last": -1}[scored] :] = True
    targets = [
        [v if c else None for v, c in zip(*row, strict=True)]
        for row in zip(y.tolist(), counts.tolist(), strict=True)
    ]
    given = {"kind": kind, "inputs": inputs, "hidden": H, "seed": 3}
    got = run(GRADIENT, **given, xs=x.tolist(), targets=targets)
    twin = Tagger(kind, inputs, H, Generator(3))
    logits = twin(x)
    loss = nn.functional.binary_cross_entropy_with_logits(logits[counts], y[counts])
    loss.backward()
    close(got["loss"], loss)
    close(got["outputs"], logits.sigmoid())
    right = (logits[counts] > 0) == (y[counts] > 0.5)
    assert got["accuracy"] == pytest.approx(right.double().mean().item())
    names = [n.removeprefix("layer.") for n, _ in twin.named_parameters()]
    assert [n.replace("output.", "") for n in names][: len(names) - 2] == list(
        got["gradient"]
    )[:-2]
    for values, parameter in zip(
        got["gradient"].values(), twin.parameters(), strict=True
    ):
        assert parameter.grad.abs().max() > 1e-6  # or it would prove nothing
        close(values, parameter.grad)


# -- the training ---------------------------------------------------------------------


class Twin:
    """One lane with torch, in float64, from the same random numbers."""

    def __init__(self, kind, lag, hidden, bias, rate, seed):
        self.lag, self.random = lag, Generator(seed + 1)
        self.model = Tagger(kind, 2, hidden, Generator(seed))
        if kind == "lstm":
            self.model.layer.bias_of("f").fill_(bias)
        self.adam = torch.optim.Adam(self.model.parameters(), lr=rate)

    def step(self) -> tuple[float, float]:
        signs = [
            [1.0 if self.random.uniform() >= 0.5 else -1.0 for _ in range(self.lag + 1)]
            for _ in range(16)
        ]
        x = torch.zeros(16, self.lag + 1, 2, dtype=torch.float64)
        x[..., 0] = torch.tensor(signs)
        x[:, 0, 1] = 1  # the mark
        y = (x[:, 0, 0] > 0).double()
        logits = self.model(x)[:, -1]
        loss = nn.functional.binary_cross_entropy_with_logits(logits, y)
        self.adam.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.adam.step()
        return loss.item(), ((logits > 0) == (y > 0.5)).double().mean().item()


TRAIN = """const { race, says, size } = await load("lstm_gru/recall.js");
  const one = race(setting);
  for (let n = 0; n < steps && one.running(); n++) one.step();
  return one.lanes.map((lane) => ({ ...lane, says: says(lane, one.shown),
    shown: one.shown, size: size(lane), steps: one.steps }));"""


@pytest.mark.parametrize(
    "change",
    [{}, {"bias": 3, "lag": 15}, {"bias": 0, "lag": 15, "rate": 0.03, "seed": 2}],
)
def test_a_race_trains_as_torch_does(change: dict) -> None:
    setting, steps = SETTING | change, 25
    for lane in run(TRAIN, setting=setting, steps=steps):
        assert lane["learned"] is None
        twin = Twin(lane["kind"], **setting)
        losses, accuracies = zip(*[twin.step() for _ in range(steps)], strict=True)
        close(lane["losses"], torch.tensor(losses, dtype=torch.float64), 1e-6)
        assert lane["accuracies"] == pytest.approx(accuracies)
        for values, parameter in zip(
            lane["parameters"].values(), twin.model.parameters(), strict=True
        ):
            close(values, parameter, 1e-6)
        x = torch.tensor([lane["shown"]["xs"]], dtype=torch.float64)
        close(lane["says"], twin.model(x)[0, -1].sigmoid(), 1e-6)


def test_parameters_are_one_to_four_to_three() -> None:
    """A GRU has H more: the bias inside its reset gate."""
    rnn, lstm, gru = run(TRAIN, setting=SETTING, steps=1)
    assert lstm["size"] == 4 * rnn["size"]
    assert gru["size"] == 3 * rnn["size"] + SETTING["hidden"]
    assert rnn["size"] == sum(p.numel() for p in RNN(2, 5).parameters())


# -- the race -------------------------------------------------------------------------


@cache
def raced(**change: int) -> dict[str, dict]:
    """A whole race from the figure's defaults."""
    figure = Race(**change)
    setting = {name: getattr(figure, name) for name in SETTING}
    return {lane["kind"]: lane for lane in run(TRAIN, setting=setting, steps=1000)}


def test_a_lane_finishes_where_it_was_right_about_enough() -> None:
    lanes = raced(lag=5)
    assert {lane["steps"] for lane in lanes.values()} == {
        max(lane["learned"] for lane in lanes.values())
    }
    for lane in lanes.values():
        accuracies = lane["accuracies"]
        assert len(accuracies) == lane["learned"]  # it trains no further
        means = [
            sum(accuracies[n - 20 : n]) / 20 for n in range(20, len(accuracies) + 1)
        ]
        assert means[-1] >= 0.95 > max(means[:-1], default=0)


def test_the_same_seed_is_the_same_race_and_the_data_are_shared() -> None:
    script = TRAIN.replace("race(setting)", "race({ ...setting, seed: 3 })")
    once, again = (run(script, setting=SETTING, steps=4) for _ in range(2))
    assert once == again
    for one, other in itertools.pairwise(once):
        assert one["shown"] == other["shown"]
        assert one["losses"] != other["losses"]
    other = run(TRAIN, setting=SETTING, steps=4)
    assert other[0]["losses"] != once[0]["losses"]


def test_what_the_caption_says_of_the_first_seed() -> None:
    lanes = raced()
    assert lanes["rnn"]["learned"] is None
    assert lanes["rnn"]["steps"] == 400
    assert lanes["lstm"]["learned"] < lanes["gru"]["learned"] <= 400


def test_what_the_caption_says_of_other_seeds() -> None:
    lanes = raced(seed=2)
    assert lanes["lstm"]["learned"] is not None
    assert lanes["rnn"]["learned"] is not None
    assert lanes["gru"]["learned"] is None


def test_without_a_forget_bias_the_lstm_does_not_learn_it() -> None:
    assert raced(bias=0)["lstm"]["learned"] is None


def test_what_the_caption_says_of_a_larger_learning_rate() -> None:
    assert all(lane["learned"] is not None for lane in raced(rate=0.03).values())


@pytest.mark.parametrize(
    ("learned", "says", "first"),
    [
        (
            [None, 40, 90],
            "Learned by the LSTM at step 40, the GRU at step 90. "
            "Not within 400 steps: the RNN.",
            ["lstm"],
        ),
        (
            [50, None, None],
            "Learned by the RNN at step 50. "
            "Not within 400 steps: the LSTM and the GRU.",
            ["rnn"],
        ),
        (
            [30, 30, 31],
            "Learned by the RNN at step 30, the LSTM at step 30, the GRU at step 31.",
            ["rnn", "lstm"],
        ),
        ([None] * 3, "None of them learned it within 400 steps.", None),
    ],
)
def test_how_a_race_ended_in_words(learned, says, first) -> None:
    lanes = [{"kind": k, "learned": n} for k, n in zip(KINDS, learned, strict=True)]
    script = """const { outcome, winners } = await load("lstm_gru/race.js");
      return [outcome({ lanes }), winners({ lanes })];"""
    told, won = run(script, lanes=lanes)
    assert told == says
    if first:
        assert won == first
