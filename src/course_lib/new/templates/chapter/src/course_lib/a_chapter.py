"""Chapter 00: what the model is, and which paper's equations it implements.

Now it is a layer y = W x + b, written out and as torch has it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

PATHS = ("fused", "written_out")


class AChapter(nn.Module):
    """y = W x + b for the last axis, with the parameters of ``nn.Linear``.

    ``path`` is ``"written_out"``, the one that the chapter explains, or ``"fused"``,
    which gives the same by torch's own kernel. Raises ``ValueError`` for another.
    """

    def __init__(self, inputs: int, outputs: int, path: str = "fused") -> None:
        super().__init__()
        if path not in PATHS:
            raise ValueError(f"path: got {path!r}, expected one of {', '.join(PATHS)}")
        self.path = path
        like = nn.Linear(inputs, outputs)
        self.weight, self.bias = like.weight, like.bias  # (O, I), (O,)

    def forward(self, x: Tensor) -> Tensor:
        """``x (B, I)`` -> ``(B, O)``."""
        if self.path == "fused":
            return F.linear(x, self.weight, self.bias)
        return x @ self.weight.T + self.bias  # (B, I) @ (I, O) -> (B, O)
