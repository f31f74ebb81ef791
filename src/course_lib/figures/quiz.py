"""One multiple-choice question with immediate feedback."""

from __future__ import annotations

import html
import re
from typing import Any, ClassVar

from course_lib.figures.arguments import Number, Text, Texts
from course_lib.figures.base import Figure

_MARKUP = re.compile(r"\*\w[^*]*\*|`[^`]+`|\$[^$]+\$")


class Quiz(Figure):
    """Asks a question; each choice has its own explanation, shown when it is picked.

    "Right." or "Not quite." stands before an explanation. All texts are plain: no
    Markdown, no mathematics. Without JavaScript it is a plain list with the answer to
    unfold.
    """

    description = "A multiple-choice question with feedback for each choice."
    caption = ""
    reports: ClassVar[dict[str, Any]] = {"choice": None}

    question = Text("what is asked", longest=600)
    choices = Texts("two to six answers")
    answer = Number("index of the right choice, from 0", low=0, high=5, whole=True)
    explanations = Texts("for each choice, why it is right or wrong")
    title = Text("its heading", default="Check yourself", longest=60)

    def validate(self) -> None:
        """Every choice has an explanation, the answer is one of them, all is plain."""
        count = len(self.choices)
        if not 2 <= count <= 6:
            raise ValueError(f"choices: got {count}, expected 2 to 6")
        if len(self.explanations) != count:
            raise ValueError(
                f"explanations: got {len(self.explanations)}, expected {count}, "
                "one for each choice"
            )
        if self.answer >= count:
            raise ValueError(
                f"answer: got {self.answer}, expected the index of a choice, "
                f"0 to {count - 1}"
            )

        for name in ("question", "choices", "explanations"):
            texts = getattr(self, name)
            for text in [texts] if isinstance(texts, str) else texts:
                if found := _MARKUP.search(text):
                    raise ValueError(
                        f"{name}: got {found[0]!r}, expected plain text without markup"
                    )

    def fallback(self) -> str:
        """The question as a list, the answer folded away."""
        items = "".join(f"<li>{html.escape(choice)}</li>" for choice in self.choices)
        why = html.escape(
            f"{self.choices[self.answer]}. {self.explanations[self.answer]}"
        )
        return (
            f"<p><strong>{html.escape(self.question)}</strong></p><ol>{items}</ol>"
            f"<details><summary>Answer</summary><p>{why}</p></details>"
        )

    def __repr__(self) -> str:
        return f"Quiz({self.question!r})"
