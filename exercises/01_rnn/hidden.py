"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not.
"""

import torch

from course_lib.grading import expect, question


def _normal(rng, *shapes):
    return [torch.randn(shape, generator=rng) for shape in shapes]


def _step(x_t, h, W_x, W_h, b):
    return torch.tanh(x_t @ W_x.T + h @ W_h.T + b)


@question(
    "q1",
    points=1,
    hidden=True,
    hint="try B, I and H that all differ, and entries above 1.",
)
def any_step(S, rng):
    """One step on random inputs of several sizes"""
    for B, I, H in [(1, 1, 2), (2, 3, 2), (5, 4, 7)]:  # noqa: E741
        x_t, h, W_x, W_h, b = _normal(rng, (B, I), (B, H), (H, I), (H, H), (H,))
        expect(
            S.rnn_step(x_t, h, W_x, W_h, b), _step(x_t, h, W_x, W_h, b),
            x_t=x_t, h=h, W_x=W_x, W_h=W_h, b=b,
        )  # fmt: skip


@question(
    "q2",
    points=2,
    hidden=True,
    hint="run each sequence alone, without its padding; its last state must be"
    " the same.",
)
def one_by_one(S, rng):
    """A padded batch gives what its sequences give one by one"""
    for B, T, I, H in [(2, 2, 1, 1), (3, 5, 2, 4), (4, 9, 3, 5)]:  # noqa: E741
        x, W_x, W_h, b = _normal(rng, (B, T, I), (H, I), (H, H), (H,))
        lengths = torch.randint(1, T + 1, (B,), generator=rng)
        lengths[0], lengths[1] = T, 1
        h0 = torch.zeros(B, H)
        want = []
        for row, length in enumerate(lengths.tolist()):
            h = h0[row : row + 1]
            for t in range(length):
                h = _step(x[row : row + 1, t], h, W_x, W_h, b)
            want.append(h)
        mask = torch.arange(T) < lengths[:, None]  # (T,), (B, 1) -> (B, T)
        x = torch.where(mask[..., None], x, torch.full_like(x, 9.0))
        got = S.run_rnn(x, mask, h0, W_x, W_h, b)
        wanted = (B, T, H)
        came = tuple(got.shape) if isinstance(got, torch.Tensor) else got
        expect(came, wanted, B=B, T=T, H=H)
        expect(got[:, -1], torch.cat(want), lengths=lengths, T=T)


@question(
    "q2",
    points=1,
    hidden=True,
    hint="padding can stand anywhere, even before the first real step, where"
    " the state is still h0.",
)
def padding_anywhere(S, rng):
    """Padding before and between real steps, from any h0"""
    for B, T, I, H in [(1, 2, 1, 1), (3, 6, 2, 3)]:  # noqa: E741
        x, h, W_x, W_h, b = _normal(rng, (B, T, I), (B, H), (H, I), (H, H), (H,))
        mask = torch.rand(B, T, generator=rng) < 0.6
        mask[:, 0], mask[:, -1] = False, True
        h0, states = h, []
        for t in range(T):
            h = torch.where(mask[:, t, None], _step(x[:, t], h, W_x, W_h, b), h)
            states.append(h)
        want = torch.stack(states, dim=1)  # T times (B, H) -> (B, T, H)
        expect(S.run_rnn(x, mask, h0, W_x, W_h, b), want, mask=mask, h0=h0)


def _autograd(rng, B, T, H):
    x, h0, W_h, grad_last = _normal(rng, (B, T, H), (B, H), (H, H), (B, H))
    W_h = W_h / H**0.5
    h, states = h0.requires_grad_(), []
    W_h.requires_grad_()
    for t in range(T):
        h = torch.tanh(0.5 * x[:, t] + h @ W_h.T)
        states.append(h)
    grads = torch.autograd.grad(h, (W_h, h0), grad_outputs=grad_last)
    inputs = torch.stack(states, dim=1), h0, W_h, grad_last
    return [tensor.detach() for tensor in inputs], grads


@question(
    "q3",
    points=2,
    hidden=True,
    hint="compare with loss.backward() on a small RNN of your own, first with B"
    " = 1, then with more.",
)
def weight_gradient(S, rng):
    """dL/dW_h of random sequences is what autograd finds"""
    for B, T, H in [(1, 2, 2), (2, 3, 2), (4, 8, 5)]:
        inputs, (want, _) = _autograd(rng, B, T, H)
        got = S.bptt(*inputs)
        expect(got[0], want, B=B, T=T, H=H)


@question(
    "q3",
    points=1,
    hidden=True,
    hint="g_{t-1} is W_h transposed times delta_t; in rows, that is delta @ W_h.",
)
def first_state_gradient(S, rng):
    """dL/dh_0 of random sequences is what autograd finds"""
    for B, T, H in [(1, 1, 2), (2, 3, 2), (4, 8, 5)]:
        inputs, (_, want) = _autograd(rng, B, T, H)
        got = S.bptt(*inputs)
        expect(got[1], want, B=B, T=T, H=H)


@question(
    "q4",
    points=1,
    hidden=True,
    hint="entries of either sign, tensors of any shape, and max_norm on both"
    " sides of the norm.",
)
def any_list(S, rng):
    """Random lists of gradients, above and below the limit"""
    for shapes in ([(2,)], [(2, 3), (4,)], [(3, 2), (), (5,), (1, 2, 2)]):
        grads = _normal(rng, *shapes)
        norm = torch.cat([g.flatten() for g in grads]).norm().item()
        for share in (0.3, 1.7):
            want = [g * min(1.0, share) for g in grads]
            got = S.clip_by_global_norm(grads, share * norm)
            expect(got, want, grads=grads, max_norm=share * norm)


@question(
    "q5",
    points=1,
    hidden=True,
    hint="torch.linalg.eigvals gives complex numbers; take .abs() and the"
    " largest, then search k from 0.",
)
def any_matrix(S, rng):
    """Rate and horizon of random matrices, symmetric or not"""
    for H in (2, 3, 6):
        (W_h,) = _normal(rng, (H, H))
        W_h = W_h * 0.8 / torch.linalg.eigvals(W_h).abs().max()
        for matrix in (W_h, -W_h):  # one of them has its largest not on the right
            expect(S.decay_rate(matrix), 0.8, W_h=matrix)
        for k in (3, 11):
            # Half-way between two powers: no rounding decides the answer.
            got = S.horizon(W_h, 0.8 ** (k - 0.5))
            expect(got, k, W_h=W_h, threshold=0.8 ** (k - 0.5))
