"""Chapter 2: the character model with an LSTM and with a GRU."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.bench import characters
from course_lib.bench.match import Match
from course_lib.lstm_gru import GRU, LSTM


def matches(scale: str) -> Iterator[Match]:
    """Training steps and writing beside torch's own; d2l's package has a GRU only."""
    yield from characters.matches("lstm_gru", LSTM, {}, scale)
    yield from characters.matches("lstm_gru", GRU, {"d2l GRU": characters.d2ls}, scale)
