"""Is attention alignment? What is counted of hand-made weights, and what is kept."""

from __future__ import annotations

import json

import pytest
import torch

from claims import failed, outcome, quick
from course_lib.data.korean_english import Pair
from course_lib.experiments import find
from course_lib.experiments.aligning import gold
from course_lib.experiments.attention import attention_alignment
from course_lib.experiments.attention.attention_alignment import (
    KINDS,
    SHOWN,
    _words,
    growth,
)
from course_lib.experiments.translation import Forced
from course_lib.figures.weights import unpack

EXPERIMENT = find("attention-alignment")
TINY = {"train": 300, "test": 30, "steps": 2, "longest": 10, "measure_every": 1}
# Korean a b c d; x is b (sure), y goes with c or d (possible only).
PAIR = Pair(
    ("a", "b", "c", "d"),
    ("x", "y"),
    frozenset({(1, 0)}),
    frozenset({(1, 0), (2, 1), (3, 1)}),
)


def words(x: int, y: int, right: tuple[bool, bool] = (True, False)):
    """What is said of x and y that look at these places, then of an end."""
    weights = torch.nn.functional.one_hot(torch.tensor([x, y, 0]), 4).float()
    given = Forced(torch.zeros(3), torch.tensor([*right, True]))
    return list(_words([weights], [PAIR], [given]))


def test_a_word_is_linked_beside_or_elsewhere():
    x, y = words(1, 3)
    assert (x.sure, x.linked, x.beside, x.right) == (True, True, False, True)
    assert (y.sure, y.linked, y.beside, y.right) == (False, True, False, False)
    x, y = words(2, 1)
    assert (x.linked, x.beside) == (False, True)
    assert (y.linked, y.beside) == (False, True)
    x, y = words(3, 0)
    assert (x.linked, x.beside) == (False, False)
    assert (y.linked, y.beside) == (False, False)


@pytest.fixture(scope="module")
def result():
    return quick("attention-alignment")[1]


def test_the_page_gets_the_sentences_with_their_links_and_weights(result):
    shown = growth(result)
    pairs = gold(result.config["test"])
    assert len(shown["sentences"]) == len(SHOWN)
    assert shown["step"] == [0, 30, 60]
    assert len(shown["error_rate"]) == len(shown["bleu"]) == 3
    for one, i in zip(shown["sentences"], result.runs[0].series["shown"], strict=True):
        assert one["source"] == list(pairs[i].source)
        assert one["target"] == [*pairs[i].target, "</s>"]
        assert {tuple(link) for link in one["links"]} == pairs[i].sure
        for weights in one["weights"]:
            found = torch.tensor(weights)
            assert found.shape == (len(one["target"]), len(one["source"]))
            torch.testing.assert_close(
                found.sum(1), torch.ones(len(found)), atol=5e-3, rtol=0
            )
    json.dumps(shown)


def test_weights_are_kept_of_one_model_only(result):
    first, second = (result.runs[0].series[kind] for kind in KINDS)
    assert "weights" in first
    assert "weights" not in second


def test_perfect_weights_have_the_least_error(monkeypatch):
    def perfect(model, part):
        found = []
        for pair in gold(30):
            weights = torch.zeros(len(pair.target) + 1, len(pair.source))
            for i, j in sorted(pair.possible) + sorted(pair.sure):
                weights[j] = 0
                weights[j, i] = 1
            weights[-1, -1] = 1  # the end
            found.append(weights)
        return found[: len(part.sources)]

    monkeypatch.setattr(attention_alignment, "forced_weights", perfect)
    metrics = outcome(EXPERIMENT, **TINY).metrics
    for kind in KINDS:
        assert metrics[f"error_rate_{kind}"] == metrics["error_rate_best"]
        assert metrics[f"sure_{kind}"] == metrics[f"helpers_{kind}"] == 1
        assert metrics[f"entropy_{kind}"] == 0


def test_an_untrained_model_fails_its_band():
    metrics = outcome(EXPERIMENT, **TINY).metrics
    assert metrics["error_rate_best"] < 0.1 < 0.5 < metrics["error_rate_diagonal"]
    metrics["error_rate_bahdanau"] = 0.99
    assert failed(EXPERIMENT, metrics) == {"error_rate_bahdanau"}


def test_the_page_gets_the_first_model_with_its_words():
    made = outcome(EXPERIMENT, **TINY)
    exported = EXPERIMENT.export(EXPERIMENT.config("quick", **TINY), made)
    model, corpus, _ = made.model
    assert exported["source_words"] == list(corpus.source.words)
    assert exported["target_words"] == list(corpus.target.words)
    assert set(exported["parameters"]) == set(model.state_dict())
    for name, value in model.state_dict().items():
        half = torch.tensor(unpack(exported["parameters"][name]))
        torch.testing.assert_close(half, value, atol=1e-3, rtol=1e-3)
    record = exported["record"]
    assert record["test_error_rate_float32"] == pytest.approx(
        made.metrics["error_rate_bahdanau"], abs=1e-6
    )
    assert record["test_perplexity_float16"] == pytest.approx(
        record["test_perplexity_float32"], rel=1e-2
    )
