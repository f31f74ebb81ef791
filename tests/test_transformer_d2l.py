"""d2l's Transformer, and its book's decoder: where ours is the same, and where not."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from course_lib.bench.d2l_book import BookTransformer
from course_lib.exchange import to_d2l
from course_lib.self_attention import PATHS
from course_lib.transformer import FeedForward, Residual
from small_transformers import (
    C,
    close,
    config,
    gradients,
    numbers,
    sentences,
    shaken,
    translator,
)

T = 7
by_path = pytest.mark.parametrize("path", PATHS)


def both(train):
    """Our logits of given targets, and the book's decoder's with the same weights."""
    model = translator().train(train)
    source, mask, previous = sentences(T=T)
    book, lengths = BookTransformer(model).train(train), mask.sum(dim=1)
    memory, _ = model.encoder(model.source(source), mask)

    def by_book(tokens, past=None, first=0):
        past = {} if past is None else past
        return book.decode(tokens, memory, lengths, past, first)

    return model, lambda tokens: model(source, mask, tokens), by_book, previous


# -- the same --------------------------------------------------------------------------


@by_path
def test_feed_forward_and_add_norm_are_d2ls(path):
    ours = shaken(nn.ModuleList([FeedForward(C, 12), Residual(config(path=path))]))
    x = numbers(2, 3, C)
    out = ours[1](x, ours[0](x))
    theirs = to_d2l(ours[1])(x, to_d2l(ours[0])(x))
    close(out, theirs)
    own, other = gradients(ours, out), gradients(ours, theirs)
    for name, one in own.items():
        close(one, other[name])


@by_path
def test_the_encoder_is_d2ls_in_value_and_gradient(path):
    model, (source, mask, _) = translator(path=path), sentences()
    out, _ = model.encoder(model.source(source), mask)
    theirs = to_d2l((model.source, model.encoder))(source, mask.sum(dim=1))
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
