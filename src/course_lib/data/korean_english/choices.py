"""Random choices that remember themselves, so that a sentence can be drawn again.

Some choices don't show in the source: which sense of 배 was meant, which of two English
wordings was taken. Replaying all others and branching on these gives every translation
of a source with its probability: what a perfect model would know.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator
from itertools import accumulate

Table = tuple[tuple[object, float], ...]


def shown(value: object) -> object:
    """What the Korean sentence shows of a value: of a lexeme, its form."""
    return getattr(value, "ko", value)


class Choices:
    """Draws from tables of (value, weight) and keeps a trace."""

    def __init__(self, seed: int | str) -> None:
        self.trace: list[tuple[str, object]] = []
        self._random = random.Random(seed)

    def pick(self, name: str, table: Table, hidden: bool = False) -> object:
        """One value of ``table``; ``hidden`` says that the source does not show it."""
        if len(table) == 1:
            value = table[0][0]
        else:
            sums = list(accumulate(weight for _, weight in table))
            value = table[bisect(sums, self._random.random() * sums[-1])][0]
        self.trace.append((name, value))
        return value


class Wishes(Choices):
    """Takes the wished values in turn, by name, and else the plainest.

    The plainest is no, or nothing, or the first value that has a weight. ``left`` are
    the wishes that no choice has asked for yet.
    """

    def __init__(self, wishes: list[tuple[str, object]]) -> None:
        self.trace, self.left = [], list(wishes)

    def pick(self, name: str, table: Table, hidden: bool = False) -> object:
        values = [value for value, weight in table if weight]
        value = next((v for v in values if v in (False, "")), values[0])
        if self.left and self.left[0][0] == name:
            wanted = self.left.pop(0)[1]
            found = [v for v in values if wanted in (v, shown(v))]
            if not found:
                raise ValueError(
                    f"wishes: got {wanted!r} for {name!r}, not in {values}"
                )
            value = found[0]
        self.trace.append((name, value))
        return value


class Dead(Exception):
    """This branch cannot have the source of the trace."""


class Replay(Choices):
    """Repeats a trace, but for hidden choices and homonyms, where it takes ``branch``.

    ``widths`` then holds the number of branches at each such place, and ``probability``
    that of the whole derivation.
    """

    def __init__(self, trace: list[tuple[str, object]], branch: tuple[int, ...]):
        self.trace, self.branch = trace, branch
        self.position, self.probability = 0, 1.0
        self.widths: list[int] = []

    def pick(self, name: str, table: Table, hidden: bool = False) -> object:
        if self.position == len(self.trace) or self.trace[self.position][0] != name:
            raise Dead
        drawn = self.trace[self.position][1]
        self.position += 1
        options = [o for o in table if o[1] and (hidden or shown(o[0]) == shown(drawn))]
        if not options:
            raise Dead
        taken = 0
        if len(options) > 1:
            if len(self.widths) < len(self.branch):
                taken = self.branch[len(self.widths)]
            self.widths.append(len(options))
        value, weight = options[taken]
        self.probability *= weight / sum(weight for _, weight in table)
        return value


def derivations(
    build: Callable[[Choices], object], trace: list[tuple[str, object]]
) -> Iterator[tuple[object, float]]:
    """Every derivation that shows the same as ``trace``, with its probability."""
    waiting = [()]
    while waiting:
        branch = waiting.pop()
        replay = Replay(trace, branch)
        try:
            built = build(replay)
        except Dead:
            built = None
        # Places seen for the first time: each other option there is a branch to come.
        for place in range(len(branch), len(replay.widths)):
            stem = branch + (0,) * (place - len(branch))
            waiting.extend((*stem, i) for i in range(1, replay.widths[place]))
        if built is not None and replay.position == len(trace):
            yield built, replay.probability
