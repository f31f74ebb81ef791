"""Characters, windows and the two texts."""

from __future__ import annotations

import pytest
import torch

from course_lib.data import text


def test_characters_encode_and_decode():
    characters = text.Characters("banana bread")
    assert len(characters) == 7
    ids = characters.encode("bread an")
    assert ids.dtype == torch.long
    assert characters.decode(ids) == "bread an"
    with pytest.raises(ValueError, match=r"text: got \['x', 'z'\]"):
        characters.encode("zx")


def test_windows_follow_each_other():
    every = text.windows(torch.arange(10), 4)
    assert every.shape == (6, 5)
    assert every[2].tolist() == [2, 3, 4, 5, 6]
    with pytest.raises(ValueError, match="ids: got 4 tokens"):
        text.windows(torch.arange(4), 4)


def test_validation_shares_no_character_with_training():
    train, valid = text.train_and_valid(torch.arange(100), 8, 50, 20)
    assert (len(train), len(valid)) == (50, 20)
    assert not set(train.flatten().tolist()) & set(valid.flatten().tolist())
    assert train.max() + 1 == valid.min()
    with pytest.raises(ValueError, match="expected at most 34"):
        text.train_and_valid(torch.arange(100), 8, 50, 35)


def test_the_last_window_can_be_had():
    _, valid = text.train_and_valid(torch.arange(100), 8, 50, 34)
    assert valid.max() == 99


def test_running_names_are_real_and_their_order_is_the_seeds():
    one, other = text.running_names("en", 0), text.running_names("en", 1)
    assert one == text.running_names("en", 0)
    assert one != other
    assert sorted(one.split()) == sorted(other.split())
    assert "south korea" in one


@pytest.mark.data
def test_the_time_machine_is_prepared_as_in_d2l():
    found = text.time_machine()
    assert len(found) == 173_428
    assert len(text.Characters(found)) == 27
    assert found.startswith("the time machine by h g wells i the time traveller")
