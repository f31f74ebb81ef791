"""A trained Transformer that translates in the page, open for inspection and cuts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, ClassVar

from course_lib.data.korean_english.ladders import for_page
from course_lib.figures.arguments import Argument, Choice, Number, Text, Weights
from course_lib.figures.base import Figure
from course_lib.figures.seq2seq.network import check_shapes, network, rung_of

STORED = Path(__file__).with_name("transformer_lab.json")
PARTS = ("mask", "scale", "residuals", "norms", "positions")
END = "</s>"  # it ends a target, and is no word of it


@dataclass(frozen=True)
class _Cuts(Argument):
    """Names of parts and of heads, each at most once."""

    _: KW_ONLY

    expected = (
        f"names, each at most once: {', '.join(PARTS)}, or a head such as "
        "'decoder 2 cross 4'"
    )

    def allows(self, value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(isinstance(name, str) for name in value)
            and len(set(value)) == len(value)
        )


class TransformerLab(Figure):
    """A model of :mod:`course_lib.transformer` translates what the reader types.

    Every stage from the words to the probabilities of the next one can be opened, and
    each part can be cut out of the trained model. Stages are counted from 1: the source
    words, the encoder's blocks, the target words, the decoder's blocks, the next word.
    """

    title = "Inside a Transformer"
    description = (
        "A Korean sentence and its English translation, word by word, each with its "
        "probability. A chosen word shows the five most probable ones at its place, "
        "and one of them can be put there. Below, the model as two rows of stages: the "
        "Korean words, the encoder's blocks; the English words, the decoder's blocks, "
        "the next word. Small maps in them are the attention weights of each head. An "
        "opened stage shows its vectors as strips of cells, red below zero and blue "
        "above, or its heads; an opened head shows queries, keys and values, a map of "
        "the weights, and the arithmetic of one cell of it. Last, switches take parts "
        "out: the causal mask, the scale, residual connections, norms, positions, each "
        "head. A table compares what the whole model and the cut one say."
    )
    caption = (
        "Choose an English word and walk through the stages: which head of which "
        "cross-attention finds its Korean word? Cut that head out, then another. Last, "
        "change the last word with the mask and without it. Nothing is trained anew: a "
        "cut says what this model leans on, not what another one could do without."
    )
    reports: ClassVar[dict[str, Any]] = {
        "translation": "",  # what the whole model says
        "cut_translation": "",  # what it says with the cuts
        "log_probability": None,  # of the target, by the whole model
        "cut_log_probability": None,
        "leak": None,  # how far a changed word moves the predictions before it
    }

    ladder = Number(
        "which sentence is read, counted from 1", default=1, low=1, high=99, whole=True
    )
    rung = Number("how far it has grown", default=1, low=1, high=99, whole=True)
    text = Text("a Korean sentence; the rung's if empty", default="", longest=300)
    target = Text(
        "the English words that are given, with spaces; what the model says if empty",
        default="",
        longest=600,
    )
    at = Number(
        "the target word that is chosen, counted from 1; the last if None",
        default=None,
        low=1,
        high=400,
        whole=True,
    )
    stage = Number("which stage is open", default=1, low=1, high=99, whole=True)
    part = Choice(
        "what is open of a block", default="self", options=("self", "cross", "added")
    )
    head = Number("which head is open", default=1, low=1, high=99, whole=True)
    cut = _Cuts("what is cut out of the model", default=[])
    weights = Weights(
        "the network; stored beside the figure if None",
        default=None,
        # it may bring "ladders" of its own, as ``ladders.for_page`` gives them
        parts="source_words, target_words, parameters and config",
    )

    def validate(self) -> None:
        """Load the stored network, and check that its parts and the cuts fit it."""
        given = self.weights
        if given is None and STORED.exists():
            given = json.loads(STORED.read_text(encoding="utf-8"))
        config = _config(given)
        self.weights = {
            **network(given, STORED, "transformer-translation", for_page()),
            "config": config,
        }
        parameters = dict(self.weights["parameters"])
        if config["tied"]:
            parameters.pop("output.weight", None)  # the words' vectors once more
        self.weights["parameters"] = parameters
        check_shapes(parameters, _shapes(self.weights))
        rung = rung_of(self.weights["ladders"], self.ladder, self.rung)
        self.text = self.text or rung["text"]
        stages = 2 * config["blocks"] + 3
        for name, most in (("stage", stages), ("head", config["heads"])):
            if getattr(self, name) > most:
                raise ValueError(
                    f"{name}: got {getattr(self, name)}, expected 1 to {most}"
                )
        known = {*PARTS, *_heads(config)}
        if unknown := [name for name in self.cut if name not in known]:
            raise ValueError(f"cut: got {unknown[0]!r}, expected {_Cuts.expected}")
        words = {*self.weights["target_words"]} - {END}
        if unknown := [word for word in self.target.split() if word not in words]:
            raise ValueError(
                f"target: got {unknown[0]!r}, expected words of the vocabulary"
            )

    def __repr__(self) -> str:
        rung = rung_of(self.weights["ladders"], self.ladder, self.rung)
        changed = [f"ladder={self.ladder}", f"rung={self.rung}"]
        for name in self.arguments:
            value, default = getattr(self, name), self.arguments[name].default
            default = rung["text"] if name == "text" else default
            if name not in ("ladder", "rung", "weights") and value != default:
                changed.append(f"{name}={value!r}")
        return f"TransformerLab({', '.join(changed)})"


def _config(weights: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the page must know of a ``TransformerConfig``, and can run."""
    given = (weights or {}).get("config")
    if weights is not None and not given:
        raise ValueError("weights: config missing or empty")
    fields = ("size", "heads", "inner", "blocks", "norm", "positions", "activation")
    fields += ("tied",)
    config = {name: (given or {}).get(name) for name in fields}
    if given is None:
        return config  # ``network`` says what is missing
    for name, known in (
        ("norm", ("pre", "post")),
        ("positions", ("sinusoidal", "none")),
        ("activation", ("relu",)),
    ):
        if given.get(name) not in known:
            raise ValueError(
                f"weights: config has {name} {given.get(name)!r}, expected one of "
                + ", ".join(known)
            )
    return config


