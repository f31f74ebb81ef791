"""The Vision Transformer of d2l's book: where ours is the same, and where not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.bench.d2l_book import BookVit
from course_lib.self_attention import PATHS
from small_transformers import close, gradients
from small_vits import pictures, small_vit


@pytest.mark.parametrize("path", PATHS)
def test_it_is_d2ls_books_in_value_and_gradient(path):
    model = small_vit(path=path)
    out, wanted = model(pictures()), BookVit(model)(pictures())
    close(out, wanted, 5e-5)
    own, other = gradients(model, out), gradients(model, wanted)
    for name, one in own.items():
        close(one, other[name], 2e-5)
    assert own["embedding.linear.weight"].abs().max() > 1e-3


def test_the_epsilon_of_the_norms_is_the_papers_and_not_the_books():
    model = small_vit()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.1)  # so that a variance is as small as epsilon
    book, out = BookVit(model), model(pictures())
    close(out, book(pictures()))
    for module in book.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = nn.LayerNorm(1).eps  # the book's
    assert (out - book(pictures())).abs().max() > 1e-5
