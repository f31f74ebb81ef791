from __future__ import annotations

import json
import re

import pytest
from javascript import FIGURES

from course_lib.figures.palette import color

PALETTE = json.loads((FIGURES / "palette.json").read_text(encoding="utf-8"))
STYLE = (FIGURES / "kit" / "style.js").read_text(encoding="utf-8")


def luminance(hexadecimal: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(hexadecimal[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def surface(name: str, mode: str) -> str:
    light, dark = re.findall(rf"--{name}: (#\w{{6}})", STYLE)
    return light if mode == "light" else dark


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("quantity", PALETTE)
def test_each_quantity_can_be_read_as_text(quantity: str, mode: str) -> None:
    assert contrast(color(quantity, mode), surface("paper", mode)) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("ink", ["ink", "quiet"])
@pytest.mark.parametrize("paper", ["paper", "soft"])
def test_texts_can_be_read(ink: str, paper: str, mode: str) -> None:
    assert contrast(surface(ink, mode), surface(paper, mode)) >= 4.5


def test_bad_names() -> None:
    with pytest.raises(ValueError, match="quantity: got 'heat', expected one of input"):
        color("heat")
    with pytest.raises(ValueError, match="mode: got 'dim'"):
        color("state", "dim")
