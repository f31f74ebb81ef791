"""The visible tests: small inputs, so that a failure can be followed by hand."""

import math

import torch

from course_lib.grading import expect, question


def _small(seed, *shapes):
    """Tensors of one-digit numbers such as -0.7, none of them 0."""
    generator = torch.Generator().manual_seed(seed)
    tensors = []
    for shape in shapes:
        size = torch.randint(2, 10, shape, generator=generator)
        sign = 2 * torch.randint(0, 2, shape, generator=generator) - 1
        tensors.append(size * sign / 10)
    return tensors


def _row(*numbers):
    """One sequence in a batch: (1, H)."""
    return torch.tensor([numbers])


def _column(*numbers):
    """The rows of a matrix with one column: (rows, 1)."""
    return torch.tensor([[float(number)] for number in numbers])


LN3 = math.log(3)  # its sigmoid is 0.75


def _lstm_cases():
    """Arguments of q1: the worked example, then small ones."""
    yield (
        _row(1.0), _row(0.0), _row(2.0),
        _column(0, LN3, LN3 / 2, -LN3), torch.zeros(4, 1), torch.zeros(4),
    )  # fmt: skip
    for B, I, H in [(1, 1, 1), (1, 2, 2), (2, 1, 2)]:  # noqa: E741
        yield _small(1, (B, I), (B, H), (B, H), (4 * H, I), (4 * H, H), (4 * H,))


