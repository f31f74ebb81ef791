"""Padding and the sampler."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.batching import Buckets, Sampler, generator, pad


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=8), min_size=1))
def test_pad_and_mask_give_the_sequences_back(sequences):
    tokens, mask = pad([torch.tensor(sequence) for sequence in sequences])
    assert tokens.shape == mask.shape == (len(sequences), max(map(len, sequences)))
    assert mask.dtype == torch.bool
    for row, real, sequence in zip(tokens, mask, sequences, strict=True):
        assert row[real].tolist() == sequence
        assert not real[len(sequence) :].any()


def test_nothing_to_pad_is_named():
    with pytest.raises(ValueError, match="sequences"):
        pad([])
    with pytest.raises(ValueError, match="sequences"):
        pad([torch.tensor([1]), torch.tensor([], dtype=torch.long)])


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 5))
def test_an_epoch_takes_everything_once(size, batch, seed):
    sampler = Sampler(size, batch, seed)
    for epoch in range(2):
        first = epoch * sampler.per_epoch
        taken = torch.cat([sampler(first + n) for n in range(sampler.per_epoch)])
        assert sorted(taken.tolist()) == list(range(size))


def test_a_step_is_a_pure_function_of_seed_and_number():
    sampler = Sampler(100, 8, 3)
    forwards = [sampler(n) for n in range(40)]
    for n in (39, 0, 17, 13, 12):
        assert torch.equal(Sampler(100, 8, 3)(n), forwards[n])
        assert torch.equal(sampler(n), forwards[n])
    assert not torch.equal(Sampler(100, 8, 4)(0), forwards[0])
    assert not torch.equal(forwards[0], forwards[13])  # another epoch, another order


def test_generators_of_neighbours_differ():
    drawn = {
        torch.rand(1, generator=generator(seed, step)).item()
        for seed in range(30)
        for step in range(30)
    }
    assert len(drawn) == 900


@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=60),
    st.integers(1, 9),
    st.integers(0, 5),
)
def test_an_epoch_of_buckets_takes_everything_once(lengths, batch, seed):
    buckets = Buckets(lengths, batch, seed, pool=3)
    for epoch in range(2):
        first = epoch * buckets.per_epoch
        taken = [buckets(first + n) for n in range(buckets.per_epoch)]
        assert sorted(torch.cat(taken).tolist()) == list(range(len(lengths)))
        assert max(len(one) for one in taken) <= batch


def test_a_bucket_holds_similar_lengths_and_comes_in_a_random_order():
    lengths = torch.randint(1, 50, (1000,), generator=generator(0, 0)).tolist()
    buckets = Buckets(lengths, 10, seed=0)
    spans = []
    for n in range(buckets.per_epoch):
        chosen = [lengths[i] for i in buckets(n).tolist()]
        spans.append(max(chosen) - min(chosen))
    assert sum(spans) / len(spans) < 6  # of 50; a batch at random spans about 40
    means = [sum(lengths[i] for i in buckets(n).tolist()) / 10 for n in range(20)]
    assert means != sorted(means)


def test_buckets_are_a_pure_function_of_seed_and_number():
    lengths = [n % 7 + 1 for n in range(100)]
    one, other = Buckets(lengths, 8, 3), Buckets(lengths, 8, 3)
    late = other(30)
    assert torch.equal(one(30), late)
    assert torch.equal(one(2), other(2))
    assert not torch.equal(one(2), one(2 + one.per_epoch)), "a new order every epoch"
    assert not torch.equal(one(2), Buckets(lengths, 8, 4)(2))
