"""Other pictures that show the same: moved, mirrored, bent, darker, or mixed.

Every function takes ``images (B, channels, height, width)`` in [0, 1] and a generator,
draws for each image apart, and returns as many images, again in [0, 1]. Whether the
label stays true is for you to know: a mirrored "2" is no digit.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def flipped(images: Tensor, generator: torch.Generator, chance: float = 0.5) -> Tensor:
    """Each image with this ``chance`` as in a mirror: left is right."""
    if not 0 <= chance <= 1:
        raise ValueError(f"chance: got {chance}, expected 0 to 1")
    mirrored = _drawn(images, generator) < chance  # (B,)
    return torch.where(_each(mirrored), images.flip(-1), images)


def cropped(images: Tensor, generator: torch.Generator, padding: int = 4) -> Tensor:
    """Each image moved by up to ``padding`` pixels; what was not in it is black.

    That is, with a frame of this width around it, and a window of its size cut out.
    """
    if padding < 0:
        raise ValueError(f"padding: got {padding}, expected 0 or more")
    B, _, height, width = images.shape
    framed = F.pad(images, (padding,) * 4)
    choices = 2 * padding + 1
    top = (_drawn(images, generator) * choices).long()[:, None]  # (B, 1)
    left = (_drawn(images, generator) * choices).long()[:, None]
    rows = top + torch.arange(height, device=images.device)  # (B, height)
    columns = left + torch.arange(width, device=images.device)  # (B, width)
    image = torch.arange(B, device=images.device)[:, None, None]
    found = framed[image, :, rows[:, :, None], columns[:, None]]  # (B, h, w, channels)
    return found.permute(0, 3, 1, 2)


def mixup(
    images: Tensor,
    labels: Tensor,
    classes: int,
    generator: torch.Generator,
    strength: float = 0.2,
) -> tuple[Tensor, Tensor]:
    """Each image mixed with another of its batch, labels too (Zhang et al. 2018).

    ``labels (B,)`` become shares of the K classes ``(B, K)``, which sum to 1, as
    ``F.cross_entropy`` takes them. How much of the first image is left is drawn once
    for the batch from Beta(strength, strength), 0 < strength <= 1: at 1 every share is
    as likely, and near 0 it is almost always one image alone.
    """
    if not 0 < strength <= 1:
        raise ValueError(f"strength: got {strength}, expected more than 0, at most 1")
    least, most = labels.min().item(), labels.max().item()
    if least < 0 or most >= classes:
        raise ValueError(f"labels: got {least} to {most}, expected 0 to {classes - 1}")
    share = _beta(strength, generator)
    order = _drawn(images, generator).argsort()
    shares = F.one_hot(labels, classes).to(images.dtype)  # (B,) -> (B, K)
    mixed = images[order].lerp(images, share)
    return mixed, shares[order].lerp(shares, share)


def rand_augment(
    images: Tensor, generator: torch.Generator, count: int = 2, strength: float = 0.5
) -> Tensor:
    """Each image changed ``count`` times, each time in one way of :data:`CHANGES`.

    All ways are as likely, and go equally far, from not at all at ``strength`` 0 to
    what their names say at 1. So there are two numbers to choose, not two for each way
    (RandAugment, Cubuk et al. 2020; theirs has 14 ways, of which these are the simple).
    """
    if count < 0:
        raise ValueError(f"count: got {count}, expected 0 or more")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength: got {strength}, expected 0 to 1")
    images = images.clone()
    for _ in range(count):
        chosen = (_drawn(images, generator) * len(CHANGES)).long()  # (B,)
        sign = torch.where(_drawn(images, generator) < 0.5, -1.0, 1.0)  # (B,)
        for way, change in enumerate(CHANGES.values()):
            if (these := chosen == way).any():
                images[these] = change(images[these], strength * sign[these])
    return images


Change = Callable[[Tensor, Tensor], Tensor]


def _turned(images: Tensor, amount: Tensor) -> Tensor:
    angle = amount * math.radians(30)
    cos, sin = angle.cos(), angle.sin()
    return _seen_through(images, {(0, 0): cos, (0, 1): -sin, (1, 0): sin, (1, 1): cos})


def _sheared(images: Tensor, amount: Tensor) -> Tensor:
    return _seen_through(images, {(0, 1): 0.3 * amount})


def _moved_sideways(images: Tensor, amount: Tensor) -> Tensor:
    return _seen_through(images, {(0, 2): 0.3 * amount})


def _moved_up(images: Tensor, amount: Tensor) -> Tensor:
    return _seen_through(images, {(1, 2): 0.3 * amount})


def _brightened(images: Tensor, amount: Tensor) -> Tensor:
    return (images * _each(1 + 0.9 * amount)).clamp(0, 1)


def _contrasted(images: Tensor, amount: Tensor) -> Tensor:
    mean = images.mean(dim=(1, 2, 3), keepdim=True)  # (B, 1, 1, 1)
    return (mean + (images - mean) * _each(1 + 0.9 * amount)).clamp(0, 1)


CHANGES: dict[str, Change] = {
    "turned by 30 degrees": _turned,
    "sheared by 0.3 of the height": _sheared,
    "moved sideways by 0.15 of the width": _moved_sideways,
    "moved up or down by 0.15 of the height": _moved_up,
    "brightness times 1.9, or 0.1": _brightened,
    "contrast times 1.9, or 0.1": _contrasted,
}


def _seen_through(images: Tensor, entries: dict[tuple[int, int], Tensor]) -> Tensor:
    """Pixel (x, y) takes what is at M (x, y, 1), and black from outside.

    x and y go from -1 to 1 over the image. M is the 2 x 3 matrix that changes nothing,
    but for these ``entries``, each of which is given for each image.
    """
    matrix = torch.eye(2, 3).to(images).repeat(len(images), 1, 1)  # (B, 2, 3)
    for (row, column), numbers in entries.items():
        matrix[:, row, column] = numbers.to(images)
    places = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, places, align_corners=False)


def _beta(strength: float, generator: torch.Generator) -> float:
    """From Beta(a, a), for a <= 1, which torch does not draw with a generator.

    x = u^(1/a) and y = v^(1/a), drawn until x + y <= 1, give x / (x + y) (Jöhnk 1964).
    """
    while True:
        u, v = torch.rand(2, generator=generator, device=generator.device).tolist()
        x, y = u ** (1 / strength), v ** (1 / strength)
        if 0 < x + y <= 1:
            return x / (x + y)


def _drawn(images: Tensor, generator: torch.Generator) -> Tensor:
    """A number in [0, 1) for each image, ``(B,)``, drawn where the generator is."""
    drawn = torch.rand(len(images), generator=generator, device=generator.device)
    return drawn.to(images.device)


def _each(numbers: Tensor) -> Tensor:
    """One for each image: ``(B,)`` -> ``(B, 1, 1, 1)``."""
    return numbers[:, None, None, None]