def _lstm_step(x_t, h, c, W_x, W_h, b):
    i, f, g, o = (x_t @ W_x.T + h @ W_h.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def _compare_lstm(S, which):
    for case in _lstm_cases():
        got, want = S.lstm_step(*case), _lstm_step(*case)
        if not isinstance(got, (list, tuple)) or len(got) != 2:
            expect(got, want)  # says that two values were expected
        x_t, h, c, W_x, W_h, b = case
        expect(got[which], want[which], x_t=x_t, h=h, c=c, W_x=W_x, W_h=W_h, b=b)


@question(
    "q1",
    points=1,
    hint="cut the sums (B, 4H) into i, f, g, o along dim 1; the gates take the"
    " sigmoid, g takes tanh. The cell is the second value.",
)
def cell(S, rng):
    """The cell keeps f of the old one and adds i of g"""
    _compare_lstm(S, which=1)


@question(
    "q1",
    points=1,
    hint="first the tanh of the new cell, then the output gate. The state is the"
    " first value.",
)
def state(S, rng):
    """The state shows o of the new cell's tanh"""
    _compare_lstm(S, which=0)


def _gru_cases():
    """Arguments of q2 but reset: the worked example, then small ones."""
    gates = _column(LN3, -LN3, LN3, LN3, 0, 0)  # r = 0.75, 0.25; z = 0.75, 0.75
    swap = torch.cat([torch.zeros(4, 2), torch.tensor([[0.0, 1.0], [1.0, 0.0]])])
    yield _row(1.0), _row(1.0, -1.0), gates, swap, torch.zeros(6), torch.zeros(6)
    for B, I, H in [(1, 1, 1), (1, 2, 2), (2, 1, 2)]:  # noqa: E741
        yield _small(2, (B, I), (B, H), (3 * H, I), (3 * H, H), (3 * H,), (3 * H,))


def _gru_step(x_t, h, W_x, W_h, b_x, b_h, reset):
    H = h.shape[1]
    gates = x_t @ W_x[: 2 * H].T + b_x[: 2 * H] + h @ W_h[: 2 * H].T + b_h[: 2 * H]
    r, z = torch.sigmoid(gates).chunk(2, dim=1)  # (B, 2H) -> 2 x (B, H)
    x_n, W_n, b_n = x_t @ W_x[2 * H :].T + b_x[2 * H :], W_h[2 * H :], b_h[2 * H :]
    h_n = r * (h @ W_n.T + b_n) if reset == "after" else (r * h) @ W_n.T + b_n
    return z * h + (1 - z) * torch.tanh(x_n + h_n)


def _compare_gru(S, reset):
    for case in _gru_cases():
        x_t, h, W_x, W_h, b_x, b_h = case
        expect(
            S.gru_step(*case, reset), _gru_step(*case, reset),
            reset=reset, x_t=x_t, h=h, W_x=W_x, W_h=W_h, b_x=b_x, b_h=b_h,
        )  # fmt: skip


@question(
    "q2",
    points=1,
    hint="r multiplies what comes out of the product, its bias included; z keeps"
    " the old state.",
)
def after(S, rng):
    """Reset after the product, as in torch"""
    _compare_gru(S, "after")


@question(
    "q2",
    points=1,
    hint="r multiplies the state that goes into the product with the rows of n,"
    " and no bias.",
)
def before(S, rng):
    """Reset before the product, as in Cho et al."""
    _compare_gru(S, "before")


def _through_autograd(d_h, d_c, f, o, c_before, c):
    """dL/da_f and dL/dc_{t-1} along the cell, for L = d_h · h_t + d_c · c_t."""
    a_f = torch.logit(f).requires_grad_()
    added = c - f * c_before  # i ⊙ g, whatever it was
    c_before = c_before.clone().requires_grad_()
    c = torch.sigmoid(a_f) * c_before + added
    L = (d_h * o * torch.tanh(c) + d_c * c).sum()
    return torch.autograd.grad(L, (a_f, c_before))


def _compare_backward(S, d_h, d_c, f, o, c_before, c):
    errors = {"d_h": d_h, "d_c": d_c, "f": f, "o": o, "c_before": c_before, "c": c}
    expect(
        S.forget_gate_backward(d_h, d_c, f, o, c_before, c),
        _through_autograd(d_h, d_c, f, o, c_before, c),
        **errors,
    )


@question(
    "q3",
    points=1,
    hint="without d_h, the error of c_t is d_c. By f ⊙ c_{t-1} it goes to f and"
    " to c_{t-1}; on the way to a_f comes the derivative of the sigmoid.",
)
def along_the_cell(S, rng):
    """An error that comes along the cell alone (d_h = 0)"""
    for B, H in [(1, 1), (1, 2)]:
        d_c, f, o, c_before, c = _small(3, *[(B, H)] * 5)
        _compare_backward(S, torch.zeros(B, H), d_c, f.abs(), o.abs(), c_before, c)


@question(
    "q3",
    points=1,
    hint="c_t also acts through h_t = o ⊙ tanh(c_t). Add what comes that way to"
    " d_c first; both results follow from the sum.",
)
def both_ways(S, rng):
    """An error that comes through the state as well"""
    _compare_backward(
        S, _row(2.0), _row(0.25), _row(0.75), _row(0.5), _row(2.0), _row(LN3 / 2)
    )
    for B, H in [(1, 1), (2, 2)]:
        d_h, d_c, f, o, c_before, c = _small(4, *[(B, H)] * 6)
        _compare_backward(S, d_h, d_c, f.abs(), o.abs(), c_before, c)


@question(
    "q4",
    points=1,
    hint="T + 1 rows, the last is d_c. Walk back from it: the error on c_{t-1} is"
    " f_t times the error on c_t. Dividing fails where a gate is 0.",
)
def errors(S, rng):
    """The error on each cell, also past a closed gate"""
    for f, d_c, want in [
        ([[0.5], [0.8], [0.25]], [10.0], [[1.0], [2.0], [2.5], [10.0]]),
        ([[0.5, 1.0]], [-4.0, 3.0], [[-2.0, 3.0], [-4.0, 3.0]]),
        ([[0.5], [0.0], [0.5]], [8.0], [[0.0], [0.0], [4.0], [8.0]]),
    ]:
        got = S.cell_errors(torch.tensor(f), torch.tensor(d_c))
        expect(got, torch.tensor(want), f=f, d_c=d_c)


@question(
    "q4",
    points=1,
    hint="take the logarithm of both sides of f^k = 1/2. Do not round, and return"
    " math.inf for f = 1.",
)
def half(S, rng):
    """The half-life of a gate, and of one that loses nothing"""
    for f, want in [(0.5, 1.0), (0.25, 0.5), (0.99, 68.97), (1.0, math.inf)]:
        expect(S.half_life(f), want, tolerance=1e-3, f=f)


def _theirs(x_t, h, W_x, W_h, b_x, b_h, reset):
    """One step of the program in which z replaces, with blocks z, r, n."""
    H = h.shape[1]
    gates = x_t @ W_x[: 2 * H].T + b_x[: 2 * H] + h @ W_h[: 2 * H].T + b_h[: 2 * H]
    z, r = torch.sigmoid(gates).chunk(2, dim=1)  # (B, 2H) -> 2 x (B, H)
    x_n, W_n, b_n = x_t @ W_x[2 * H :].T + b_x[2 * H :], W_h[2 * H :], b_h[2 * H :]
    h_n = r * (h @ W_n.T + b_n) if reset == "after" else (r * h) @ W_n.T + b_n
    return (1 - z) * h + z * torch.tanh(x_n + h_n)


def _moved(S, weights, reset):
    """The answer of q5, if it is four tensors of the shapes of ``weights``."""
    got = S.to_torch(*weights, reset)
    shapes = [tuple(weight.shape) for weight in weights]
    if not isinstance(got, (list, tuple)) or len(got) != 4:
        expect(got, weights, reset=reset, W_h=weights[1])  # says: four values
    came = [tuple(one.shape) if isinstance(one, torch.Tensor) else one for one in got]
    expect(came, shapes, reset=reset, shapes=shapes)
    return [tensor.float() for tensor in got]


def _compare_states(S, x_t, h, weights, reset):
    """The matrices have a test of their own, so a failure here shows the biases."""
    moved = _moved(S, weights, reset)
    biases = {"b_x": weights[2], "b_h": weights[3]}
    yours = {"your b_x": moved[2], "your b_h": moved[3]}
    expect(
        torch.gru_cell(x_t, h, *moved), _theirs(x_t, h, *weights, reset),
        reset=reset, x_t=x_t, h=h, **biases, **yours,
    )  # fmt: skip


def _example():
    """The weights of the worked example, H = I = 1."""
    return [
        _column(0.5, 0.2, 0.7), _column(0.6, 0.8, 0.9),
        torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.4, 0.5, 0.6]),
    ]  # fmt: skip


