"""Trained weights on their way into a page: in half precision, and what that costs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from course_lib.figures.weights import pack, unpack


def halved(model: nn.Module) -> tuple[dict[str, Any], nn.Module]:
    """The packed float16 weights of ``model``, and a copy on the CPU that has them."""
    packed = {name: pack(value) for name, value in model.state_dict().items()}
    half = copy.deepcopy(model).cpu()
    half.load_state_dict(
        {name: torch.tensor(unpack(value)) for name, value in packed.items()}
    )
    return packed, half


def both_precisions(
    full: Mapping[str, float], half: Mapping[str, float]
) -> dict[str, float]:
    """What was measured on the test part before and after, for an export's record.

    Of ``half`` only what ``full`` names is taken.
    """
    return {
        f"test_{name}_{precision}": round(measured[name], 6)
        for name in full
        for precision, measured in (("float32", full), ("float16", half))
    }
