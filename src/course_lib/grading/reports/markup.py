"""What a report's page is made of: escaped text, tables, a style and one script.

Whatever is not ``Markup`` is text and gets escaped. The page forbids the browser every
script but its own, and every address.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

_STYLE = """
:root { color-scheme: light dark; background: Canvas; color: CanvasText; }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 80rem; margin: 1rem auto;
  padding: 0 1rem; overflow-wrap: break-word; }
h1, h2, h3 { line-height: 1.25; }
h2 { margin: 2.5rem 0 .5rem; padding-top: .5rem; border-top: 2px solid; }
a { color: light-dark(#0b57a4, #9ecbff); }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding: 0;
  list-style: none; }
nav a, td a, th a { display: inline-block; min-height: 1.5rem; }
.notes { border: 2px solid; padding: 0 1rem; margin: 1rem 0; }
.wide { overflow: auto; margin: .75rem 0; }
.tall { max-height: 85vh; border: 1px solid GrayText; }
.tall thead th { position: sticky; top: 0; z-index: 1; background: Canvas;
  box-shadow: 0 1px GrayText; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: bold; padding: .25rem .5rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
  border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
thead th { white-space: nowrap; }
tbody th { font-weight: 600; min-width: 12rem; max-width: 20rem;
  overflow-wrap: anywhere; }
td { white-space: nowrap; }
td a { white-space: normal; overflow-wrap: anywhere; }
td.text { min-width: 12rem; white-space: pre-wrap; overflow-wrap: anywhere; }
th button { font: inherit; font-weight: bold; color: inherit; background: none;
  border: 0; padding: 0; cursor: pointer; text-align: left; }
th button::after { content: " \\2195"; opacity: .6; }
th[aria-sort=ascending] button::after { content: " \\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: " \\2193"; opacity: 1; }
.bar { display: inline-block; width: 6rem; height: .8em; margin-right: .5rem;
  border: 1px solid; vertical-align: baseline; }
.bar i { display: block; height: 100%; background: currentColor; }
.find { display: flex; flex-wrap: wrap; align-items: baseline; gap: .5rem; }
.find input { font: inherit; padding: .3rem .5rem; width: min(100%, 20rem); }
details.student { border-top: 1px solid GrayText; }
details.student > summary { padding: .5rem 0; cursor: pointer; }
details.student > div { padding: 0 0 1.5rem 1rem; }
pre { overflow-x: auto; border: 1px solid GrayText; padding: .5rem; }
[hidden] { display: none; }
@media (max-width: 40rem) {
  tbody th { min-width: 6rem; max-width: 11rem; }
  details.student > div { padding-left: 0; }
  /* Tables with running text: a row is a block, and each cell says what it is. */
  .long thead { display: none; }
  .long tr { display: block; padding: .4rem 0;
    border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
  .long :is(th, td) { display: block; max-width: none; border: 0;
    padding: .1rem .5rem; }
  .long td:empty { display: none; }
  .long td::before { font-weight: 600; }
  .long td:nth-child(2)::before { content: var(--2) ": "; }
  .long td:nth-child(3)::before { content: var(--3) ": "; }
  .long td:nth-child(4)::before { content: var(--4) ": "; }
  .long td:nth-child(5)::before { content: var(--5) ": "; }
}
@media print { nav, .find { display: none; } h2 { break-after: avoid; }
  tr, summary { break-inside: avoid; } body { font-size: 10pt; max-width: none; }
  .tall { max-height: none; border: 0; } .wide { overflow: visible; }
  td, td.text, tbody th { min-width: 0; white-space: pre-wrap; }
  .tall thead th { position: static; } }
"""

# Nothing is lost without it: it opens the student whom an address names, sorts the
# table by its columns, and filters it.
_SCRIPT = """
"use strict";
const open = () => {
  const there = document.getElementById(location.hash.slice(1));
  if (there instanceof HTMLDetailsElement) {
    there.open = true;
    there.scrollIntoView();
  }
};
addEventListener("hashchange", open);
open();
for (const link of document.querySelectorAll('a[href^="#student-"]'))
  link.addEventListener("click", () => setTimeout(open));
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const compare = new Intl.Collator(undefined, { numeric: true }).compare;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      for (const other of table.tHead.rows[0].cells)
        other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const text = (row) => row.cells[column].textContent;
      const sorted = [...body.rows].sort((a, b) => compare(text(a), text(b)));
      body.append(...(down ? sorted.reverse() : sorted));
    });
  });
  const find = document.querySelector(".find");
  const [input, said] = find.querySelectorAll("input, output");
  find.hidden = false;
  input.addEventListener("input", () => {
    const wanted = input.value.normalize().toLowerCase();
    let shown = 0;
    for (const row of body.rows) {
      const name = row.cells[0].textContent.normalize().toLowerCase();
      row.hidden = !name.includes(wanted);
      const details = document.querySelector(row.querySelector("a").hash);
      details.hidden = row.hidden;
      shown += !row.hidden;
    }
    said.value = `${shown} of ${body.rows.length} shown`;
  });
}
"""
_HASH = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; "
    "base-uri 'none'; form-action 'none'"
)
# With these a line of code can be made to read like another one.
_REORDERING = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Markup(str):
    """Text that is HTML already."""


def document(title: str, body: str) -> str:
    """A whole page, in one file."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{body}<script>{_SCRIPT}</script></body></html>\n"
    )


def table(
    caption: str,
    head: Sequence[str],
    rows: Iterable[Iterable[Any]],
    kind: str = "",
    text: Iterable[str] = (),
) -> str:
    """A table, or nothing where it has no rows.

    ``kind`` is a CSS class of the table: ``tall`` scrolls below its header, and
    ``sortable`` is so too. ``text`` names the columns that hold running text.
    """
    text = set(text)
    tags = ['<td class="text">' if name in text else "<td>" for name in head]
    body = ""
    for first, *others in rows:
        cells = "".join(
            f"{tag}{escape(value)}</td>"
            for tag, value in zip(tags[1:], others, strict=True)
        )
        body += f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>'
    if not body:
        return ""
    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    kinds = f"{kind} long" if text else kind
    labels = ";".join(f"--{at}:'{name}'" for at, name in enumerate(head, start=1))
    region = "wide tall" if kind else "wide"
    return (
        f'<div class="{region}" tabindex="0" role="group" '
        f'aria-label="{escape(caption)}">'
        f'<table class="{kinds}" style="{escape(labels) if text else ""}">'
        f"<caption>{escape(caption)}</caption><thead><tr>{header}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def bar(share: float, says: str) -> Markup:
    """A bar of ``share``, from 0 to 1, beside the words that say the same."""
    return Markup(
        f'<span class="bar" aria-hidden="true"><i style="width:{100 * share:.0f}%">'
        f"</i></span>{escape(says)}"
    )


def listed(items: Iterable[str]) -> str:
    """An unordered list."""
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def escape(value: Any) -> str:
    """``value`` as HTML text, in the order in which it stands."""
    if isinstance(value, Markup):
        return value
    return html.escape(_REORDERING.sub("\N{REPLACEMENT CHARACTER}", str(value)))
