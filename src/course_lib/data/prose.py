"""Where the speeches and lines of a printed English book begin and end."""

from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """What holds after a character of a book was read."""

    quoted: bool  # someone is speaking
    line: int  # characters since the line began
    sentence: int  # characters since the last full stop, question or exclamation mark


def places(text: str) -> list[Place]:
    """One for each character of ``text``, whose speeches stand in single quotes.

    The mark is an apostrophe too. It opens a speech before a letter, unless one stands
    before it as well; it closes one after punctuation. A speech of many paragraphs is
    opened anew in each, and closed in the last only: an empty line ends all.
    """
    found: list[Place] = []
    quoted, line, sentence = False, 0, 0
    for here, character in enumerate(text):
        line, sentence = line + 1, sentence + 1
        before, after = text[here - 1 : here], text[here + 1 : here + 2]
        if character == "'":
            if not quoted and after.isalpha() and not before.isalpha():
                quoted = True
            elif quoted and before in tuple(".,;:!?-") and not after.isalpha():
                quoted = False
        elif character == "\n":
            line = 0
            quoted = quoted and before != "\n"
        elif character in ".?!":
            sentence = 0
        found.append(Place(quoted, line, sentence))
    return found


def blocks(text: str, count: int) -> list[str]:
    """``text`` cut into ``count`` pieces of about one length, at empty lines only."""
    ends, start = [], 0
    for piece in range(1, count):
        start = text.find("\n\n", max(start, len(text) * piece // count))
        if start < 0:
            raise ValueError(f"count: got {count}, more than the text has empty lines")
        start += 2
        ends.append(start)
    return [
        text[left:right]
        for left, right in zip([0, *ends], [*ends, len(text)], strict=True)
    ]
