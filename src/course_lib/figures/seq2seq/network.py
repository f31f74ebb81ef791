"""The weights and the ladders of the figures with a trained encoder-decoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PARTS = ("source_words", "target_words", "parameters", "ladders")


def network(
    weights: Mapping[str, Any] | None,
    stored: Path,
    claim: str,
    ladders: list[dict[str, Any]],
) -> dict[str, Any]:
    """The :data:`PARTS` of ``weights``, or of the file ``stored`` if they are ``None``.

    ``ladders`` are those of weights that bring none of their own. Raises ``ValueError``
    where a part is missing, or where no file is stored yet by ``claim``.
    """
    if weights is None:
        if not stored.exists():
            raise ValueError(
                f"weights: got None, but {stored.name} is not stored; expected "
                f"a mapping, or the file that course run {claim} --export writes"
            )
        weights = json.loads(stored.read_text(encoding="utf-8"))
    weights = {"ladders": ladders, **weights}
    parts = {part: weights.get(part) for part in PARTS}
    if missing := [name for name, part in parts.items() if not part]:
        raise ValueError(f"weights: {', '.join(missing)} missing or empty")
    return parts


def rung_of(ladders: list[dict[str, Any]], ladder: int, rung: int) -> dict[str, Any]:
    """One rung, both counted from 1. Raises ``ValueError`` if it does not exist."""
    if ladder > len(ladders):
        raise ValueError(f"ladder: got {ladder}, expected 1 to {len(ladders)}")
    rungs = ladders[ladder - 1]["rungs"]
    if rung > len(rungs):
        raise ValueError(f"rung: got {rung}, expected 1 to {len(rungs)}")
    return rungs[rung - 1]


def check_shapes(
    parameters: Mapping[str, Any], expected: Mapping[str, list[int]]
) -> None:
    """Raise ``ValueError`` unless these are the parameters, of these shapes."""
    for name, shape in expected.items():
        got = parameters.get(name, {}).get("shape")
        if got != shape:
            raise ValueError(f"weights: {name} has shape {got}, expected {shape}")
    if unknown := sorted(set(parameters) - set(expected)):
        raise ValueError(f"weights: {unknown[0]} is no parameter of this network")


def gru(name: str, inputs: int, hidden: int) -> dict[str, list[int]]:
    """The shapes of a GRU's parameters."""
    return {
        f"{name}.W_x": [3 * hidden, inputs],
        f"{name}.W_h": [3 * hidden, hidden],
        f"{name}.b": [3 * hidden],
        f"{name}.b_n": [hidden],
    }


def last(parameters: Mapping[str, Any], name: str) -> int:
    """The last size of a parameter; 0 where it is missing."""
    return (parameters.get(name, {}).get("shape") or [0])[-1]
