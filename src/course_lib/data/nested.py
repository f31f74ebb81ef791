"""Lists in lists: a text in which what must come next was decided long ago.

Real words, names of countries from Unicode's CLDR, in an invented order. A line reads

    Peru, [Chad, {"Mali (Togo, Fiji", Oman}], ("Cuba")

Two rules tie far ends together. A bracket is closed by its own kind, whatever stands
between. And between quotation marks, brackets and commas are letters like others: they
open, close and separate nothing. ``GRAMMAR`` is all there is.
"""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator
from typing import NamedTuple

from babel import Locale

PAIRS = {"(": ")", "[": "]", "{": "}"}
QUOTE = '"'
ALPHABET = "\n ," + QUOTE + "()[]{}" + string.ascii_letters
DEEPEST = 4  # brackets open at once; there, an item is a name or a quote

# Each symbol is replaced by one of its alternatives, drawn by weight. "name" is one of
# the names; any other string stands for itself.
GRAMMAR: dict[str, tuple[tuple[int, tuple[str, ...]], ...]] = {
    "line": ((1, ("items", "\n")),),
    "items": ((45, ("item",)), (55, ("item", ", ", "items"))),
    "item": ((45, ("name",)), (15, ("quote",)), (40, ("list",))),
    "list": tuple((1, (left, "items", right)) for left, right in PAIRS.items()),
    "quote": ((1, (QUOTE, "words", QUOTE)),),
    "words": (
        (50, ("word",)),
        (30, ("word", ", ", "words")),
        (20, ("word", " ", "words")),
    ),
    "word": ((60, ("name",)), (20, ("stray", "name")), (20, ("name", "stray"))),
    "stray": tuple((1, (bracket,)) for bracket in "([{)]}"),
}


def country_names() -> list[str]:
    """The English names of countries that are one word of at most six letters."""
    said = Locale.parse("en").territories.values()
    return sorted({name for name in said if re.fullmatch("[A-Z][a-z]{1,5}", name)})


def nested_lists(length: int, seed: int) -> str:
    """Whole lines drawn from ``GRAMMAR``, until there are ``length`` characters."""
    chance, names = random.Random(seed), country_names()
    lines, written = [], 0
    while written < length:
        lines.append("".join(_expand("line", 0, chance, names)))
        written += len(lines[-1])
    return "".join(lines)


def _expand(
    symbol: str, depth: int, chance: random.Random, names: list[str]
) -> Iterator[str]:
    if symbol == "name":
        yield chance.choice(names)
    elif symbol not in GRAMMAR:
        yield symbol
    else:
        inside = depth + (symbol == "list")
        rules = [r for r in GRAMMAR[symbol] if inside < DEEPEST or "list" not in r[1]]
        ((_, parts),) = chance.choices(rules, [weight for weight, _ in rules])
        for part in parts:
            yield from _expand(part, inside, chance, names)


class Place(NamedTuple):
    """What holds after a character of a text in this grammar was read."""

    quoted: bool  # a quotation mark is open
    brackets: tuple[int, ...]  # where the brackets that are open were opened
    item: int  # characters since the last comma, or bracket, that counts
    line: int  # characters since the line began
    closes: int | None  # where that was opened which this character closes


def places(text: str) -> list[Place]:
    """One for each character. Raises ``ValueError`` where a bracket closes no other."""
    found: list[Place] = []
    brackets: tuple[int, ...] = ()
    quote: int | None = None
    item = line = 0
    for here, character in enumerate(text):
        item, line, closes = item + 1, line + 1, None
        if character == QUOTE:
            quote, closes = (here, None) if quote is None else (None, quote)
        elif quote is None and character in PAIRS:
            brackets, item = (*brackets, here), 0
        elif quote is None and character in PAIRS.values():
            if not brackets or PAIRS[text[brackets[-1]]] != character:
                raise ValueError(f"text: {character!r} at {here} closes nothing")
            brackets, closes = brackets[:-1], brackets[-1]
        elif quote is None and character in ",\n":
            item = 0
            line = line if character == "," else 0
        found.append(Place(quote is not None, brackets, item, line, closes))
    return found


def well_formed(line: str) -> bool:
    """Whether ``line`` ends, with everything closed by its own kind before it does."""
    try:
        found = places(line)
    except ValueError:
        return False
    return line.endswith("\n") and not found[-1].quoted and not found[-1].brackets
