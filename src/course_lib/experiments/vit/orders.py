"""Pictures laid out in another order, and a model that follows.

    none       as they are
    patches    the patches change places, and stay whole
    pixels     the pixels change places

An order is drawn once, and is the same for all pictures.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from course_lib.data.batching import generator
from course_lib.experiments.vit.training_pictures import Examples, Task, logits
from course_lib.vit import VisionTransformer, assembled, patches

ORDERS = {
    "none": "as it is",
    "patches": "patches shuffled",
    "pixels": "pixels shuffled",
}


def patch_order(T: int, seed: int) -> Tensor:
    """Which patch comes to stand at each of T places, ``(T,)``."""
    return torch.randperm(T, generator=generator(seed, 0))


def pixel_order(kind: str, height: int, width: int, side: int, seed: int) -> Tensor:
    """Which pixel comes to stand at each place, row by row: ``(height · width,)``."""
    pixels = torch.arange(height * width)
    if kind == "pixels":
        return pixels[torch.randperm(len(pixels), generator=generator(seed, 1))]
    if kind == "patches":
        cut = patches(pixels.view(1, 1, height, width), side)  # (1, T, P · P)
        moved = cut[:, patch_order(cut.shape[1], seed)]
        return assembled(moved, side, 1, height, width).flatten()
    return pixels


def shuffled(images: Tensor, order: Tensor) -> Tensor:
    """``images (B, channels, height, width)`` with all pixels in another ``order``."""
    return images.flatten(2)[:, :, order].view_as(images)


def in_order(task: Task, kind: str, side: int, seed: int) -> Task:
    """``task`` with all its pictures in the order ``kind``."""
    order = pixel_order(kind, *task.image[1:], side, seed)

    def moved(part: Examples) -> Examples:
        return Examples(shuffled(part.images, order), part.labels)

    return Task(moved(task.train), moved(task.valid), moved(task.test), task.classes)


def renumbered(model: VisionTransformer, order: Tensor) -> VisionTransformer:
    """A copy whose learned positions change places as patches do in ``order (T,)``."""
    other = copy.deepcopy(model)
    if model.positions == "learned":  # the class token, at place 0, stays
        places = torch.cat([torch.zeros(1, dtype=torch.long), 1 + order])
        other.places = nn.Parameter(model.places.detach()[places])
    return other


def identity_error(
    model: VisionTransformer, task: Task, moved: Task, seed: int
) -> float:
    """By how much a logit changes, at most, if patches and positions both move."""
    T = model.grid[0] * model.grid[1]
    other = renumbered(model, patch_order(T, seed))
    here, there = logits(model, task.test.images), logits(other, moved.test.images)
    return (here - there).abs().max().item()
