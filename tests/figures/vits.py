"""Small models for chapter 7's bench, and torch's view of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import torch

from course_lib.figures.vit import AttentionRollout, PatchBench
from course_lib.figures.vit.models import STORED, blocks
from course_lib.figures.weights import pack, unpack
from course_lib.vit import BASE, VisionTransformer

KINDS = {
    "1": (1, "learned"),
    "2": (2, "learned"),
    "4": (4, "learned"),
    "2 without positions": (2, "none"),
}


def tiny(seed: int = 1, **changes: Any) -> dict[str, Any]:
    """Random weights, so large that every part matters, and random pictures."""
    sizes = {"size": 16, "heads": 2, "inner": 24, "blocks": 2} | changes
    config = replace(BASE, **sizes)
    generator = torch.Generator().manual_seed(seed)
    models = {}
    for name, (side, positions) in KINDS.items():
        torch.manual_seed(seed + len(models))
        model = VisionTransformer(config, (1, 8, 8), side, 10, positions=positions)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.4 * torch.randn_like(parameter))
        models[name] = {
            "side": side,
            "positions": positions,
            "accuracy": 0.5 + side / 20,
            "parameters": {k: pack(v) for k, v in model.state_dict().items()},
        }
    pictures = torch.randint(0, 17, (20, 64), generator=generator)
    pictures[:, :16] = 0  # as in the set of digits, much is empty
    return {
        "record": {"experiment": "position-table"},
        "heads": config.heads,
        "image": [1, 8, 8],
        "mean": 0.3,
        "deviation": 0.4,
        "classes": [str(n) for n in range(10)],
        "models": models,
        "digits": [
            {"label": n // 2, "points": points}
            for n, points in enumerate(pictures.tolist())
        ],
    }


TINY = tiny()


def stored() -> dict[str, Any] | None:
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else None


def bench(**arguments: Any) -> PatchBench:
    """With the stored networks where there are any, at the first picture."""
    return PatchBench(**{"digit": 1, "weights": stored() or TINY} | arguments)


def rolled(**arguments: Any) -> AttentionRollout:
    return AttentionRollout(**{"digit": 1, "weights": stored() or TINY} | arguments)


def torch_model(weights: dict[str, Any], name: str) -> VisionTransformer:
    """One of them in float64, written out, from the rounded weights."""
    given = weights["models"][name]
    parameters = {
        key: torch.tensor(unpack(packed), dtype=torch.float64)
        for key, packed in given["parameters"].items()
    }
    config = replace(
        BASE,
        size=len(parameters["class_token"]),
        heads=weights["heads"],
        inner=len(parameters["encoder.blocks.0.feed_forward.W_1.bias"]),
        blocks=blocks(given),
        path="written_out",
    )
    model = VisionTransformer(
        config, (1, 8, 8), given["side"], 10, positions=given["positions"]
    )
    model = model.double().eval()
    model.load_state_dict(parameters)
    return model


def images(weights: dict[str, Any], pictures: list[list[int]]) -> torch.Tensor:
    """Counts as a model gets them: (B, 1, 8, 8)."""
    shares = torch.tensor(pictures, dtype=torch.float64) / 16
    scaled = (shares - weights["mean"]) / weights["deviation"]
    return scaled.unflatten(1, (1, 8, 8))
