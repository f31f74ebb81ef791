"""WordPiece cuts as BERT's own tokenizer does, and learns the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from itertools import chain

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers.implementations import BertWordPieceTokenizer

from course_lib.data.wordpiece import (
    CLS,
    MASK,
    PAD,
    SEP,
    SPECIAL,
    UNKNOWN,
    WordPiece,
)

TEXTS = 3 * [
    "The dogs bark, and the white dog's barking.",
    "Wo schläft der Hund? Der Hund schläft im Haus.",
    "저 새가 예쁘다. 새가 집에 간다.",
    "나는 배를 먹었다. 배가 고프다. 집에서 배를 먹는다.",
    "Où est l'École? À côté du café.",
]


@cache
def learned(size: int = 120, lowercase: bool = False) -> WordPiece:
    return WordPiece.learn(TEXTS, size, lowercase)


def cut(pieces: WordPiece, text: str | list[str]) -> list[str]:
    return pieces.tokens(pieces.encode(text).ids)


def of(*pieces: str, lowercase: bool = False) -> WordPiece:
    return WordPiece([*SPECIAL, *pieces], lowercase)


# -- cutting ---------------------------------------------------------------------------


def longest_match(word: str, pieces: set[str]) -> list[str]:
    """Devlin et al.'s cut, from the left, each piece as long as possible."""
    found, left = [], word
    while left:
        start = "##" if found else ""
        ends = [n for n in range(1, len(left) + 1) if start + left[:n] in pieces]
        if not ends:
            return ["[UNK]"]
        found.append(start + left[: max(ends)])
        left = left[max(ends) :]
    return found


parts = st.text("ab가나", min_size=1, max_size=4)


@given(
    begin=st.sets(parts, max_size=12),
    inside=st.sets(parts, max_size=12),
    words=st.lists(st.text("ab가나", min_size=1, max_size=9), max_size=5),
)
def test_each_piece_is_the_longest_there_is(begin, inside, words):
    pieces = begin | {"##" + part for part in inside}
    ours = of(*sorted(pieces))
    wanted = [longest_match(word, pieces) for word in words]
    for text in (" ".join(words), words):
        assert cut(ours, text) == [*chain(*wanted)]
        numbers = [n for n, found in enumerate(wanted) for _ in found]
        assert ours.encode(text).word.tolist() == numbers


def test_korean():
    ours = of("배", "##가", "배가", "고", "##프다", "집", "##에서", "##에")
    assert cut(ours, "배가 고프다") == ["배가", "고", "##프다"]
    assert cut(ours, "집에서") == ["집", "##에서"]
    assert cut(ours, "집에") == ["집", "##에"]
    assert cut(ours, "집에가") == ["집", "##에", "##가"]
    assert cut(ours, "가") == ["[UNK]"]  # it begins no word here
    assert ours.decode(ours.encode("집에서 배가").ids) == "집에서 배가"


def test_lowercase_takes_the_accents_and_parts_korean_syllables_into_letters():
    """As BERT's uncased vocabularies do; for Korean one keeps the capitals."""
    ours = of("cafe", "한", "\u1112", "##\u1161", "##\u11ab", lowercase=True)
    assert cut(ours, "CAFÉ Café cafe") == ["cafe"] * 3
    assert cut(ours, "한") == ["\u1112", "##\u1161", "##\u11ab"]
    assert cut(of("cafe", "한"), "CAFÉ 한") == ["[UNK]", "한"]


def theirs(pieces: WordPiece, lowercase: bool) -> BertWordPieceTokenizer:
    return BertWordPieceTokenizer(dict(pieces.ids), lowercase=lowercase)


@pytest.mark.parametrize("lowercase", [True, False])
@given(
    text=st.one_of(
        st.text(), st.text("aeéEÉ 가나집에.,'-#漢\t\u200b\u0301", max_size=20)
    )
)
def test_any_text_is_cut_as_by_their_tokenizer(lowercase, text):
    assume(not any(token in text for token in SPECIAL))  # they take these for tokens
    pieces = learned(120, lowercase)
    found = theirs(pieces, lowercase).encode(text, add_special_tokens=False)
    assert pieces.encode(text).ids.tolist() == found.ids
    assert pieces.encode(text).word.tolist() == found.word_ids


@pytest.mark.parametrize("lowercase", [True, False])
def test_texts_are_cut_as_by_the_tokenizer_of_transformers(lowercase):
    from transformers import BertTokenizerFast

    pieces = learned(120, lowercase)
    other = BertTokenizerFast(vocab=dict(pieces.ids), do_lower_case=lowercase)
    for text in [*TEXTS, "Ünseen wörds, 뷁 漢字; naïve\u00a0ﬁsh", "x" * 101, ""]:
        assert cut(pieces, text) == other.tokenize(text)


def test_a_word_with_a_strange_character_is_unknown_and_so_is_a_very_long_one():
    ours = of("a", "##a", ",")
    assert cut(ours, "aa, axa, a") == ["a", "##a", ",", "[UNK]", ",", "a"]
    assert cut(ours, "a" * 100) == ["a"] + ["##a"] * 99
    assert cut(ours, "a" * 101) == ["[UNK]"]  # as in BERT


