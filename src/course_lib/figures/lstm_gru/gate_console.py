"""One memory cell, and the reader sets its gates."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Choice, Number
from course_lib.figures.base import Figure


class GateConsole(Figure):
    """The reader is the network: sets the gates of one LSTM or GRU cell by hand.

    Four challenges, each checked as the gates move: remember a bit, replace it at a
    mark, reveal it at the end, count. The value that is kept and the gradient that
    flows back are computed and drawn at once.
    """

    title = "Be the gates"
    description = (
        "One memory cell over 21 time steps. Below it is what it reads, bits and "
        "noise; arrows, as strong as the gates are open, lead into it, from step to "
        "step and out of it. A curve shows the value that it keeps beside what it "
        "should keep, rows of bars the gates, and a last row the gradient that "
        "arrives at each step from the end. Controls choose LSTM or GRU and a "
        "challenge, and set each gate for every step or for one; a sentence says "
        "whether the challenge is met, and if not, why."
    )
    caption = (
        "Drag the bars of a gate, or use the sliders. In a network the gates are "
        "computed from the input and the state before; here you are that computation. "
        "The candidate is tanh(3x) in the LSTM, and tanh(3(x + r h)) with the state "
        "before in the GRU, so a bit writes ±1.00."
    )
    reports: ClassVar[dict[str, Any]] = {"value": None, "gradient": None, "met": False}

    cell = Choice("the cell", default="LSTM", options=("LSTM", "GRU"))
    challenge = Choice(
        "what to build",
        default="remember",
        options=("remember", "replace", "reveal", "count"),
    )
    seed = Number("of bits and noise", default=1, low=0, high=2**31, whole=True)
