"""Questions that a person grades: what a student wrote, and what it is worth.

The answers go into ``manual.csv`` beside the grades. Whoever fills in its points and
comments finds both in the next run's reports; no run takes them away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from course_lib.grading import notebook

# "Answer to q6", whatever marks it as a heading; what follows in its line is text.
_NAMED = re.compile(r"[\s#*_>`]*answer\s+to\s+([^\W_]+)[\s#*_`:.]*", re.IGNORECASE)
_TEXT_LIMIT = 20_000  # characters of an answer that are kept


def written_answers(data: bytes, questions: Iterable[str]) -> dict[str, str]:
    """What the notebook's text cells say to each of ``questions``; "" for nothing.

    An answer is a markdown cell that begins with ``Answer to q6``, wherever it stands.
    If there are two, the text holds both. Raises ``notebook.Unreadable``.
    """
    found: dict[str, list[str]] = {name: [] for name in questions}
    known = {name.casefold(): name for name in found}
    for cell in notebook.markdown_cells(data):
        title = _NAMED.match(cell)
        name = known.get(title[1].casefold()) if title else None
        if title and name:
            text = cell[title.end() :].strip()
            if text and text not in found[name]:
                found[name].append(text)
    return {name: "\n\n".join(texts)[:_TEXT_LIMIT] for name, texts in found.items()}
