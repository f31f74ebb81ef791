"""The recurrent network of Elman (1990): one state, rewritten once per time step.

    h_t = tanh(W_x x_t + W_h h_{t-1} + b)                                        (1.1)

Shapes: B batch, T time steps, I input size, H hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.recurrent import (
    carried_over_padding,
    check_batch,
    lengths_at_start,
    map_state,
)

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "linear": lambda a: a}
PATHS = ("steps", "hoisted", "fused")


def rnn_step(
    x: Tensor,
    h: Tensor,
    W_x: Tensor,
    W_h: Tensor,
    b: Tensor,
    nonlinearity: str = "tanh",
) -> Tensor:
    """One time step, equation (1.1): ``x (B, I)``, ``h (B, H)`` -> new ``h (B, H)``.

    Each of the H new numbers mixes the whole input (its row of ``W_x (H, I)``) with the
    whole previous state (its row of ``W_h (H, H)``).
    """
    return ACTIVATIONS[nonlinearity](x @ W_x.T + h @ W_h.T + b)


class RNN(nn.Module):
    """An Elman layer: ``x (B, T, I) -> states (B, T, H), last state (B, H)``.

    The same three parameters can be run along three paths that agree in value and
    gradient. ``"steps"`` is equation (1.1) in a loop. ``"hoisted"`` multiplies all
    inputs by ``W_x`` at once, because only the state has to wait for its predecessor.
    ``"fused"`` is torch's own kernel, cuDNN on a GPU.

    Raises ``ValueError`` for an unknown path or nonlinearity, and for ``"linear"`` on
    the fused path: torch has no such kernel.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        nonlinearity: str = "tanh",
        path: str = "fused",
    ) -> None:
        super().__init__()
        if nonlinearity not in ACTIVATIONS:
            raise ValueError(
                f"nonlinearity: got {nonlinearity!r}, "
                f"expected one of {', '.join(ACTIVATIONS)}"
            )
        if path not in PATHS:
            raise ValueError(f"path: got {path!r}, expected one of {', '.join(PATHS)}")
        if path == "fused" and nonlinearity == "linear":
            raise ValueError("path: 'fused' has no linear kernel, expected 'steps'")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.nonlinearity = nonlinearity
        self.path = path
        self.W_x = nn.Parameter(torch.empty(hidden_size, input_size))
        self.W_h = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.b = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(H), 1/sqrt(H)), as ``nn.RNN`` does."""
        bound = self.hidden_size**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(
        self, x: Tensor, h0: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``x (B, T, I)``, ``h0 (B, H)``, ``mask (B, T)`` -> ``(B, T, H)``, ``(B, H)``.

        Where ``mask`` is False there is no token, and the state stays what it was. So
        the last state is the state after each row's last real token, and a padded
        batch gives what its rows give one by one. ``h0`` is zero if not given.

        Raises ``ValueError`` where a shape does not fit, and on the fused path where
        the padding does not stand at the end.
        """
        self._check(x, h0, mask)
        if h0 is None:
            h0 = x.new_zeros(x.shape[0], self.hidden_size)
        run = {"steps": self._steps, "hoisted": self._hoisted, "fused": self._fused}
        states = run[self.path](x, h0, mask)
        return states, states[:, -1]

    def _steps(self, x: Tensor, h: Tensor, mask: Tensor | None) -> Tensor:
        states = []
        for t in range(x.shape[1]):
            new = rnn_step(x[:, t], h, self.W_x, self.W_h, self.b, self.nonlinearity)
            h = new if mask is None else torch.where(mask[:, t, None], new, h)
            states.append(h)
        return torch.stack(states, dim=1)  # T x (B, H) -> (B, T, H)

    def _hoisted(self, x: Tensor, h: Tensor, mask: Tensor | None) -> Tensor:
        activation = ACTIVATIONS[self.nonlinearity]
        inputs = F.linear(x, self.W_x, self.b)  # (B, T, I) -> (B, T, H)
        states = []
        for t in range(x.shape[1]):
            new = activation(inputs[:, t] + h @ self.W_h.T)
            h = new if mask is None else torch.where(mask[:, t, None], new, h)
            states.append(h)
        return torch.stack(states, dim=1)  # T x (B, H) -> (B, T, H)

    def _fused(self, x: Tensor, h0: Tensor, mask: Tensor | None) -> Tensor:
        kernel = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}[self.nonlinearity]
        parameters = (self.W_x, self.W_h, self.b, torch.zeros_like(self.b))
        states, _ = kernel(
            x, h0[None], parameters, True, 1, 0.0, self.training, False, True
        )
        if mask is None:
            return states
        return carried_over_padding(states, lengths_at_start(mask), h0)

    def hidden(self, state: Tensor) -> Tensor:
        """What of a state is shown to the rest of the network: here, all of it."""
        return state

    def _check(self, x: Tensor, h0: Tensor | None, mask: Tensor | None) -> None:
        check_batch(x, mask, self.input_size)
        if h0 is not None and h0.shape != (x.shape[0], self.hidden_size):
            raise ValueError(
                f"h0: got shape {tuple(h0.shape)}, "
                f"expected ({x.shape[0]}, {self.hidden_size})"
            )

    @classmethod
    def from_torch(cls, module: nn.RNN, path: str = "fused") -> RNN:
        """The same layer as a one-layer, one-directional ``nn.RNN``.

        torch keeps two biases where one does the same; they are added up.
        """
        if module.num_layers != 1 or module.bidirectional or not module.bias:
            raise ValueError(
                f"module: got {module}, expected one layer, one direction, with bias"
            )
        layer = cls(module.input_size, module.hidden_size, module.nonlinearity, path)
        with torch.no_grad():
            layer.W_x.copy_(module.weight_ih_l0)
            layer.W_h.copy_(module.weight_hh_l0)
            layer.b.copy_(module.bias_ih_l0 + module.bias_hh_l0)
        return layer

    def to_torch(self) -> nn.RNN:
        """This layer as a batch-first ``nn.RNN`` (its second bias is zero)."""
        module = nn.RNN(
            self.input_size,
            self.hidden_size,
            nonlinearity=self.nonlinearity,
            batch_first=True,
        )
        with torch.no_grad():
            module.weight_ih_l0.copy_(self.W_x)
            module.weight_hh_l0.copy_(self.W_h)
            module.bias_ih_l0.copy_(self.b)
            module.bias_hh_l0.zero_()
        return module