def _attentions(config: Mapping[str, Any]) -> dict[str, str]:
    """The name of each attention in the page, and that of its parameters."""
    kinds = {
        "encoder": {"self": "attention"},
        "decoder": {"self": "attention", "cross": "cross_attention"},
    }
    return {
        f"{stack} {n + 1} {kind}": f"{stack}.blocks.{n}.{called}"
        for stack, has in kinds.items()
        for n in range(config["blocks"])
        for kind, called in has.items()
    }


def _heads(config: Mapping[str, Any]) -> list[str]:
    """The names of all heads."""
    return [
        f"{name} {head + 1}"
        for name in _attentions(config)
        for head in range(config["heads"])
    ]


def _shapes(weights: Mapping[str, Any]) -> dict[str, list[int]]:
    """The shapes of all parameters of a ``Transformer``."""
    config = weights["config"]
    C, inner = config["size"], config["inner"]
    sources, targets = len(weights["source_words"]), len(weights["target_words"])
    shapes = {"source.words.weight": [sources, C], "target.words.weight": [targets, C]}
    if not config["tied"]:
        shapes["output.weight"] = [targets, C]

    def linear(name: str, rows: int, columns: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = [rows, columns], [rows]

    def norm(name: str) -> None:
        shapes[f"{name}.gain"] = shapes[f"{name}.bias"] = [C]

    for name in _attentions(config).values():
        block, _, kind = name.rpartition(".")
        for one in ("W_q", "W_k", "W_v", "W_o"):
            linear(f"{name}.{one}", C, C)
        norm(f"{block}.after_{kind}.norm")
        linear(f"{block}.feed_forward.W_1", inner, C)
        linear(f"{block}.feed_forward.W_2", C, inner)
        norm(f"{block}.after_feed_forward.norm")
    if config["norm"] == "pre":
        norm("encoder.norm")
        norm("decoder.norm")
    return shapes
