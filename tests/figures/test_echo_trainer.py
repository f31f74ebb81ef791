"""The trainer in the page trains as torch does."""

from __future__ import annotations

import pytest
import torch
from javascript import Generator, run
from torch import nn

from course_lib.figures.rnn import EchoTrainer

BATCH, STEPS = 16, 20
SETTING = {"lag": 3, "hidden": 6, "rate": 0.01, "clip": None, "seed": 7}


class Twin:
    """The same training with torch, in float64, from the same random numbers."""

    def __init__(self, lag, hidden, rate, clip, seed):
        self.lag, self.clip = lag, clip
        weights, self.bits = Generator(seed), Generator(seed + 1)
        bound = hidden**-0.5
        self.rnn = nn.RNN(1, hidden, batch_first=True).double()
        self.output = nn.Linear(hidden, 1).double()
        del self.rnn.bias_hh_l0  # one bias, as in the figure
        self.rnn.bias_hh_l0 = torch.zeros(hidden, dtype=torch.float64)
        for parameter in self.parameters():
            values = [
                bound * (2 * weights.uniform() - 1) for _ in range(parameter.numel())
            ]
            parameter.data = torch.tensor(values, dtype=torch.float64).view_as(
                parameter
            )
        self.adam = torch.optim.Adam(self.parameters(), lr=rate)

    def parameters(self):
        rnn, output = self.rnn, self.output
        return [
            *(rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0),
            *(output.weight, output.bias),
        ]

    def step(self):
        length = self.lag + 12
        bits = [
            [self.bits.uniform() < 0.5 for _ in range(length)] for _ in range(BATCH)
        ]
        y = torch.tensor(bits, dtype=torch.float64)  # (B, T)
        logits = self.output(self.rnn(2 * y.unsqueeze(-1) - 1)[0]).squeeze(-1)  # (B, T)
        said, target = logits[:, self.lag :], y[:, : length - self.lag]
        loss = nn.functional.binary_cross_entropy_with_logits(said, target)
        self.adam.zero_grad()
        loss.backward()
        limit = self.clip or float("inf")
        size = nn.utils.clip_grad_norm_(self.parameters(), limit)
        self.adam.step()
        accuracy = ((said > 0) == (target > 0.5)).double().mean()
        return loss.item(), size.item(), accuracy.item()


SCRIPT = """const { training } = await load("rnn/echo.js");
  const run = training(setting);
  const curve = Array.from({ length: steps }, () => {
    const { loss, size, accuracy } = run.step();
    return [loss, size, accuracy];
  });
  return { curve, parameters: Object.values(run.parameters) };"""


@pytest.mark.parametrize(
    "change",
    [{}, {"clip": 0.1}, {"lag": 8, "hidden": 16, "seed": 2}, {"rate": 0.1, "lag": 1}],
)
def test_twenty_steps_equal_torch(change: dict) -> None:
    setting = SETTING | change
    got = run(SCRIPT, setting=setting, steps=STEPS)
    twin = Twin(**setting)
    expected = [twin.step() for _ in range(STEPS)]
    torch.testing.assert_close(
        torch.tensor(got["curve"], dtype=torch.float64),
        torch.tensor(expected, dtype=torch.float64),
        rtol=0,
        atol=1e-6,
    )
    for values, parameter in zip(got["parameters"], twin.parameters(), strict=True):
        torch.testing.assert_close(
            torch.tensor(values, dtype=torch.float64),
            parameter.detach().flatten(),
            rtol=0,
            atol=1e-6,
        )


def test_gradients_equal_autograd() -> None:
    """One step, before Adam can hide a scale: Adam's first step is only the sign."""
    setting = SETTING | {"lag": 4, "hidden": 5}
    script = """const { training } = await load("rnn/echo.js");
      const { bptt, elman, initial } = await load("kit/train.js");
      const { generator } = await load("kit/nn.js");
      const random = generator(setting.seed + 1);
      const sequences = Array.from({ length: 16 }, () => {
        const bits = Array.from({ length: setting.lag + 12 },
          () => Number(random.uniform() < 0.5));
        const targets = bits.map((_, t) => bits[t - setting.lag] ?? null);
        return { xs: bits.map((b) => [2 * b - 1]), targets };
      });
      const p = initial(elman, 1, setting.hidden, generator(setting.seed));
      return Object.values(bptt(elman, p, sequences).gradient);"""
    twin = Twin(**setting)
    twin.step()
    for values, parameter in zip(
        run(script, setting=setting), twin.parameters(), strict=True
    ):
        torch.testing.assert_close(
            torch.tensor(values, dtype=torch.float64),
            parameter.grad.flatten(),
            rtol=1e-10,
            atol=1e-14,
        )


def test_it_learns_what_it_starts_with() -> None:
    """The figure's own defaults reach their lag well within the reader's patience."""
    figure = EchoTrainer()
    setting = {key: getattr(figure, key) for key in SETTING}
    curve = run(SCRIPT, setting=setting, steps=300)["curve"]
    first, last = curve[0], curve[-1]
    assert first[0] == pytest.approx(0.693, abs=0.1)  # chance: ln 2
    assert last[0] < 0.05
    assert last[2] > 0.95
    assert run(SCRIPT, setting=setting, steps=5)["curve"] == curve[:5]  # from its seed


def test_a_large_rate_without_clipping_does_not_learn() -> None:
    setting = SETTING | {"rate": 1.0, "lag": 10}
    assert run(SCRIPT, setting=setting, steps=200)["curve"][-1][2] < 0.8
