"""Gated recurrent layers, the LSTM and the GRU, written out and fused.

The LSTM (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000) keeps a cell c
to which it adds. Its gates i, f, o are numbers between 0 and 1:

    i, f, o = σ(W_x x_t + W_h h_{t-1} + b),    g = tanh(…),  each with its own weights
    c_t = f ⊙ c_{t-1} + i ⊙ g,                 h_t = o ⊙ tanh(c_t)               (2.1)

The GRU (Cho et al. 2014) has no cell. Its update gate z keeps the old state:

    h_t = z ⊙ h_{t-1} + (1 - z) ⊙ n                                              (2.2)

Shapes: B batch, T time steps, I input size, H hidden size. The blocks of a layer are
stacked in one matrix, in torch's order: i, f, g, o for the LSTM, r, z, n for the GRU.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.recurrent import check_batch, check_state, choose, run_kernel


class LSTMState(NamedTuple):
    """What an LSTM carries from step to step, each (B, H)."""

    h: Tensor  # shown to the rest of the network
    c: Tensor  # the cell, which the LSTM keeps to itself


class Gates(NamedTuple):
    """The four blocks of one LSTM step, each (B, H)."""

    i: Tensor  # input gate: how much of g is written
    f: Tensor  # forget gate: how much of the old cell is kept
    g: Tensor  # the candidate: what would be written, between -1 and 1
    o: Tensor  # output gate: how much of the cell is shown


def lstm_gates(x: Tensor, h: Tensor, W_x: Tensor, W_h: Tensor, b: Tensor) -> Gates:
    """``x (B, I)``, ``h (B, H)``, ``W_x (4H, I)``, ``W_h (4H, H)``, ``b (4H,)``."""
    a = x @ W_x.T + h @ W_h.T + b  # (B, I), (B, H) -> (B, 4H)
    i, f, g, o = a.chunk(4, dim=-1)  # (B, 4H) -> 4 x (B, H)
    return Gates(i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid())


def lstm_step(
    x: Tensor, state: LSTMState, W_x: Tensor, W_h: Tensor, b: Tensor
) -> LSTMState:
    """One time step, equation (2.1): ``x (B, I)`` and a state -> the next state."""
    i, f, g, o = lstm_gates(x, state.h, W_x, W_h, b)
    c = f * state.c + i * g
    return LSTMState(o * c.tanh(), c)


def gru_step(
    x: Tensor,
    h: Tensor,
    W_x: Tensor,
    W_h: Tensor,
    b: Tensor,
    b_n: Tensor | None = None,
) -> Tensor:
    """One time step, equation (2.2): ``x (B, I)``, ``h (B, H)`` -> new ``h (B, H)``.

    ``W_x (3H, I)``, ``W_h (3H, H)``, ``b (3H,)``. The reset gate r says how much of the
    old state the candidate n may see. Cho et al. (2014) reset the state *before* the
    product: W_n (r ⊙ h). With ``b_n (H,)`` it is reset *after* the product, as in torch
    and cuDNN: r ⊙ (W_n h + b_n), so that one product serves all three blocks.
    """
    H = h.shape[-1]
    W_rz, W_n = W_h.split([2 * H, H])  # (3H, H) -> (2H, H), (H, H)
    x_rz, x_n = (x @ W_x.T + b).split([2 * H, H], dim=-1)  # (B, 2H), (B, H)
    r, z = (x_rz + h @ W_rz.T).sigmoid().chunk(2, dim=-1)  # (B, 2H) -> 2 x (B, H)
    h_n = (r * h) @ W_n.T if b_n is None else r * (h @ W_n.T + b_n)
    n = (x_n + h_n).tanh()
    return z * h + (1 - z) * n


class GatedLayer(nn.Module):
    """What LSTM and GRU share: stacked blocks, a loop over time, masks, two paths.

    ``path="steps"`` is the loop, ``"fused"`` torch's own kernel (cuDNN on a GPU); they
    agree in value and gradient. Raises ``ValueError`` for another path.
    """

    blocks: str  # one letter each, in the order in which they are stacked

    def __init__(self, input_size: int, hidden_size: int, path: str = "fused") -> None:
        super().__init__()
        if path not in ("steps", "fused"):
            raise ValueError(f"path: got {path!r}, expected one of steps, fused")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.path = path
        rows = len(self.blocks) * hidden_size
        self.W_x = nn.Parameter(torch.empty(rows, input_size))
        self.W_h = nn.Parameter(torch.empty(rows, hidden_size))
        self.b = nn.Parameter(torch.empty(rows))

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(H), 1/sqrt(H)), as torch does."""
        bound = self.hidden_size**-0.5
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def bias_of(self, block: str) -> Tensor:
        """The biases ``(H,)`` of one block, such as ``"f"``: a view that can be set."""
        if block not in tuple(self.blocks):
            raise ValueError(f"block: got {block!r}, expected one of {self.blocks}")
        return self.b.detach().chunk(len(self.blocks))[self.blocks.index(block)]

    def forward(
        self, x: Tensor, state: Any = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """``x (B, T, I)``, a state, ``mask (B, T)`` -> ``(B, T, H)``, the last state.

        Where ``mask`` is False there is no token, and the state stays what it was: a
        padded batch gives what its rows give one by one. Without a state, all is zero.

        Raises ``ValueError`` where a shape does not fit, and on the fused path where
        the padding does not stand at the end.
        """
        check_batch(x, mask, self.input_size)
        zero = self.zero_state(x)
        state = zero if state is None else state
        check_state(state, zero)
        run = self._fused if self.path == "fused" else self._steps
        return run(x, state, mask)

    def _steps(self, x: Tensor, state: Any, mask: Tensor | None) -> tuple[Tensor, Any]:
        states = []
        for t in range(x.shape[1]):
            new = self.step(x[:, t], state)
            state = new if mask is None else choose(mask[:, t], new, state)
            states.append(self.hidden(state))
        return torch.stack(states, dim=1), state  # T x (B, H) -> (B, T, H)


class LSTM(GatedLayer):
    """``x (B, T, I) -> states h (B, T, H), last state (h, c)``, equation (2.1).

    ``forget_bias`` sets the bias of the forget gate. A large one starts the cell as a
    memory: 1 is the advice of Gers et al. (2000) and Jozefowicz et al. (2015). Without
    it the bias is drawn like every other parameter, as in ``nn.LSTM``.
    """

    blocks = "ifgo"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        forget_bias: float | None = None,
        path: str = "fused",
    ) -> None:
        super().__init__(input_size, hidden_size, path)
        self.reset_parameters()
        if forget_bias is not None:
            self.bias_of("f").fill_(forget_bias)

    def step(self, x: Tensor, state: LSTMState) -> LSTMState:
        """One time step: ``x (B, I)`` and a state -> the next state."""
        return lstm_step(x, state, self.W_x, self.W_h, self.b)

    def zero_state(self, x: Tensor) -> LSTMState:
        """The state before anything was read, for a batch like ``x (B, T, I)``."""
        zeros = x.new_zeros(x.shape[0], self.hidden_size)
        return LSTMState(zeros, zeros)

    def hidden(self, state: LSTMState) -> Tensor:
        """What of a state is shown: h."""
        return state.h

    def _fused(
        self, x: Tensor, state: LSTMState, mask: Tensor | None
    ) -> tuple[Tensor, LSTMState]:
        if x.shape[1] == 1 and x.device.type == "cpu":
            return self._steps(x, state, mask)  # oneDNN's call takes twice as long
        parameters = self.kernel_parameters()
        states, last = run_kernel(torch.lstm, x, state, parameters, mask, self.training)
        return states, LSTMState(*last)

    def kernel_parameters(self) -> tuple[Tensor, ...]:
        """W_x, W_h and b as torch wants them: with a second bias, which is zero."""
        return self.W_x, self.W_h, self.b, torch.zeros_like(self.b)


