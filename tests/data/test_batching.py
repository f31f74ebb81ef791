"""Padding and the sampler."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.batching import Sampler, generator, pad


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
