"""The visible tests: small inputs, so that a failure can be followed by hand."""

import torch

from course_lib.grading import expect, question


def _step(x_t, h, W_x, W_h, b):
    return torch.tanh(x_t @ W_x.T + h @ W_h.T + b)


def _small(seed, *shapes):
    """Tensors of one-digit numbers such as -0.7, none of them 0."""
    generator = torch.Generator().manual_seed(seed)
    tensors = []
    for shape in shapes:
        size = torch.randint(2, 10, shape, generator=generator)
        sign = 2 * torch.randint(0, 2, shape, generator=generator) - 1
        tensors.append(size * sign / 10)
    return tensors


@question(
    "q1",
    points=1,
    hint="each of the B rows gets its own state of H numbers.",
)
def shape(S, rng):
    """The new state has shape (B, H)"""
    for B, I, H in [(1, 1, 1), (1, 2, 1), (2, 3, 1), (2, 3, 4)]:  # noqa: E741
        x_t, h, W_x, W_h, b = _small(0, (B, I), (B, H), (H, I), (H, H), (H,))
        got = S.rnn_step(x_t, h, W_x, W_h, b)
        got_shape = tuple(got.shape) if isinstance(got, torch.Tensor) else got
        expect(got_shape, (B, H), B=B, I=I, H=H)


@question(
    "q1",
    points=1,
    hint="all three terms stand inside the tanh; mind which matrix is transposed.",
)
def values(S, rng):
    """The numbers are those of the formula"""
    for B, I, H in [(1, 1, 1), (1, 2, 1), (1, 1, 2), (2, 2, 3)]:  # noqa: E741
        x_t, h, W_x, W_h, b = _small(1, (B, I), (B, H), (H, I), (H, H), (H,))
        expect(
            S.rnn_step(x_t, h, W_x, W_h, b), _step(x_t, h, W_x, W_h, b),
            x_t=x_t, h=h, W_x=W_x, W_h=W_h, b=b,
        )  # fmt: skip


@question(
    "q2",
    points=1,
    hint="the state after one step is the h of the next; the first h is h0.",
)
def without_padding(S, rng):
    """Without padding, each step follows from the one before"""
    for T in (1, 2, 3):
        x, h, W_x, W_h, b = _small(2, (1, T, 1), (1, 2), (2, 1), (2, 2), (2,))
        states, h0 = [], h
        for t in range(T):
            h = _step(x[:, t], h, W_x, W_h, b)
            states.append(h)
        mask = torch.ones(1, T, dtype=torch.bool)
        expect(
            S.run_rnn(x, mask, h0, W_x, W_h, b), torch.stack(states, dim=1),
            x=x, h0=h0, W_x=W_x, W_h=W_h, b=b,
        )  # fmt: skip


@question(
    "q2",
    points=1,
    hint="where the mask is False, keep the old h, neither updated nor set to zero.",
)
def padding_carries(S, rng):
    """Over padding, the state stays what it was"""
    x, h0, W_x, W_h, b = _small(3, (2, 3, 1), (2, 1), (1, 1), (1, 1), (1,))
    first = _step(x[:, 0], h0, W_x, W_h, b)
    second = _step(x[:, 1], first, W_x, W_h, b)
    third = _step(x[:, 2], second, W_x, W_h, b)
    want = torch.stack([first, second, third], dim=1)  # (B, T, H)
    want[1, 1:] = first[1]  # the second sequence ends after its first step
    mask = torch.tensor([[True, True, True], [True, False, False]])
    expect(S.run_rnn(x, mask, h0, W_x, W_h, b), want, mask=mask, h0=h0, W_h=W_h)


@question(
    "q3",
    points=1,
    hint="with one step, dL/dW_h is delta times h_0, where delta is grad_last"
    " times 1 - h_1 squared.",
)
def one_step(S, rng):
    """One step: dL/dW_h is what autograd finds"""
    for B, H in [(1, 1), (1, 2), (2, 2)]:
        _compare(S, 4, B, 1, H, which=0)


