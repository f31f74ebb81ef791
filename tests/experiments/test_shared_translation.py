"""What the translation experiments share, on a small corpus and an untrained model."""

from __future__ import annotations

import pytest
import torch

from course_lib.data.korean_english import draws, translations
from course_lib.data.translation import END, collate
from course_lib.decoding import Hypothesis
from course_lib.experiments.translation import (
    accuracy,
    batches,
    bleu_by_quarter,
    corpus_bleu,
    forced,
    grammar,
    perplexity,
    read,
    teacher_forced_loss,
    translate,
)
from course_lib.seq2seq import Seq2SeqConfig, seq2seq


@pytest.fixture(scope="module")
def corpus():
    return grammar(train=300, valid=20, test=24, seed=0, longest=12)


@pytest.fixture(scope="module")
def model(corpus):
    torch.manual_seed(1)
    config = Seq2SeqConfig(len(corpus.source), len(corpus.target), 8, 16)
    model = seq2seq(config)
    with torch.no_grad():  # or every token would be about as probable
        for parameter in model.parameters():
            parameter.mul_(4)
    return model


def test_no_source_is_in_two_parts(corpus):
    parts = [
        {corpus.source_text(ids.tolist()) for ids in part.sources}
        for part in (corpus.valid, corpus.test)
    ]
    assert not parts[0] & parts[1]
    train = {corpus.source_text(ids.tolist()) for ids in corpus.train.sources}
    assert not train & (parts[0] | parts[1])


def test_seeds_share_the_test_sentences_and_nothing_else():
    one, other = (grammar(50, 10, 10, seed) for seed in (0, 1))
    assert one.test.references == other.test.references
    assert one.train.references != other.train.references


def test_the_best_is_a_translation_that_none_beats(corpus):
    for one, said in zip(draws(24, 0, "test", longest=12), corpus.best, strict=True):
        every = translations(one)
        assert every[tuple(said.split())] == max(every.values())


def test_text_is_what_was_encoded(corpus):
    unknown = "<unk>"
    for ids, reference in zip(corpus.test.targets, corpus.test.references, strict=True):
        said = corpus.text(ids.tolist()).split()
        wanted = reference.split()
        assert len(said) == len(wanted)
        assert all(a in (b, unknown) for a, b in zip(said, wanted, strict=True))


def test_batches_hold_each_pair_with_its_own_target(corpus):
    batch = batches(corpus.train, 16, seed=0)(3)
    pairs = {
        (tuple(s.tolist()), tuple(t.tolist()))
        for s, t in zip(corpus.train.sources, corpus.train.targets, strict=True)
    }
    for row in range(16):
        source = tuple(batch.source[row][batch.source_mask[row]].tolist())
        *target, end = batch.target[row][batch.target_mask[row]].tolist()
        assert end == END
        assert (source, tuple(target)) in pairs


def test_forced_is_the_loss_whatever_the_batches(corpus, model):
    part = corpus.test
    one, other = forced(model, part, batch=24), forced(model, part, batch=5)
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        assert len(a.losses) == len(a.right) == len(part.targets[i]) + 1
        torch.testing.assert_close(a.losses, b.losses)
        assert torch.equal(a.right, b.right)
    whole = collate(part.sources, part.targets)
    loss = teacher_forced_loss(model, whole)
    assert perplexity(one) == pytest.approx(loss.exp().item(), rel=1e-5)
    logits = model(whole.source, whole.source_mask, whole.previous)
    right = (logits.argmax(-1) == whole.target)[whole.target_mask]
    assert accuracy(one) == pytest.approx(right.double().mean().item())


def test_a_translation_comes_back_at_the_place_of_its_source(corpus, model):
    together = translate(model, corpus.test.sources, 15, batch=5)
    for source, found in zip(corpus.test.sources, together, strict=True):
        (alone,) = translate(model, [source], 15)
        assert alone.tokens == found.tokens
    wide = translate(model, corpus.test.sources, 15, width=4)
    assert any(a.tokens != b.tokens for a, b in zip(together, wide, strict=True))
    gain = [
        b.log_probability - a.log_probability
        for a, b in zip(together, wide, strict=True)
    ]
    assert sum(gain) > 0


def test_bleu_by_quarter_goes_by_the_source(corpus):
    part = corpus.test
    exact = [Hypothesis(tuple(ids.tolist()), 0.0, True) for ids in part.targets]
    assert corpus_bleu(corpus, part, exact) > 80  # less than 100: unknown names
    order = sorted(range(24), key=part.lengths().__getitem__)
    silent = [
        Hypothesis((), 0.0, True) if i in order[18:] else exact[i] for i in range(24)
    ]
    *short, longest = bleu_by_quarter(corpus, part, silent)
    assert longest == 0
    assert min(short) > 60


def test_another_corpus_is_refused_by_name():
    with pytest.raises(ValueError, match="corpus: got 'wmt', expected one of grammar"):
        read("wmt", 10, 10, 0)


@pytest.mark.data
def test_multi30k_is_read_in_subwords_and_written_in_words():
    corpus = read("multi30k", 0, 0, 0)
    assert len(corpus.test.references) == 1000
    for i in range(50):
        said = corpus.text(corpus.test.targets[i].tolist())
        assert said == corpus.test.references[i]
    assert corpus.tokenize == "13a"


@pytest.mark.data
def test_korean_everyday_sentences_are_read_too():
    corpus = read("tatoeba-kor", 0, 0, 0)
    assert len(corpus.test.references) == 300
    assert corpus.best == corpus.test.references
    source = corpus.source_text(corpus.test.sources[0].tolist())
    assert any("가" <= letter <= "힣" for letter in source)


@pytest.mark.data
def test_multi30k_is_read_the_other_way_too():
    one, other = read("multi30k", 0, 0, 0), read("multi30k-en-de", 0, 0, 0)
    assert other.test.references != one.test.references
    assert other.source_text(other.test.sources[0].tolist()) == one.test.references[0]
    assert other.test.references[0] == one.source_text(one.test.sources[0].tolist())
