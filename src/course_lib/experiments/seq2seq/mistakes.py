"""What a wrong word does to the words after it: fair comparisons, on the same places.

A translation that has left its reference can't be scored place by place: a paraphrase
or one word more shifts all that follows, and it would all count as wrong. So here the
decoder reads the reference again after its mistake, and the same places are predicted
twice: once from the true words, once with one of these replaced. Or it goes on alone,
and edits are counted, which no shift can multiply.

N rows, T target tokens with the end, V target words. Masks are True at real tokens.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.data.translation import END, SPECIAL, Batch
from course_lib.seq2seq import Seq2Seq


class Mistake(NamedTuple):
    """One wrong word for each of N rows of a batch."""

    row: Tensor  # (N,) of the batch
    place: Tensor  # (N,) of the target token that it replaces
    word: Tensor  # (N,) what stands there instead


def wrong_words(model: Seq2Seq, batch: Batch) -> tuple[Tensor, Tensor]:
    """Teacher-forced: where the most probable token is wrong ``(B, T)``; the logits."""
    logits = model(batch.source, batch.source_mask, batch.previous)
    return (logits.argmax(-1) != batch.target) & batch.target_mask, logits


def first_mistakes(wrong: Tensor, logits: Tensor) -> Mistake:
    """The first place of each row where decoding goes wrong, and the token said there.

    Up to there the decoder's own words are the true ones. Rows without a mistake are
    left out, and those that end too early: nothing is said after an end.
    """
    row = wrong.any(1).nonzero().flatten()
    place = wrong[row].int().argmax(1)  # of the first True
    word = logits[row, place].argmax(-1)
    kept = word != END
    return Mistake(row[kept], place[kept], word[kept])


def likely_mistakes(batch: Batch, logits: Tensor) -> Mistake:
    """At every place but the end: the most probable word that is none of the reference.

    A word that comes elsewhere in the reference could be a skipped word, after which
    the rest of the sentence is right one place early.
    """
    B, _, V = logits.shape
    own = torch.zeros(B, V, dtype=torch.bool, device=logits.device)
    own.scatter_(1, batch.target, True)  # padding is token 0, a special one
    own[:, : len(SPECIAL)] = True
    word = logits.masked_fill(own[:, None], -torch.inf).argmax(-1)  # (B, T)
    row, place = (batch.target_mask & (batch.target != END)).nonzero().unbind(1)
    return Mistake(row, place, word[row, place])


def rows_of(batch: Batch, mistake: Mistake) -> Batch:
    """The batch with one row for each mistake ``(N, …)``, which the decoder reads."""
    rows = Batch(*(part[mistake.row] for part in batch))
    previous = rows.previous.clone()
    inside = (mistake.place + 1 < previous.shape[1]).nonzero().flatten()
    previous[inside, mistake.place[inside] + 1] = mistake.word[inside]
    return rows._replace(previous=previous)


class Counts(NamedTuple):
    """Wrong predictions after a mistake, by lag: the tokens that it lies back."""

    seen: Tensor  # (lags,) wrong with the mistake among the words before
    unseen: Tensor  # (lags,) wrong at the same places, from the true words
    places: Tensor  # (lags,) their number

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override]
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))

    def errors(self, first: int, last: int | None = None) -> tuple[float, float]:
        """The share of wrong ones, seen and unseen, from lag ``first`` to ``last``.

        NaN where no token is that far behind a mistake.
        """
        seen, unseen, places = (part[first - 1 : last].sum().item() for part in self)
        if not places:
            return math.nan, math.nan
        return seen / places, unseen / places


def nothing(lags: int) -> Counts:
    """No mistake yet."""
    return Counts(*(torch.zeros(lags, dtype=torch.long) for _ in Counts._fields))


def after(
    model: Seq2Seq, batch: Batch, wrong: Tensor, mistake: Mistake, lags: int
) -> Counts:
    """Wrong tokens 1 … ``lags`` places after the mistakes; all other words are true."""
    rows = rows_of(batch, mistake)
    seen, _ = wrong_words(model, rows)  # (N, T)
    lag = torch.arange(wrong.shape[1], device=wrong.device) - mistake.place[:, None]
    found = []
    for values in (seen, wrong[mistake.row], rows.target_mask):
        found.append(
            torch.stack([(values & (lag == k + 1)).sum() for k in range(lags)]).cpu()
        )
    return Counts(*found)


def go_on(
    model: Seq2Seq, rows: Batch, given: Tensor, longest: int
) -> list[tuple[int, ...]]:
    """Read ``given (N,)`` tokens of ``rows.previous``, then decode greedily.

    Returns what each row says after those, without the end, and of at most ``longest``
    tokens with what it was given.
    """
    state = model.start(rows.source, rows.source_mask)
    token, said = rows.previous[:, 0], []
    for t in range(longest):
        if t and t < rows.previous.shape[1]:
            token = torch.where(t < given, rows.previous[:, t], token)
        logits, state = model.step(token, state)
        token = logits.argmax(-1)
        said.append(token)
    texts = torch.stack(said, dim=1).tolist()  # longest x (N,) -> (N, longest)
    return [
        until_end(text[start - 1 :])
        for text, start in zip(texts, given.tolist(), strict=True)
    ]


def until_end(tokens: Sequence[int]) -> tuple[int, ...]:
    """The tokens before the first end."""
    tokens = tuple(tokens)
    return tokens[: tokens.index(END)] if END in tokens else tokens


def edits(said: Sequence[int], reference: Sequence[int]) -> int:
    """The fewest words to insert, delete or replace to get from one to the other."""
    row = list(range(len(reference) + 1))
    for i, ours in enumerate(said, 1):
        before, row[0] = row[0], i
        for j, theirs in enumerate(reference, 1):
            before, row[j] = (
                row[j],
                min(row[j] + 1, row[j - 1] + 1, before + (ours != theirs)),
            )
    return row[-1]


def prices(
    model: Seq2Seq, batch: Batch, mistake: Mistake, longest: int
) -> Iterator[int]:
    """For each mistake: edits in what the model says after it, less those without."""
    true = Batch(*(part[mistake.row] for part in batch))
    given = mistake.place + 2  # the start token, and up to the mistake
    both = [
        go_on(model, rows, given, longest) for rows in (rows_of(batch, mistake), true)
    ]
    lengths = (true.target_mask.sum(1) - 1).tolist()  # without the end
    for i, (place, length) in enumerate(
        zip(mistake.place.tolist(), lengths, strict=True)
    ):
        rest = true.target[i, place + 1 : length].tolist()
        after_wrong, after_right = (edits(said[i], rest) for said in both)
        yield after_wrong - after_right


def until_wrong(right: Sequence[Tensor]) -> float:
    """The share of wrong tokens among those that no mistake comes before.

    ``right`` holds ``(T,)`` for each sentence: its teacher-forced predictions.
    """
    first = [one.int().argmin().item() for one in right]  # the first wrong, if any
    wrong = sum(not one.all() for one in right)
    tokens = sum(
        len(one) if one.all() else at + 1 for one, at in zip(right, first, strict=True)
    )
    return wrong / tokens


def by_place(
    wrong: Sequence[Tensor], said: Sequence[list[int]], true: Sequence[list[int]]
) -> dict[str, list[float]]:
    """Error by place, while a quarter of the sentences go on: from true words, alone.

    ``wrong`` holds ``(T,)`` for each sentence, ``said`` and ``true`` tokens without
    the end. Alone it is compared place by place, which is not fair: see above.
    """
    lengths = sorted((len(one) for one in wrong), reverse=True)
    last = lengths[len(lengths) // 4]
    found: dict[str, list[float]] = {"forced": [], "alone": []}
    for t in range(last):
        long = [i for i, one in enumerate(wrong) if len(one) > t]
        found["forced"].append(statistics.fmean(wrong[i][t].item() for i in long))
        apart = [[*said[i], END][t : t + 1] != [*true[i], END][t : t + 1] for i in long]
        found["alone"].append(statistics.fmean(apart))
    return found
