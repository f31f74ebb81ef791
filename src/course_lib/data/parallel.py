"""Real sentence pairs: Multi30k and Tatoeba, cleaned, and split so that nothing leaks.

Two sentences count as the same if they differ only in case, punctuation and spaces.
No sentence of ``valid`` or ``test``, of either language, is in another split.
"""

from __future__ import annotations

import gzip
import random
import zipfile
from collections.abc import Sequence

from course_lib.data.registry import fetch

SPLITS = ("train", "valid", "test")

Pair = tuple[str, str]  # source, target

_MULTI30K = {"train": "train", "valid": "val", "test": "test_2016_flickr"}

# For each language: the table in its zip file, and how many pairs we test with.
_TATOEBA = {"fra": ("fra-eng/fra.txt", 1000), "kor": ("kor.txt", 300)}

# Zero-width space and soft hyphen: invisible, and part of no word.
_INVISIBLE = str.maketrans("", "", "\u200b\u00ad")


def multi30k(split: str, source: str = "de", target: str = "en") -> list[Pair]:
    """Image captions (Elliott et al., 2016), in the order of the files.

    ``valid`` and ``test`` (test_2016_flickr) are whole, so that scores compare with
    published ones. From ``train`` we leave out the pairs with a sentence of theirs,
    copies, and the captions that were never translated (``"@@"``).

    Raises ``ValueError`` for an unknown split or language, or twice the same language.
    """
    _one_of("split", split, SPLITS)
    _one_of("source", source, ("de", "en", "fr"))
    _one_of("target", target, [code for code in ("de", "en", "fr") if code != source])
    folder = fetch("multi30k")

    def read(part: str) -> list[Pair]:
        columns = []
        for language in (source, target):
            path = folder / f"{_MULTI30K[part]}.{language}.gz"
            text = gzip.decompress(path.read_bytes()).decode("utf-8")
            # Not splitlines, which would cut at rarer characters too.
            columns.append(
                [clean(line) for line in text.removesuffix("\n").split("\n")]
            )
        return list(zip(*columns, strict=True))

    if split != "train":
        return read(split)
    return without(read("train"), read("valid") + read("test"))


def tatoeba(language: str, split: str) -> list[Pair]:
    """Everyday sentences in ``language``, ``"fra"`` or ``"kor"``, and their English.

    Many have several translations, which have others in turn: :func:`split_by_sentence`
    keeps such a group together. The order is shuffled, always in the same way, because
    the file is sorted by length. So the first pairs are a fair sample of all.

    Raises ``ValueError`` for an unknown language or split.
    """
    _one_of("language", language, list(_TATOEBA))
    _one_of("split", split, SPLITS)
    name, held_out = _TATOEBA[language]
    folder = fetch(f"tatoeba_{language}_eng")
    with zipfile.ZipFile(folder / f"{language}-eng.zip") as archive:
        lines = archive.read(name).decode("utf-8").removesuffix("\n").split("\n")
    pairs = []
    for line in lines:
        english, foreign, *_ = line.split("\t")  # a third column names the authors
        pairs.append((clean(foreign), clean(english)))
    return split_by_sentence(pairs, held_out)[split]


def clean(text: str) -> str:
    """``text`` without invisible characters, and with one plain space for any space.

    French has three kinds of space before ``?``, which would make three words of one.
    """
    return " ".join(text.translate(_INVISIBLE).split())


def key(text: str) -> str:
    """What two sentences have in common that count as the same: letters and digits."""
    return "".join(c for c in text.casefold() if c.isalnum())


def without(pairs: Sequence[Pair], held_out: Sequence[Pair]) -> list[Pair]:
    """``pairs`` once each, and none with a sentence of ``held_out`` or without letters.

    Sources are compared with sources and targets with targets.
    """
    sources = {key(source) for source, _ in held_out} | {""}
    targets = {key(target) for _, target in held_out} | {""}
    return [
        (source, target)
        for source, target in dict.fromkeys(pairs)
        if key(source) not in sources and key(target) not in targets
    ]


def split_by_sentence(
    pairs: Sequence[Pair], held_out: int, seed: int = 0
) -> dict[str, list[Pair]]:
    """``pairs`` once each as train, valid and test, which share no sentence.

    Pairs that share a sentence, directly or through other pairs, are a group: a
    connected component of the graph of sources and targets. ``valid`` and ``test`` are
    ``held_out`` pairs each, every one from a group of its own, so no sentence is asked
    twice. The rest of their groups is left out.

    Raises ``ValueError`` if that leaves no group to train on.
    """
    grouped = groups(dict.fromkeys(pairs))
    if not 1 <= held_out <= (len(grouped) - 1) // 2:
        raise ValueError(
            f"held_out: got {held_out} for valid and for test, "
            f"expected 1 to {(len(grouped) - 1) // 2} of {len(grouped)} groups of pairs"
        )
    draw = random.Random(seed)
    draw.shuffle(grouped)
    test = [draw.choice(group) for group in grouped[:held_out]]
    valid = [draw.choice(group) for group in grouped[held_out : 2 * held_out]]
    train = [pair for group in grouped[2 * held_out :] for pair in group]
    draw.shuffle(train)
    return {"train": train, "valid": valid, "test": test}


def groups(pairs: Sequence[Pair]) -> list[list[Pair]]:
    """The connected components of ``pairs``, each in order, by their first pair."""
    above: dict[tuple[int, str], tuple[int, str]] = {}  # a forest: union-find

    def root(node: tuple[int, str]) -> tuple[int, str]:
        while (parent := above.setdefault(node, node)) != node:
            above[node] = above[parent]  # half the way for the next one
            node = parent
        return node

    for source, target in pairs:
        above[root((0, key(source)))] = root((1, key(target)))
    found: dict[tuple[int, str], list[Pair]] = {}
    for source, target in pairs:
        found.setdefault(root((0, key(source))), []).append((source, target))
    return list(found.values())


def _one_of(argument: str, got: str, expected: Sequence[str]) -> None:
    if got not in expected:
        raise ValueError(
            f"{argument}: got {got!r}, expected one of {', '.join(expected)}"
        )
