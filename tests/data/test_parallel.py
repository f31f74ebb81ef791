"""Real sentence pairs: cleaned, and no sentence in two splits."""

from __future__ import annotations

import gzip
import io
import unicodedata
import zipfile
from itertools import combinations, permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.data import parallel
from course_lib.data.parallel import (
    SPLITS,
    clean,
    groups,
    key,
    multi30k,
    split_by_sentence,
    tatoeba,
    without,
)

# Few sentences on each side, so that many pairs share one.
PAIRS = st.lists(
    st.tuples(
        st.integers(0, 30).map("q{}".format), st.integers(0, 30).map("Z{}".format)
    ),
    min_size=1,
    max_size=40,
)


def keys(pairs, side):
    return {key(pair[side]) for pair in pairs}


def assert_disjoint(parts):
    for one, other in combinations(parts, 2):
        for side in (0, 1):
            assert not keys(one, side) & keys(other, side)


def test_any_space_becomes_one_and_the_invisible_goes():
    for space in (" ", "\u00a0", "\u202f", "\u2009", "\t", "  "):
        assert clean(f"Ça va{space}?") == "Ça va ?"
    assert clean("\u00a0 Tom\u200b est\u00ad là. ") == "Tom est là."
    assert clean("집에 간다") == "집에 간다"


def test_sentences_are_the_same_but_for_case_punctuation_and_spaces():
    same = "L'été, c'est BIEN !", "l’été c’est bien.", "Lété cest  bien"
    assert len({key(text) for text in same}) == 1
    assert key("Tom a 2 ans.") != key("Tom a 3 ans.")
    assert key("Où ?") != key("Ou ?")
    assert key("@@") == ""


def test_training_pairs_that_share_either_side_go():
    held_out = [("Ein Hund.", "A dog.")]
    pairs = [
        ("ein hund", "One dog."),
        ("Das ist ein Hund.", "a dog!"),
        ("Eine Katze.", "A cat."),
        ("@@", "A bird."),
        ("Ein Vogel.", "..."),
        ("Eine Katze.", "A cat."),
        ("Eine Katze.", "One cat."),
        ("A dog.", "Ein Hund."),
    ]
    assert without(pairs, held_out) == [
        ("Eine Katze.", "A cat."),
        ("Eine Katze.", "One cat."),
        ("A dog.", "Ein Hund."),  # another side
    ]


def test_groups_follow_shared_sentences_from_pair_to_pair():
    pairs = [("a", "1"), ("b", "2"), ("c", "3"), ("B!", "1"), ("d", "4"), ("c", "2.")]
    assert groups(pairs) == [
        [("a", "1"), ("b", "2"), ("c", "3"), ("B!", "1"), ("c", "2.")],
        [("d", "4")],
    ]
    assert len(groups([("a", "b"), ("b", "a")])) == 2  # sides are not mixed


@settings(deadline=None)
@given(PAIRS)
def test_groups_are_all_pairs_and_share_nothing_and_cannot_be_divided(pairs):
    found = groups(pairs)
    assert sorted(pair for group in found for pair in group) == sorted(pairs)
    assert_disjoint(found)
    for group in found:
        reached, waiting = set(), [group[0]]
        while waiting:
            one = waiting.pop()
            if one not in reached:
                reached.add(one)
                waiting += [p for p in group if p[0] == one[0] or p[1] == one[1]]
        assert reached == set(group)


@settings(deadline=None)
@given(PAIRS, st.integers(1, 3), st.integers(0, 3))
def test_no_split_shares_a_sentence_with_another(pairs, held_out, seed):
    count = len(groups(pairs))
    if count < 2 * held_out + 1:
        with pytest.raises(ValueError, match=f"held_out: got {held_out} "):
            split_by_sentence(pairs, held_out, seed)
        return
    parts = split_by_sentence(pairs, held_out, seed)
    assert tuple(parts) == SPLITS
    assert_disjoint(parts.values())
    assert {pair for part in parts.values() for pair in part} <= set(pairs)
    for name in ("valid", "test"):
        assert len(parts[name]) == held_out
        for side in (0, 1):
            assert len(keys(parts[name], side)) == held_out  # none is asked twice
    assert len(groups(parts["train"])) == count - 2 * held_out
    assert len(parts["train"]) == len(set(parts["train"]))
    assert parts == split_by_sentence(pairs, held_out, seed)
    # All of the groups that train has, and nothing of the others.
    whole = [p for p in set(pairs) if key(p[0]) in keys(parts["train"], 0)]
    assert sorted(whole) == sorted(parts["train"])


def test_the_seed_draws_the_split_and_the_order():
    pairs = [(f"q{i}", f"z{i}") for i in range(100)]
    one, other = (split_by_sentence(pairs, 20, seed) for seed in (0, 1))
    assert one["test"] != other["test"]
    assert one["train"] != sorted(one["train"], key=pairs.index)
    twice = [(f"q{i}", f"z{j}") for i in range(100) for j in (i, i + 100)]
    train = split_by_sentence(twice, 20)["train"]
    assert any(a[0] != b[0] for a, b in zip(train[::2], train[1::2], strict=True))
    with pytest.raises(ValueError, match=r"held_out: got 50 .*expected 1 to 49 of 100"):
        split_by_sentence(pairs, 50)
    with pytest.raises(ValueError, match="held_out: got 0 "):
        split_by_sentence(pairs, 0)


