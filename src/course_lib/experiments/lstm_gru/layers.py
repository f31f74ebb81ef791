"""The three layers by name, and the sizes at which they have the same weights."""

from __future__ import annotations

from torch import nn

from course_lib.lstm_gru import GRU, LSTM
from course_lib.rnn import RNN

LAYERS: dict[str, type[nn.Module]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


def weights_of(kind: str, symbols: int, hidden_size: int) -> int:
    """The weights of a language model over ``symbols``, without building it."""
    blocks = {"rnn": 1, "lstm": 4, "gru": 3}[kind]
    layer = blocks * hidden_size * (symbols + hidden_size + 1)
    second_bias = hidden_size if kind == "gru" else 0
    return layer + second_bias + symbols * (hidden_size + 1)


def hidden_size_for(kind: str, symbols: int, most: int) -> int:
    """The largest H at which that language model has at most ``most`` weights."""
    size = 1
    while weights_of(kind, symbols, size + 1) <= most:
        size += 1
    return size
