"""The models of chapters 3 to 5 on the same sentences, for the title page.

    python -m course_lib.experiments.title

Nothing is trained here: it loads the weights that the figures of the chapters run from.
The sentences are the first that the grammar draws of each of :data:`LENGTHS` for the
test, which no training has seen; nobody chose them. A translation is right if it is one
of those that the grammar allows. It takes two minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

import course_lib
from course_lib.data.korean_english import Drawn, draws, korean, translations
from course_lib.data.korean_english.ladders import glosses
from course_lib.data.translation import START, UNKNOWN
from course_lib.decoding import Hypothesis
from course_lib.experiments import find
from course_lib.experiments.attention.decoders import Sizes
from course_lib.experiments.attention.decoders import build as attention
from course_lib.experiments.translation import translate
from course_lib.figures.weights import pack, unpack
from course_lib.files import write_whole
from course_lib.results import stored
from course_lib.self_attention import weights_kept
from course_lib.seq2seq import Seq2SeqConfig, seq2seq
from course_lib.transformer import Transformer, TransformerConfig

OUT = Path(course_lib.__file__).parent / "figures/title/three_translators.json"
CLAIMS = {  # by chapter: what trained its model, and the steps in that claim's config
    "seq2seq": ("context-bottleneck", "small_steps"),
    "attention": ("attention-alignment", "steps"),
    "transformer": ("transformer-translation", "steps"),
}
LENGTHS = (4, 8, 12, 16, 20)  # source tokens
COUNTED = 200  # sentences of each length that are counted
SHOWN = 3  # of these, the first that can be looked at
LONGEST = 60  # words of a translation, then it is cut


class Translator(NamedTuple):
    """A trained model in float64, and its two vocabularies."""

    model: nn.Module
    source: dict[str, int]
    target: list[str]

    def ids(self, tokens: Sequence[str]) -> Tensor:
        """``(S,)``"""
        return torch.tensor([self.source.get(token, UNKNOWN) for token in tokens])


def load(chapter: str) -> Translator:
    """The model of one of :data:`CLAIMS` as the figures of that chapter run it."""
    artefact = find(CLAIMS[chapter][0]).artefact
    weights = json.loads(artefact.read_text(encoding="utf-8"))
    parameters = {
        name: torch.tensor(unpack(packed), dtype=torch.float64)
        for name, packed in weights["parameters"].items()
    }
    words = len(weights["source_words"]), len(weights["target_words"])
    model = _untrained(chapter, words, parameters, weights.get("config"))
    model.double().eval().load_state_dict(parameters)
    source = {word: i for i, word in enumerate(weights["source_words"])}
    return Translator(model, source, weights["target_words"])


def _untrained(
    chapter: str,
    words: tuple[int, int],
    parameters: Mapping[str, Tensor],
    config: Mapping[str, Any] | None,
) -> nn.Module:
    if chapter == "transformer":
        return Transformer(TransformerConfig(**config), *words)
    E = parameters["encoder.embedding.weight"].shape[1]
    H = parameters["decoder.layer.W_h"].shape[1]
    if chapter == "attention":
        return attention("bahdanau", Sizes(*words, E, H), seed=0)
    return seq2seq(Seq2SeqConfig(*words, E, H, bidirectional=False, feed_context=True))


def right(one: Translator, drawn: Sequence[Drawn]) -> list[bool]:
    """Which sentences are translated by something that the grammar allows."""
    found = translate(one.model, [one.ids(d.pair.source) for d in drawn], LONGEST)
    return [
        hypothesis.ended and _words(one, hypothesis) in translations(d)
        for d, hypothesis in zip(drawn, found, strict=True)
    ]


@torch.no_grad()
def trace(chapter: str, one: Translator, tokens: Sequence[str]) -> dict[str, Any]:
    """What the page shows of one translation.

    ``words``, and whether they ``ended``; of the model without attention the ``states``
    ``(S, H)`` of its encoder, of the others where they looked for each word and for the
    end: ``looks (T + 1, S)``, for the Transformer the mean of its last block's heads.
    """
    source = one.ids(tokens)[None]  # (1, S)
    mask = torch.ones_like(source, dtype=torch.bool)
    (found,) = translate(one.model, [source[0]], LONGEST)
    told = {"words": list(_words(one, found)), "ended": found.ended}
    if chapter == "seq2seq":
        states = one.model.encoder(source, mask)[0][0]  # (S, H)
        return {**told, "states": pack(states)}
    written = [START, *found.tokens][: len(found.tokens) + found.ended]
    previous = torch.tensor([written])  # (1, T + 1)
    if chapter == "attention":
        looks = one.model.weights(source, mask, previous)[0]  # (T + 1, S)
    else:
        with weights_kept(one.model):
            one.model(source, mask, previous)
            last = one.model.decoder.blocks[-1].cross_attention
            looks = last.weights[0].mean(0)  # (H, T + 1, S) -> (T + 1, S)
    return {**told, "looks": pack(looks)}


def group(
    length: int,
    models: Mapping[str, Translator],
    counted: int = COUNTED,
    note: Callable[[str], None] = print,
) -> dict[str, Any]:
    """What the page knows of the sentences of ``length`` tokens.

    ``right`` has, by chapter, a "1" or a "0" for each of the ``counted`` sentences;
    ``sentences`` are the first :data:`SHOWN` of them, with a trace by chapter.
    """
    drawn = draws(counted, 0, "test", shortest=length, longest=length)
    marks = {chapter: right(one, drawn) for chapter, one in models.items()}
    shares = {chapter: sum(each) / counted for chapter, each in marks.items()}
    note(f"{length} tokens: {shares}")
    return {
        "length": length,
        "right": {
            chapter: "".join(str(int(one)) for one in each)
            for chapter, each in marks.items()
        },
        "sentences": [_sentence(one, models) for one in drawn[:SHOWN]],
    }


def _sentence(drawn: Drawn, models: Mapping[str, Translator]) -> dict[str, Any]:
    tokens = drawn.pair.source
    allowed = translations(drawn)
    return {
        "text": korean(tokens),
        "tokens": list(tokens),
        "glosses": list(glosses(drawn.pair)),
        "allowed": [
            " ".join(words) for words in sorted(allowed, key=allowed.get, reverse=True)
        ],
        "traces": {
            chapter: trace(chapter, one, tokens) for chapter, one in models.items()
        },
    }


def trained(chapter: str) -> dict[str, Any]:
    """What the model is: its claim, and the pairs and steps that it learned from."""
    claim, steps = CLAIMS[chapter]
    artefact = json.loads(find(claim).artefact.read_text(encoding="utf-8"))
    config = stored(claim, artefact["record"]["scale"]).config
    return {
        "claim": claim,
        "commit": artefact["record"]["commit"],
        "pairs": config["train"],
        "steps": config[steps],
    }


def _words(one: Translator, found: Hypothesis) -> tuple[str, ...]:
    return tuple(one.target[token] for token in found.tokens)


def main() -> None:
    models = {chapter: load(chapter) for chapter in CLAIMS}
    made = {
        "models": {chapter: trained(chapter) for chapter in CLAIMS},
        "counted": COUNTED,
        "groups": [group(length, models) for length in LENGTHS],
    }
    text = json.dumps(made, ensure_ascii=False, indent=1)
    write_whole(OUT, text + "\n")
    print(f"{OUT.name}: {OUT.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
