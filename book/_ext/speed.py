"""``{speed}``: what ``course bench`` has stored, as pictures, tables and sentences.

Each device that was measured has its own section, and each chapter a section in it. The
pictures need no script: a line for each contender, its name and its time beside its
sign, so nothing hides anything, on a phone and in print.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Any

from benchmarks import STORED, Benchmark
from docutils import nodes
from sphinx.application import Sphinx

from course_lib.chapters import chapter

SPEED = STORED / "speed"
TICKS = (0.5, 1, 2, 4, 8)  # how many times our time a picture shows
WITH = {"T": "length", "C": "width", "B": "batch"}
SIGNS = {  # a contender's name begins with whose it is
    "ours": ("○", "ours, another path"),
    "d2l": ("●", "d2l"),
    "torch": ("◆", "torch's own modules"),
    "Hugging Face": ("▲", "Hugging Face"),
    "timm": ("■", "timm"),
}
LIMIT = ("◇", "torch's fused kernels, the limit")


class Speed(Benchmark):
    """A section for each stored device, the CPU first."""

    def run(self) -> list[nodes.Node]:
        found = sorted(
            SPEED.glob("*.json"), key=lambda path: (path.stem != "cpu", path)
        )
        if not found:
            return self.broken(
                "speed: nothing is stored; measure it with: course bench"
            )
        try:
            return [self._device(self.read(path), path.stem) for path in found]
        except (OSError, ValueError, KeyError) as error:
            return self.broken(f"speed: {error!r}")

    def _device(self, said: dict[str, Any], stem: str) -> nodes.section:
        machine = said["machine"]
        title = f"On {machine['device_name']}, {machine['precision']}"
        device = self.section(title, f"speed {stem}")
        device["classes"].append("speed")
        device += nodes.raw("", _about(said) + _legend(), format="html")
        for name, title, html in _parts(said):
            part = self.section(title, f"speed {stem} {name}")
            part += nodes.raw("", html, format="html")
            device += part
        return device


def _parts(said: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A name, a title and the HTML of each part: the chapters, then all together."""
    for name, matches in groupby(said["matches"], key=lambda match: match["chapter"]):
        told = chapter(name)
        yield name, f"Chapter {told.number}, {told.title}", _chapter(list(matches))
    yield "growth", "How the time of a step grows", _growth(said["growth"])
    yield "devices", "One process, or several", _devices(said["devices"])


def _about(said: dict[str, Any]) -> str:
    machine = said["machine"]
    on_cpu = machine["device"] == "cpu"
    threads = f"{_threads(machine['threads'])}, " if on_cpu else ""
    peers = "".join(f"{name} {one}, " for name, one in said.get("peers", {}).items())
    about = (
        f"Measured on {said['date']}: {threads}torch {machine['torch']}, {peers}"
        f"commit {machine['commit']}, {said['rounds']} rounds in turns. A time is the "
        "median, with the quartiles behind it. The fastest product of matrices here "
        f"makes {_count(said['peak_flop_per_second'] / 1e9)} GFLOP per second."
    )
    return f"<p>{escape(about)}</p>"


def _legend() -> str:
    signs = "".join(
        f'<li><span aria-hidden="true">{sign}</span> {escape(says)}</li>'
        for sign, says in (*SIGNS.values(), LIMIT)
    )
    return (
        "<p>A number says how many times our own time another needs. In the picture "
        "beside it ours is the line, and twice is always as far: to the right of the "
        "line others take longer. What does not fit stands at the edge.</p>"
        f'<ul class="signs">{signs}<li>* differs by design, as its table says</li></ul>'
    )


def _chapter(matches: list[dict[str, Any]]) -> str:
    """The picture of a chapter's matches, and a table of each, folded."""
    ticks = "".join(
        f'<span style="--at:{_place(at):.1f}%">{"½" if at == 0.5 else at}</span>'
        for at in TICKS
    )
    tables = "".join(map(_table, matches))
    return (
        f'<div class="speed-picture" style="--one:{_place(1):.1f}%">'
        f'<div class="ticks" aria-hidden="true">{ticks}</div>'
        f"<ul>{''.join(map(_row, matches))}</ul></div>"
        "<details><summary>Every time, with its spread and memory</summary>"
        f"{tables}</details>"
    )


def _row(match: dict[str, Any]) -> str:
    """A match: a line for each other contender, its name, its time and its sign."""
    _, *others = match["contenders"]
    lines = "".join(
        f"<li><span>{escape(one['name'])}{'*' * bool(one['note'])}</span> "
        f"<b>{one['speed_up']:.2f}\u202f×</b>"
        f'<span class="strip" style="--at:{_place(one["speed_up"]):.1f}%"'
        f' aria-hidden="true"><span>{_sign(one)[0]}</span></span></li>'
        for one in others
        if "ms" in one
    )
    return (
        f"<li>{escape(match['name'])}, {escape(match['task'])} "
        f"<small>{_sizes(match)}</small><ul>{lines}</ul></li>"
    )