class SequenceClassifier(nn.Module):
    """Many to one: read all tokens, answer once from the last state."""

    def __init__(self, layer: nn.Module, classes: int) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(layer.hidden_size, classes)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """``tokens (B, T)``, ``mask (B, T)`` -> logits ``(B, K)`` for K classes."""
        x = one_hot(tokens, self.layer.input_size, self.output.weight.dtype)
        _, last = self.layer(x, mask=mask)
        return self.output(self.layer.hidden(last))  # (B, H) -> (B, K)


class SequenceTagger(nn.Module):
    """Many to many: answer at every time step."""

    def __init__(self, layer: nn.Module, outputs: int) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(layer.hidden_size, outputs)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """``x (B, T, I)``, ``mask (B, T)`` -> ``(B, T, O)``: one answer a step."""
        states, _ = self.layer(x, mask=mask)
        return self.output(states)  # (B, T, H) -> (B, T, O)


class LanguageModel(nn.Module):
    """Many to many where the answer is the next token (Mikolov et al. 2010)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(layer.hidden_size, layer.input_size)

    def forward(self, tokens: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """``tokens (B, T)`` -> logits of every next token ``(B, T, V)``, last state."""
        x = one_hot(tokens, self.layer.input_size, self.output.weight.dtype)
        states, state = self.layer(x, state)
        return self.output(states), state  # (B, T, H) -> (B, T, V)

    @torch.inference_mode()
    def generate(
        self,
        prefix: Tensor,
        length: int,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Continue ``prefix (B, T)`` by ``length`` sampled tokens -> ``(B, length)``.

        The state carries all of the past, so each new token costs one step.
        ``temperature`` divides the logits; 0 takes the most probable token.
        """
        if temperature < 0:
            raise ValueError(
                f"temperature: got {temperature}, expected 0 or a positive number"
            )
        logits, state = self(prefix)
        tokens: list[Tensor] = []
        for _ in range(length):
            if temperature == 0:
                token = logits[:, -1].argmax(dim=-1, keepdim=True)  # (B, V) -> (B, 1)
            else:
                p = torch.softmax(logits[:, -1] / temperature, dim=-1)
                token = torch.multinomial(p, 1, generator=generator)  # (B, V) -> (B, 1)
            tokens.append(token)
            logits, state = self(token, state)
        return torch.cat(tokens, dim=1) if tokens else prefix[:, :0]


