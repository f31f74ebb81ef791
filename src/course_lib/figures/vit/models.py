"""The small Vision Transformers of the page, and the pictures that it offers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course_lib.figures.base import Figure
from course_lib.figures.seq2seq.network import check_shapes

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
    numbers = [
        int(name.split(".")[2])
        for name in model["parameters"]
        if name.startswith("encoder.blocks.")
    ]
    return 1 + max(numbers, default=-1)


def _shapes(model: Mapping[str, Any], classes: int) -> dict[str, list[int]]:
    """The shapes of all parameters of a ``VisionTransformer`` with a class token."""
    parameters, side = model["parameters"], model["side"]

    def size(name: str) -> int:
        return parameters.get(name, {}).get("shape", [0])[0]

    C, inner = size("class_token"), size("encoder.blocks.0.feed_forward.W_1.weight")
    shapes = {"class_token": [C]}
    if model["positions"] == "learned":
        shapes["places"] = [1 + IMAGE[1] * IMAGE[2] // side**2, C]

    def linear(name: str, rows: int, columns: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = [rows, columns], [rows]

    def norm(name: str) -> None:
        shapes[f"{name}.gain"] = shapes[f"{name}.bias"] = [C]

    linear("embedding.linear", C, side * side)
    for n in range(max(1, blocks(model))):
        block = f"encoder.blocks.{n}"
        for one in ("W_q", "W_k", "W_v", "W_o"):
            linear(f"{block}.attention.{one}", C, C)
        norm(f"{block}.after_attention.norm")
        linear(f"{block}.feed_forward.W_1", inner, C)
        linear(f"{block}.feed_forward.W_2", C, inner)
        norm(f"{block}.after_feed_forward.norm")
    norm("encoder.norm")
    linear("output", classes, C)
    return shapes