class PeepholeLSTM(LSTM):
    """An LSTM whose gates see the cell (Gers & Schmidhuber 2000).

    Each gate gets a weight per unit, p_i, p_f, p_o ``(H,)``, for its own cell: the old
    one for i and f, the new one for o. No kernel does this, so the loop runs it.
    """

    def __init__(
        self, input_size: int, hidden_size: int, forget_bias: float | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, forget_bias, path="steps")
        bound = hidden_size**-0.5
        self.p_i, self.p_f, self.p_o = (
            nn.Parameter(torch.empty(hidden_size).uniform_(-bound, bound))
            for _ in range(3)
        )

    def step(self, x: Tensor, state: LSTMState) -> LSTMState:
        a = x @ self.W_x.T + state.h @ self.W_h.T + self.b  # (B, I), (B, H) -> (B, 4H)
        a_i, a_f, a_g, a_o = a.chunk(4, dim=-1)  # (B, 4H) -> 4 x (B, H)
        i = (a_i + self.p_i * state.c).sigmoid()
        f = (a_f + self.p_f * state.c).sigmoid()
        c = f * state.c + i * a_g.tanh()
        o = (a_o + self.p_o * c).sigmoid()
        return LSTMState(o * c.tanh(), c)


class GRU(GatedLayer):
    """``x (B, T, I) -> states (B, T, H), last state (B, H)``, equation (2.2).

    ``reset`` is ``"after"`` the product, as in torch, or ``"before"`` it, as in Cho et
    al. (2014); see :func:`gru_step`. Raises ``ValueError`` for another one, and for
    ``"before"`` on the fused path: there is no such kernel.
    """

    blocks = "rzn"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        reset: str = "after",
        path: str = "fused",
    ) -> None:
        super().__init__(input_size, hidden_size, path)
        if reset not in ("after", "before"):
            raise ValueError(f"reset: got {reset!r}, expected one of after, before")
        if reset == "before" and path == "fused":
            raise ValueError(
                "path: got 'fused' with reset='before', expected 'steps': torch's "
                "kernel resets after the product"
            )
        after = reset == "after"
        self.b_n = nn.Parameter(torch.empty(hidden_size)) if after else None
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        """One time step: ``x (B, I)``, ``h (B, H)`` -> new ``h (B, H)``."""
        return gru_step(x, h, self.W_x, self.W_h, self.b, self.b_n)

    def zero_state(self, x: Tensor) -> Tensor:
        """The state before anything was read, for a batch like ``x (B, T, I)``."""
        return x.new_zeros(x.shape[0], self.hidden_size)

    def hidden(self, state: Tensor) -> Tensor:
        """What of a state is shown: all of it."""
        return state

    def _fused(
        self, x: Tensor, h: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        parameters = self.kernel_parameters()
        states, (last,) = run_kernel(
            torch.gru, x, (h,), parameters, mask, self.training
        )
        return states, last

    def kernel_parameters(self) -> tuple[Tensor, ...]:
        """W_x, W_h and b as torch wants them: b_n stands in a second bias.

        Raises ``ValueError`` for ``reset="before"``, which torch has not.
        """
        if self.b_n is None:
            raise ValueError("reset: got 'before', expected 'after', as torch has it")
        b_n = F.pad(self.b_n, (2 * self.hidden_size, 0))  # r and z have none: (3H,)
        return self.W_x, self.W_h, self.b, b_n


def chrono_(layer: LSTM | GRU, longest: int, generator: torch.Generator) -> None:
    """Set the gates' biases so that the units forget over 1 to ``longest`` steps.

    A gate that keeps σ(b) of the cell at each step holds on for about 1 + e^b steps.
    Chrono initialisation (Tallec & Ollivier 2018, eq. 16) draws b_f = log u with u from
    U(1, longest - 1), and b_i = -b_f; for the GRU the update gate gets b_f.
    """
    if longest < 3:
        raise ValueError(f"longest: got {longest}, expected at least 3 steps")
    u = torch.empty(layer.hidden_size).uniform_(1, longest - 1, generator=generator)
    if isinstance(layer, LSTM):
        layer.bias_of("f").copy_(u.log())
        layer.bias_of("i").copy_(-u.log())
    else:
        layer.bias_of("z").copy_(u.log())


class Gradients(NamedTuple):
    """The gradient of a loss with respect to the parameters and the first state."""

    W_x: Tensor
    W_h: Tensor
    b: Tensor
    h0: Tensor
    c0: Tensor


def backward_through_time(
    layer: LSTM, x: Tensor, d_states: Tensor, state: LSTMState | None = None
) -> Gradients:
    """The gradient of an LSTM by hand, equations (2.5) to (2.8) of chapter 2.

    ``x (B, T, I)``; ``d_states (B, T, H)`` is how the loss depends on each h directly.
    Two errors walk back side by side, ``d_h`` through the gates and ``d_c`` along the
    cell, where one step multiplies it by the forget gate and by nothing else.
    """
    state = layer.zero_state(x) if state is None else state
    before, gates = [], []
    for t in range(x.shape[1]):
        before.append(state)
        gates.append(lstm_gates(x[:, t], state.h, layer.W_x, layer.W_h, layer.b))
        state = layer.step(x[:, t], state)
    d_W_x, d_W_h, d_b = (torch.zeros_like(p) for p in (layer.W_x, layer.W_h, layer.b))
    d_h, d_c = torch.zeros_like(state.h), torch.zeros_like(state.c)
    for t in reversed(range(x.shape[1])):
        (i, f, g, o), (h, c) = gates[t], before[t]
        shown = (f * c + i * g).tanh()  # tanh(c_t)
        d_h = d_h + d_states[:, t]
        d_c = d_c + d_h * o * (1 - shown**2)  # h_t = o ⊙ tanh(c_t)
        d_a = torch.cat(  # through σ and tanh: 4 x (B, H) -> (B, 4H)
            [
                d_c * g * i * (1 - i),
                d_c * c * f * (1 - f),
                d_c * i * (1 - g**2),
                d_h * shown * o * (1 - o),
            ],
            dim=-1,
        )
        d_W_x += d_a.T @ x[:, t]  # (4H, B) (B, I) -> (4H, I)
        d_W_h += d_a.T @ h  # (4H, B) (B, H) -> (4H, H)
        d_b += d_a.sum(dim=0)  # (B, 4H) -> (4H,)
        d_h = d_a @ layer.W_h  # back through the gates: (B, H)
        d_c = d_c * f  # back along the cell
    return Gradients(d_W_x, d_W_h, d_b, d_h, d_c)
