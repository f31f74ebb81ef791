"""Subwords: nothing is lost, and the same ones are learned everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data.batching import pad
from course_lib.data.subwords import SMALLEST, Subwords
from course_lib.data.translation import END, PAD, SPECIAL, START, UNKNOWN, Vocabulary

TEXTS = 2 * [
    "Ein schwarzer Hund bellt, und der weiße Hund schläft.",
    "Wo schläft der Hund ?",
    "A black dog barks, and the white dog's asleep.",
    "Où est le chien ? Il dort à l'école.",
    "저 새가 예쁘다.",
    "나는 집에 간다. 새가 집에 간다.",
]


@cache
def learned(size: int = 300) -> Subwords:
    return Subwords.learn(TEXTS, size)


@settings(deadline=None)
@given(st.text())
def test_any_text_comes_back_as_it_was(text):
    subwords = learned()
    ids = subwords.encode(text)
    assert subwords.decode(ids) == text
    assert subwords.decode(ids.tolist()) == text
    assert ids.dtype == torch.long
    assert len(ids) >= 1
    assert ids.min() >= len(SPECIAL)
    assert ids.max() < len(subwords)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "  two  spaces ",
        "\t\n",
        "\u00a0?",
        "a\u200bb",
        "\uac01",
        "\u1100\u1161\u11a8",  # the same syllable in three letters
        "👩\u200d👧",
        "\x00",
    ],
)
def test_nothing_is_normalised(text):
    assert learned().decode(learned().encode(text)) == text


def test_text_that_reads_like_a_special_token_is_text():
    for text in [*SPECIAL, "a</s>b", "[UNK]", "<|endoftext|>"]:
        ids = learned().encode(text)
        assert not set(ids.tolist()) & {PAD, START, END, UNKNOWN}
        assert learned().decode(ids) == text


def test_special_tokens_are_those_of_every_vocabulary_and_have_no_text():
    assert learned().words[:4] == SPECIAL == Vocabulary([]).words
    dog = learned().encode("der Hund").tolist()
    assert learned().decode([START, *dog, END, PAD, PAD]) == "der Hund"
    assert learned().decode([dog[0], UNKNOWN, *dog[1:]]) == "der Hund"
    assert learned().decode([]) == ""


def test_learned_pieces_are_words_and_join_to_the_text():
    pieces = Subwords.learn(TEXTS, 340).tokens("Hund Hund bellt")
    assert pieces[:2] == [" Hund", " Hund"]  # the first has the piece of any other
    assert 2 < len(pieces) < len(" bellt") + 2
    assert "".join(pieces) == " Hund Hund bellt"


def test_no_piece_crosses_from_word_to_word():
    subwords = Subwords.learn(["in der Nähe, bitte"] * 5, 400)
    assert subwords.tokens("in der Nähe, bitte") == [
        " in",
        " der",
        " Nähe",
        ",",
        " bitte",
    ]


def test_a_piece_that_is_part_of_a_character_is_shown_as_bytes():
    pieces = learned().tokens("뷁")  # never seen: its three bytes
    assert pieces == [" ", "\\xeb", "\\xb7", "\\x81"]
    assert learned().decode(learned().encode("뷁")[:2]) == "\ufffd"
    assert learned().tokens("새가") == [" 새가"]


def test_sizes():
    assert SMALLEST == 260
    assert len(learned(260)) == 260
    assert len(learned(261)) == 261
    assert len(learned(300)) == 300
    assert len(learned(260).encode("Hund")) == 5  # a space and four letters
    few = Subwords.learn(["ab ab cd"], 5000)
    assert len(few) == 260 + 2  # "ab" and " ab"; nothing else occurs twice
    assert few.words[260:] == ("ab", " ab")
    assert len(few.words) == len(few)


def test_a_larger_vocabulary_begins_with_the_smaller_one():
    assert learned(320).words[:300] == learned(300).words


def test_the_same_is_learned_again_from_a_generator_and_in_another_order():
    assert Subwords.learn(iter(TEXTS), 300).words == learned().words
    assert Subwords.learn(reversed(TEXTS), 300).words == learned().words
    ids = [learned().encode(text).tolist() for text in TEXTS]
    again = Subwords.learn(TEXTS, 300)
    assert [again.encode(text).tolist() for text in TEXTS] == ids


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k != "TOKENIZERS_PARALLELISM"}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,  # a child that waits for threads it has not would wait for ever
    )


def test_the_same_is_learned_by_another_process_with_other_hashes_and_threads():
    code = (
        "from course_lib.data.subwords import Subwords\n"
        f"print(ascii(Subwords.learn({TEXTS!a}, 340).words))"
    )
    for seed, threads in [("1", "false"), ("2", "true")]:
        found = run(code, PYTHONHASHSEED=seed, TOKENIZERS_PARALLELISM=threads)
        assert found.stdout.strip() == ascii(learned(340).words)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_forks_is_not_warned_and_still_encodes():
    code = (
        "import os\n"
        "from course_lib.data.subwords import Subwords\n"
        f"subwords = Subwords.learn({TEXTS!a}, 300)\n"
        "if os.fork():\n"
        "    assert os.wait()[1] == 0\n"
        "else:\n"
        f"    Subwords.learn({TEXTS!a}, 300)\n"
        "    print(subwords.decode(subwords.encode('a dog')), flush=True)\n"
        "    os._exit(0)\n"
    )
    found = run(code)
    assert found.stdout == "a dog\n"
    assert found.stderr == ""


def test_encoded_sentences_can_be_padded_even_an_empty_one():
    tokens, mask = pad([learned().encode("der Hund"), learned().encode("")])
    assert mask.sum(1).tolist() == [len(learned().encode("der Hund")), 1]
    assert learned().decode(tokens[1]) == ""


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="size: got 259, expected at least 260"):
        Subwords.learn(TEXTS, 259)
    with pytest.raises(ValueError, match="texts: got one str, expected several"):
        Subwords.learn("der Hund", 300)
    with pytest.raises(ValueError, match="texts: got none"):
        Subwords.learn([], 300)
    with pytest.raises(ValueError, match="text: got list, expected str"):
        Subwords.learn([["der", "Hund"]], 300)
    with pytest.raises(ValueError, match="text: got list, expected str"):
        learned().encode(["der", "Hund"])
    with pytest.raises(ValueError, match="ids: got 300, expected 0 to 299"):
        learned().decode([5, 300])
    with pytest.raises(ValueError, match="ids: got -1, expected 0 to 299"):
        learned().decode([-1])


@pytest.mark.data
def test_captions_in_subwords():
    from course_lib.data.parallel import multi30k

    train = multi30k("train")
    subwords = Subwords.learn((source for source, _ in train), 4000)
    assert len(subwords) == 4000
    test = [source for source, _ in multi30k("test")]
    assert [subwords.decode(subwords.encode(text)) for text in test] == test
    words = sum(len(text.split()) for text in test)
    pieces = sum(len(subwords.encode(text)) for text in test)
    assert 1.2 < pieces / words < 1.6
