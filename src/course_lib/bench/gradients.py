"""All gradients of a model, or of another's in the layout of ours."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

Gradients = Callable[[nn.Module], Mapping[str, Tensor | None]]
Theirs = TypeVar("Theirs", bound=nn.Module)


def watched(weights: Mapping[str, Tensor]) -> Gradients:
    """The gradients of these ``weights``, whatever model they are in."""
    return lambda _: {name: weight.grad for name, weight in weights.items()}


def own(model: nn.Module) -> dict[str, Tensor | None]:
    """The gradients of ``model``, by name.

    Without those of the keys' biases: one number more in all scores of a query changes
    no weight, so what is there is rounding.
    """
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if not name.endswith("W_k.bias")
    }


def carried(
    theirs: Theirs, back: Callable[[Theirs], nn.Module]
) -> dict[str, Tensor | None]:
    """The gradients of ``theirs``, by our names and in our layout.

    ``back`` is the exchange's way from theirs to ours. It carries gradients as it does
    weights, so they are put in their place. Raises ``ValueError`` where one is missing.
    """
    like = copy.deepcopy(theirs)
    with torch.no_grad():
        for place, parameter in zip(
            like.parameters(), theirs.parameters(), strict=True
        ):
            if parameter.grad is None:
                raise ValueError("theirs: a parameter has no gradient, expected all")
            place.copy_(parameter.grad)
    ours = back(like)
    for parameter in ours.parameters():
        parameter.grad = parameter.detach()
    return own(ours)
