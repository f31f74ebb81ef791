from __future__ import annotations

import pytest
import torch

from course_lib.data.translation import (
    END,
    START,
    UNKNOWN,
    Vocabulary,
    collate,
)

SENTENCES = [["a", "b", "b"], ["c", "b"], ["a", "d"]]


def test_ids_go_by_count_and_then_by_word():
    words = Vocabulary(SENTENCES)
    assert words.words == ("<pad>", "<s>", "</s>", "<unk>", "b", "a", "c", "d")
    assert words.words == Vocabulary(reversed(SENTENCES)).words
    assert len(words) == 8


def test_encode_and_decode():
    words = Vocabulary(SENTENCES, at_least=2)
    assert words.words[4:] == ("b", "a")
    assert words.encode(["a", "c", "b"]).tolist() == [5, UNKNOWN, 4]
    assert words.decode(torch.tensor([5, 3, 4])) == ["a", "<unk>", "b"]
    with pytest.raises(ValueError, match="ids: got 6, expected 0 to 5"):
        words.decode([6])
    with pytest.raises(ValueError, match="sentences: got the word '<s>'"):
        Vocabulary([["<s>"]])


def test_the_input_of_the_decoder_is_the_target_a_step_later():
    batch = collate(
        [torch.tensor([4, 5, 6]), torch.tensor([7])],
        [torch.tensor([8]), torch.tensor([9, 10])],
    )
    assert batch.source.tolist() == [[4, 5, 6], [7, 0, 0]]
    assert batch.source_mask.tolist() == [[True] * 3, [True, False, False]]
    assert batch.previous.tolist() == [[START, 8, 0], [START, 9, 10]]
    assert batch.target.tolist() == [[8, END, 0], [9, 10, END]]
    assert batch.target_mask.tolist() == [[True, True, False], [True] * 3]
