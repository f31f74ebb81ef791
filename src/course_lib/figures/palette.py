"""One colour for each quantity, the same in every figure of the course."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path


@cache
def _palette() -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name("palette.json").read_text(encoding="utf-8")
    return json.loads(text)


def color(quantity: str, mode: str = "light") -> str:
    """The colour of ``quantity`` (``"state"``, ``"gradient"``, …) as ``"#rrggbb"``.

    ``mode`` is ``"light"`` or ``"dark"``. Raises ``ValueError`` on another name.
    """
    if quantity not in _palette():
        raise ValueError(
            f"quantity: got {quantity!r}, expected one of {', '.join(_palette())}"
        )
    if mode not in ("light", "dark"):
        raise ValueError(f"mode: got {mode!r}, expected 'light' or 'dark'")
    return _palette()[quantity][mode]
