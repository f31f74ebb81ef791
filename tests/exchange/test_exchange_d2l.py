"""Weights to d2l: what it has not is refused, and what it drops is what ours drops.

That values and gradients are equal stands in the tests of each chapter's model.
"""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from course_lib.attention import Additive, Attention, Dot, General, Monotonic
from course_lib.exchange import to_d2l
from course_lib.lstm_gru import GRU, LSTM
from course_lib.recurrent import Bidirectional, Stacked
from course_lib.rnn import RNN, LanguageModel
from course_lib.self_attention import MultiHeadAttention
from course_lib.seq2seq import Encoder
from small_berts import pretraining, texts
from small_transformers import C, H, close, sentences, translator


def encoder_of(model):
    return model.source, model.encoder


REFUSED = {
    "relu": lambda: RNN(3, 4, nonlinearity="relu"),
    "LSTM": lambda: LSTM(3, 4),
    "of an LSTM": lambda: LanguageModel(LSTM(3, 4)),
    "both ways": lambda: Stacked([Bidirectional(GRU(3, 4), GRU(3, 4))]),
    "reverse_source": lambda: Encoder(5, GRU(3, 4), reverse_source=True),
    "Monotonic": lambda: Attention(Dot(4, scaled=True), Monotonic(1)),
    "Dot": lambda: Attention(Dot(4)),
    "General": lambda: Attention(General(4, 4)),
    "coverage": lambda: Attention(Additive(4, 4, 4, coverage=True)),
    "rotary": lambda: MultiHeadAttention(C, H, rotary=True),
    "'pre'": lambda: encoder_of(translator(norm="pre")),
    "'learned'": lambda: encoder_of(translator(positions="learned")),
    "decoder's block": lambda: translator().decoder.blocks[0],
    "Linear": lambda: nn.Linear(2, 3),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_d2l_has_not_is_refused(kind):
    with pytest.raises(ValueError, match="module: got"):
        to_d2l(REFUSED[kind]())


def test_without_d2l_it_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "d2l.torch", raising=False)
    monkeypatch.setitem(sys.modules, "d2l", None)
    with pytest.raises(ImportError, match="d2l"):
        to_d2l(MultiHeadAttention(C, H))


def test_theirs_drop_as_much_as_ours_and_no_weights_of_the_attention():
    model = translator(dropout=0.25)
    theirs = to_d2l(encoder_of(model))
    dropped = {
        name: module.p
        for name, module in theirs.named_modules()
        if isinstance(module, nn.Dropout)
    }
    for name, p in dropped.items():
        assert p == (0.0 if "attention" in name else 0.25), name
    assert any("attention" in name for name in dropped)
    source, mask, _ = sentences()
    once, again = (theirs(source, mask.sum(dim=1)) for _ in range(2))
    assert not torch.equal(once, again)


def test_parameters_are_shared_and_so_are_those_of_the_places():
    model, batch = pretraining(), texts()
    theirs = to_d2l(model)
    own = {id(parameter) for parameter in model.parameters()}
    assert {id(parameter) for parameter in theirs.parameters()} == own
    lengths = batch.mask.sum(dim=1)
    with torch.no_grad():
        model.bert.embedding.places.table.weight.mul_(2.0)
    x = model.bert(batch.tokens, batch.segments, batch.mask)
    other = theirs.encoder(batch.tokens, batch.segments, lengths)
    close(x[batch.mask], other[batch.mask], 5e-5)
