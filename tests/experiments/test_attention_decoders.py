"""The decoders that chapter 4 compares differ in what their names say, and no more."""

from __future__ import annotations

import pytest
import torch

from course_lib.attention import Predictive
from course_lib.experiments.attention.decoders import KINDS, NAMES, Sizes, build
from course_lib.experiments.translation import (
    batches,
    grammar,
    teacher_forced_loss,
    translate,
)

SIZES = Sizes(30, 20, embedding=6, hidden=8)


@pytest.mark.parametrize("name", NAMES)
def test_each_learns_and_translates(name):
    corpus = grammar(train=60, valid=5, test=6, seed=0, longest=8)
    model = build(name, Sizes(len(corpus.source), len(corpus.target), 6, 8), seed=0)
    batch = batches(corpus.train, 16, seed=0)(0)
    loss = teacher_forced_loss(model, batch)
    loss.backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None]
    assert not missing
    assert len(translate(model, corpus.test.sources, 5, width=2)) == 6


@pytest.mark.parametrize("name", KINDS)
def test_the_name_says_what_is_built(name):
    decoder = build(name, SIZES, 0).decoder
    assert decoder.order == ("before" if "bahdanau" in name else "after")
    assert decoder.input_feeding == name.endswith("-fed")
    assert isinstance(decoder.attention.window, Predictive) == ("local-p" in name)
    score = type(decoder.attention.score).__name__.lower()
    assert decoder.attention.coverage == ("coverage" in name)
    said = dict.fromkeys(("concat", "bahdanau", "coverage"), "additive")
    said["local"] = "general"
    part = name.split("-")[1] if "-" in name else name
    assert score == said.get(part, part)


def test_all_have_the_same_encoder_at_the_start():
    first = build("none", SIZES, 3).encoder.state_dict()
    for name in KINDS:
        encoder = build(name, SIZES, 3).encoder.state_dict()
        assert all(torch.equal(first[key], encoder[key]) for key in first)


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="name: got 'loung', expected one of none"):
        build("loung", SIZES, 0)
