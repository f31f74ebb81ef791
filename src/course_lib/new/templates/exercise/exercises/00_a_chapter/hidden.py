"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not.
"""

import torch

from course_lib.grading import expect, question


@question("q1", points=2, hidden=True, hint="try B, I and O that all differ.")
def any_layer(S, rng):
    """A layer of any size, on random inputs"""
    for B, I, O in [(1, 1, 2), (2, 3, 2), (5, 4, 7)]:  # noqa: E741
        x, W, b = (torch.randn(size, generator=rng) for size in ((B, I), (O, I), (O,)))
        expect(S.layer(x, W, b), torch.einsum("bi,oi->bo", x, W) + b, x=x, W=W, b=b)
