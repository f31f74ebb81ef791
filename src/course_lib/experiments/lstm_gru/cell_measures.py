"""What is measured on a trained character model, beside how readable its cells are."""

from __future__ import annotations

import statistics

import torch
from torch import Tensor
from torch.nn import functional as F

from course_lib.data import nested
from course_lib.experiments.lstm_gru.readable_cells import memory
from course_lib.experiments.lstm_gru.structured_texts import Corpus, Part
from course_lib.lstm_gru import LSTMState, lstm_gates
from course_lib.rnn import LanguageModel, one_hot

MARKS = ")]}" + nested.QUOTE
DISTANCES = (10, 20, 40, 80)  # characters: the last of each bin but the last bin
FAR = 20  # characters
LONGEST = 400  # of a line that a network writes
OTHERS = 8  # cells that are silenced one by one, to compare with


@torch.no_grad()
def perplexity(model: LanguageModel, part: Part) -> float:
    """exp of the mean loss over all characters of ``part`` but each piece's first."""
    device = next(model.parameters()).device
    logits, _ = model(part.tokens[:, :-1].to(device))
    return of_logits(logits.cpu(), part)


def of_logits(logits: Tensor, part: Part) -> float:
    """``logits (B, T - 1, V)`` of the characters 1 … T - 1 of ``part``."""
    real = part.mask[:, 1:]
    loss = F.cross_entropy(logits[real].double(), part.tokens[:, 1:][real])
    return loss.exp().item()


@torch.no_grad()
def closed_right(model: LanguageModel, corpus: Corpus) -> Tensor:
    """For each closing mark whether it was held the likeliest of the four: ``(K,)``."""
    tokens, closings = corpus.test.tokens, corpus.test.closings
    marks = corpus.characters.encode(MARKS)
    logits, _ = model(tokens)
    before = logits[closings.row, closings.step - 1]  # (K, V)
    guess = marks[before[:, marks].argmax(dim=1)]
    return guess == tokens[closings.row, closings.step]


def quotes(corpus: Corpus) -> Tensor:
    """Which of the closing marks are quotation marks: ``(K,)``, bool."""
    tokens, closings = corpus.test.tokens, corpus.test.closings
    mark = corpus.characters.encode(nested.QUOTE)
    return tokens[closings.row, closings.step] == mark


def by_distance(hits: Tensor, corpus: Corpus) -> list[float]:
    """The share of the closing brackets with ``hits (K,)``, in bins of distance."""
    bracket = ~quotes(corpus)
    bins = torch.bucketize(corpus.test.closings.distance, torch.tensor(DISTANCES))
    return [
        hits[bracket & (bins == number)].double().mean().item()
        for number in range(len(DISTANCES) + 1)
    ]


def shares(hits: Tensor, corpus: Corpus) -> dict[str, float]:
    """The share of ``hits (K,)`` among quotation marks, and among some brackets.

    ``far``: more than :data:`FAR` characters from the bracket that they close.
    ``resumed``: other brackets were opened and closed in between, and the last of these
    was of another kind, so that the last one seen misleads.
    """
    closings, quote = corpus.test.closings, quotes(corpus)
    which = {
        "quotes": quote,
        "brackets": ~quote,
        "far": ~quote & (closings.distance > FAR),
        "resumed": ~quote & ~closings.last,
    }
    return {name: hits[some].double().mean().item() for name, some in which.items()}


def well_written(
    model: LanguageModel, corpus: Corpus, lines: int, generator: torch.Generator
) -> float:
    """The share of lines that ``model`` writes in which all is closed as it should."""
    before = corpus.characters.encode("Peru\n").expand(lines, -1)
    ids = model.generate(before, LONGEST, generator=generator)
    texts = [corpus.characters.decode(row) for row in ids]
    ends = [text.find("\n") + 1 for text in texts]  # 0 where there is none
    written = [text[:end] for text, end in zip(texts, ends, strict=True)]
    return statistics.fmean(nested.well_formed(line) for line in written)


@torch.no_grad()
def silenced(model: LanguageModel, part: Part, cell: int) -> float:
    """How many times the perplexity is what it was if ``cell`` is held at its mean."""
    layer = model.layer
    mean = memory(model, part.tokens)[part.mask][:, cell].mean()
    x = one_hot(part.tokens[:, :-1], layer.input_size)  # (B, T - 1, V)
    state, states = layer.zero_state(x), []
    for t in range(x.shape[1]):
        o = lstm_gates(x[:, t], state.h, layer.W_x, layer.W_h, layer.b).o
        c = layer.step(x[:, t], state).c
        c[:, cell] = mean
        state = LSTMState(o * c.tanh(), c)
        states.append(state.h)
    logits = model.output(torch.stack(states, dim=1))  # T x (B, H) -> (B, T - 1, V)
    return of_logits(logits, part) / perplexity(model, part)


def others(cell: int, count: int) -> list[int]:
    """Some of the other cells of ``count``, evenly spread over the layer."""
    spread = torch.linspace(0, count - 1, OTHERS + 1).long().tolist()
    return [other for other in spread if other != cell][:OTHERS]
