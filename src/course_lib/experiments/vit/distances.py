"""How far attention looks, and how far convolutions can: in pixels.

A place is the centre of its patch, or of what a number of a residual network is about.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.cnn import ResNet
from course_lib.decoding import evaluating
from course_lib.vit import Grid, VisionTransformer, attention_maps

STAGES = ("first layer", "stage 1", "stage 2", "stage 3")


def apart(grid: Grid, side: int) -> Tensor:
    """Pixels from the centre of each patch to that of each other one, ``(T, T)``."""
    rows, columns = (torch.arange(n, dtype=torch.float32) for n in grid)
    centres = side * torch.cartesian_prod(rows, columns)  # (T, 2)
    return (centres[:, None] - centres).norm(dim=2)


def attention_distance(maps: Tensor, grid: Grid, side: int) -> Tensor:
    """Mean distance at which each head looks: ``(blocks, H)``, in pixels.

    ``maps (blocks, B, H, T, T)`` are those of :func:`vit.attention_maps`. Weights are
    averaged over all patches that ask, in all images. A class token stands nowhere: it
    is left out, as who asks and as who is asked, and the other weights of a row are
    scaled to sum to 1 again.
    """
    extra = maps.shape[-1] - grid[0] * grid[1]
    if extra not in (0, 1):
        raise ValueError(
            f"maps: got {maps.shape[-1]} tokens, expected {grid[0] * grid[1]}, or one "
            f"more with a class token, for a grid of {grid[0]} x {grid[1]}"
        )
    weights = maps[..., extra:, extra:]  # (blocks, B, H, T, T), of patches alone
    weights = weights / weights.sum(dim=-1, keepdim=True)
    far = (weights * apart(grid, side).to(weights)).sum(dim=-1)  # (blocks, B, H, T)
    return far.mean(dim=(1, 3))


def distances(model: VisionTransformer, images: Tensor, batch: int = 100) -> Tensor:
    """:func:`attention_distance` of a ``model`` on ``images (B, …)``: (blocks, H)."""
    device = next(model.parameters()).device
    total = torch.zeros(())
    with evaluating(model):
        for some in images.split(batch):
            maps = attention_maps(model, some.to(device))
            found = attention_distance(maps, model.grid, model.side).cpu()
            total = total + len(some) * found
    return total / len(images)


class Fields(NamedTuple):
    """What n places of a network can see of an image."""

    centres: Tensor  # (n, 2), row and column in pixels
    seen: Tensor  # (n, height, width), True where a pixel can change what is there


def fields(height: int, width: int, blocks: int = 1) -> list[Fields]:
    """The receptive fields of a :class:`ResNet` after each of :data:`STAGES`.

    They are read from gradients. With all weights 1 nothing cancels out: zero are only
    those of pixels which are not seen.
    """
    model = ResNet(1, 2, width=1, blocks=blocks).eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
    ends = [3, 3 + blocks, 3 + 2 * blocks, 3 + 3 * blocks]  # after the layers of each
    found = []
    for end in ends:
        layers = model.layers[:end]
        with torch.no_grad():
            rows, columns = layers(torch.ones(1, 1, height, width)).shape[2:]
        n = torch.arange(rows * columns)
        images = torch.ones(len(n), 1, height, width, requires_grad=True)
        seen = layers(images)[n, :, n // columns, n % columns].sum()
        (gradient,) = torch.autograd.grad(seen, images)  # (n, 1, height, width)
        stride = height // rows
        centres = stride * torch.stack([n // columns, n % columns], dim=1)
        found.append(Fields(centres, gradient[:, 0] != 0))
    return found


def field_distance(centres: Tensor, seen: Tensor) -> float:
    """Mean distance of all that is ``seen (n, height, width)`` from its centre.

    As if one looked at every pixel of a receptive field alike; what would be beyond the
    border of the image is not counted.
    """
    rows, columns = (torch.arange(size) for size in seen.shape[1:])
    pixels = torch.cartesian_prod(rows, columns)  # (height · width, 2)
    far = (centres[:, None] - pixels).float().norm(dim=2)  # (n, height · width)
    each = seen.flatten(1).float()
    return ((far * each).sum(dim=1) / each.sum(dim=1)).mean().item()