def _gru_weights(seed, B, I, H):  # noqa: E741
    """An input, a state, and the four tensors of a GRU."""
    x_t, h, *weights = _small(
        seed, (B, I), (B, H), (3 * H, I), (3 * H, H), (3 * H,), (3 * H,)
    )
    return x_t, h, weights


@question(
    "q5",
    points=1,
    hint="the rows of r come first, then those of z with the other sign, then"
    " those of n; H rows each.",
)
def matrices(S, rng):
    """The rows of W_x and W_h stand in torch's order, z turned"""
    for weights in (_example(), _gru_weights(5, 1, 1, 2)[2]):
        moved = _moved(S, weights, "after")
        for name, got, given in zip(("W_x", "W_h"), moved, weights, strict=False):
            z, r, n = given.chunk(3)
            expect(got, torch.cat([r, -z, n]), reset="after", **{name: given})


@question(
    "q5",
    points=1,
    hint="1 - sigmoid(a) is sigmoid(-a), and a holds both biases: they are moved"
    " and turned like the matrices.",
)
def same_state(S, rng):
    """With your weights, torch finds the same next state"""
    _compare_states(S, _row(1.0), _row(0.5), _example(), "after")
    for B, I, H in [(1, 1, 1), (2, 1, 2)]:  # noqa: E741
        _compare_states(S, *_gru_weights(6, B, I, H), "after")


@question(
    "q5",
    points=1,
    hint="None only if the rows of n in W_h have an entry off the diagonal."
    " Otherwise the bias b_h of n leaves the reset: add it to b_x of n.",
)
def reset_before(S, rng):
    """Reset before the product: the same next state, or None"""
    _compare_states(S, _row(1.0), _row(0.5), _example(), "before")
    x_t, h, weights = _gru_weights(7, 1, 1, 2)
    expect(S.to_torch(*weights, "before"), None, reset="before", W_h=weights[1])
    weights[1][4:] = torch.tensor([[0.3, 0.0], [0.0, -0.8]])
    _compare_states(S, x_t, h, weights, "before")
