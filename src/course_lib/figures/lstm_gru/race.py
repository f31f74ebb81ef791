"""RNN, LSTM and GRU learn the same task from the same data, in the page."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Number
from course_lib.figures.base import Figure


class Race(Figure):
    """Three layers train in the page on delayed recall, by BPTT, clipping and Adam.

    The sign of the first step, +1 or -1, must be said after ``lag`` steps with other
    signs; only the first is marked. All three have the same size, sequences, learning
    rate and budget; a sweep over the lags shows who still learns where.
    """

    title = "The race over the lag"
    description = (
        "A tanh RNN, an LSTM and a GRU are trained in the page to say, after some "
        "steps with other signs, which sign was marked. Each has a lane with its "
        "accuracy over the training steps and a flag where it has learned the task; "
        "below are the three losses, and a table with a row for each layer and a "
        "column for each lag that says for how many seeds it learned. Controls set "
        "the lag, the hidden size, the bias of the LSTM's forget gate and the "
        "learning rate, run, pause or step the race, take another seed, and sweep "
        "over the lags."
    )
    caption = (
        "Same sequences, same H, same Adam (batch 16, gradients clipped at norm 1), "
        "400 steps. A lane ends at 95 % right over the last 20 steps, on sequences "
        "that were never seen before. The winner changes with the seed, so take "
        "several before you believe one; then change the bias of the forget gate."
    )
    reports: ClassVar[dict[str, Any]] = {"step": 0, "learned": None}

    lag = Number(
        "steps with other signs before the answer",
        default=20,
        low=1,
        high=60,
        whole=True,
    )
    bias = Number(
        "with which the LSTM's forget gate starts", default=1, low=-5, high=10
    )
    rate = Number("Adam's learning rate, for all three", default=0.01, low=1e-4, high=1)
    hidden = Number("hidden size H", default=16, low=2, high=32, whole=True)
    seed = Number("of weights and sequences", default=1, low=0, high=2**31, whole=True)
