"""Is attention alignment? Where a model looks, beside the links that are known.

Teacher-forced: gold links belong to the reference, so the model is asked where it looks
while it is made to write that.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from course_lib.alignment import (
    Agreement,
    Links,
    alignment_error_rate,
    links_from_weights,
)
from course_lib.attention import AttentionSeq2Seq
from course_lib.data import korean_english
from course_lib.data.korean_english import LONGEST, Pair
from course_lib.decoding import evaluating
from course_lib.experiments.translation import Part, in_batches


def gold(test: int, longest: int = LONGEST) -> list[Pair]:
    """The ``test`` sentences of the ``"grammar"`` corpus, with their links.

    For the same ``test`` and ``longest`` they are those of its test part, in its order,
    whatever its seed.
    """
    return korean_english.pairs(test, 0, "test", longest=longest)


def forced_weights(
    model: AttentionSeq2Seq, part: Part, batch: int = 128
) -> list[Tensor]:
    """Where each pair of ``part`` is looked at: ``(T + 1, S)`` each, END's row last."""
    found: list[Tensor] = [torch.empty(0)] * len(part.sources)
    with evaluating(model):
        for rows, one in in_batches(model, part, batch):
            weights = model.weights(one.source, one.source_mask, one.previous).cpu()
            for row, i in enumerate(rows):
                T, S = len(part.targets[i]), len(part.sources[i])
                found[i] = weights[row, : T + 1, :S].clone()  # (B, T', S') -> (T+1, S)
    return found


def agreement(
    weights: Sequence[Tensor], pairs: Sequence[Pair], threshold: float = 0.0
) -> Agreement:
    """AER, precision and recall of the links that ``weights`` make of ``pairs``.

    ``weights`` are those of :func:`forced_weights`. Raises ``ValueError`` where they
    can't be those of ``pairs``.
    """
    if len(weights) != len(pairs):
        raise ValueError(
            f"weights, pairs: got {len(weights)} and {len(pairs)}, expected as many"
        )
    for i, (one, pair) in enumerate(zip(weights, pairs, strict=True)):
        expected = len(pair.target) + 1, len(pair.source)
        if one.shape != expected:
            raise ValueError(
                f"weights: got shape {tuple(one.shape)} for pair {i}, expected "
                f"{expected}: its target tokens and END, its source tokens"
            )
    return _judged([links_from_weights(one, threshold) for one in weights], pairs)


def best_agreement(pairs: Sequence[Pair]) -> Agreement:
    """What no model exceeds that links each target token to one source token.

    Some have two sure links (배 고프다 → hungry), of which it finds one.
    """
    chosen = []
    for pair in pairs:
        links = {j: (i, j) for i, j in sorted(pair.possible)}
        links |= {j: (i, j) for i, j in sorted(pair.sure)}
        chosen.append(set(links.values()))
    return _judged(chosen, pairs)


def diagonal_agreement(pairs: Sequence[Pair]) -> Agreement:
    """What is had unread: each target token with the source token as far along."""
    return _judged(
        [
            {
                (j * len(pair.source) // len(pair.target), j)
                for j in range(len(pair.target))
            }
            for pair in pairs
        ],
        pairs,
    )


def _judged(found: Sequence[Links], pairs: Sequence[Pair]) -> Agreement:
    return alignment_error_rate(
        found, [pair.sure for pair in pairs], [pair.possible for pair in pairs]
    )
