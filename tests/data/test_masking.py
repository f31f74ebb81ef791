"""Gaps: where they are, what stands there, and how often."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.data.masking import Gapped, Masking, collate, pack, with_gaps
from course_lib.data.wordpiece import CLS, MASK, PAD, SEP, SPECIAL, Pieces, WordPiece

V = 40


def pieces(words: list[int], seed: int = 0) -> Pieces:
    """Random pieces; word n has ``words[n]`` of them."""
    made = torch.Generator().manual_seed(seed)
    ids = torch.randint(len(SPECIAL), V, (sum(words),), generator=made)
    return Pieces(
        ids,
        torch.tensor([n for n, many in enumerate(words) for _ in range(many)]).long(),
    )


def gaps(texts, masking=None, seed: int = 0) -> Gapped:
    made = torch.Generator().manual_seed(seed)
    return with_gaps(texts, masking or Masking(), V, made)


def long_texts(n: int = 300, words: int = 150, each: int = 1):
    return collate([pack(pieces([each] * words, seed)) for seed in range(n)])


def about(count: int | torch.Tensor, n: int, p: float) -> None:
    """``count`` of ``n`` independent draws of chance ``p``: within five deviations."""
    assert abs(int(count) - n * p) <= 5 * math.sqrt(n * p * (1 - p)), (count, n * p)


# -- packing ---------------------------------------------------------------------------


def test_one_text_stands_between_cls_and_sep():
    packed = pack(Pieces(torch.tensor([7, 8, 9]), torch.tensor([0, 0, 1])))
    assert packed.ids.tolist() == [CLS, 7, 8, 9, SEP]
    assert packed.segment.tolist() == [0, 0, 0, 0, 0]
    assert packed.word.tolist() == [-1, 0, 0, 1, -1]


def test_two_texts_have_a_sep_each_and_words_of_their_own():
    first = Pieces(torch.tensor([7, 8, 9]), torch.tensor([0, 0, 1]))
    second = Pieces(torch.tensor([10, 11]), torch.tensor([0, 1]))
    packed = pack(first, second)
    assert packed.ids.tolist() == [CLS, 7, 8, 9, SEP, 10, 11, SEP]
    assert packed.segment.tolist() == [0, 0, 0, 0, 0, 1, 1, 1]
    assert packed.word.tolist() == [-1, 0, 0, 1, -1, 2, 3, -1]
    empty = pieces([])
    assert pack(empty, second).ids.tolist() == [CLS, SEP, 10, 11, SEP]
    assert pack(empty, second).word.tolist() == [-1, -1, 0, 1, -1]
    assert pack(empty).ids.tolist() == [CLS, SEP]
    assert {part.dtype for part in pack(first, second)} == {torch.long}


def test_a_batch_is_padded_with_no_word():
    texts = collate([pack(pieces([1, 2]), pieces([1])), pack(pieces([2]))])
    assert texts.tokens.shape == (2, 7)
    assert texts.mask.tolist() == [[True] * 7, [True] * 4 + [False] * 3]
    assert texts.tokens[1, 4:].tolist() == [PAD] * 3
    assert texts.segments.tolist() == [[0] * 5 + [1] * 2, [0] * 7]
    assert texts.words.tolist() == [
        [-1, 0, 1, 1, -1, 2, -1],
        [-1, 0, 0, -1, -1, -1, -1],
    ]
    with pytest.raises(ValueError, match="sequences: got none"):
        collate([])


# -- how often -------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.15, 0.4])
@pytest.mark.parametrize("whole_words", [False, True])
def test_the_share_of_chosen_places(rate, whole_words):
    texts = long_texts()
    found = gaps(texts, Masking(rate=rate, whole_words=whole_words))
    about(found.chosen.sum(), int((texts.words >= 0).sum()), rate)
    rows = found.chosen.sum(dim=1)
    assert rows.float().var().item() == pytest.approx(150 * rate * (1 - rate), rel=0.5)


@pytest.mark.parametrize(
    ("masked", "random"), [(0.8, 0.1), (1.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.3, 0.5)]
)
def test_what_stands_in_a_gap(masked, random):
    found = gaps(long_texts(), Masking(masked=masked, random=random))
    seen, truth = found.tokens[found.chosen], found.original[found.chosen]
    n, alike = len(truth), random / (V - len(SPECIAL))  # a random one may be the same
    assert n > 6000
    about((seen == MASK).sum(), n, masked)
    about((seen == truth).sum(), n, 1 - masked - random + alike)
    swapped = seen[(seen != MASK) & (seen != truth)]
    about(len(swapped), n, random - alike)
    for token in range(len(SPECIAL), V):
        about((swapped == token).sum(), len(swapped), 1 / (V - len(SPECIAL)))


def test_the_recipe_of_the_paper_is_the_one_without_saying():
    assert Masking() == Masking(0.15, 0.8, 0.1, whole_words=False)


def test_what_is_chosen_says_nothing_of_what_stands_there():
    """The two draws are apart: early and late gaps have the same share of [MASK]."""
    texts = long_texts()
    found = gaps(texts)
    for half in (slice(1, 76), slice(76, 151)):
        chosen = found.chosen[:, half]
        seen = found.tokens[:, half][chosen]
        about((seen == MASK).sum(), len(seen), 0.8)
        about(chosen.sum(), 75 * len(chosen), 0.15)


def test_a_short_text_has_at_least_one_gap_anywhere_with_the_same_chance():
    n, texts = 4000, collate([pack(pieces([1, 1, 1]))] * 4000)
    found = gaps(texts)
    assert found.chosen.any(dim=1).all()
    none = (1 - 0.15) ** 3
    for place in (1, 2, 3):
        about(found.chosen[:, place].sum(), n, 0.15 + none / 3)
    about((found.chosen.sum(dim=1) == 1).sum(), n, none + 3 * 0.15 * 0.85**2)


def test_almost_no_rate_is_one_gap_for_each_text():
    texts = collate([pack(pieces([1] * n)) for n in (1, 5, 40)])
    assert gaps(texts, Masking(rate=1e-9)).chosen.sum(dim=1).tolist() == [1, 1, 1]
    texts = collate([pack(pieces([2, 3, 4])), pack(pieces([4]))])
    chosen = gaps(texts, Masking(rate=1e-9, whole_words=True)).chosen
    for row, places in zip(texts.words, chosen, strict=True):
        assert len(set(row[places].tolist())) == 1


def test_a_text_without_words_has_no_gap():
    texts = collate([pack(pieces([])), pack(pieces([1, 1]))])
    for whole_words in (False, True):
        found = gaps(texts, Masking(whole_words=whole_words))
        assert found.chosen.any(dim=1).tolist() == [False, True]
        assert found.tokens[0].tolist() == texts.tokens[0].tolist()


# -- where -----------------------------------------------------------------------------

words = st.lists(st.integers(1, 4), min_size=1, max_size=6)


@given(
    batch=st.lists(st.tuples(words, st.none() | words), min_size=1, max_size=4),
    rate=st.floats(0.01, 0.99),
    masked=st.floats(0, 0.5),
    random=st.floats(0, 0.5),
    whole_words=st.booleans(),
    seed=st.integers(0, 999),
)
def test_gaps_are_in_words_alone_and_all_else_stays(
    batch, rate, masked, random, whole_words, seed
):
    texts = collate(
        [
            pack(pieces(a, i), None if b is None else pieces(b, i + 99))
            for i, (a, b) in enumerate(batch)
        ]
    )
    before = [part.clone() for part in texts]
    found = gaps(texts, Masking(rate, masked, random, whole_words), seed)
    for part, was in zip(texts, before, strict=True):
        assert torch.equal(part, was)
    assert torch.equal(found.original, texts.tokens)
    assert torch.equal(found.segments, texts.segments)
    assert torch.equal(found.mask, texts.mask)
    assert found.follows is None
    assert found.chosen.dtype == torch.bool
    assert found.chosen.any(dim=1).all()

    special = (found.original < len(SPECIAL)) | ~found.mask
    assert not found.chosen[special].any()
    assert torch.equal(found.tokens[~found.chosen], found.original[~found.chosen])
    seen = found.tokens[found.chosen]
    assert ((seen >= len(SPECIAL)) | (seen == MASK)).all()
    assert (seen < V).all()
    if whole_words:
        for row, chosen in zip(texts.words, found.chosen, strict=True):
            for word in set(row.tolist()) - {-1}:
                assert chosen[row == word].all() or not chosen[row == word].any()


def test_whole_words_are_chosen_apart_from_each_other():
    texts = long_texts(words=60, each=3)
    found = gaps(texts, Masking(whole_words=True))
    first = found.chosen[:, 1:-1:3]  # one piece of each word
    about(first.sum(), first.numel(), 0.15)
    about((first[:, 1:] & first[:, :-1]).sum(), first[:, 1:].numel(), 0.15**2)
    pieces_of = found.chosen[:, 1:-1].unflatten(1, (-1, 3))
    assert torch.equal(pieces_of.all(dim=2), pieces_of.any(dim=2))
    masked = (found.tokens == MASK)[:, 1:-1].unflatten(1, (-1, 3))[first]
    about(masked.all(dim=1).sum(), len(masked), 0.8**3)  # each piece has its own fate
    single = (
        gaps(texts, Masking(whole_words=False)).chosen[:, 1:-1].unflatten(1, (-1, 3))
    )
    about(single.all(dim=2).sum(), single[..., 0].numel(), 0.15**3)


def test_the_numbers_of_words_may_have_holes():
    """A word of which nothing is left, such as an empty one, still has a number."""
    vocabulary = WordPiece([*SPECIAL, "a", "##b"])
    texts = collate([pack(vocabulary.encode(["", "", "", "", "ab", "", "ab"]))])
    for seed in range(20):
        chosen = gaps(texts, Masking(rate=0.5, whole_words=True), seed).chosen[0]
        assert chosen[1] == chosen[2]
        assert chosen[3] == chosen[4]
        assert chosen.any()


# -- drawn anew, and the same again ----------------------------------------------------


@pytest.mark.parametrize("whole_words", [False, True])
def test_the_same_generator_state_gives_the_same_gaps(whole_words):
    texts, masking = long_texts(4), Masking(whole_words=whole_words)
    made = torch.Generator().manual_seed(3)
    state = made.get_state()
    one, two = (with_gaps(texts, masking, V, made) for _ in range(2))
    made.set_state(state)
    again = with_gaps(texts, masking, V, made)
    for part, other in zip(one[:-1], again[:-1], strict=True):
        assert torch.equal(part, other)
    assert not torch.equal(one.chosen, two.chosen)
    assert torch.equal(one.original, two.original)
    state = torch.get_rng_state()
    gaps(texts, masking)
    assert torch.equal(torch.get_rng_state(), state)  # nothing else is drawn from


# -- bad input -------------------------------------------------------------------------


def test_wrong_shares_are_named():
    for rate in (0, 1, -0.1, 1.5):
        with pytest.raises(ValueError, match=f"rate: got {rate}, expected between"):
            Masking(rate=rate)
    for masked, random in ((-0.1, 0.1), (0.5, -0.1), (0.8, 0.3)):
        with pytest.raises(ValueError, match=f"got {masked} and {random}, expected"):
            Masking(masked=masked, random=random)
