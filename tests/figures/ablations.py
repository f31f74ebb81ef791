"""Small Transformers for the lab, and torch's view of them with the same parts cut."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor

from course_lib import positions, self_attention, transformer
from course_lib.data.korean_english.ladders import ladders
from course_lib.data.translation import START, UNKNOWN, Vocabulary
from course_lib.figures.transformer.transformer_lab import STORED, TransformerLab
from course_lib.figures.weights import pack, unpack
from course_lib.transformer import Transformer, TransformerConfig

PAIRS = [pair for ladder in ladders() for pair in ladder.rungs]
SOURCE = Vocabulary([pair.source for pair in PAIRS]).words
TARGET = Vocabulary([pair.target for pair in PAIRS]).words
PARTS = ("mask", "scale", "residuals", "norms", "positions")


def tiny(seed: int = 1, **changes: Any) -> dict[str, Any]:
    """Random weights, so large that every part matters."""
    sizes = {"size": 16, "heads": 2, "inner": 24, "blocks": 2, "norm": "pre"}
    config = TransformerConfig(**sizes | {"dropout": 0.0} | changes)
    torch.manual_seed(seed)
    model = Transformer(config, len(SOURCE), len(TARGET))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 0.5 if name.endswith("words.weight") else 0.4
            parameter.add_(spread * torch.randn_like(parameter))
    return {
        "record": {},
        "config": asdict(config),
        "source_words": list(SOURCE),
        "target_words": list(TARGET),
        "parameters": {k: pack(v) for k, v in model.state_dict().items()},
    }


TINY = tiny()


def stored() -> dict[str, Any] | None:
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else None


def lab(**arguments: Any) -> TransformerLab:
    """The figure, with the stored weights where there are any."""
    if not STORED.exists():
        arguments.setdefault("weights", TINY)
    return TransformerLab(**arguments)


def torch_model(weights: dict[str, Any]) -> Transformer:
    """In float64, written out, from the rounded weights."""
    known = TransformerConfig.__dataclass_fields__
    config = {k: v for k, v in weights["config"].items() if k in known}
    sizes = len(weights["source_words"]), len(weights["target_words"])
    model = Transformer(
        TransformerConfig(**config | {"path": "written_out", "dropout": 0.0}), *sizes
    )
    parameters = {
        name: torch.tensor(unpack(packed), dtype=torch.float64)
        for name, packed in weights["parameters"].items()
    }
    if config["tied"]:
        parameters["output.weight"] = parameters["target.words.weight"]
    model.double().eval().load_state_dict(parameters)
    return model


def names(config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each attention as the page and as torch calls it."""
    for n in range(config["blocks"]):
        yield f"encoder {n + 1} self", f"encoder.blocks.{n}.attention"
    for n in range(config["blocks"]):
        yield f"decoder {n + 1} self", f"decoder.blocks.{n}.attention"
        yield f"decoder {n + 1} cross", f"decoder.blocks.{n}.cross_attention"


@contextmanager
def without(model: Transformer, cuts: Iterable[str]) -> Iterator[None]:
    """Inside, these parts of ``model`` are cut out; torch makes float64 of places."""
    look, attend = self_attention.may_look, self_attention.attention
    patches = {
        "mask": patch.object(
            self_attention, "may_look", lambda q, k, mask, causal: look(q, k, mask)
        ),
        "scale": patch.object(
            self_attention,
            "attention",
            lambda q, *rest: attend(q * math.sqrt(q.shape[-1]), *rest),
        ),
        "residuals": patch.object(
            transformer.Residual,
            "forward",
            lambda self, x, heard: heard if self.norm_first else self.norm(heard),
        ),
        "norms": patch.object(transformer.LayerNorm, "forward", lambda _, x: x),
        "positions": patch.object(
            positions.Sinusoidal, "forward", lambda _, x, first=0: x
        ),
    }
    before = {name: value.clone() for name, value in model.state_dict().items()}
    called = dict(names(vars(model.config)))
    D = model.config.size // model.config.heads
    entered = [patches[name] for name in cuts if name in patches]
    torch.set_default_dtype(torch.float64)
    try:
        for one in entered:
            one.start()
        for name in cuts:
            if name in patches:
                continue
            at, _, head = name.rpartition(" ")
            first = (int(head) - 1) * D
            W_o = model.get_submodule(called[at]).W_o
            with torch.no_grad():
                W_o.weight[:, first : first + D] = 0
        yield
    finally:
        for one in entered:
            one.stop()
        model.load_state_dict(before)
        torch.set_default_dtype(torch.float32)


def source_ids(weights: dict[str, Any], tokens: Iterable[str]) -> Tensor:
    ids = {word: i for i, word in enumerate(weights["source_words"])}
    return torch.tensor([[ids.get(token, UNKNOWN) for token in tokens]])


@torch.no_grad()
def logits(model: Transformer, source: Tensor, target: Iterable[int]) -> Tensor:
    """Of what comes after the start and after each target token: ``(T + 1, V)``."""
    previous = torch.tensor([[START, *target]])
    return model(source, torch.ones_like(source, dtype=torch.bool), previous)[0]
