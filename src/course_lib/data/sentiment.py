"""Sentences that please or don't: NSMC in Korean, SST-2 in English, without leaks.

A label is 1 where the sentence speaks well of a film, else 0. Two texts count as the
same if they differ only in case, punctuation and spaces, and no text is in two splits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from course_lib.data.parallel import SPLITS, clean, key
from course_lib.data.registry import cached, fetch


class Labelled(NamedTuple):
    """Texts, and a label for each."""

    texts: tuple[str, ...]
    labels: tuple[int, ...]


_Row = tuple[str, int]  # text, label

_SST2 = {"train": "train.tsv", "valid": "dev.tsv", "test": "test.tsv"}
_HELD_OUT = 10  # percent of NSMC's training texts, for validation


def nsmc(split: str) -> Labelled:
    """Korean film reviews, as people typed them (NSMC, Park 2015).

    ``test`` is whole, but for rows without a text, so that scores compare with
    published ones. There is no ``valid`` in the files: a tenth of the training texts
    is, drawn by the text itself. Both have each text once, none of ``test``, and none
    that stands there with both labels ("최고" can be meant either way).

    All are 150,000 reviews and 50,000 for the test. Where a mirror or the cache holds
    only ``nsmc_sample``, 40,000 and 10,000 of the same, it is read instead.

    Raises ``ValueError`` for an unknown split.
    """
    _known(split)
    sample = cached("nsmc") is None and cached("nsmc_sample") is not None
    folder = fetch("nsmc_sample" if sample else "nsmc")
    kept = {"train": "_train_40k", "test": "_test_10k"} if sample else {}

    def read(part: str) -> list[_Row]:
        path = folder / f"ratings{kept.get(part, '_' + part)}.txt"
        lines = _lines(path.read_text(encoding="utf-8"))[1:]  # without the header
        rows = (line.split("\t") for line in lines)  # an id, the text, the label
        return _rows((text, label) for _, text, label in rows)

    test = read("test")
    if split == "test":
        return _labelled(test)
    rows = certain(read("train"), test)
    return _labelled(row for row in rows if (split == "valid") == _held_out(row[0]))


def sst2(split: str) -> Labelled:
    """English sentences from film reviews (SST-2, Socher et al. 2013).

    Lower case, cut into words. ``valid`` and ``test`` are whole; ``train`` has each
    sentence once, and none of theirs. These are whole sentences: GLUE's SST-2 has
    their phrases as well, ten times as many, and its numbers are of another split.

    Raises ``ValueError`` for an unknown split.
    """
    _known(split)
    folder = fetch("sst2_sentences")

    def read(part: str) -> list[_Row]:
        lines = _lines((folder / _SST2[part]).read_text(encoding="utf-8"))
        return _rows(line.split("\t") for line in lines)

    if split == "train":
        return _labelled(certain(read("train"), read("valid") + read("test")))
    return _labelled(read(split))


def certain(rows: Sequence[_Row], held_out: Sequence[_Row]) -> list[_Row]:
    """``rows`` once each, none of ``held_out``, none with two labels or no letter."""
    labels: dict[str, set[int]] = {}
    for text, label in rows:
        labels.setdefault(key(text), set()).add(label)
    once = {key(text): (text, label) for text, label in reversed(rows)}
    left_out = {"", *(key(text) for text, _ in held_out)}
    left_out |= {text for text, found in labels.items() if len(found) > 1}
    return [once[one] for one in labels if one not in left_out]


def _held_out(text: str) -> bool:
    digest = hashlib.sha256(key(text).encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100 < _HELD_OUT


def _lines(text: str) -> list[str]:
    # Not splitlines, which would cut at rarer characters too.
    return text.removesuffix("\n").split("\n")


def _rows(pairs: Iterable[Sequence[str]]) -> list[_Row]:
    found = ((clean(text), int(label)) for text, label in pairs)
    return [(text, label) for text, label in found if text]


def _labelled(rows: Iterable[_Row]) -> Labelled:
    texts, labels = zip(*rows, strict=True)
    return Labelled(texts, labels)


def _known(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, expected one of {', '.join(SPLITS)}")
