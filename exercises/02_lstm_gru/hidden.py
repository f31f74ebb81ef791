"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not. Where torch has the layer, torch's
own says what is right.
"""

import math

import torch

from course_lib.grading import expect, question


def _normal(rng, *shapes):
    return [torch.randn(shape, generator=rng) for shape in shapes]


@question(
    "q1",
    points=1,
    hidden=True,
    hint="try B, I and H that all differ, and entries above 1; torch.lstm_cell does"
    " the same step.",
)
def any_step(S, rng):
    """One step on random inputs of several sizes"""
    for B, I, H in [(1, 1, 2), (2, 3, 2), (5, 4, 7)]:  # noqa: E741
        x_t, h, c, W_x, W_h, b = _normal(
            rng, (B, I), (B, H), (B, H), (4 * H, I), (4 * H, H), (4 * H,)
        )
        want = torch.lstm_cell(x_t, (h, c), W_x, W_h, b, torch.zeros(4 * H))
        expect(S.lstm_step(x_t, h, c, W_x, W_h, b), want, B=B, I=I, H=H)


@question(
    "q2",
    points=1,
    hidden=True,
    hint="try B, I and H that all differ; in both forms every row has its own"
    " weights, and both biases count.",
)
def any_form(S, rng):
    """Both forms on random inputs of several sizes"""
    for B, I, H in [(1, 1, 2), (2, 3, 2), (5, 4, 7)]:  # noqa: E741
        x_t, h, W_x, W_h, b_x, b_h = _normal(
            rng, (B, I), (B, H), (3 * H, I), (3 * H, H), (3 * H,), (3 * H,)
        )
        want = torch.gru_cell(x_t, h, W_x, W_h, b_x, b_h)
        got = S.gru_step(x_t, h, W_x, W_h, b_x, b_h, "after")
        expect(got, want, reset="after", B=B, I=I, H=H)
        r, z, n = (x_t @ W_x.T + b_x + b_h).chunk(3, dim=1)  # (B, 3H) -> 3 x (B, H)
        U_r, U_z, U_n = W_h.chunk(3)
        r, z = torch.sigmoid(r + h @ U_r.T), torch.sigmoid(z + h @ U_z.T)
        want = torch.lerp(torch.tanh(n + (r * h) @ U_n.T), h, z)
        got = S.gru_step(x_t, h, W_x, W_h, b_x, b_h, "before")
        expect(got, want, reset="before", B=B, I=I, H=H)


def _backward(S, rng, B, H):
    """What the answer and autograd find for one random LSTM step."""
    a_i, a_f, a_g, a_o, c_before, d_h, d_c = _normal(rng, *[(B, H)] * 7)
    a_f.requires_grad_()
    c_before.requires_grad_()
    f, o = torch.sigmoid(a_f), torch.sigmoid(a_o)
    c = f * c_before + torch.sigmoid(a_i) * torch.tanh(a_g)
    h = o * torch.tanh(c)
    want = torch.autograd.grad((h, c), (a_f, c_before), grad_outputs=(d_h, d_c))
    inputs = [tensor.detach() for tensor in (d_h, d_c, f, o, c_before, c)]
    got = S.forget_gate_backward(*inputs)
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        expect(got, want)  # says that two values were expected
    return got, want


@question(
    "q3",
    points=2,
    hidden=True,
    hint="the error of c_t, times what f is multiplied by, times f (1 - f); test it"
    " against autograd on one step of your own.",
)
def gate_gradient(S, rng):
    """dL/da_f of random steps is what autograd finds"""
    for B, H in [(1, 1), (2, 3), (4, 5)]:
        got, want = _backward(S, rng, B, H)
        expect(got[0], want[0], B=B, H=H)


@question(
    "q3",
    points=1,
    hidden=True,
    hint="the whole error of c_t, with the part that comes through h_t, times the"
    " forget gate.",
)
def handed_on(S, rng):
    """The error handed on to c_{t-1} is what autograd finds"""
    for B, H in [(1, 1), (2, 3), (4, 5)]:
        got, want = _backward(S, rng, B, H)
        expect(got[1], want[1], B=B, H=H)


@question(
    "q4",
    points=1,
    hidden=True,
    hint="T + 1 rows, the last is d_c; row t holds the gates of the steps t + 1 to"
    " T and no other.",
)
def any_gates(S, rng):
    """Random gates, some of them closed, over up to 30 steps"""
    for T, H in [(1, 1), (2, 2), (5, 3), (30, 4)]:
        f = 0.5 + torch.rand(T, H, generator=rng) / 2
        if T > 2:
            f[T // 2, 0] = 0.0
        (d_c,) = _normal(rng, (H,))
        rows = [d_c * f[t:].prod(dim=0) for t in range(T + 1)]
        expect(S.cell_errors(f, d_c), torch.stack(rows), T=T, H=H)


@question(
    "q4",
    points=1,
    hidden=True,
    hint="f to the power of what you return must be 1/2, for every f below 1.",
)
def any_half_life(S, rng):
    """The half-life of random gates"""
    for low, high in [(0.05, 0.5), (0.5, 0.9), (0.9, 0.99)]:
        f = low + (high - low) * torch.rand((), generator=rng).item()
        expect(S.half_life(f), math.log(2) / -math.log(f), tolerance=1e-3, f=f)


def _theirs(x_t, h, W_x, W_h, b_x, b_h, reset):
    """One step of the program in which z replaces, with blocks z, r, n."""
    (x_z, x_r, x_n), (U_z, U_r, U_n) = (x_t @ W_x.T + b_x).chunk(3, dim=1), W_h.chunk(3)
    b_z, b_r, b_n = b_h.chunk(3)
    z = torch.sigmoid(x_z + h @ U_z.T + b_z)
    r = torch.sigmoid(x_r + h @ U_r.T + b_r)
    h_n = r * (h @ U_n.T + b_n) if reset == "after" else (r * h) @ U_n.T + b_n
    return torch.lerp(h, torch.tanh(x_n + h_n), z)


def _compare_moved(S, rng, weights, reset, B, T, I, H):  # noqa: E741
    """The states of T steps, with torch on the moved weights, and with theirs."""
    moved = S.to_torch(*weights, reset)
    if not isinstance(moved, (list, tuple)) or len(moved) != 4:
        expect(moved, weights, reset=reset, I=I, H=H)  # says: four values
    x, h = _normal(rng, (B, T, I), (B, H))
    ours = h
    for t in range(T):
        h = _theirs(x[:, t], h, *weights, reset)
        ours = torch.gru_cell(x[:, t], ours, *(tensor.float() for tensor in moved))
        expect(ours, h, reset=reset, t=t + 1, B=B, I=I, H=H)


@question(
    "q5",
    points=1,
    hidden=True,
    hint="run both programs from the same state: after one step, then after"
    " several. If only some units differ, look at the order of the blocks.",
)
def any_network(S, rng):
    """Random networks with reset after give the same states over 6 steps"""
    for I, H in [(1, 1), (2, 3), (5, 4)]:  # noqa: E741
        weights = _normal(rng, (3 * H, I), (3 * H, H), (3 * H,), (3 * H,))
        _compare_moved(S, rng, weights, "after", 3, 6, I, H)


@question(
    "q5",
    points=1,
    hidden=True,
    hint="one entry off the diagonal is enough for None; the blocks of z and r need"
    " not be diagonal.",
)
def any_before(S, rng):
    """Random networks with reset before: the same states, or None"""
    for I, H in [(1, 1), (2, 3), (5, 4)]:  # noqa: E741
        weights = _normal(rng, (3 * H, I), (3 * H, H), (3 * H,), (3 * H,))
        weights[1][2 * H :] = torch.diag(weights[1][2 * H :].diagonal())
        _compare_moved(S, rng, weights, "before", 3, 6, I, H)
        if H > 1:
            weights[1][2 * H + 1, 0] = 0.5
            expect(S.to_torch(*weights, "before"), None, reset="before", I=I, H=H)