def _table(match: dict[str, Any]) -> str:
    rows = [(_name(one), _times_of(one)) for one in match["contenders"]]
    products = ""
    if match["mfu"] is not None:
        products = (
            f"<p>{_count(match['flop'] / 1e9)} GFLOP of products in a step: ours does "
            f"{match['mfu']:.0%} of what this machine can.</p>"
        )
    words = f"{match['words'].capitalize()} per second"
    step = "Time of all" if match["task"] == "decoding" else "Time of a step"
    heads = ("", "Times ours", step, words, "Memory at the peak")
    title = f"{match['name']}, {match['task']}"
    return _scrolling(title, heads, rows, _sizes(match)) + products


def _name(one: dict[str, Any]) -> str:
    note = f"<br><small>{escape(one['note'])}</small>" if one["note"] else ""
    return escape(one["name"]) + note


def _times_of(one: dict[str, Any]) -> list[str]:
    """The cells of a row; words alone, over all of them, where nothing was timed."""
    if "ms" not in one:
        return [escape(one.get("missing") or one["failed"])]
    low, high = one["quartiles"]
    return [
        f"{one['speed_up']:.2f}",
        f"{_ms(one['ms'])}<br><small>{_ms(low)} to {_ms(high)}</small>",
        _count(one["tokens_per_second"]),
        _mib(one["mib"]),
    ]


def _growth(curves: list[dict[str, Any]]) -> str:
    """A row for each model and size: the powers of the time and of the products."""
    heads = ("Model", "Time", "Products", "In the end", "Sizes", "Why")
    rows = []
    for one in curves:
        axis, sizes = one["axis"], one["sizes"]
        fixed = ", ".join(f"{name} {size}" for name, size in one["fixed"].items())
        if "failed" in one:
            cells, why = ["–"] * 3, one["failed"]
        else:
            powers = (f"{one['slope']:.2f}", f"{one['counted_slope']:.2f}")
            cells = [
                f"{axis}<sup>{power}</sup>" for power in (*powers, one["exponent"])
            ]
            left_out = one.get("left_out", {})
            why = "; ".join(
                [one["words"], *(f"{axis} {n}: {said}" for n, said in left_out.items())]
            )
        cells += [f"{axis} {sizes[0]} to {sizes[-1]}; {fixed}", escape(why)]
        rows.append((f"{escape(one['model'])}, {WITH[axis]}", cells))
    return (
        "<p>Each model alone, one size growing and the others held. The time is fitted "
        "by a power of that size; beside it stands that of the products that were "
        "counted at the same sizes, and the one in the end, where the size is all that "
        f"counts.</p>{_scrolling('Powers of the size', heads, rows)}"
    )


def _devices(said: dict[str, Any]) -> str:
    """One process against several, in a sentence."""
    if "missing" in said:
        return f"<p>Not measured: {escape(said['missing'])}.</p>"
    alone, shared = (
        f"{_count(one['tokens_per_second'])} tokens per second in {of} with "
        f"{_threads(one['threads'])}"
        for one, of in (
            (said["alone"], "one process"),
            (said["shared"], f"{said['shared']['devices']} processes"),
        )
    )
    times = said["shared"]["tokens_per_second"] / said["alone"]["tokens_per_second"]
    return (
        f"<p>The {escape(said['name'])}'s training step ({_sizes(said)}) makes "
        f"{alone}, and {shared} each: {times:.2f} times as many.</p>"
    )


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def _scrolling(
    title: str,
    heads: Sequence[str],
    rows: Sequence[tuple[str, list[str]]],
    more: str = "",
) -> str:
    """A table in a box that scrolls, of rows in HTML; the first cell names its row."""
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{_cells(cells, len(heads) - 1)}</tr>'
        for name, cells in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(title)}">'
        f"<table><caption>{escape(title)} <small>{more}</small></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(cells: list[str], columns: int) -> str:
    span = "" if len(cells) == columns else f' colspan="{columns}"'
    return "".join(f"<td{span}>{cell}</td>" for cell in cells)


def _sign(one: dict[str, Any]) -> tuple[str, str]:
    """A contender's sign, and what it says: whose it is, or that it is the limit.

    Raises ``ValueError`` for a name that does not say whose it is.
    """
    if one["kind"] == "limit":
        return LIMIT
    for whose, sign in SIGNS.items():
        if one["name"].startswith(whose):
            return sign
    raise ValueError(f"name: got {one['name']!r}, expected one of {', '.join(SIGNS)} …")


def _place(times: float) -> float:
    """Where so many times our time stands, in percent of the picture's width."""
    part = math.log(times / TICKS[0]) / math.log(TICKS[-1] / TICKS[0])
    return 100 * min(1.0, max(0.0, part))


def _sizes(match: dict[str, Any]) -> str:
    return escape(", ".join(f"{name}\u00a0{n}" for name, n in match["sizes"].items()))


def _ms(ms: float) -> str:
    return f"{ms / 1e3:.3g} s" if ms >= 1000 else f"{ms:.3g} ms"


def _mib(mib: float | None) -> str:
    if mib is None:
        return "–"
    return f"{mib:.0f} MiB" if mib >= 1 else "under 1 MiB"


def _count(value: float) -> str:
    """Three digits, with the thousands apart."""
    return f"{float(f'{value:.3g}'):,.10g}".replace(",", "\u202f")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("speed", Speed)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
