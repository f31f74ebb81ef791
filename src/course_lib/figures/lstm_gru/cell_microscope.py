"""The cells of a trained character LSTM, on text that the reader types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from course_lib.figures.arguments import Number, Text, Weights
from course_lib.figures.base import Figure


class CellMicroscope(Figure):
    """A character LSTM runs on any text, which is coloured by one cell's value c.

    For each letter: the cell, its gates f, i, o and its candidate g, and the network's
    best guesses for the next character. Letters can be marked, and the cell searched
    that tells them from the others; another text then tests what was found.
    """

    title = "The cell microscope"
    description = (
        "A text, each letter coloured by what one cell of an LSTM held after it, red "
        "below zero and blue above. Controls choose the cell, pin a letter, mark "
        "letters, search a cell that tells marked letters from the others, and let the "
        "network write on. For the pinned letter, bars show the cell's forget, input "
        "and output gate, its candidate, and the five most probable next characters; a "
        "line chart shows the cell and its forget gate over the whole text."
    )
    caption = (
        "Type, or take an example; choose a cell; point at a letter for its number, "
        "click it to pin it. To test a hunch, mark the letters that it is about and "
        "let the figure find a cell, then change the text: a cell that only fitted by "
        "chance will fail there. Nothing told the network about brackets or quotation "
        "marks: it was trained to guess the next character."
    )
    reports: ClassVar[dict[str, Any]] = {"at": None, "marks": [], "found": None}

    text = Text("what it reads first; an example if empty", default="", longest=400)
    cell = Number(
        "the cell to look at, counted from 0; the first named one if None",
        default=None,
        low=0,
        high=4095,
        whole=True,
    )
    weights = Weights(
        "the network; stored beside the figure if None",
        default=None,
        parts="alphabet, examples, cells and parameters",
    )

    def validate(self) -> None:
        """Load the stored network, and check that its parts fit together."""
        if self.weights is None:
            stored = Path(__file__).with_name("cell_microscope.json")
            self.weights = json.loads(stored.read_text(encoding="utf-8"))
        network = self._network()
        if missing := [key for key, value in network.items() if not value]:
            raise ValueError(f"weights: {', '.join(missing)} missing or empty")
        parameters = network["parameters"]
        hidden = parameters.get("layer.W_h", {}).get("shape", [0, 0])[-1]
        characters = len(network["alphabet"])
        for name, shape in {
            "layer.W_x": [4 * hidden, characters],
            "layer.W_h": [4 * hidden, hidden],
            "layer.b": [4 * hidden],
            "output.weight": [characters, hidden],
            "output.bias": [characters],
        }.items():
            got = parameters.get(name, {}).get("shape")
            if got != shape:
                raise ValueError(f"weights: {name} has shape {got}, expected {shape}")
        for named in network["cells"]:
            if not 0 <= named["cell"] < hidden:
                raise ValueError(
                    f"weights: cells name cell {named['cell']}, "
                    f"expected 0 to {hidden - 1}"
                )
        if unknown := set("".join(network["examples"])) - set(network["alphabet"]):
            raise ValueError(
                f"weights: examples have {sorted(unknown)}, which is not in alphabet"
            )
        self.cell = network["cells"][0]["cell"] if self.cell is None else self.cell
        if self.cell >= hidden:
            raise ValueError(f"cell: got {self.cell}, expected 0 to {hidden - 1}")
        self.text = self.text or network["examples"][0]

    def _network(self) -> dict[str, Any]:
        keys = ("alphabet", "examples", "cells", "parameters")
        return {key: self.weights.get(key) for key in keys}

    def state(self) -> dict[str, Any]:
        """The record of the run stays out of the page."""
        return {**super().state(), "weights": self._network()}

    def __repr__(self) -> str:
        return f"CellMicroscope(text={self.text!r}, cell={self.cell})"
