"""``{speed}``: what ``course bench`` has stored, as a picture, tables and sentences.

Each device that was measured has its own section. The picture needs no script: a row
for each match, time to the right, so it reads on a phone and prints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

from benchmarks import STORED, Benchmark
from docutils import nodes
from sphinx.application import Sphinx

from course_lib.chapters import chapter

SPEED = STORED / "speed"
LOW, HIGH = 0.25, 8.0  # how many times our time the picture shows
WITH = {"T": "length", "C": "width", "B": "batch"}
TICKS = (0.25, 0.5, 1, 2, 4, 8)
SAYS = {  # a contender's name begins with whose it is
    "ours": "ours, another path",
    "d2l": "d2l",
    "torch": "torch's own modules",
    "Hugging Face": "Hugging Face",
    "timm": "timm",
}
SIGNS = dict(zip(SAYS, "○●◆▲■", strict=True))


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
            return [self._section(self.read(path), path.stem) for path in found]
        except (OSError, ValueError, KeyError) as error:
            return self.broken(f"speed: {error!r}")

    def _section(self, said: dict[str, Any], stem: str) -> nodes.section:
        machine = said["machine"]
        name = f"speed on {machine['device_name']}, {machine['precision']}"
        section = nodes.section(ids=[nodes.make_id(f"speed {stem}")], names=[name])
        section += nodes.title(
            "", f"On {machine['device_name']}, {machine['precision']}"
        )
        section += nodes.raw("", _section_html(said), format="html")
        return section


def _section_html(said: dict[str, Any]) -> str:
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
    parts = [f"<p>{escape(about)}</p>", _picture(said["matches"])]
    for name, matches in groupby(said["matches"], key=lambda match: match["chapter"]):
        told = chapter(name)
        tables = "".join(map(_table, matches))
        parts.append(
            f"<details><summary>Chapter {told.number}, {escape(told.title)}: every time"
            f"</summary>{tables}</details>"
        )
    parts += [_growth(said["growth"]), _devices(said["devices"])]
    return f'<div class="speed">{"".join(parts)}</div>'


def _picture(matches: list[dict[str, Any]]) -> str:
    """Each contender's time, ours being 1, on a scale where twice is always as far."""
    signs = "".join(
        f'<li><span aria-hidden="true">{sign}</span> {escape(SAYS[whose])}</li>'
        for whose, sign in SIGNS.items()
    )
    ticks = "".join(
        f'<span style="left:{_place(tick):.1f}%">{_times(tick)}</span>'
        for tick in TICKS
    )
    axis = f'<div class="ticks" aria-hidden="true">{ticks}</div>'
    rows = "".join(map(_row, matches))
    return (
        '<figure class="speed-picture"><figcaption>Time of one step, ours being 1, on '
        "a logarithmic scale. To the right of the line others take longer. What "
        "does not fit stands at the edge.</figcaption>"
        f'<ul class="signs">{signs}<li>* differs by design, as its table says</li></ul>'
        f'{axis}<ul class="rows">{rows}</ul>{axis}</figure>'
    )


def _row(match: dict[str, Any]) -> str:
    _, *others = match["contenders"]
    timed = [one for one in others if "ms" in one]
    spoken = "; ".join(f"{one['name']} {one['speed_up']:.2f}" for one in timed)
    dots = "".join(
        f'<span style="left:{_place(one["speed_up"]):.1f}%"'
        f' title="{escape(one["name"])}: {one["speed_up"]:.2f} times our time">'
        f"{SIGNS[_whose(one)]}{'*' * bool(one['note'])}</span>"
        for one in timed
    )
    return (
        f"<li><span>{escape(match['name'])}, {escape(match['task'])} "
        f"<small>{_sizes(match)}</small></span>"
        f'<span class="strip" role="img" aria-label="Times of ours: {escape(spoken)}">'
        f"{dots}</span></li>"
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
    if "ms" not in one:
        return ["–", escape(one.get("missing") or one["failed"]), "–", "–"]
    low, high = one["quartiles"]
    return [
        f"{one['speed_up']:.2f}",
        f"{_ms(one['ms'])} <small>({_ms(low)} to {_ms(high)})</small>",
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
        "<details><summary>How the time of a step grows</summary><p>Each model alone, "
        "one size growing and the others held. The time is fitted by a power of that "
        "size; beside it stands that of the products that were counted at the same "
        "sizes, and the one in the end, where the size is all that counts.</p>"
        f"{_scrolling('How the time of a step grows', heads, rows)}</details>"
    )


def _devices(said: dict[str, Any]) -> str:
    """One process against several, in a sentence."""
    if "missing" in said:
        return f"<p>Several devices: not measured, {escape(said['missing'])}.</p>"
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
        f"<p>Several devices: the {escape(said['name'])}'s training step "
        f"({_sizes(said)}) makes {alone}, and {shared} each: {times:.2f} times as "
        "many.</p>"
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
        f'<tr><th scope="row">{name}</th><td>{"</td><td>".join(cells)}</td></tr>'
        for name, cells in rows
    )
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(title)}">'
        f"<table><caption>{escape(title)} <small>{more}</small></caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _whose(one: dict[str, Any]) -> str:
    """Whose a contender is. Raises ``ValueError`` for a name that does not say."""
    for whose in SAYS:
        if one["name"].startswith(whose):
            return whose
    raise ValueError(f"name: got {one['name']!r}, expected one of {', '.join(SAYS)} …")


def _place(times: float) -> float:
    """Where so many times our time stands, in percent of the picture's width."""
    part = math.log(times / LOW) / math.log(HIGH / LOW)
    return 100 * min(1.0, max(0.0, part))


def _sizes(match: dict[str, Any]) -> str:
    return escape(", ".join(f"{name}\u00a0{n}" for name, n in match["sizes"].items()))


def _times(tick: float) -> str:
    return {0.25: "¼", 0.5: "½"}.get(tick, f"{tick:.0f}") + "\u202f×"


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
