"""Weights to and from ``nn.LSTM`` and ``nn.GRU``, stacked and both ways included.

torch keeps two biases, one at the input and one at the state. They do the same, so ours
are their sum; only in the candidate of a GRU the second one lies inside the reset.
"""

from __future__ import annotations

import torch
from torch import nn

from course_lib.lstm_gru import GRU, LSTM
from course_lib.recurrent import Bidirectional, Stacked


def from_torch(module: nn.LSTM | nn.GRU, path: str = "fused") -> nn.Module:
    """The same network of our layers: one, ``Bidirectional``, or ``Stacked`` of these.

    Raises ``ValueError`` for a module without biases or with a projection.
    """
    if not module.bias or module.proj_size:
        raise ValueError(f"module: got {module}, expected biases and no projection")
    parts = dict(module.named_parameters())
    kind = LSTM if isinstance(module, nn.LSTM) else GRU

    def layer(name: str) -> nn.Module:
        size = parts[f"weight_ih_{name}"].shape[1]
        new = kind(size, module.hidden_size, path=path)
        with torch.no_grad():
            new.W_x.copy_(parts[f"weight_ih_{name}"])
            new.W_h.copy_(parts[f"weight_hh_{name}"])
            new.b.copy_(parts[f"bias_ih_{name}"] + parts[f"bias_hh_{name}"])
            if isinstance(new, GRU):
                inside = parts[f"bias_hh_{name}"].chunk(3)[2]
                new.bias_of("n").sub_(inside)
                new.b_n.copy_(inside)
        return new

    layers = [
        Bidirectional(layer(f"l{depth}"), layer(f"l{depth}_reverse"))
        if module.bidirectional
        else layer(f"l{depth}")
        for depth in range(module.num_layers)
    ]
    return Stacked(layers, module.dropout) if len(layers) > 1 else layers[0]


def to_torch(layer: nn.Module) -> nn.LSTM | nn.GRU:
    """The same network as one batch-first module of torch (its second biases are zero).

    Raises ``ValueError`` for what torch has not: peepholes, a reset before the product,
    layers of different sizes.
    """
    depths = list(layer.layers) if isinstance(layer, Stacked) else [layer]
    ways = [
        [stage.forth, stage.back] if isinstance(stage, Bidirectional) else [stage]
        for stage in depths
    ]
    kinds = {
        (type(part), part.hidden_size, len(pair)) for pair in ways for part in pair
    }
    (kind, size, directions), *others = kinds
    if others or kind not in (LSTM, GRU):
        names = ", ".join(
            sorted(f"{kind.__name__} of {size}" for kind, size, _ in kinds)
        )
        raise ValueError(
            f"layer: got {names}, expected LSTMs or GRUs, all of one hidden size and "
            "either all or none of them both ways"
        )
    module = {LSTM: nn.LSTM, GRU: nn.GRU}[kind](
        depths[0].input_size,
        size,
        num_layers=len(depths),
        dropout=layer.dropout if isinstance(layer, Stacked) else 0.0,
        bidirectional=directions == 2,
        batch_first=True,
    )
    # torch lists four parameters for each direction of each layer, in this order.
    ours = [
        parameter
        for pair in ways
        for part in pair
        for parameter in part.kernel_parameters()
    ]
    with torch.no_grad():
        for theirs, parameter in zip(module.parameters(), ours, strict=True):
            theirs.copy_(parameter)
    return module
