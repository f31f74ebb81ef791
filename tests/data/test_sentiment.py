"""Sentences with a label: what is read, what is left out, and that no split leaks."""

from __future__ import annotations

from itertools import combinations

import pytest

from course_lib.data import sentiment
from course_lib.data.parallel import SPLITS, key
from course_lib.data.registry import datasets
from course_lib.data.sentiment import certain, nsmc, sst2

READERS = {"nsmc": nsmc, "sst2": sst2}


def test_certain_rows_are_there_once_with_one_label_and_nowhere_else():
    rows = [("Good!", 1), ("bad", 0), ("good", 1), ("so so", 0), ("so so.", 1)]
    rows += [("!!", 0), ("fine", 1), ("Bad", 0)]
    assert certain(rows, [("FINE", 0), ("", 1)]) == [("Good!", 1), ("bad", 0)]
    assert certain(rows, []) == [("Good!", 1), ("bad", 0), ("fine", 1)]


def some_nsmc(folder, train="train", test="test"):
    """Files like the real ones, quotes and rare line ends included."""
    head = "id\tdocument\tlabel\n"
    rows = [f"{i}\t{i}번 본\u00a0영화\u200b\t{i % 2}" for i in range(200)]
    rows += ["7\t\t0", "8\t...\t1", '9\t"인용\u2028이다\t1', "10\t굿\t1", "11\t굿!\t0"]
    rows += ["12\t시험 문제\t1", "13\t3번 본 영화!\t1"]
    tests = ["1\t시험  문제\t1", "2\t\t0", "3\t♥♥\t1", "4\t좋다\t1", "5\t좋다\t1"]
    folder.mkdir()
    for name, lines in ((train, rows), (test, tests)):
        text = head + "".join(f"{line}\n" for line in lines)
        (folder / f"ratings_{name}.txt").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def whole(tmp_path, monkeypatch):
    folder = some_nsmc(tmp_path / "nsmc")
    monkeypatch.setattr(sentiment, "fetch", {"nsmc": folder}.__getitem__)
    monkeypatch.setattr(sentiment, "cached", {"nsmc": folder}.get)


def test_reviews_from_files_like_the_real_ones(whole):
    parts = {split: nsmc(split) for split in SPLITS}
    assert parts["test"].texts == ("시험 문제", "♥♥", "좋다", "좋다")  # whole
    assert parts["test"].labels == (1, 1, 1, 1)
    rest = {
        text: label
        for split in ("train", "valid")
        for text, label in zip(*parts[split], strict=True)
    }
    assert len(rest) == sum(len(parts[split].texts) for split in ("train", "valid"))
    expected = {f"{i}번 본 영화": i % 2 for i in range(200)} | {'"인용 이다': 1}
    assert rest == expected
    assert 5 < len(parts["valid"].texts) < 50
    order = [text for text in expected if text in parts["train"].texts]
    assert list(parts["train"].texts) == order  # that of the file


def test_a_text_stays_in_its_split_whatever_else_is_there(whole, tmp_path, monkeypatch):
    before = set(nsmc("valid").texts)
    path = tmp_path / "nsmc" / "ratings_train.txt"
    header, *lines = path.read_text(encoding="utf-8").split("\n")
    path.write_text("\n".join([header, *lines[:100], ""]), encoding="utf-8")
    assert set(nsmc("valid").texts) == before & {f"{i}번 본 영화" for i in range(100)}


@pytest.mark.parametrize("here", [{"nsmc_sample"}, {"nsmc", "nsmc_sample"}, set()])
def test_the_sample_is_read_only_where_the_whole_is_not(here, tmp_path, monkeypatch):
    folders = {
        "nsmc": some_nsmc(tmp_path / "nsmc"),
        "nsmc_sample": some_nsmc(tmp_path / "part", "train_40k", "test_10k"),
    }
    asked = []
    monkeypatch.setattr(
        sentiment, "fetch", lambda name: asked.append(name) or folders[name]
    )
    monkeypatch.setattr(
        sentiment, "cached", lambda name: folders[name] if name in here else None
    )
    assert len(nsmc("test").texts) == 4
    assert asked == ["nsmc_sample" if here == {"nsmc_sample"} else "nsmc"]


def test_english_from_files_like_the_real_ones(tmp_path, monkeypatch):
    lines = {
        "train": "a fine film\t1\na fine film !\t1\nmixed\t0\nmixed\t1\ndull\t0\n",
        "dev": "dull\t0\ndull .\t0\n",
        "test": "a bore\t0\n",
    }
    for name, text in lines.items():
        (tmp_path / f"{name}.tsv").write_text(text)
    monkeypatch.setattr(sentiment, "fetch", {"sst2_sentences": tmp_path}.__getitem__)
    assert sst2("train") == (("a fine film",), (1,))
    assert sst2("valid") == (("dull", "dull ."), (0, 0))
    assert sst2("test") == (("a bore",), (0,))


@pytest.mark.parametrize("read", READERS.values())
def test_an_unknown_split_is_named(read):
    with pytest.raises(ValueError, match="split: got 'dev', expected one of train, va"):
        read("dev")


def test_both_files_of_the_whole_are_registered_as_they_were_published():
    files = {file.name: file for file in datasets()["nsmc"].files}
    assert files["ratings_train.txt"].bytes == 14_628_807
    assert files["ratings_test.txt"].bytes == 4_893_335
    assert datasets()["nsmc"].licence == datasets()["nsmc_sample"].licence == "CC0 1.0"


# At least so many texts: the sample of NSMC, and all of SST-2.
SIZES = {"nsmc": (34_000, 3_700, 10_000), "sst2": (6_900, 872, 1_821)}


@pytest.mark.data
@pytest.mark.parametrize("name", READERS)
def test_no_text_is_in_two_splits_and_both_labels_are_frequent(name):
    parts = [READERS[name](split) for split in SPLITS]
    keys = [{key(text) for text in part.texts} for part in parts]
    for one, other in combinations(keys, 2):
        assert not one & other
    assert len(keys[0]) == len(parts[0].texts), "a training text is there once"
    for part, least in zip(parts, SIZES[name], strict=True):
        assert len(part.texts) == len(part.labels) >= least
        assert set(part.labels) == {0, 1}
        assert 0.45 < sum(part.labels) / len(part.labels) < 0.55
        assert all(text == " ".join(text.split()) != "" for text in part.texts)


@pytest.mark.data
def test_the_labels_are_the_right_way_round():
    for read, good, bad in ((nsmc, "최고", "쓰레기"), (sst2, "moving", "dull")):
        texts, labels = read("train")
        for word, expected in ((good, 1), (bad, 0)):
            found = [y for text, y in zip(texts, labels, strict=True) if word in text]
            assert len(found) >= 30
            assert abs(sum(found) / len(found) - expected) < 0.25