def one_hot(tokens: Tensor, size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Token ids ``(...)`` -> vectors ``(..., size)`` that hold a single 1.

    A product ``W_x @ one_hot(token)`` picks the token's column of ``W_x``.
    """
    return F.one_hot(tokens, size).to(dtype)


def truncated_bptt(
    layer: nn.Module, x: Tensor, length: int, state: Any = None
) -> Iterator[Tensor]:
    """Run ``x (B, T, I)`` in chunks, yielding their states ``(B, <= length, H)``.

    The state crosses from chunk to chunk, the gradient does not: memory and work of a
    backward pass are bounded by ``length``, and so is the lag that can be learned
    (Williams and Peng 1990). Call ``backward`` on a chunk before asking for the next.
    """
    if length < 1:
        raise ValueError(f"length: got {length}, expected at least 1")
    for start in range(0, x.shape[1], length):
        states, state = layer(x[:, start : start + length], state)
        yield states
        state = map_state(Tensor.detach, state)


class Gradients(NamedTuple):
    """The gradient of a loss with respect to the parameters and the first state."""

    W_x: Tensor
    W_h: Tensor
    b: Tensor
    h0: Tensor


def backward_through_time(
    layer: RNN, x: Tensor, states: Tensor, d_states: Tensor, h0: Tensor | None = None
) -> Gradients:
    """The gradient of a tanh layer by hand, equations (1.4) to (1.6) of chapter 1.

    ``x (B, T, I)``, ``states (B, T, H)`` of the forward pass, and ``d_states (B, T,
    H)``: how the loss depends on each state directly, not through later ones. Walking
    back from the last step, the error ``d_h`` of a state is what its own step says plus
    what came back through ``W_h`` from the step after it (Werbos 1990).
    """
    if layer.nonlinearity != "tanh":
        raise ValueError(f"layer: got {layer.nonlinearity!r}, expected a tanh layer")
    first = torch.zeros_like(states[:, 0]) if h0 is None else h0
    before = torch.cat([first[:, None], states[:, :-1]], dim=1)  # h_{t-1}: (B, T, H)
    d_W_x, d_W_h = torch.zeros_like(layer.W_x), torch.zeros_like(layer.W_h)
    d_b, d_h = torch.zeros_like(layer.b), torch.zeros_like(first)
    for t in reversed(range(x.shape[1])):
        d_h = d_h + d_states[:, t]
        d_a = d_h * (1 - states[:, t] ** 2)  # through tanh: (B, H)
        d_W_x += d_a.T @ x[:, t]  # (H, B) (B, I) -> (H, I)
        d_W_h += d_a.T @ before[:, t]  # (H, B) (B, H) -> (H, H)
        d_b += d_a.sum(dim=0)  # (B, H) -> (H,)
        d_h = d_a @ layer.W_h  # back through the recurrence: (B, H)
    return Gradients(d_W_x, d_W_h, d_b, d_h)
