"""The weights that figures with a trained network bring, and their ladders."""

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


def block_count(parameters: Mapping[str, Any], encoder: str) -> int:
    """How many blocks of ``encoder`` these are the parameters of."""
    begin = f"{encoder}.blocks."
    numbers = [
        int(name.removeprefix(begin).split(".")[0])
        for name in parameters
        if name.startswith(begin)
    ]
    return 1 + max(numbers, default=-1)


def encoder_blocks(
    encoder: str, blocks: int, size: int, inner: int
) -> dict[str, list[int]]:
    """The shapes of all parameters of a Transformer encoder's ``blocks``."""
    shapes = {}
    for n in range(blocks):
        block = f"{encoder}.blocks.{n}"
        for one in ("W_q", "W_k", "W_v", "W_o"):
            shapes |= linear(f"{block}.attention.{one}", size, size)
        shapes |= norm(f"{block}.after_attention.norm", size)
        shapes |= linear(f"{block}.feed_forward.W_1", inner, size)
        shapes |= linear(f"{block}.feed_forward.W_2", size, inner)
        shapes |= norm(f"{block}.after_feed_forward.norm", size)
    return shapes


def linear(name: str, rows: int, columns: int) -> dict[str, list[int]]:
    """The shapes of a linear layer's parameters."""
    return {f"{name}.weight": [rows, columns], f"{name}.bias": [rows]}


def norm(name: str, size: int) -> dict[str, list[int]]:
    """The shapes of a layer norm's parameters."""
    return {f"{name}.gain": [size], f"{name}.bias": [size]}


def last(parameters: Mapping[str, Any], name: str) -> int:
    """The last size of a parameter; 0 where it is missing."""
    return (parameters.get(name, {}).get("shape") or [0])[-1]