@question(
    "q3",
    points=2,
    hint="add up the shares of all steps; before each step back, multiply by 1"
    " - h_t squared.",
)
def three_steps(S, rng):
    """Two and three steps: every step has its share in dL/dW_h"""
    for T, H in [(2, 1), (2, 2), (3, 2)]:
        _compare(S, 5, 1, T, H, which=0)


def _compare(S, seed, B, T, H, which):
    x, h0, W_h, grad_last = _small(seed, (B, T, H), (B, H), (H, H), (B, H))
    states, grads = through_autograd(x, h0, W_h, grad_last)
    got = S.bptt(states, h0, W_h, grad_last)
    pair = got if isinstance(got, (list, tuple)) and len(got) == 2 else None
    if pair is None:
        expect(got, grads)  # says that two values were expected
    expect(
        pair[which], grads[which], states=states, h0=h0, W_h=W_h, grad_last=grad_last
    )


def through_autograd(x, h0, W_h, grad_last):
    """States of a tanh RNN on x (B, T, H), dL/dW_h and dL/dh_0 for dL/dh_T."""
    h0, W_h = h0.clone().requires_grad_(), W_h.clone().requires_grad_()
    h, states = h0, []
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] + h @ W_h.T)
        states.append(h)
    grads = torch.autograd.grad(h, (W_h, h0), grad_outputs=grad_last)
    return torch.stack(states, dim=1).detach(), grads


@question(
    "q4",
    points=1,
    hint="one norm for all gradients together, and one factor.",
)
def too_long(S, rng):
    """A gradient that is too long gets the length max_norm"""
    for grads in ([[6.0, 8.0]], [[6.0], [8.0]], [[[1.0, 2.0], [2.0, 4.0]], [12.0]]):
        tensors = [torch.tensor(g) for g in grads]
        norm = torch.cat([g.flatten() for g in tensors]).norm()
        want = [g * 2 / norm for g in tensors]
        expect(S.clip_by_global_norm(tensors, 2.0), want, grads=grads, max_norm=2.0)


@question(
    "q4",
    points=1,
    hint="a gradient that is short enough is left alone.",
)
def short_enough(S, rng):
    """A gradient that is short enough stays as it is, zeros too"""
    for grads in ([[0.3, 0.4]], [[0.0], [0.0, 0.0]]):
        tensors = [torch.tensor(g) for g in grads]
        expect(S.clip_by_global_norm(tensors, 1.0), tensors, grads=grads, max_norm=1.0)


_ROTATION = [[0.0, -0.5], [0.5, 0.0]]  # eigenvalues 0.5 i and -0.5 i


@question(
    "q5",
    points=1,
    hint="eigenvalues, not singular values; absolute values, so that negative"
    " and complex ones count.",
)
def rate(S, rng):
    """decay_rate is the largest absolute value of an eigenvalue"""
    lower = [[0.5, 0.0], [2.0, 0.25]]
    for W_h, want in [
        ([[0.9]], 0.9),
        ([[0.2, 0.0], [0.0, -0.7]], 0.7),
        (_ROTATION, 0.5),
        (lower, 0.5),
    ]:
        expect(S.decay_rate(torch.tensor(W_h)), want, W_h=W_h)


@question(
    "q5",
    points=1,
    hint="the first k at which rho to the power k is below the threshold; None"
    " if rho is 1 or more.",
)
def lag(S, rng):
    """horizon is the first lag below the threshold, or None"""
    for W_h, threshold, want in [
        ([[0.5]], 0.3, 2),
        ([[0.5]], 0.1, 4),
        ([[0.9]], 0.01, 44),
        ([[1.1]], 0.1, None),
    ]:
        got = S.horizon(torch.tensor(W_h), threshold)
        expect(got, want, W_h=W_h, threshold=threshold)
