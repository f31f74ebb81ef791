"""Our model of each chapter at any length, width and batch, as one training step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.attention import Attention
from course_lib.bench import (
    attention,
    bert,
    characters,
    encoder,
    seq2seq,
    translator,
    vit,
)
from course_lib.bench.match import Work, training_step
from course_lib.bench.sizes import Sizes, named
from course_lib.bert import pretraining_loss
from course_lib.data.batching import generator
from course_lib.experiments.translation import teacher_forced_loss
from course_lib.lstm_gru import GRU, LSTM
from course_lib.rnn import RNN, LanguageModel
from course_lib.training import Setting

HEADS, BLOCKS, WORDS, SIDE = 4, 2, 64, 4  # SIDE of a patch, in pixels

Parts = tuple[nn.Module, Callable[[nn.Module, Any], Tensor], Any]  # model, loss, batch
Build = Callable[[int, int, int, str, Setting], Parts]  # of T, C, B and a path


@dataclass(frozen=True)
class Grows:
    """How the cost of a step grows with one size while the others stay.

    ``exponent`` is that of the limit, ``words`` say what it is and from where on.
    """

    exponent: int
    words: str


WITH_THE_BATCH = Grows(1, "every example costs the same")


@dataclass(frozen=True)
class Model:
    """One model; ``written_out`` names the path whose products torch can count."""

    name: str
    chapter: str
    build: Build
    written_out: str
    grows: Mapping[str, Grows]  # by "T", "C", "B"

    def work(self, sizes: Mapping[str, int], path: str, setting: Setting) -> Work:
        """A training step at these T, C and B."""
        torch.manual_seed(setting.seed)
        T, C, B = (sizes[letter] for letter in "TCB")
        model, loss, batch = self.build(T, C, B, path, setting)
        return training_step(model, loss, batch, lambda _: {}, setting)


def _characters(cell: type[nn.Module]) -> Build:
    def build(T: int, C: int, B: int, path: str, setting: Setting) -> Parts:
        tokens = torch.randint(WORDS, (B, T + 1), generator=generator(setting.seed, B))
        return LanguageModel(cell(WORDS, C, path=path)), characters.loss, tokens

    return build


def _decoder(T: int, C: int, B: int, path: str, setting: Setting) -> Parts:
    sizes = {"B": B, "T": T - 1, "V": WORDS, "E": C, "H": C}  # and then the end
    model = attention.decoder(Attention, sizes)
    for layer in (model.encoder.layer, model.decoder.layer):
        layer.path = path
    return model, teacher_forced_loss, seq2seq.pairs(sizes, setting)


def _sizes(T: int, C: int, B: int) -> Sizes:
    return named(B, T, WORDS, C, HEADS, 4 * C, BLOCKS)


def _encoder(T: int, C: int, B: int, path: str, setting: Setting) -> Parts:
    sizes = _sizes(T, C, B)
    read = encoder.Reader(translator.ours(sizes, path))
    tagger = encoder.Tagger(read, nn.Linear(C, encoder.TAGS))
    return tagger, encoder.loss, encoder.texts(sizes, setting.seed)


def _bert(T: int, C: int, B: int, path: str, setting: Setting) -> Parts:
    sizes = _sizes(T, C, B)
    return bert.ours(sizes, path), pretraining_loss, bert.batch_of(sizes, setting.seed)


def _vit(T: int, C: int, B: int, path: str, setting: Setting) -> Parts:
    sizes = {
        **_sizes(T, C, B),
        "channels": 3,
        "image": SIDE * math.isqrt(T),  # T patches, and a class token
        "P": SIDE,
        "K": encoder.TAGS,
    }
    return vit.ours(sizes, path), vit.loss, vit.pictures(sizes, setting.seed)


RECURRENT = {
    "T": Grows(1, "a step costs the same wherever it is; but one waits for the other"),
    "C": Grows(2, "the matrix from state to state has C² numbers"),
    "B": WITH_THE_BATCH,
}
PARALLEL = {
    "T": Grows(2, "every token looks at every token; below T = 6 C, nearer to T"),
    "C": Grows(2, "the matrices have C² numbers; below C = T / 6, nearer to C"),
    "B": WITH_THE_BATCH,
}
LOOKING_BACK = RECURRENT | {
    "T": Grows(2, "each step looks at all of the source; for short ones, nearer to T")
}

MODELS = (
    *(
        Model(cell.__name__, chapter, _characters(cell), "steps", RECURRENT)
        for cell, chapter in ((RNN, "rnn"), (LSTM, "lstm_gru"), (GRU, "lstm_gru"))
    ),
    Model("Bahdanau's decoder", "attention", _decoder, "steps", LOOKING_BACK),
    Model("Transformer encoder", "transformer", _encoder, "written_out", PARALLEL),
    Model("BERT", "bert", _bert, "written_out", PARALLEL),
    Model("Vision Transformer", "vit", _vit, "written_out", PARALLEL),
)