def test_text_that_reads_like_a_special_token_is_text():
    for token in SPECIAL:
        ids = learned().encode(f"Hund {token}").ids.tolist()
        assert len(ids) > 2
        assert not {PAD, CLS, SEP, MASK} & set(ids)
    assert tuple(
        learned().ids[token] for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    ) == (PAD, UNKNOWN, CLS, SEP, MASK)


def test_words_that_are_parted_already_keep_their_numbers():
    ours = of("don", "'", "t", "배", "##가")
    found = ours.encode(["don't", "배가", "", "t"])
    assert ours.tokens(found.ids) == ["don", "'", "t", "배", "##가", "t"]
    assert found.word.tolist() == [0, 0, 0, 1, 1, 3]
    assert ours.encode("don't 배가").word.tolist() == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("text", ["", " ", "\t\u200b", []])
def test_a_text_of_nothing_has_no_pieces(text):
    found = learned().encode(text)
    for part in found:
        assert part.shape == (0,)
        assert part.dtype == torch.long


def test_what_was_cut_is_put_together_again():
    for text in ("der Hund schläft", "집에서 배를 먹는다"):
        ids = learned().encode(text).ids
        assert learned().decode(ids) == learned().decode(ids.tolist()) == text
    assert learned().decode([]) == ""
    assert learned().tokens([CLS, MASK, SEP]) == ["[CLS]", "[MASK]", "[SEP]"]


# -- learning --------------------------------------------------------------------------


def test_what_is_learned():
    pieces = learned(120).pieces
    assert pieces[:5] == SPECIAL
    assert len(pieces) == len(learned(120)) == 120
    assert learned(120).ids == {piece: i for i, piece in enumerate(pieces)}
    characters = {c for text in TEXTS for c in text if c != " "}
    assert characters <= set(pieces)
    assert {"##ä", "##g", "##가", "##프"} < set(pieces)
    assert {"Hund", "schläft", "새가", "배를"} <= set(learned(160).pieces)
    for text in TEXTS:
        assert "[UNK]" not in cut(learned(), text)


def test_the_most_frequent_neighbours_are_joined_first():
    ours = WordPiece.learn(["aab aab aab ac"], 100)
    start = [*SPECIAL, "##a", "##b", "##c", "a", "b", "c"]
    assert list(ours.pieces) == [*start, "##ab", "aab", "ac"]
    assert WordPiece.learn(["aab aab aab ac"], 12).pieces == ours.pieces[:12]
    assert WordPiece.learn(["aab aab aab ac"], 11).pieces == ours.pieces[:11]


def test_a_larger_vocabulary_begins_with_the_smaller_one():
    assert learned(140).pieces[:120] == learned(120).pieces


def test_the_same_is_learned_again_from_a_generator_and_in_another_order():
    assert WordPiece.learn(iter(TEXTS), 140).pieces == learned(140).pieces
    assert WordPiece.learn(reversed(TEXTS), 140).pieces == learned(140).pieces


def test_the_same_is_learned_by_another_process_with_other_hashes_and_threads():
    code = (
        "from course_lib.data.wordpiece import WordPiece\n"
        "for lowercase in (False, True):\n"
        f"    print(ascii(WordPiece.learn({TEXTS!a}, 140, lowercase).pieces))"
    )
    for seed, threads in [("1", "false"), ("2", "true")]:
        hashes = {"PYTHONHASHSEED": seed, "TOKENIZERS_PARALLELISM": threads}
        found = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | hashes,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        assert found.stdout.splitlines() == [
            ascii(learned(140, lowercase).pieces) for lowercase in (False, True)
        ]


def test_of_words_every_word_is_one_piece():
    sentences = [("새", "가", "예쁘다"), ("나", "가", "Haus-Hund")]
    ours = WordPiece.of_words(sentences)
    assert ours.pieces == (*SPECIAL, "Haus-Hund", "가", "나", "새", "예쁘다")
    assert cut(ours, sentences[0]) == list(sentences[0])
    assert ours.encode(sentences[0]).word.tolist() == [0, 1, 2]
    assert cut(ours, ["새", "뷁"]) == ["새", "[UNK]"]


# -- bad input -------------------------------------------------------------------------


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"pieces: got \('a',\) first, expected"):
        WordPiece(["a"])
    with pytest.raises(ValueError, match=r"pieces: got .* first, expected"):
        WordPiece([*reversed(SPECIAL), "a"])
    with pytest.raises(ValueError, match="pieces: got one of them twice"):
        of("a", "b", "a")
    for size in (5, 0):
        with pytest.raises(ValueError, match=f"size: got {size}, expected more than 5"):
            WordPiece.learn(TEXTS, size)
    with pytest.raises(ValueError, match="size: got 10, expected at least 11 for"):
        WordPiece.learn(["aab aab ac"], 10)
    with pytest.raises(ValueError, match="texts: got one str, expected several"):
        WordPiece.learn("der Hund", 100)
    with pytest.raises(ValueError, match="texts: got none, expected at least one"):
        WordPiece.learn([], 100)
    for wrong in (120, -1):
        with pytest.raises(ValueError, match=f"ids: got {wrong}, expected 0 to 119"):
            learned().decode([5, wrong])
