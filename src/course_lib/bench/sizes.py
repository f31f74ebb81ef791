"""The sizes of a Transformer, by the letters of the design."""

from __future__ import annotations

from collections.abc import Mapping

Sizes = Mapping[str, int]

LETTERS = ("B", "T", "V", "C", "H", "inner", "blocks")


def named(*numbers: int) -> Sizes:
    """Numbers in the order of ``LETTERS``."""
    return dict(zip(LETTERS, numbers, strict=True))


def shape(sizes: Sizes) -> dict[str, int]:
    """What a ``TransformerConfig`` says of them."""
    return {
        "size": sizes["C"],
        "heads": sizes["H"],
        "inner": sizes["inner"],
        "blocks": sizes["blocks"],
    }
