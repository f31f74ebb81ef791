"""Which word stands for which? Links between two sentences, and how many are right.

A link is (source index, target index), both from 0. People who link words by hand call
some links sure, S, and more of them possible, P, which holds S: an article may go with
its noun, or with nothing. The links A that a model found are compared with both (Och &
Ney 2003):

    AER = 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|)
    precision = |A ∩ P| / |A|,   recall = |A ∩ S| / |S|

So each link that is found need only be possible, and each sure one must be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import torch
from torch import Tensor

Link = tuple[int, int]  # source index, target index
Links = AbstractSet[Link]


class Agreement(NamedTuple):
    """How well the links that were found agree with those of people, each 0 to 1."""

    error_rate: float  # AER: 0 is perfect
    precision: float  # NaN where no link was found
    recall: float  # NaN where none is sure


def alignment_error_rate(
    found: Sequence[Links], sure: Sequence[Links], possible: Sequence[Links]
) -> Agreement:
    """AER, precision and recall over a corpus: a set of links for each sentence pair.

    Links are counted over the corpus before anything is divided, so long sentences
    weigh more. Raises ``ValueError`` for lists of different lengths, for what is no
    set, for a sure link that is not possible, and where there is no link to judge by.
    """
    if not len(found) == len(sure) == len(possible):
        raise ValueError(
            f"found, sure, possible: got {len(found)}, {len(sure)} and "
            f"{len(possible)} sentence pairs, expected as many of each"
        )
    in_sure = in_possible = all_found = all_sure = 0
    for i, (A, S, P) in enumerate(zip(found, sure, possible, strict=True)):
        for name, links in (("found", A), ("sure", S), ("possible", P)):
            if not isinstance(links, AbstractSet):
                raise ValueError(
                    f"{name}: got {links!r} for sentence pair {i}, expected a set of "
                    "links"
                )
        if not S <= P:
            raise ValueError(
                f"sure: got {min(S - P)} in sentence pair {i}, which is not in "
                "possible, expected only links that are"
            )
        in_sure += len(A & S)
        in_possible += len(A & P)
        all_found += len(A)
        all_sure += len(S)
    if not all_found + all_sure:
        raise ValueError("found, sure: got no link in either, expected at least one")
    return Agreement(
        1 - (in_sure + in_possible) / (all_found + all_sure),
        in_possible / all_found if all_found else float("nan"),
        in_sure / all_sure if all_sure else float("nan"),
    )


def links_from_weights(weights: Tensor, threshold: float = 0.0) -> set[Link]:
    """Hard links: each target token with the source token that it looks at most.

    ``weights (T + 1, S)``, without padding: the rows of T target tokens, then that of
    their END, which stands for no word and is left out. Only a weight above
    ``threshold`` makes a link, so a row of zeros makes none. Of equal weights the first
    counts.
    """
    if weights.dim() != 2 or not weights.numel():
        raise ValueError(
            f"weights: got shape {tuple(weights.shape)}, expected (T + 1, S), a row "
            "for each target token and one for END"
        )
    if not 0 <= threshold < 1:
        raise ValueError(f"threshold: got {threshold}, expected 0 <= threshold < 1")
    _check(weights)
    most, where = weights[:-1].max(dim=-1)  # (T + 1, S) -> (T,)
    return {
        (i, j)
        for j, (i, weight) in enumerate(zip(where.tolist(), most.tolist(), strict=True))
        if weight > threshold
    }


def entropy(weights: Tensor) -> Tensor:
    """How spread each row of weights is, in nats: ``(…, S)`` -> ``(…)``.

    0 for one source token alone, ln S for all S alike. A row is taken as shares of its
    sum, which for local-p is less than 1; a row of zeros has no entropy: NaN.
    """
    _check(weights)
    shares = weights / weights.sum(dim=-1, keepdim=True)
    return torch.special.entr(shares).sum(dim=-1)  # entr: -x ln x, and 0 at 0


def _check(weights: Tensor) -> None:
    if not (weights >= 0).all():
        raise ValueError(
            f"weights: got {weights[~(weights >= 0)][0].item()}, expected numbers of 0 "
            "or more: not scores, but what the softmax makes of them"
        )
