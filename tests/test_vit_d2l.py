"""The Vision Transformer of d2l's book: where ours is the same, and where not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.peers import import_d2l
from course_lib.self_attention import PATHS
from small_transformers import close, gradients
from small_vits import IMAGE, SIDE, pictures, small_vit


def norm_of(ours):
    theirs = nn.LayerNorm(len(ours.gain))  # the book's epsilon is torch's
    theirs.weight, theirs.bias = ours.gain, ours.bias
    return theirs


class BookVit(nn.Module):
    """The book's (section 11.8), which the package has not; it holds our parameters.

    Its attention is the package's, of which only the four matrices are replaced.
    """

    def __init__(self, model):
        super().__init__()
        C, H = model.config.size, model.config.heads
        linear = model.embedding.linear
        self.patches = nn.Conv2d(IMAGE[0], C, SIDE, SIDE)
        del self.patches.weight
        self.patches.weight = linear.weight.view(C, IMAGE[0], SIDE, SIDE)
        self.patches.bias = linear.bias
        self.token, self.places = model.class_token, model.places
        self.blocks = nn.ModuleList()
        for block in model.encoder.blocks:
            attention = import_d2l().MultiHeadAttention(C, H, dropout=0.0)
            for name in ("W_q", "W_k", "W_v", "W_o"):
                setattr(attention, name, getattr(block.attention, name))
            think = block.feed_forward
            self.blocks.append(
                nn.ModuleList(
                    [
                        norm_of(block.after_attention.norm),
                        attention,
                        norm_of(block.after_feed_forward.norm),
                        nn.Sequential(think.W_1, nn.GELU(), think.W_2),
                    ]
                )
            )
        self.head = nn.Sequential(norm_of(model.encoder.norm), model.output)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), 1, -1), x], dim=1) + self.places
        for first, attention, second, think in self.blocks:
            one = first(x)
            x = x + attention(one, one, one, None)
            x = x + think(second(x))
        return self.head(x[:, 0])


@pytest.mark.parametrize("path", PATHS)
def test_it_is_d2ls_books_in_value_and_gradient(path):
    model = small_vit(path=path, eps=1e-5)
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
    assert (model(pictures()) - BookVit(model)(pictures())).abs().max() > 1e-5
