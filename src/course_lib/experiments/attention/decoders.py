"""The decoders that chapter 4 compares, on one encoder and of one size."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn

from course_lib.attention import (
    Additive,
    Attention,
    AttentionDecoder,
    AttentionSeq2Seq,
    Dot,
    General,
    Predictive,
)
from course_lib.lstm_gru import GRU
from course_lib.recurrent import Bidirectional
from course_lib.seq2seq import Encoder, Seq2Seq, Seq2SeqConfig, seq2seq

REACH = 10  # D of local-p, as in Luong et al. (2015)


class Kind(NamedTuple):
    """What differs between the decoders."""

    order: str  # "before" the step, as Bahdanau, or "after" it, as Luong
    score: str  # "additive", "dot", "general", or "coverage": additive, with it
    window: str = "global"  # or "local-p"
    input_feeding: bool = False


KINDS = {
    "bahdanau": Kind("before", "additive"),
    "luong-dot": Kind("after", "dot"),
    "luong-general": Kind("after", "general"),
    "luong-concat": Kind("after", "additive"),
    "luong-local-p": Kind("after", "general", "local-p"),
    "luong-dot-fed": Kind("after", "dot", input_feeding=True),
    "luong-general-fed": Kind("after", "general", input_feeding=True),
    "luong-concat-fed": Kind("after", "additive", input_feeding=True),
    "luong-local-p-fed": Kind("after", "general", "local-p", input_feeding=True),
    "bahdanau-coverage": Kind("before", "coverage"),
}
NAMES = ("none", *KINDS)


class Sizes(NamedTuple):
    """Of every decoder, and of the encoder below it."""

    source: int  # words
    target: int  # words
    embedding: int  # E
    hidden: int  # H of the decoder; half of it for each direction of the encoder
    dropout: float = 0.0


def build(name: str, sizes: Sizes, seed: int) -> Seq2Seq | AttentionSeq2Seq:
    """The model of that name in :data:`NAMES`, before training.

    ``"none"`` is chapter 3's: it is shown the encoder's last states at every step. The
    encoder reads both ways with H/2 units each, so that a dot product fits.
    """
    if name not in NAMES:
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(NAMES)}")
    torch.manual_seed(seed)
    E, H = sizes.embedding, sizes.hidden
    half = H // 2
    encoder = Encoder(
        sizes.source, Bidirectional(GRU(E, half), GRU(E, half)), sizes.dropout
    )
    if name == "none":
        plain = seq2seq(
            Seq2SeqConfig(
                sizes.source,
                sizes.target,
                E,
                H,
                bidirectional=False,
                feed_context=True,
                dropout=sizes.dropout,
            )
        )
        return Seq2Seq(encoder, plain.decoder, feed_context=True)
    kind = KINDS[name]
    fed = H * ((kind.order == "before") + kind.input_feeding)
    decoder = AttentionDecoder(
        sizes.target,
        GRU(E + fed, H),
        Attention(_score(kind.score, H), Predictive(H, REACH))
        if kind.window == "local-p"
        else Attention(_score(kind.score, H)),
        kind.order,
        kind.input_feeding,
        dropout=sizes.dropout,
    )
    return AttentionSeq2Seq(encoder, decoder)


def _score(name: str, H: int) -> nn.Module:
    if name == "dot":
        return Dot(H)
    if name == "general":
        return General(H, H)
    return Additive(H, H, H, coverage=name == "coverage")
