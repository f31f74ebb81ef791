"""Chapter 1: the character model with an RNN."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.bench import characters
from course_lib.bench.match import Match
from course_lib.rnn import RNN


def matches(scale: str) -> Iterator[Match]:
    """An RNN's training step and writing beside d2l's two and torch's own."""
    peers = {
        "d2l RNNLMScratch": characters.d2ls_scratch,
        "d2l RNNLM": characters.d2ls,
    }
    yield from characters.matches("rnn", RNN, peers, scale)
