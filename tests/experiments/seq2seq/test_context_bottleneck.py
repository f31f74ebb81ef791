"""BLEU by length: what is counted, and what the page gets."""

from __future__ import annotations

import pytest
import torch

from claims import failed, outcome, quick
from course_lib.decoding import Hypothesis
from course_lib.experiments import find
from course_lib.experiments.seq2seq import context_bottleneck
from course_lib.experiments.seq2seq.context_bottleneck import (
    SHOWN,
    Config,
    _shown,
    _words,
    build,
)
from course_lib.experiments.translation import grammar
from course_lib.figures.weights import unpack

EXPERIMENT = find("context-bottleneck")
TINY = {
    "train": 300,
    "test": 40,
    "small_steps": 2,
    "large_steps": 2,
    "longest": 10,
    "measure_every": 2,
}


@pytest.fixture(scope="module")
def corpus():
    return grammar(train=300, valid=20, test=40, seed=0)


def said(corpus, change=lambda ids: ids):
    return [
        Hypothesis(tuple(change(ids.tolist())), 0.0, True)
        for ids in corpus.test.targets
    ]


def test_words_are_counted_wherever_they_stand_and_once_each(corpus):
    rows = range(40)
    assert _words(corpus, rows, said(corpus)) == 1
    assert _words(corpus, rows, said(corpus, lambda ids: ids[::-1])) == 1
    halves = _words(corpus, rows, said(corpus, lambda ids: ids[: len(ids) // 2]))
    assert 0.4 < halves < 0.5
    assert _words(corpus, rows, said(corpus, lambda ids: ids[:1] * len(ids))) < 0.4
    assert _words(corpus, [3], said(corpus, lambda ids: ids + ids)) == 1


def test_what_the_page_shows_has_the_lengths_asked_for(corpus):
    texts = [corpus.text(ids.tolist()) for ids in corpus.test.targets]
    lengths = corpus.test.lengths()
    for wanted, one in zip(SHOWN, _shown(corpus, texts), strict=True):
        i = corpus.test.references.index(one["reference"])
        assert one["translation"] == texts[i]
        nearest = min((n for n in lengths if n >= wanted), default=max(lengths))
        assert lengths[i] == nearest


def test_the_small_context_is_one_way_and_the_large_both(corpus):
    config = Config()
    small, large = (build(config, size, corpus, 0) for size in ("small", "large"))
    assert small.encoder.hidden_size == config.small_hidden == 64
    assert large.encoder.hidden_size == 2 * config.large_hidden == 256


def test_the_page_gets_the_small_model_with_its_words():
    made = outcome(EXPERIMENT, **TINY)
    config = EXPERIMENT.config("quick", **TINY)
    exported = EXPERIMENT.export(config, made)
    model, corpus, _ = made.model
    assert exported["source_words"] == list(corpus.source.words)
    assert exported["target_words"] == list(corpus.target.words)
    assert set(exported["parameters"]) == set(model.state_dict())
    for name, value in model.state_dict().items():
        rounded = torch.tensor(unpack(exported["parameters"][name]))
        torch.testing.assert_close(rounded, value, rtol=1e-3, atol=1e-4)
    record = exported["record"]
    assert record["scale"] == "changed"
    assert record["test_perplexity_float32"] == pytest.approx(
        made.metrics["perplexity_small"], abs=1e-5
    )
    assert record["test_perplexity_float16"] == pytest.approx(
        record["test_perplexity_float32"], rel=1e-2
    )


def test_a_model_that_has_learned_nothing_fails_the_claim():
    assert "bleu_fall_large" in failed(EXPERIMENT, outcome(EXPERIMENT, **TINY).metrics)


def test_the_fall_is_from_the_shortest_to_the_longest():
    metrics = quick("context-bottleneck")[1].runs[0].metrics
    series = quick("context-bottleneck")[1].runs[0].series
    assert series["lengths"] == sorted(series["lengths"])
    for size in context_bottleneck.SIZES:
        first, *_, last = series[f"bleu_{size}"]
        assert metrics[f"bleu_fall_{size}"] == pytest.approx(first - last)


@pytest.mark.data
def test_it_runs_on_captions_as_well():
    tiny = {**TINY, "corpus": "multi30k", "batch": 8, "longest": 4}
    series = outcome(EXPERIMENT, **tiny, large_hidden=8, small_hidden=8).series
    assert series["best"] == pytest.approx([100] * 4)
    assert len(series["translations_small"]) == len(SHOWN)
