"""Small Vision Transformers and images, which the tests of chapter 7 share."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from course_lib.transformer import TransformerConfig
from course_lib.vit import BASE, VisionTransformer
from small_transformers import shaken

SIZE, SIDE, K = 8, 2, 5
IMAGE = (3, 6, 8)  # channels, height, width: a grid of 3 x 4
GRID, T = (3, 4), 12


def vit_config(**changes) -> TransformerConfig:
    sizes = {"size": SIZE, "heads": 2, "inner": 12, "blocks": 2}
    return replace(BASE, **sizes | changes)


def small_vit(
    summary: str = "class",
    positions: str = "learned",
    stem: str = "patches",
    image: tuple[int, int, int] = IMAGE,
    seed: int = 2,
    **changes,
) -> VisionTransformer:
    torch.manual_seed(seed)
    model = VisionTransformer(
        vit_config(**changes), image, SIDE, K, summary, positions, stem
    )
    return shaken(model, seed)


def pictures(B: int = 3, image: tuple[int, int, int] = IMAGE, seed: int = 0) -> Tensor:
    made = torch.Generator().manual_seed(seed)
    return torch.rand(B, *image, generator=made)
