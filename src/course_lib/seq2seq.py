"""Sequence to sequence: one network reads the source, another writes the target.

The encoder's last state is all that the decoder gets to know of the source
(Sutskever et al. 2014; Cho et al. 2014):

    h_S = encoder(x_1, …, x_S),           s_0 = bridge(h_S)                      (3.1)
    s_t = decoder(y_{t-1}, s_{t-1}),      p(y_t | y_<t, x) = softmax(W_o s_t + b_o)

Shapes: B batch, S source length, T target length, E embedding size, H hidden size, V
vocabulary of the target. Masks are True where there is a token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.lstm_gru import GRU, LSTM
from course_lib.recurrent import Bidirectional, Stacked, map_state, reverse
from course_lib.sharing import mean_over_all


class Encoded(NamedTuple):
    """What the encoder makes of a source."""

    states: Tensor  # (B, S, H), one for each token
    summary: Tensor  # (B, H), after the last one
    mask: Tensor  # (B, S)


class Encoder(nn.Module):
    """Embed the tokens and run a recurrent layer over them.

    With ``reverse_source`` it reads the sentence from its end, so that the first source
    word stands next to the first target word (Sutskever et al. 2014, section 3.3).
    """

    def __init__(
        self,
        vocabulary: int,
        layer: nn.Module,
        dropout: float = 0.0,
        reverse_source: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, layer.input_size)
        self.layer = layer
        self.dropout = nn.Dropout(dropout)
        self.reverse_source = reverse_source
        self.hidden_size = layer.hidden_size

    def forward(self, source: Tensor, mask: Tensor) -> Encoded:
        """``source (B, S)``, ``mask (B, S)`` -> states in the order of the tokens."""
        x = self.dropout(self.embedding(source))  # (B, S) -> (B, S, E)
        if self.reverse_source:
            x = reverse(x, mask)
        states, last = self.layer(x, mask=mask)
        if self.reverse_source:
            states = reverse(states, mask)
        return Encoded(states, self.layer.hidden(last), mask)


class Bridge(nn.Module):
    """From the encoder's summary ``(B, H)`` to a first state of the decoder's layer.

    tanh(W summary + b), with weights of its own for each part of that state (Bahdanau
    et al. 2015, appendix A.2.2).
    """

    def __init__(self, size: int, layer: nn.Module) -> None:
        super().__init__()
        self._like = layer.zero_state(torch.zeros(1, 1, layer.input_size))
        sizes: list[int] = []
        map_state(lambda part: sizes.append(part.shape[1]) or part, self._like)
        self.parts = nn.ModuleList(nn.Linear(size, part) for part in sizes)

    def forward(self, summary: Tensor) -> Any:
        part = iter(self.parts)
        return map_state(lambda _: next(part)(summary).tanh(), self._like)


class DecoderState(NamedTuple):
    """What decoding carries from token to token."""

    layer: Any  # of the recurrent layer
    context: Tensor  # (B, H), fed at every step; (B, 0) where it is not


class Decoder(nn.Module):
    """Read the previous target token, say what may come next.

    The recurrent ``layer`` reads the embedding, of the size that the context leaves of
    its ``input_size``, and beside it the context.
    """

    def __init__(
        self,
        vocabulary: int,
        layer: nn.Module,
        context_size: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, layer.input_size - context_size)
        self.layer = layer
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(layer.hidden_size, vocabulary)

    def forward(
        self, tokens: Tensor, state: DecoderState
    ) -> tuple[Tensor, DecoderState]:
        """``tokens (B, T)`` -> logits of each next token ``(B, T, V)``, last state."""
        x = self.dropout(self.embedding(tokens))  # (B, T) -> (B, T, E)
        context = state.context[:, None].expand(-1, x.shape[1], -1)  # (B, T, H)
        states, last = self.layer(torch.cat([x, context], dim=-1), state.layer)
        logits = self.output(self.dropout(states))  # (B, T, H) -> (B, T, V)
        return logits, DecoderState(last, state.context)


class Seq2Seq(nn.Module):
    """Encoder, bridge and decoder.

    With ``feed_context`` the decoder sees the summary at every step (Cho et al. 2014),
    without it only through its first state (Sutskever et al. 2014).
    """

    def __init__(
        self, encoder: Encoder, decoder: Decoder, feed_context: bool = False
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.bridge = Bridge(encoder.hidden_size, decoder.layer)
        self.decoder = decoder
        self.feed_context = feed_context

    def start(self, source: Tensor, mask: Tensor) -> DecoderState:
        """Read ``source (B, S)``: the state from which decoding begins."""
        summary = self.encoder(source, mask).summary
        context = summary if self.feed_context else summary[:, :0]
        return DecoderState(self.bridge(summary), context)

    def forward(self, source: Tensor, mask: Tensor, previous: Tensor) -> Tensor:
        """Teacher forcing: ``previous (B, T)`` are the true tokens, shifted by one.

        ``previous[:, t]`` stands before the token that ``logits[:, t]`` is about, so it
        begins with the start token. Returns logits ``(B, T, V)``.
        """
        logits, _ = self.decoder(previous, self.start(source, mask))
        return logits

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One token of each sequence: ``(N,)`` -> logits ``(N, V)``, for decoding."""
        logits, state = self.decoder(tokens[:, None], state)
        return logits[:, 0], state  # (N, 1, V) -> (N, V)


