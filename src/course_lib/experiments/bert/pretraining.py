"""What the claims on BERT share: text of the running grammar, batches, a small BERT.

Only the Korean side of the running task is read here: text without a translation. Its
words and particles are the pieces, so that a gap is always one word.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch.nn import functional as F

from course_lib.bert import BertForPretraining
from course_lib.data import korean_english
from course_lib.data.batching import Buckets, generator
from course_lib.data.masking import (
    Gapped,
    Masking,
    Packed,
    Texts,
    collate,
    pack,
    with_gaps,
)
from course_lib.data.wordpiece import WordPiece
from course_lib.decoding import evaluating
from course_lib.training import to_device
from course_lib.transformer import TransformerConfig

LONGEST = 20  # words of a sentence


def words() -> WordPiece:
    """The vocabulary of the grammar's Korean; its unknown names are [UNK]."""
    return WordPiece.of_words([korean_english.source_words()])


def packed(vocabulary: WordPiece, texts: Sequence[Sequence[str]]) -> list[Packed]:
    """Each of ``texts``, which are cut into words, between [CLS] and [SEP]."""
    return [pack(vocabulary.encode(text)) for text in texts]


def small(
    vocabulary: WordPiece,
    size: int,
    heads: int,
    inner: int,
    blocks: int,
    seed: int,
    longest: int = 64,
    dropout: float = 0.0,  # the grammar has no end of sentences
) -> BertForPretraining:
    """An untrained BERT for texts of at most ``longest`` pieces, [CLS] and [SEP] too.

    It has the same numbers for the same ``seed``.
    """
    config = TransformerConfig(
        size=size,
        heads=heads,
        inner=inner,
        blocks=blocks,
        positions="learned",
        longest=longest,
        activation="gelu",
        dropout=dropout,
    )
    torch.manual_seed(seed)
    return BertForPretraining(config, len(vocabulary))


def batches(texts: Sequence[Packed], batch: int, seed: int) -> Callable[[int], Texts]:
    """``batch_at(step)``: texts of similar length, so that little of it is padding."""
    buckets = Buckets([len(text.ids) for text in texts], batch, seed)
    return lambda step: collate([texts[i] for i in buckets(step).tolist()])


def gapped_batches(
    texts: Sequence[Packed],
    batch: int,
    seed: int,
    vocabulary: WordPiece,
    masking: Masking | None = None,
) -> Callable[[int], Gapped]:
    """The same batches with gaps, new ones in each step."""
    plain, masking = batches(texts, batch, seed), masking or Masking()

    def batch_at(step: int) -> Gapped:
        return with_gaps(plain(step), masking, len(vocabulary), generator(seed, step))

    return batch_at


def filled(model: BertForPretraining, gaps: Gapped) -> dict[str, float]:
    """Nats for each asked word, and the share of them that is named."""
    gaps = to_device(gaps, next(model.parameters()).device)
    truth = gaps.original[gaps.chosen]  # (M,)
    with evaluating(model):
        said = model(gaps)[0]  # (M, V)
    return {
        "loss": F.cross_entropy(said, truth).item(),
        "accuracy": (said.argmax(dim=1) == truth).double().mean().item(),
    }
