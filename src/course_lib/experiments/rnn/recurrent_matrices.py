"""Recurrent matrices W_h whose eigenvalues are known."""

from __future__ import annotations

import torch
from torch import Tensor


def scaled_gaussian(size: int, radius: float, generator: torch.Generator) -> Tensor:
    """A Gaussian matrix (H, H), float64, with spectral radius ``radius``."""
    W = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return W * (radius / torch.linalg.eigvals(W).abs().max())


def orthogonal(size: int, generator: torch.Generator) -> Tensor:
    """A random orthogonal matrix (H, H), float64: every eigenvalue has modulus 1."""
    W = torch.randn(size, size, generator=generator, dtype=torch.float64)
    Q, R = torch.linalg.qr(W)
    return Q * R.diagonal().sign()  # the signs make it uniform over all rotations
