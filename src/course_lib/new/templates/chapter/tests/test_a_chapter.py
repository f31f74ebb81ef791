"""The model of chapter 00 against torch's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.a_chapter import PATHS, AChapter


@pytest.mark.parametrize("path", PATHS)
def test_values_and_gradients_are_those_of_torch(path):
    theirs, ours = nn.Linear(3, 2), AChapter(3, 2, path)
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(4, 3)
    torch.testing.assert_close(ours(x), theirs(x))
    for model in (ours, theirs):
        model(x).square().sum().backward()
    for mine, one in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, one.grad)


def test_a_path_that_is_none_is_refused():
    with pytest.raises(ValueError, match="path: got 'slow', expected one of fused, "):
        AChapter(3, 2, "slow")
