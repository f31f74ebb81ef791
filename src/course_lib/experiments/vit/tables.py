"""How alike the places of a learned table are, and whether the grid shows in it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.vit import Grid, VisionTransformer


def similarity(model: VisionTransformer) -> Tensor:
    """Cosine between the learned positions of all patches, ``(T, T)``."""
    table = model.places.detach().cpu()
    extra = int(model.class_token is not None)  # which stands nowhere
    unit = F.normalize(table[extra:], dim=1)  # (T, C)
    return unit @ unit.T


def order_found(alike: Tensor, grid: Grid) -> dict[str, float]:
    """How far places are ``alike (T, T)`` that are near or in line on a ``grid``.

    near_over_far is the mean of neighbours (left, right, above, below), less the mean
    of all pairs that neither touch nor share a row or column. row_over_far is the mean
    of pairs in one row that are no neighbours, less the same; column_over_far is of
    columns. likest is the share of places to which, of all others, a neighbour is most
    alike.
    """
    rows = torch.arange(grid[0]).repeat_interleave(grid[1])  # (T,)
    columns = torch.arange(grid[1]).repeat(grid[0])  # (T,)
    up, aside = ((x[:, None] - x).abs() for x in (rows, columns))  # (T, T) each
    near = up + aside == 1
    row, column = (up == 0) & (aside > 1), (aside == 0) & (up > 1)
    far = (up > 0) & (aside > 0) & (up + aside > 2)
    least = alike[far].mean()
    likest = alike.masked_fill(up + aside == 0, -2).argmax(dim=1)  # (T,); not itself
    return {
        "near_over_far": (alike[near].mean() - least).item(),
        "row_over_far": (alike[row].mean() - least).item(),
        "column_over_far": (alike[column].mean() - least).item(),
        "likest": near[torch.arange(len(near)), likest].double().mean().item(),
    }


def spread(grid: Grid, some: int = 4) -> list[int]:
    """Places in ``some`` rows and columns of a ``grid``, from border to border."""
    rows, columns = (
        [round(i * (n - 1) / (some - 1)) for i in range(some)] for n in grid
    )
    return [row * grid[1] + column for row in rows for column in columns]
