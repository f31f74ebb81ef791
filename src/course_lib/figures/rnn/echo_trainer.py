"""An RNN that learns in the page to repeat what it heard some steps ago."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Number
from course_lib.figures.base import Figure


class EchoTrainer(Figure):
    """Trains a tanh RNN on the delayed echo, by BPTT and Adam, in the page itself.

    At every step it hears a bit and must say the bit of ``lag`` steps ago. Which lags
    can it learn in a given number of training steps?
    """

    title = "Train a memory, here"
    description = (
        "A recurrent network is trained in the page to repeat each bit that it hears "
        "after a delay. Rows of cells show what it hears, what it should say and what "
        "it says; curves show loss and accuracy against chance; a row of boxes shows "
        "which lags have been learned. Controls set lag, hidden size, learning rate "
        "and clipping, and play, step or reset the training, or search for the "
        "largest lag that is learned within a budget of steps."
    )
    caption = (
        "Every batch is new, so the accuracy is measured on bits that the network has "
        "not seen. A lag counts as learned at 95 % over the last 20 steps."
    )
    reports: ClassVar[dict[str, Any]] = {
        "step": 0,
        "loss": None,
        "accuracy": None,
        "horizon": 0,
    }

    lag = Number(
        "steps between hearing and saying", default=3, low=1, high=20, whole=True
    )
    hidden = Number("hidden size H", default=16, low=2, high=48, whole=True)
    rate = Number("Adam's learning rate", default=0.01, low=1e-4, high=1)
    clip = Number(
        "global gradient norm, or no clipping", default=None, low=0.01, high=10
    )
    seed = Number("of weights and bits", default=1, low=0, high=2**31, whole=True)
