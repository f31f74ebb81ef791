"""A small translator for the attention lab, and torch's view of its weights."""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.attention import AttentionSeq2Seq
from course_lib.data.korean_english.ladders import ladders
from course_lib.data.translation import Vocabulary
from course_lib.experiments.attention.decoders import Sizes, build
from course_lib.figures.attention import AttentionLab
from course_lib.figures.attention.attention_lab import STORED
from course_lib.figures.weights import pack, unpack

PAIRS = [pair for ladder in ladders() for pair in ladder.rungs]


def tiny(seed: int = 4) -> dict[str, Any]:
    """Random weights, large enough that no two words are equally probable."""
    source = Vocabulary([pair.source for pair in PAIRS]).words
    target = Vocabulary([pair.target for pair in PAIRS]).words
    model = build("bahdanau", Sizes(len(source), len(target), 5, 8), seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
        model.decoder.output.bias[2] += 4  # so that it comes to an end
    return {
        "record": {},
        "source_words": list(source),
        "target_words": list(target),
        "parameters": {k: pack(v) for k, v in model.state_dict().items()},
    }


def torch_model(weights: dict[str, Any]) -> AttentionSeq2Seq:
    """In float64, from the rounded weights."""
    parameters = {
        name: torch.tensor(unpack(packed), dtype=torch.float64)
        for name, packed in weights["parameters"].items()
    }
    E = parameters["encoder.embedding.weight"].shape[1]
    H = parameters["decoder.layer.W_h"].shape[1]
    sizes = len(weights["source_words"]), len(weights["target_words"])
    model = build("bahdanau", Sizes(*sizes, E, H), 0).double().eval()
    model.load_state_dict(parameters)
    return model


class Told(nn.Module):
    """A window that puts all weight of some steps on one place, by their numbers."""

    def __init__(self, window: nn.Module, forced: dict[int, int]) -> None:
        super().__init__()
        self.window, self.forced = window, forced
        self.seen: list[Tensor] = []  # the weights of each step

    def forward(self, scores, mask, query, time) -> Tensor:
        weights = self.window(scores, mask, query, time)
        for row, t in enumerate(time.tolist()):
            if t in self.forced:
                weights[row] = 0
                weights[row, :, self.forced[t]] = 1
        self.seen.append(weights[0, 0])
        return weights


def stored() -> dict[str, Any] | None:
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else None


def lab(**arguments: Any) -> AttentionLab:
    """The figure, with the stored weights where there are any."""
    if not STORED.exists():
        arguments.setdefault("weights", TINY)
    return AttentionLab(**arguments)


TINY = tiny()
