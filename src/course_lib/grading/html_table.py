"""A small table that a notebook shows as HTML and a terminal as text."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

_CELL = "text-align:left;vertical-align:top;padding:.3em 1em .3em 0"


@dataclass(frozen=True)
class Table:
    """A caption, a header, rows and a closing sentence; `names` may be in backticks.

    ``notes`` has a text for each row, which stands below it over the whole width, so
    that a long one can be read on a phone too. ``shares`` draws how much of each row is
    done, from 0 to 1. The colours are those of the page, light or dark.
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    closing: str
    notes: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col" style="{_CELL}">{_html(text)}</th>'
            for text in self.header
        )
        body = ""
        for number, row in enumerate(self.rows):
            bar = _bar(self.shares[number]) if self.shares else ""
            note = self.notes[number] if self.notes else ""
            body += _row(row, bar) + _note(note, len(row))
        return (
            '<div role="status" style="max-width:60em;overflow-x:auto">'
            '<table style="border-collapse:collapse;margin:0">'
            '<caption style="text-align:left;font-weight:bold;color:inherit">'
            f"{_html(self.caption)}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
            f'<p style="margin:.5em 0">{_html(self.closing)}</p></div>'
        )

    def __repr__(self) -> str:
        lines = [self.caption]
        for number, row in enumerate(self.rows):
            lines.append(" | ".join(row).rstrip(" |"))
            if self.notes and self.notes[number]:
                lines += [f"  {line}" for line in self.notes[number].split("\n")]
        return "\n".join([*lines, self.closing])


def _row(texts: Sequence[str], bar: str) -> str:
    head, *others = map(_html, texts)
    cells = f'<th scope="row" style="{_CELL};font-weight:normal">{head}</th>'
    for text in others:
        cells += f'<td style="{_CELL};white-space:nowrap">{bar}{text}</td>'
        bar = ""  # in the first of them
    return f'<tr style="background:none">{cells}</tr>'


def _note(text: str, width: int) -> str:
    if not text:
        return ""
    style = "text-align:left;padding:0 0 .8em 1.5em;white-space:normal"
    return (
        f'<tr style="background:none"><td colspan="{width}" style="{style}">'
        f"{_html(text)}</td></tr>"
    )


def _html(text: str) -> str:
    text = html.escape(text).replace("\n", "<br>")
    return re.sub(r"`([^`<]+)`", r"<code>\1</code>", text)


def _bar(share: float) -> str:
    # Beside the words that say the same, so a screen reader need not know of it.
    return (
        '<span aria-hidden="true" style="display:inline-block;width:5em;height:.7em;'
        'margin-right:.6em;border:1px solid currentColor">'
        f'<span style="display:block;width:{share:.0%};height:100%;'
        'background:currentColor"></span></span>'
    )
