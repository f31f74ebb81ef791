"""The unrolled network on text that the reader types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from course_lib.figures.arguments import Text, Weights
from course_lib.figures.base import Figure


class Stepper(Figure):
    """A trained RNN names the language of a word, letter by letter.

    Every letter is a time step: its state (H numbers), and what the network would
    answer if the word ended there. A second spelling shows that order matters.
    """

    title = "A network that reads letter by letter"
    description = (
        "Each letter of a word is one time step. A column of coloured cells shows the "
        "hidden state after that letter, red below zero and blue above; over it stand "
        "the probabilities of the languages, as if the word ended there. Controls step "
        "through the letters, pin one unit of the state, and compare two spellings."
    )
    caption = (
        "Play through the letters, or move to one. Point at a cell or tap it for its "
        "number; a click or tap pins the unit. Then swap the last two letters: same "
        "letters, another state. The network was trained to answer after the last "
        "letter, so an earlier answer is what it would say if the word ended there. "
        "The words that are offered were held out from its training."
    )
    reports: ClassVar[dict[str, Any]] = {
        "step": None,
        "unit": None,
        "guess": None,
        "prediction": None,
    }

    text = Text("what it reads first", default="donderdag", longest=40)
    compare = Text("a second spelling to compare", default="", longest=40)
    weights = Weights(
        "the network; stored beside the figure if None",
        default=None,
        parts="labels, alphabet and parameters",
    )

    def validate(self) -> None:
        """Load the stored network, and check that its parameters fit together."""
        if self.weights is None:
            stored = Path(__file__).with_name("stepper.json")
            self.weights = json.loads(stored.read_text(encoding="utf-8"))
        network = {k: self.weights.get(k) for k in ("labels", "alphabet", "parameters")}
        if missing := [key for key, value in network.items() if not value]:
            raise ValueError(f"weights: {', '.join(missing)} missing or empty")
        parameters = network["parameters"]
        hidden = parameters.get("W_h", {}).get("shape", [0])[0]
        outputs, inputs = len(network["labels"]), len(network["alphabet"])
        for name, shape in {
            "W_x": [hidden, inputs],
            "W_h": [hidden, hidden],
            "b": [hidden],
            "output.weight": [outputs, hidden],
            "output.bias": [outputs],
        }.items():
            got = parameters.get(name, {}).get("shape")
            if got != shape:
                raise ValueError(f"weights: {name} has shape {got}, expected {shape}")
        record = self.weights.get("record", {})
        if (accuracy := record.get("test_accuracy_float16")) is not None:
            self.caption = (
                f"{type(self).caption} On words that it has never seen it is right "
                f"{100 * accuracy:.0f}\u00a0% of the time (mean over the languages); "
                f"guessing gives {100 / outputs:.0f}\u00a0%."
            )

    def state(self) -> dict[str, Any]:
        """The record of the run stays out of the page."""
        network = {k: self.weights[k] for k in ("labels", "alphabet", "parameters")}
        return {**super().state(), "weights": network}

    def __repr__(self) -> str:
        return f"Stepper(text={self.text!r})"
