"""The trained models of three chapters, side by side on one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

from course_lib.chapters import chapter
from course_lib.figures.arguments import Number, Text
from course_lib.figures.attention import AttentionLab
from course_lib.figures.base import Figure
from course_lib.figures.seq2seq import BottleneckLab
from course_lib.figures.transformer import TransformerLab

STORED = Path(__file__).with_name("three_translators.json")
LABS = {"seq2seq": BottleneckLab, "attention": AttentionLab}
LABS |= {"transformer": TransformerLab}
NAMES = {  # over its column, and in a sentence
    "seq2seq": ("Fixed vector", "the fixed vector"),
    "attention": ("Attention", "attention"),
    "transformer": ("Transformer", "the Transformer"),
}
SCRIPT = "_static/three_translators.js"  # in the book


class ThreeTranslators(Figure):
    """The models of the labs of chapters 3, 4 and 5 translate the same sentence.

    What they say of the sentences to choose from is stored, as
    :mod:`course_lib.experiments.title` found it, so the figure works as soon as it is
    drawn. The weights, 2 MB of them, come only when the reader types.
    """

    title = "One sentence, three models"
    description = (
        "A Korean sentence, chosen by its length or typed, and three models beside one "
        "another that translate it into English: one with a fixed vector, one with "
        "attention, a Transformer. Each shows the Korean words with their meaning. The "
        "first two read one word in a step, the Transformer all in one. Then each "
        "writes word by word. For each English word, the share of its attention that "
        "each Korean word got stands below it; the first model has none, and shows the "
        "64 numbers that it keeps of the sentence. Wrong words are marked by a sign "
        "and a wavy line. Last, a table says how often each model is right, by length."
    )
    caption = (
        "A step is what has to wait for the step before it. Reading takes the "
        "Transformer one, whatever the length, and in training it writes in one step "
        "too, since the right words are all known. Here each word it writes waits for "
        "the last, as in the others. These are the models that run in the chapters. "
        "They differ in size and training, so the table is no race; the chapters hold "
        "those, between equals."
    )
    reports: ClassVar[dict[str, Any]] = {"translations": {}}  # by chapter

    length = Number(
        "tokens of the sentence to choose", default=12, low=1, high=99, whole=True
    )
    sentence = Number(
        "which sentence of this length, from 1", default=1, low=1, high=99, whole=True
    )
    text = Text("a Korean sentence of one's own", default="", longest=300)
    at = Number("steps shown", default=0, low=0, high=400, whole=True)
    book = Text(
        "where the book is, seen from the page, such as '../'; if empty there are no "
        "links to its chapters, and the weights are in the page",
        default="",
        longest=200,
    )

    def validate(self) -> None:
        """Check that there is such a sentence."""
        groups = _stored()["groups"]
        lengths = [group["length"] for group in groups]
        if self.length not in lengths:
            known = ", ".join(map(str, lengths))
            raise ValueError(f"length: got {self.length}, expected one of {known}")
        most = len(groups[0]["sentences"])
        if self.sentence > most:
            raise ValueError(f"sentence: got {self.sentence}, expected 1 to {most}")

    def state(self) -> dict[str, Any]:
        """The models in words, the stored sentences, and the weights or their place."""
        stored = _stored()
        return {
            **super().state(),
            "models": [_told(name, told) for name, told in stored["models"].items()],
            "counted": stored["counted"],
            "groups": [
                {**group, "right": {k: _share(v) for k, v in group["right"].items()}}
                for group in stored["groups"]
            ],
            "weights": self.book + SCRIPT if self.book else weights(),
        }


def weights() -> dict[str, Any]:
    """The three trained models by chapter, as the figures of the chapters have them."""
    found = {}
    for name, lab in LABS.items():
        found[name] = dict(lab().weights)
        del found[name]["ladders"]  # this figure has sentences of its own
    return found


def script() -> str:
    """The file at :data:`SCRIPT`: a script, which a page on a disk may load as well.

    In ASCII, so that no page can read it in a wrong encoding.
    """
    packed = json.dumps(weights(), separators=(",", ":"))
    return f"globalThis.__courseTranslators = {packed};\n"


def _stored() -> dict[str, Any]:
    return json.loads(STORED.read_text(encoding="utf-8"))


def _told(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """What a model is called, where it is explained, and what it learned from."""
    explained, (heading, called) = chapter(name), NAMES[name]
    return {
        "chapter": name,
        "name": heading,
        "called": called,
        "number": explained.number,
        "page": f"chapters/{explained.folder}.html",
        "learned": f"{told['pairs']:,} pairs, {told['steps']:,} training steps",
    }


def _share(marks: str) -> float:
    """``"1101"`` is 0.75."""
    return marks.count("1") / len(marks)
