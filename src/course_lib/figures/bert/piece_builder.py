"""WordPiece: how a vocabulary of pieces grows, and how a word is cut with it."""

from __future__ import annotations

from typing import Any, ClassVar

from course_lib.figures.arguments import Choice, Number, Text
from course_lib.figures.base import Figure

KOREAN = (
    "나는 밥을 먹는다 나는 빵을 먹었다 아이가 밥을 먹었다 아이는 학교에 갔다 "
    "나는 학교에 간다 나는 집에 갔다 새가 집에 간다 새는 빵을 먹었다 "
    "아이가 밥을 먹고 학교에 갔다 집이 크다 학교가 크다"
)
ENGLISH = (
    "read reads reader readable believe believes believer believable "
    "able unable undo unread unloved love loves lovable table tables"
)


class PieceBuilder(Figure):
    """Pieces joined from characters, one pair at a step, and a word cut into them.

    By ``rule="count"`` the pieces are those of
    :meth:`course_lib.data.wordpiece.WordPiece.learn` on the same text.
    """

    title = "The piece builder"
    description = (
        "The words of a small text, each cut into pieces, from single characters on. "
        "A table has the pairs of neighbouring pieces that could be joined next, with "
        "their counts and the score of the chosen rule. Buttons and a slider go "
        "through the steps; a list beside has the vocabulary so far. Below, a word "
        "that can be typed is cut into these pieces from the left, try by try."
    )
    caption = (
        "Take ten steps by count, then the same by ratio: which rule loves rare "
        "pairs? And what do 갔다 and 간다 share? (A Hangul syllable is one character.) "
        "By count is byte-pair encoding's rule, and what the tokenizers library's "
        "WordPiece trainer does too. The paper (Schuster & Nakajima 2012) joins what "
        "makes the text most likely; the ratio is a common short form of that."
    )
    reports: ClassVar[dict[str, Any]] = {
        "size": None,  # of the vocabulary, with the five special tokens
        "cut": [],  # the word's pieces
    }

    text = Text("what pieces are learned from", default=KOREAN, longest=400)
    rule = Choice(
        "which pair is joined next: the most frequent one, or the one that is frequent "
        "for its parts",
        default="count",
        options=("count", "ratio"),
    )
    step = Number(
        "how many pairs are joined; all if there are fewer",
        default=0,
        low=0,
        high=400,
        whole=True,
    )
    word = Text("what is cut", default="먹었다", longest=40)

    def state(self) -> dict[str, Any]:
        """With two texts to choose from."""
        return {**super().state(), "examples": {"korean": KOREAN, "english": ENGLISH}}
