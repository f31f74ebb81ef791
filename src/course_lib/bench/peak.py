"""The fastest that this machine multiplies: the yardstick of a model's products."""

from __future__ import annotations

import torch

from course_lib.experiments.machine import seconds
from course_lib.training import Setting

SIDES = {"cpu": (1024, 2048), "cuda": (4096, 8192, 12_288)}  # of square matrices
TIMES = 5


def peak_flop_per_second(setting: Setting) -> float:
    """The best of square products in the dtype of ``setting``, measured, not promised.

    What a model does of it is its model FLOP utilisation, MFU (Chowdhery et al. 2022,
    section 4.1); theirs is of the maker's number, which is higher than any product's.
    """
    dtype = torch.bfloat16 if setting.precision == "bfloat16" else torch.float32
    best = 0.0
    for side in SIDES["cuda" if setting.device.startswith("cuda") else "cpu"]:
        a, b = torch.randn(2, side, side, device=setting.device, dtype=dtype)
        a @ b  # the first one finds its memory
        fastest = min(seconds(lambda: a @ b, setting.device) for _ in range(TIMES))  # noqa: B023
        best = max(best, 2 * side**3 / fastest)
    return best
