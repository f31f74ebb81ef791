"""The visible tests: small inputs, so that a failure can be followed by hand."""

import torch

from course_lib.grading import expect, question


@question("q1", points=1, hint="each of the B rows gets its own row of O numbers.")
def shape(S, rng):
    """The output has shape (B, O)"""
    for B, I, O in [(1, 2, 1), (2, 3, 4)]:  # noqa: E741
        x, W, b = torch.ones(B, I), torch.ones(O, I), torch.ones(O)
        got = S.layer(x, W, b)
        got_shape = tuple(got.shape) if isinstance(got, torch.Tensor) else got
        expect(got_shape, (B, O), B=B, I=I, O=O)


@question("q1", points=1, hint="multiply by W, whose rows are outputs; then add b.")
def values(S, rng):
    """The numbers are those of the formula"""
    x, W, b = torch.tensor([[2.0]]), torch.tensor([[3.0]]), torch.tensor([4.0])
    expect(S.layer(x, W, b), torch.tensor([[10.0]]), x=x, W=W, b=b)
