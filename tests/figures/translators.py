"""Small encoder-decoders for the bottleneck lab, and torch's view of their weights."""

from __future__ import annotations

import json
from typing import Any

import torch

from course_lib.data.korean_english.ladders import for_page, ladders
from course_lib.data.translation import SPECIAL, Vocabulary
from course_lib.figures.seq2seq import BottleneckLab
from course_lib.figures.seq2seq.bottleneck_lab import STORED
from course_lib.figures.weights import pack, unpack
from course_lib.seq2seq import Seq2Seq, Seq2SeqConfig, seq2seq


def tiny(seed: int = 3) -> dict[str, Any]:
    """Random weights, large enough that no two words are equally probable."""
    pairs = [pair for ladder in ladders() for pair in ladder.rungs]
    source = Vocabulary([pair.source for pair in pairs]).words
    target = Vocabulary([pair.target for pair in pairs]).words
    torch.manual_seed(seed)
    model = _model(len(source), len(target), 5, 8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.randn_like(parameter))
        model.decoder.output.bias[2] += 3  # so that it comes to an end
    return {
        "record": {},
        "source_words": list(source),
        "target_words": list(target),
        "parameters": {k: pack(v) for k, v in model.state_dict().items()},
        "ladders": for_page(),
    }


def lab(**arguments: Any) -> BottleneckLab:
    """The figure, with the stored weights where there are any."""
    if not STORED.exists():
        arguments.setdefault("weights", TINY)
    return BottleneckLab(**arguments)


def stored() -> dict[str, Any] | None:
    if not STORED.exists():
        return None
    return {
        "ladders": for_page(),
        **json.loads(STORED.read_text(encoding="utf-8")),
    }


def torch_model(weights: dict[str, Any]) -> Seq2Seq:
    """In float64, from the rounded weights."""
    parameters = {
        name: torch.tensor(unpack(packed), dtype=torch.float64)
        for name, packed in weights["parameters"].items()
    }
    E = parameters["encoder.embedding.weight"].shape[1]
    H = parameters["encoder.layer.W_h"].shape[1]
    sizes = len(weights["source_words"]), len(weights["target_words"])
    model = _model(*sizes, E, H).double().eval()
    model.load_state_dict(parameters)
    return model


def _model(sources: int, targets: int, embedding: int, hidden: int) -> Seq2Seq:
    return seq2seq(
        Seq2SeqConfig(
            sources,
            targets,
            embedding,
            hidden,
            layers=1,
            cell="gru",
            bidirectional=False,
            feed_context=True,
        )
    )


TINY = tiny()
assert TINY["source_words"][:4] == list(SPECIAL)
