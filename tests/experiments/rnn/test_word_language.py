from __future__ import annotations

import pytest
import torch

from claims import failed, outcome
from course_lib.experiments import find
from course_lib.experiments.rnn import word_language


def test_a_bag_that_sees_order_fails_its_band(monkeypatch):
    def given_order(name, config, words, seed):
        return true_prepare(
            "ngrams" if name == "letters" else name, config, words, seed
        )

    true_prepare = word_language._prepare
    monkeypatch.setattr(word_language, "_prepare", given_order)
    experiment = find("word-language")
    assert "order" in failed(experiment, outcome(experiment, steps=150).metrics)


def test_a_control_that_is_not_shuffled_fails_its_band(monkeypatch):
    true_encode = word_language.encode
    monkeypatch.setattr(
        word_language, "encode", lambda words, seed=None: true_encode(words)
    )
    experiment = find("word-language")
    found = failed(experiment, outcome(experiment, steps=150).metrics)
    assert {"order_lost", "shuffled_over_letters"} <= found


def test_shuffling_keeps_the_letters_of_each_word():
    words = [("donnerstag", 0), ("thursday", 1)]
    plain, shuffled = word_language.encode(words), word_language.encode(words, 1)
    assert torch.equal(plain.tokens.sort(1).values, shuffled.tokens.sort(1).values)
    assert not torch.equal(plain.tokens, shuffled.tokens)


def test_a_bag_does_not_see_order_and_the_rnn_does():
    torch.manual_seed(0)
    words = [("abcdef", 0), ("fedcba", 1)]
    part = word_language.encode(words)
    bag = word_language.CountClassifier(27, 3)
    torch.nn.init.normal_(bag.weight)
    rnn = word_language.SequenceClassifier(word_language.RNN(27, 8), 3)
    first, second = bag(part.tokens, part.mask)
    torch.testing.assert_close(first, second)
    first, second = rnn(part.tokens, part.mask)
    assert (first - second).abs().max() > 1e-3


def test_a_bad_source_is_named():
    with pytest.raises(ValueError, match="source: got 'x'"):
        outcome(find("word-language"), source="x")


@pytest.mark.data
def test_the_real_names_run():
    experiment = find("word-language")
    assert outcome(experiment, source="surnames", steps=10).metrics["chance"] < 0.06
