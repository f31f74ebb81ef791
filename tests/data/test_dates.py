"""Dates in many languages: one reading each, and no day in two splits."""

from __future__ import annotations

import datetime
from collections import defaultdict
from itertools import islice

import pytest

from course_lib.data import dates


@pytest.mark.parametrize(
    ("language", "style", "written"),
    [
        ("en_US", "full", "sunday, february 3, 2013"),
        ("en_GB", "medium", "3 feb 2013"),
        ("de", "full", "sonntag, 3. februar 2013"),
        ("fr", "medium", "3 fevr. 2013"),
        ("pl", "long", "3 lutego 2013"),
        ("ko", "long", "2013년 2월 3일"),
        ("ja", "full", "2013年2月3日日曜日"),
        ("hu", "medium", "2013. febr. 3."),
    ],
)
def test_dates_are_written_as_the_language_does(language, style, written):
    assert dates.write(datetime.date(2013, 2, 3), language, style) == written


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("3 Févr. 2013", "3 fevr. 2013"),
        ("3\u202fFEBRUÁR", "3 februar"),
        ("październik", "pazdziernik"),
        ("ağustos ılık", "agustos ilik"),
        ("월요일", "월요일"),
    ],
)
def test_fold(text, folded):
    assert dates.fold(text) == folded
    assert dates.fold(folded) == folded


def test_no_text_can_be_read_as_two_days():
    days = [datetime.date(2023, 1, 1) + datetime.timedelta(n) for n in range(365)]
    read = defaultdict(set)
    for language, styles in dates.styles().items():
        for style in styles:
            for day in days:
                read[dates.write(day, language, style)].add(day)
    assert all(len(found) == 1 for found in read.values())
    assert len(read) > 15_000


def test_styles_with_a_number_for_the_month_are_out_unless_the_year_is_first():
    assert "short" not in {s for styles in dates.styles().values() for s in styles}
    assert dates.styles()["de"] == ("long", "full")  # its medium is 03.02.2013
    assert "medium" in dates.styles()["ko"]  # 2013. 2. 3.
    assert all(styles for styles in dates.styles().values())


def test_splits_share_no_day_and_have_their_sizes():
    found = {split: dates.pairs(2000, 0, split) for split in dates.SPLITS}
    days = {split: {date.target for date in some} for split, some in found.items()}
    assert not days["train"] & days["valid"]
    assert not days["train"] & days["test"]
    assert not days["valid"] & days["test"]
    every = (dates.FIRST + datetime.timedelta(n) for n in range(0, 73_000, 10))
    shares = [dates.split_of(day) for day in every]
    assert shares.count("train") / len(shares) == pytest.approx(0.8, abs=0.02)
    assert shares.count("test") / len(shares) == pytest.approx(0.1, abs=0.015)


def test_every_character_is_in_the_vocabulary():
    source, target = set(dates.source_characters()), set(dates.TARGET_CHARACTERS)
    assert len(source) == len(dates.source_characters()) < 80
    for date in islice(dates.stream(3), 3000):
        assert set(date.source) <= source
        assert set(date.target) <= target
        assert len(date.target) == 10
        day = datetime.date.fromisoformat(date.target)
        assert dates.write(day, date.language, date.style) == date.source


def test_every_language_and_style_comes_up():
    seen = {(date.language, date.style) for date in dates.pairs(3000, 1)}
    assert seen == {(k, s) for k, styles in dates.styles().items() for s in styles}


def test_the_seed_decides():
    assert dates.pairs(50, 4) == dates.pairs(50, 4) == dates.pairs(80, 4)[:50]
    assert dates.pairs(50, 4) != dates.pairs(50, 5)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="split: got 'dev'"):
        dates.pairs(1, 0, "dev")
    with pytest.raises(ValueError, match="n: got -1"):
        dates.pairs(-1, 0)
    with pytest.raises(ValueError, match="language, style: got 'de', 'medium'"):
        dates.write(datetime.date(2013, 2, 3), "de", "medium")
