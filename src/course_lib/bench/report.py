"""A bench's measurements: as they are stored, and as a table for the terminal."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from course_lib.bench.rounds import Measured, Played
from course_lib.results import storable


def stored(played: Played, peak: float) -> dict[str, Any]:
    """A match as it is written into JSON; ``peak`` in FLOP per second.

    Times are those of one step, in ms: the median of the rounds and its quartiles.
    ``speed_up`` is how many times as long as ours it takes, ``mfu`` the part of the
    machine's peak that ours does in useful products.
    """
    match, ours = played.match, played.measured[0]
    of = statistics.median(ours.seconds)
    return storable(
        {
            "name": match.name,
            "chapter": match.chapter,
            "task": match.task,
            "sizes": dict(match.sizes),
            "tokens": match.tokens,
            "words": match.words,
            "flop": played.flop,
            "mfu": played.flop / of / peak if played.flop else None,
            "contenders": [
                _contender(one, ours, match.tokens) for one in played.measured
            ],
        }
    )


def _contender(one: Measured, ours: Measured, tokens: int) -> dict[str, Any]:
    said = {"name": one.name, "kind": one.kind, "note": one.note}
    if one.missing:
        return said | {"missing": one.missing}
    if one.failed:
        return said | {"failed": one.failed}
    seen = timed(one.seconds, ours.seconds, tokens)
    return said | seen | {"mib": one.mib, "apart": one.apart}


def timed(
    seconds: Sequence[float], ours: Sequence[float], tokens: int
) -> dict[str, Any]:
    """Times of one and of ours, in each round, as they are stored of the one."""
    median = statistics.median(seconds)
    low, _, high = (
        statistics.quantiles(seconds, n=4, method="inclusive")
        if len(seconds) > 1
        else (median,) * 3
    )
    return {
        "ms": 1e3 * median,
        "quartiles": [1e3 * low, 1e3 * high],
        "tokens_per_second": tokens / median,
        "speed_up": median / statistics.median(ours),
    }


def table(match: Mapping[str, Any]) -> Table:
    """A stored match for the terminal. The spread is that of the middle half."""
    sizes = " ".join(f"{letter}={size}" for letter, size in match["sizes"].items())
    made = Table(title=f"{match['name']}, {match['task']}: {sizes}", box=SIMPLE_HEAD)
    made.title_justify = "left"
    made.add_column("", overflow="fold", ratio=1)
    for head in ("ms", "spread", f"{match['words']}/s", "ours is", "MiB"):
        made.add_column(head, justify="right", no_wrap=True)
    for one in match["contenders"]:
        if "ms" not in one:
            made.add_row(one["name"], one.get("missing") or one["failed"])
            continue
        low, high = one["quartiles"]
        made.add_row(
            one["name"],
            f"{one['ms']:.1f}",
            f"{(high - low) / one['ms']:.0%}",
            f"{one['tokens_per_second']:,.0f}".replace(",", " "),
            "–" if one is match["contenders"][0] else f"{one['speed_up']:.2f}× as fast",
            "–" if one["mib"] is None else f"{one['mib']:.0f}",
        )
    if match["mfu"] is not None:
        made.caption = f"products: {match['mfu']:.0%} of the machine's peak"
        made.caption_justify = "left"
    return made
