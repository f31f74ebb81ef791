"""Chapter 5: attention alone, an encoder, a translator, and a language model."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.bench import encoder, language_model, self_attention, translator
from course_lib.bench.match import Match


def matches(scale: str) -> Iterator[Match]:
    """From one layer to whole models, in training and in use."""
    for part in (self_attention, encoder, translator, language_model):
        yield from part.matches(scale)
