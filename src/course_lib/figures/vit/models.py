"""The small Vision Transformers of the page, and the pictures that it offers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course_lib.figures.base import Figure
from course_lib.figures.seq2seq.network import (
    block_count,
    check_shapes,
    encoder_blocks,
    linear,
    norm,
)

STORED = Path(__file__).with_name("patch_bench.json")
CLAIM = "position-table"
IMAGE = [1, 8, 8]  # channels, height, width
MOST = 16  # dots of ink in a pixel
SHARED = ("heads", "image", "mean", "deviation", "classes", "digits")


class NetworkFigure(Figure):
    """A figure that runs them: its ``weights`` are too long to be written down."""

    def __repr__(self) -> str:
        changed = (
            f"{name}={getattr(self, name)!r}"
            for name, argument in self.arguments.items()
            if name != "weights" and getattr(self, name) != argument.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"


def models(weights: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, Any]:
    """What ``weights``, or the stored file if ``None``, say of the models ``names``.

    Raises ``ValueError`` where a part is missing or does not fit, or where no file is
    stored yet.
    """
    if weights is None:
        if not STORED.exists():
            raise ValueError(
                f"weights: got None, but {STORED.name} is not stored; expected "
                f"a mapping, or the file that course run {CLAIM} --export writes"
            )
        weights = json.loads(STORED.read_text(encoding="utf-8"))
    shared = {name: weights.get(name) for name in SHARED}
    if missing := [name for name, part in shared.items() if part in (None, [], 0)]:
        raise ValueError(f"weights: {', '.join(missing)} missing or empty")
    if list(shared["image"]) != IMAGE:
        raise ValueError(f"weights: image is {shared['image']}, expected {IMAGE}")
    for n, digit in enumerate(shared["digits"], 1):
        if not counts(digit.get("points")):
            raise ValueError(f"weights: points of digit {n} are not 64 counts")
    given = weights.get("models") or {}
    if missing := [name for name in names if not given.get(name)]:
        raise ValueError(f"weights: models {', '.join(missing)} missing or empty")
    for name in names:
        expected = _shapes(given[name], len(shared["classes"]))
        check_shapes(given[name]["parameters"], expected)
        [C] = expected["class_token"]
        if C % shared["heads"]:
            raise ValueError(
                f"weights: heads is {shared['heads']}, expected a divisor of {C}"
            )
    return {**shared, "models": {name: given[name] for name in names}}


def counts(points: Any) -> bool:
    """Whether these are the 64 counts of a picture."""
    return (
        isinstance(points, Sequence)
        and len(points) == IMAGE[1] * IMAGE[2]
        and all(type(n) is int and 0 <= n <= MOST for n in points)
    )


def blocks(model: Mapping[str, Any]) -> int:
    """How many blocks a model has."""
    return block_count(model["parameters"], "encoder")


def _shapes(model: Mapping[str, Any], classes: int) -> dict[str, list[int]]:
    """The shapes of all parameters of a ``VisionTransformer`` with a class token."""
    parameters, side = model["parameters"], model["side"]

    def size(name: str) -> int:
        return parameters.get(name, {}).get("shape", [0])[0]

    C, inner = size("class_token"), size("encoder.blocks.0.feed_forward.W_1.weight")
    shapes = {"class_token": [C]}
    if model["positions"] == "learned":
        shapes["places"] = [1 + IMAGE[1] * IMAGE[2] // side**2, C]

    count = max(1, blocks(model))
    return {
        **shapes,
        **linear("embedding.linear", C, side * side),
        **encoder_blocks("encoder", count, C, inner),
        **norm("encoder.norm", C),
        **linear("output", classes, C),
    }
