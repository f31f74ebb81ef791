"""The linked sentences of the Hansards, and one aligner's known error rate on them."""

from __future__ import annotations

import pytest

from course_lib.alignment import alignment_error_rate
from course_lib.data import hansards as module
from course_lib.data.hansards import awesome_align, hansards


def error_rate(found, pairs):
    sure, possible = [pair.sure for pair in pairs], [pair.possible for pair in pairs]
    return alignment_error_rate(found, sure, possible).error_rate


def test_links_from_files_like_the_real_ones(tmp_path, monkeypatch):
    (tmp_path / "enfr.src-tgt").write_text(
        "Mr. Speaker , no   ||| non , monsieur le Orateur  \n2 .   ||| 2 .  \n"
    )
    (tmp_path / "enfr.gold").write_text("4-1 1-3 2p4 3-2 2-5\n2-2 1-1\n")
    (tmp_path / "enfr.awesome-align.out").write_text("3-0 0-2\n\n")
    monkeypatch.setattr(module, "fetch", {"word_alignment_gold": tmp_path}.__getitem__)
    first, second = hansards()
    assert first.source == ("Mr.", "Speaker", ",", "no")
    assert first.target == ("non", ",", "monsieur", "le", "Orateur")
    assert first.sure == {(3, 0), (0, 2), (2, 1), (1, 4)}
    assert first.possible == first.sure | {(1, 3)}
    assert second == (("2", "."), ("2", "."), {(0, 0), (1, 1)}, {(0, 0), (1, 1)})
    assert awesome_align() == [{(3, 0), (0, 2)}, frozenset()]


@pytest.mark.data
def test_links_are_inside_their_sentences():
    pairs, found = hansards(), awesome_align()
    assert len(pairs) == len(found) == 447
    ends = set()
    for pair, links in zip(pairs, found, strict=True):
        assert pair.sure
        assert pair.sure <= pair.possible
        for i, j in pair.possible | links:
            assert 0 <= i < len(pair.source)
            assert 0 <= j < len(pair.target)
        ends |= {(pair.source[i], pair.target[j]) for i, j in pair.sure}
    assert {("minister", "ministre"), ("Speaker", "Orateur")} <= ends


@pytest.mark.data
def test_the_error_rate_of_the_given_output_is_the_known_one():
    pairs, found = hansards(), awesome_align()
    assert error_rate(found, pairs) == pytest.approx(0.041, abs=5e-4)
    # The usual slips are far from it: counted from 1, or target before source.
    shifted = [{(i + 1, j + 1) for i, j in links} for links in found]
    turned = [{(j, i) for i, j in links} for links in found]
    assert min(error_rate(shifted, pairs), error_rate(turned, pairs)) > 0.4
