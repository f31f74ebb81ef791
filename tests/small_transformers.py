"""Small Transformers and sentences, which the tests of chapter 5 share."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from course_lib.data.translation import START
from course_lib.transformer import GPT, Transformer, TransformerConfig

V, C, H, LONGEST = 11, 8, 2, 16
POSITIONS = ("sinusoidal", "learned", "rotary", "none")
NORMS = ("post", "pre")


def config(**changes) -> TransformerConfig:
    sizes = {"size": C, "heads": H, "inner": 12, "blocks": 2, "longest": LONGEST}
    return TransformerConfig(**sizes | {"dropout": 0.0} | changes)


def shaken(model: nn.Module, seed: int = 0) -> nn.Module:
    """No bias is 0 and no gain is 1 any more, and every attention has a favourite."""
    made = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=made, dtype=torch.float64)
            parameter.mul_(1.5).add_(0.3 * noise)
    return model


def translator(seed: int = 2, **changes) -> Transformer:
    torch.manual_seed(seed)
    return shaken(Transformer(config(**changes), V, V + 1), seed)


def gpt(seed: int = 2, **changes) -> GPT:
    torch.manual_seed(seed)
    return shaken(GPT(config(**changes), V), seed)


def sentences(
    lengths: tuple[int, ...] = (6, 3, 1), T: int = 7, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Sources ``(B, S)``, which of their tokens are real, and targets ``(B, T)``."""
    made = torch.Generator().manual_seed(seed)
    source = torch.randint(4, V, (len(lengths), max(lengths)), generator=made)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    previous = torch.randint(4, V, (len(lengths), T), generator=made)
    previous[:, 0] = START
    return source, mask, previous


def logits_of(
    model: Transformer | GPT, source: Tensor, mask: Tensor, previous: Tensor
) -> Tensor:
    """Of all places at once, ``(B, T, V)``; a GPT reads the targets only."""
    if isinstance(model, GPT):
        return model(previous)[0]
    return model(source, mask, previous)


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype | None = None) -> Tensor:
    made = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=made, dtype=dtype)


def close(ours: Tensor, theirs: Tensor, atol: float = 1e-6) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=atol)


def gradients(model: nn.Module, output: Tensor, seed: int = 9) -> dict[str, Tensor]:
    """Of one weighted sum of ``output``, for every parameter of ``model``, by name."""
    named = dict(model.named_parameters())
    weight = numbers(*output.shape, seed=seed).to(output)
    found = torch.autograd.grad(
        (output * weight).mean(), list(named.values()), allow_unused=True
    )
    return {
        name: torch.zeros_like(named[name]) if one is None else one
        for name, one in zip(named, found, strict=True)
    }
