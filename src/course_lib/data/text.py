"""Text as a stream of characters: a vocabulary, windows, and two texts."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from course_lib.data.registry import fetch
from course_lib.data.words import names


class Characters:
    """A vocabulary of single characters, sorted, so that it is the same everywhere."""

    def __init__(self, text: Iterable[str]) -> None:
        self.characters = "".join(sorted(set(text)))
        self._index = {c: i for i, c in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """Token ids (T,) of ``text``. Raises ``ValueError`` for a character not in."""
        if unknown := sorted(set(text) - set(self._index)):
            raise ValueError(
                f"text: got {unknown[:5]}, expected only characters of "
                f"{self.characters!r}"
            )
        return torch.tensor([self._index[c] for c in text], dtype=torch.long)

    def decode(self, ids: Sequence[int] | Tensor) -> str:
        """The characters of ``ids`` (T,)."""
        return "".join(self.characters[int(i)] for i in ids)


def time_machine() -> str:
    """The Time Machine, prepared as in Dive into Deep Learning: 173,428 characters.

    Anything that is not a letter becomes one space; lower case. So the vocabulary has
    27 characters.
    """
    return re.sub("[^A-Za-z]+", " ", time_machine_as_printed()).lower()


def time_machine_as_printed() -> str:
    """The Time Machine with its lines, capitals and punctuation: 178,979 characters."""
    return (fetch("time_machine") / "timemachine.txt").read_text("utf-8")


def running_names(language: str, seed: int) -> str:
    """All CLDR names of ``language`` in an order drawn from ``seed``, as one text."""
    chosen = names(language)
    random.Random(seed).shuffle(chosen)
    return " ".join(chosen)


def windows(ids: Tensor, length: int) -> Tensor:
    """All windows of ``length`` inputs and their next token: (N, ``length`` + 1).

    Window n starts at character n; N = len(ids) - length.
    """
    if len(ids) <= length:
        raise ValueError(f"ids: got {len(ids)} tokens, expected more than {length}")
    return ids.unfold(0, length + 1, 1)  # (T,) -> (N, length + 1), a view


def train_and_valid(
    ids: Tensor, length: int, train: int, valid: int
) -> tuple[Tensor, Tensor]:
    """The first ``train`` windows, then ``valid`` that share no token with them.

    Dive into Deep Learning takes the same numbers of windows, but its first validation
    windows overlap the last of training.
    """
    every = windows(ids, length)
    start = (
        train + length
    )  # the last training window ends with token train + length - 1
    if start + valid > len(every):
        raise ValueError(
            f"valid: got {valid} windows after {train} of training, "
            f"expected at most {max(0, len(every) - start)}"
        )
    return every[:train], every[start : start + valid]