def test_captions_from_files_like_the_real_ones(tmp_path, monkeypatch):
    lines = {
        "train.de": "Ein Hund\nEin\u00a0Hund  rennt\t\n@@\nein Vogel\nKatze.\nKatze.\n",
        "train.en": "A dog.\nA dog runs.\nNone.\nBird.\nA cat.\nA cat.\n",
        "val.de": "Ein  Vogel.\nEin Fisch.\n",
        "val.en": "A bird.\nA fish.\n",
        "test_2016_flickr.de": "EIN HUND\n\n",
        "test_2016_flickr.en": "The dog.\nNo German.\n",
    }
    for name, text in lines.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
    monkeypatch.setattr(parallel, "fetch", {"multi30k": tmp_path}.__getitem__)
    assert multi30k("train") == [
        ("Ein Hund rennt", "A dog runs."),
        ("Katze.", "A cat."),
    ]
    assert multi30k("valid") == [("Ein Vogel.", "A bird."), ("Ein Fisch.", "A fish.")]
    assert multi30k("test", "en", "de") == [
        ("The dog.", "EIN HUND"),
        ("No German.", ""),
    ]


def test_everyday_sentences_from_a_file_like_the_real_one(tmp_path, monkeypatch):
    lines = "".join(
        f"Take {i}!\t{i}\u202f개\u200b 주세요.\tauthors\n" for i in range(700)
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("._kor.txt", "another\tfile")
        archive.writestr("kor.txt", lines)
    (tmp_path / "kor-eng.zip").write_bytes(packed.getvalue())
    monkeypatch.setattr(parallel, "fetch", {"tatoeba_kor_eng": tmp_path}.__getitem__)
    parts = {split: tatoeba("kor", split) for split in SPLITS}
    assert [len(part) for part in parts.values()] == [100, 300, 300]
    assert sorted(pair for part in parts.values() for pair in part) == sorted(
        (f"{i} 개 주세요.", f"Take {i}!") for i in range(700)
    )


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="split: got 'val', expected one of train, va"):
        multi30k("val")
    with pytest.raises(
        ValueError, match="source: got 'ko', expected one of de, en, fr"
    ):
        multi30k("train", "ko")
    with pytest.raises(ValueError, match="target: got 'de', expected one of en, fr"):
        multi30k("train", target="de")
    with pytest.raises(
        ValueError, match="language: got 'fr', expected one of fra, kor"
    ):
        tatoeba("fr", "train")
    with pytest.raises(ValueError, match="split: got 'dev', expected one of train"):
        tatoeba("kor", "dev")


def assert_clean(pairs):
    for text in (text for pair in pairs for text in pair):
        assert text == unicodedata.normalize("NFC", text)
        assert "  " not in text
        for c in set(text) - {" "}:
            assert unicodedata.category(c)[0] not in "ZC", ascii(c)


@pytest.mark.data
@pytest.mark.parametrize(
    ("source", "target"), list(permutations(["de", "en", "fr"], 2))
)
def test_captions_of_test_and_valid_are_whole_and_no_other_split_has_them(
    source, target
):
    parts = [multi30k(split, source, target) for split in SPLITS]
    train, valid, test = (len(part) for part in parts)
    assert (valid, test) == (1014, 1000)
    assert 28_980 < train < 29_000
    assert_disjoint(parts)
    for part in parts:
        assert_clean(part)
        assert all(key(text) for pair in part for text in pair)


@pytest.mark.data
def test_captions_are_translations_of_each_other():
    assert len(multi30k("train")) == 28_993
    assert multi30k("train")[0] == (
        "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.",
        "Two young, White males are outside near many bushes.",
    )
    assert multi30k("test", "fr", "de")[-1][1] == multi30k("test")[-1][0]
    assert multi30k("test", "en", "de") == [(b, a) for a, b in multi30k("test")]


@pytest.mark.data
@pytest.mark.parametrize(
    ("language", "train", "held_out"), [("fra", 163_909, 1000), ("kor", 2967, 300)]
)
def test_everyday_sentences_share_none_between_splits(language, train, held_out):
    parts = [tatoeba(language, split) for split in SPLITS]
    assert [len(part) for part in parts] == [train, held_out, held_out]
    assert_disjoint(parts)
    letters = []
    for part in parts:
        assert_clean(part)
        letters.append(sum(len(english) for _, english in part) / len(part))
    # Each is a sample of all lengths, and so are the first pairs of train.
    first = sum(len(english) for _, english in parts[0][:300]) / 300
    assert max(*letters, first) / min(*letters, first) < 1.15
    foreign = "".join(pair[0] for pair in parts[2])
    assert any(c in foreign for c in {"fra": "é", "kor": "다"}[language])
