"""Small pairs of models for the fill-mask bench, and torch's view of them."""

from __future__ import annotations

import json
from typing import Any

import torch

from course_lib.bert import BertForPretraining
from course_lib.data.wordpiece import SPECIAL
from course_lib.figures.bert.fill_mask import SENTENCES, STORED, FillMask
from course_lib.figures.weights import pack, unpack
from course_lib.transformer import TransformerConfig

LONGEST = 12  # words of a sentence
SKIPPED = ("follows.", "bert.pool.", "words.output.weight")


def words() -> list[str]:
    """All words of the prepared sentences, and some more."""
    found = {"소설", "귤", "그녀"}
    for one in SENTENCES:
        found |= {*one["text"].split(), *one["swap"]["words"]}
    return sorted(found)


def tiny(seed: int = 1, **changes: Any) -> dict[str, Any]:
    """Random weights, so large that every part matters."""
    sizes = {"size": 16, "heads": 2, "inner": 24, "blocks": 2} | changes
    pieces = [*SPECIAL, *words()]
    config = TransformerConfig(
        **sizes,
        positions="learned",
        longest=LONGEST + 3,
        activation="gelu",
        dropout=0.0,
    )
    both, left = (_random(config, len(pieces), seed + n) for n in (0, 100))
    return {
        "record": {"longest": LONGEST},
        "pieces": pieces,
        "heads": config.heads,
        "both": both,
        "left": left,
    }


def _random(config: TransformerConfig, vocabulary: int, seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    model = BertForPretraining(config, vocabulary)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    parameters = model.state_dict().items()
    return {k: pack(v) for k, v in parameters if not k.startswith(SKIPPED)}


TINY = tiny()


def stored() -> dict[str, Any] | None:
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else None


def bench(**arguments: Any) -> FillMask:
    """The figure, with the stored models where there are any."""
    if not STORED.exists():
        arguments.setdefault("weights", TINY)
    return FillMask(**arguments)


def torch_model(weights: dict[str, Any], name: str) -> BertForPretraining:
    """One of the two in float64, written out, from the rounded weights."""
    parameters = {
        key: torch.tensor(unpack(packed), dtype=torch.float64)
        for key, packed in weights[name].items()
    }
    table = parameters["bert.embedding.words.weight"]
    blocks = {key.split(".")[3] for key in parameters if ".blocks." in key}
    config = TransformerConfig(
        size=table.shape[1],
        heads=weights["heads"],
        inner=len(parameters["bert.encoder.blocks.0.feed_forward.W_1.bias"]),
        blocks=len(blocks),
        positions="learned",
        longest=len(parameters["bert.embedding.places.table.weight"]),
        activation="gelu",
        dropout=0.0,
        path="written_out",
    )
    model = BertForPretraining(config, len(table)).double().eval()
    parameters["words.output.weight"] = table
    missing, unknown = model.load_state_dict(parameters, strict=False)
    assert unknown == []
    assert all(key.startswith(SKIPPED) for key in missing)
    return model
