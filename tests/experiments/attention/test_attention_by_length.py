"""With and without attention, by length: what is trained on what, and counted."""

from __future__ import annotations

import pytest
import torch

from claims import failed, outcome
from course_lib.attention import AttentionSeq2Seq
from course_lib.experiments import find, translation
from course_lib.experiments.attention.attention_by_length import (
    MODELS,
    _model,
    shorter,
    unread,
)
from course_lib.experiments.translation import grammar
from course_lib.seq2seq import Seq2Seq

EXPERIMENT = find("attention-by-length")
TINY = {"train": 300, "test": 40, "steps": 2, "longest": 10, "measure_every": 2}


@pytest.fixture(scope="module")
def corpus():
    return grammar(train=300, valid=20, test=40, seed=0)


def test_the_short_sentences_are_those_up_to_the_length(corpus):
    short = shorter(corpus.train, 8)
    assert max(short.lengths()) == 8
    assert len(short.sources) == sum(n <= 8 for n in corpus.train.lengths())
    with pytest.raises(ValueError, match="short: got 1, expected at least"):
        shorter(corpus.train, 1)


def test_unread_is_the_share_of_tokens_that_training_never_showed(corpus):
    part = corpus.train.of([0])._replace(sources=[torch.tensor([4, 5, 6])])
    assert unread(part, [torch.tensor([4, 5]), torch.tensor([7, 4])]) == 0.25
    assert unread(corpus.train, corpus.train.sources) == 0


def test_only_the_context_differs(corpus):
    config = EXPERIMENT.config("quick")
    none, attention, short = (_model(config, name, corpus, 0) for name in MODELS)
    assert isinstance(none, Seq2Seq)
    assert isinstance(attention, AttentionSeq2Seq)
    for name, value in none.encoder.state_dict().items():
        assert torch.equal(value, attention.encoder.state_dict()[name])
    for name, value in attention.state_dict().items():
        assert torch.equal(value, short.state_dict()[name])
    assert none.decoder.layer.input_size == attention.decoder.layer.input_size


def test_the_third_sees_short_sentences_only(monkeypatch):
    seen = {}
    batches = translation.batches

    def watched(part, *how):
        seen[len(seen)] = max(part.lengths())
        return batches(part, *how)

    monkeypatch.setattr(translation, "batches", watched)
    made = outcome(EXPERIMENT, **TINY, short=8)
    assert seen[0] == seen[1] > seen[2] == 8
    metrics = made.metrics
    longest = (metrics[f"bleu_longest_{name}"] for name in MODELS)
    none, attention, short = longest
    assert metrics["gain_longest"] == attention - none
    assert metrics["lost_by_short_longest"] == attention - short
    assert 0 < metrics["unread_longest"] < 1
    assert failed(EXPERIMENT, metrics) == {"perplexity_none", "perplexity_attention"}


@pytest.mark.data
def test_it_runs_on_captions_as_well():
    tiny = {"corpus": "multi30k", "embedding": 4, "hidden": 4, "batch": 4}
    tiny |= {"steps": 1, "longest": 2, "measure_every": 1, "short": 12}
    assert outcome(EXPERIMENT, **tiny).metrics["perplexity_attention"] > 100
