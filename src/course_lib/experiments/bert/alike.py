"""Two tasks with few labels, one on a sentence and one on a pair of sentences.

kind     what kind of thing is the sentence about?
alike    are the two about the same kind of thing? Half of the pairs are
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from course_lib.data.korean_english import Pair
from course_lib.data.masking import pack
from course_lib.data.wordpiece import WordPiece
from course_lib.experiments.bert.finetuning import Examples
from course_lib.experiments.bert.kinds import KINDS, kind_of

CLASSES = {"kind": len(KINDS), "alike": 2}


def labelled(
    pairs: Sequence[Pair], vocabulary: WordPiece, n: int
) -> dict[str, Examples]:
    """``n`` examples of each task, always the same.

    ``kind``: what kind of thing is a sentence about? ``alike``: are two sentences about
    the same kind? Half of them are.
    """
    chance = random.Random("labels")
    told = [(vocabulary.encode(pair.source), kind_of(pair)) for pair in pairs]
    told = [(text, kind) for text, kind in told if kind is not None]
    of = [[text for text, kind in told if kind == one] for one in range(len(KINDS))]
    texts, labels = [], []
    for _ in range(n):
        text, kind = chance.choice(told)
        alike = chance.random() < 0.5
        others = [kind] if alike else [k for k in range(len(KINDS)) if k != kind]
        texts.append(pack(text, chance.choice(of[chance.choice(others)])))
        labels.append(int(alike))
    return {
        "kind": Examples(
            [pack(text) for text, _ in told[:n]],
            torch.tensor([kind for _, kind in told[:n]]),
        ),
        "alike": Examples(texts, torch.tensor(labels)),
    }
