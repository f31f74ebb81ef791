"""The chapters of the course, in order. Whatever is listed by chapter follows this."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Chapter:
    """One chapter. Its ``name`` is that of its model's module and of its folders."""

    number: int
    name: str
    title: str

    @property
    def folder(self) -> str:
        """What its text, notebook and exercise are called: ``"01_rnn"``."""
        return f"{self.number:02d}_{self.name}"

    @property
    def module(self) -> str:
        """The module of its model: ``"course_lib.rnn"``."""
        return f"course_lib.{self.name}"


CHAPTERS = (
    Chapter(1, "rnn", "Recurrent neural networks"),
    Chapter(2, "lstm_gru", "LSTM and GRU"),
    Chapter(3, "seq2seq", "Seq2Seq"),
    Chapter(4, "attention", "Attention"),
    Chapter(5, "transformer", "Transformer"),
    Chapter(6, "bert", "BERT"),
    Chapter(7, "vit", "Vision Transformer"),
)


def chapter(name: str) -> Chapter:
    """The chapter called ``name``: ``"rnn"``, or ``"01_rnn"`` as its files are.

    Raises ``ValueError`` that lists the names.
    """
    for one in CHAPTERS:
        if name in (one.name, one.folder):
            return one
    names = ", ".join(one.name for one in CHAPTERS)
    raise ValueError(f"chapter: got {name!r}, expected one of {names}")
