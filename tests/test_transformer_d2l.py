"""d2l's Transformer, and its book's decoder: where ours is the same, and where not."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib.peers import import_d2l
from course_lib.self_attention import PATHS
from course_lib.transformer import FeedForward, Residual
from small_transformers import (
    C,
    H,
    V,
    close,
    config,
    gradients,
    numbers,
    sentences,
    shaken,
    translator,
)

INNER, T = 12, 7
by_path = pytest.mark.parametrize("path", PATHS)


# d2l's modules, which hold our very parameters: so gradients can be compared by name.


def d2ls_attention(ours):
    theirs = import_d2l().MultiHeadAttention(C, H, dropout=0.0)
    for name in ("W_q", "W_k", "W_v", "W_o"):
        setattr(theirs, name, getattr(ours, name))
    return theirs


def d2ls_norm(residual):
    theirs = import_d2l().AddNorm(C, dropout=0.0)
    theirs.ln.weight, theirs.ln.bias = residual.norm.gain, residual.norm.bias
    return theirs


def d2ls_feed_forward(ours):
    theirs = import_d2l().PositionWiseFFN(INNER, C)
    theirs.dense1, theirs.dense2 = ours.W_1, ours.W_2
    return theirs


def d2ls_encoder(model):
    theirs = import_d2l().TransformerEncoder(
        V, C, INNER, H, len(model.encoder.blocks), dropout=0.0
    )
    theirs.embedding = model.source.words
    for block, ours in zip(theirs.blks, model.encoder.blocks, strict=True):
        block.attention = d2ls_attention(ours.attention)
        block.addnorm1 = d2ls_norm(ours.after_attention)
        block.ffn = d2ls_feed_forward(ours.feed_forward)
        block.addnorm2 = d2ls_norm(ours.after_feed_forward)
    return theirs


class BookDecoder(nn.Module):
    """The decoder of the book (section 11.7), which the package has not, of its parts.

    It has a causal mask in training alone, and every call begins at place 0.
    """

    def __init__(self, model):
        super().__init__()
        self.words, self.output = model.target.words, model.output
        self.places = import_d2l().PositionalEncoding(C, dropout=0.0)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [
                    d2ls_attention(ours.attention),
                    d2ls_norm(ours.after_attention),
                    d2ls_attention(ours.cross_attention),
                    d2ls_norm(ours.after_cross_attention),
                    d2ls_feed_forward(ours.feed_forward),
                    d2ls_norm(ours.after_feed_forward),
                ]
            )
            for ours in model.decoder.blocks
        )

    def forward(self, tokens, memory, lengths, past, first=0):
        x = F.pad(self.words(tokens) * math.sqrt(C), (0, 0, first, 0))
        x = self.places(x)[:, first:]  # the book's ``first`` is always 0
        may = torch.arange(1, tokens.shape[1] + 1).repeat(len(tokens), 1)
        for i, (hear, add, hear_source, add_source, think, last) in enumerate(
            self.blocks
        ):
            past[i] = torch.cat([past[i], x], dim=1) if i in past else x
            x = add(x, hear(x, past[i], past[i], may if self.training else None))
            x = add_source(x, hear_source(x, memory, memory, lengths))
            x = last(x, think(x))
        return self.output(x)


def both(train):
    """Our logits of given targets, and the book's decoder's with the same weights."""
    model = translator().train(train)
    source, mask, previous = sentences(T=T)
    book = BookDecoder(model).train(train)
    memory, _ = model.encoder(model.source(source), mask)

    def by_book(tokens, past=None, first=0):
        past = {} if past is None else past
        return book(tokens, memory, mask.sum(dim=1), past, first)

    return model, lambda tokens: model(source, mask, tokens), by_book, previous


# -- the same --------------------------------------------------------------------------


@by_path
def test_feed_forward_and_add_norm_are_d2ls(path):
    ours = shaken(nn.ModuleList([FeedForward(C, INNER), Residual(config(path=path))]))
    x = numbers(2, 3, C)
    out = ours[1](x, ours[0](x))
    theirs = d2ls_norm(ours[1])(x, d2ls_feed_forward(ours[0])(x))
    close(out, theirs)
    own, other = gradients(ours, out), gradients(ours, theirs)
    for name, one in own.items():
        close(one, other[name])


@by_path
def test_the_encoder_is_d2ls_in_value_and_gradient(path):
    model, (source, mask, _) = translator(path=path), sentences()
    out, _ = model.encoder(model.source(source), mask)
    theirs = d2ls_encoder(model)(source, mask.sum(dim=1))
    close(out, theirs, 5e-5)
    own, other = gradients(model, out), gradients(model, theirs)
    for name, one in own.items():
        close(one, other[name], 1e-5)
    assert own["encoder.blocks.0.attention.W_q.weight"].abs().max() > 1e-3


def test_the_decoder_is_that_of_d2ls_book_in_training():
    model, ours, book, tokens = both(train=True)
    out, theirs = ours(tokens), book(tokens)
    close(out, theirs, 5e-5)
    own, other = gradients(model, out), gradients(model, theirs)
    for name, one in own.items():
        close(one, other[name], 1e-5)
    assert own["decoder.blocks.0.attention.W_q.weight"].abs().max() > 1e-3


# -- not the same ----------------------------------------------------------------------


def test_in_evaluation_ours_sees_no_token_to_come_but_the_books_does():
    for train in (True, False):
        _, ours, book, tokens = both(train)
        other = tokens.clone()
        other[:, 4:] = 5
        assert torch.equal(ours(tokens)[:, :4], ours(other)[:, :4])
        moved = (book(tokens)[:, :4] - book(other)[:, :4]).abs().max()
        assert moved == 0 if train else moved > 0.1


def test_token_by_token_ours_knows_its_places_but_the_books_is_always_at_the_first():
    model, ours, book, tokens = both(train=False)
    source, mask, _ = sentences(T=T)
    wanted, state = ours(tokens), model.start(source, mask)
    as_published, at_its_place = {}, {}
    for t in range(T):
        logits, state = model.step(tokens[:, t], state)
        close(logits, wanted[:, t], 2e-5)
        one = tokens[:, t : t + 1]
        close(book(one, at_its_place, first=t)[:, 0], wanted[:, t], 2e-5)
        wrong = (book(one, as_published)[:, 0] - wanted[:, t]).abs().max()
        assert wrong < 2e-5 if t == 0 else wrong > 0.1