@dataclass(frozen=True)
class Seq2SeqConfig:
    """The sizes of a :class:`Seq2Seq`."""

    source_vocabulary: int
    target_vocabulary: int
    embedding: int = 64  # E
    hidden: int = 128  # H of the decoder, and of each direction of the encoder
    layers: int = 1
    cell: str = "gru"  # or "lstm"
    bidirectional: bool = True  # the encoder; the decoder can't be
    reverse_source: bool = False  # read the source from its end
    feed_context: bool = False  # show the summary to the decoder at every step
    dropout: float = 0.0


def seq2seq(config: Seq2SeqConfig) -> Seq2Seq:
    """Build the model that ``config`` describes. Raises ``ValueError`` for its cell."""
    cells = {"gru": GRU, "lstm": LSTM}
    if config.cell not in cells:
        raise ValueError(f"cell: got {config.cell!r}, expected one of gru, lstm")
    cell = cells[config.cell]

    def stack(size: int, both_ways: bool) -> nn.Module:
        layers = []
        for _ in range(config.layers):
            one = cell(size, config.hidden)
            layers.append(
                Bidirectional(one, cell(size, config.hidden)) if both_ways else one
            )
            size = layers[-1].hidden_size
        return Stacked(layers, config.dropout) if len(layers) > 1 else layers[0]

    encoder = Encoder(
        config.source_vocabulary,
        stack(config.embedding, config.bidirectional),
        config.dropout,
        config.reverse_source,
    )
    context = encoder.hidden_size if config.feed_context else 0
    decoder = Decoder(
        config.target_vocabulary,
        stack(config.embedding + context, both_ways=False),
        context,
        config.dropout,
    )
    return Seq2Seq(encoder, decoder, config.feed_context)


def sequence_loss(
    logits: Tensor, target: Tensor, mask: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy per real token: ``(B, T, V)``, ``(B, T)``, ``(B, T)`` -> ().

    Padding counts neither above nor below the fraction, so the loss of a sentence does
    not depend on its neighbours' lengths.
    """
    each = token_losses(logits, target, label_smoothing)
    return mean_over_all(each.masked_fill(~mask, 0.0).sum(), mask.sum())


def token_losses(
    logits: Tensor, target: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """The cross-entropy of each token: ``(B, T, V)``, ``(B, T)`` -> ``(B, T)``.

    With ``label_smoothing`` ε the truth has 1 - ε of the probability, and all V tokens
    share ε (Szegedy et al. 2016, section 7).
    """
    each = F.cross_entropy(
        logits.flatten(0, 1),
        target.flatten(),
        reduction="none",
        label_smoothing=label_smoothing,
    )
    return each.view_as(target)  # (B T,) -> (B, T)


def scheduled_sampling(
    model: Seq2Seq,
    source: Tensor,
    mask: Tensor,
    previous: Tensor,
    own: float,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Logits ``(B, T, V)`` where some inputs are the model's own (Bengio et al. 2015).

    Each input but the first is, with probability ``own``, the token that the model
    thinks most probable, and else the true one. 0 is teacher forcing, 1 is decoding.
    """
    if not 0 <= own <= 1:
        raise ValueError(f"own: got {own}, expected a probability")
    state = model.start(source, mask)
    token, logits = previous[:, 0], []
    for t in range(previous.shape[1]):
        if t:
            coin = torch.rand(len(previous), generator=generator).to(token.device)
            token = torch.where(coin < own, logits[-1].argmax(-1), previous[:, t])
        now, state = model.step(token, state)
        logits.append(now)
    return torch.stack(logits, dim=1)  # T x (B, V) -> (B, T, V)
