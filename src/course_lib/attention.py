"""Attention: for each word that it writes, the decoder looks at the source again.

The encoder keeps all of its states h_1 … h_S. At target step t they are compared with a
query q_t, a state of the decoder, and their weighted mean is the context of that step:

    e_ti = score(q_t, h_i),   α_ti = softmax over i of e_ti,   context_t = Σ_i α_ti h_i

                  Bahdanau et al. (2015)           Luong et al. (2015)
    query         the state before the step        the state after it
    context goes  into the step, beside the word   into a layer after the step
    score         additive                         dot, general, concat, location
    looks at      all of the source                all of it, or a window
    is fed        nothing more                     the last output, or nothing more

Here that is one decoder with these as its parameters. Luong's *concat* is the additive
score under another name: W [q; k] is W_q q + W_k k.

Shapes: B batch, S source length, T target length, Q size of a query, M size of an
encoder state, A size inside the additive score, E embedding, H decoder, V vocabulary.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from course_lib.seq2seq import Bridge, Encoder
from course_lib.sharing import mean_over_all

LARGEST = 2**25  # numbers inside the additive score at once: 128 MiB in float32


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last dimension of ``scores (…, S)`` where ``mask`` is True.

    The rest gets exactly 0, and so does a row without any True: there is nothing to
    look at. ``mask`` broadcasts against ``scores``.
    """
    least = torch.finfo(scores.dtype).min  # -inf alone in a row would give NaN
    weights = scores.masked_fill(~mask, least).softmax(dim=-1)
    return weights.masked_fill(~mask, 0.0)


class Dot(nn.Module):
    """q · k, for queries and keys of one size; ``scaled`` divides it by √Q.

    Of two independent vectors with entries of variance 1 the product has variance Q.
    """

    def __init__(self, size: int, scaled: bool = False) -> None:
        super().__init__()
        self.query_size = self.memory_size = size
        self.scale = size**-0.5 if scaled else 1.0

    def keys(self, memory: Tensor) -> Tensor:
        """What of ``memory (B, S, M)`` is the same for every query: all of it."""
        return memory

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """``query (B, T, Q)``, ``keys (B, S, Q)`` -> ``(B, T, S)``."""
        return query @ keys.transpose(1, 2) * self.scale


class General(nn.Module):
    """q · W h: Luong's way to compare vectors of different sizes."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        super().__init__()
        self.query_size, self.memory_size = query_size, memory_size
        self.W = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """W h, once per sentence: ``(B, S, M)`` -> ``(B, S, Q)``."""
        return self.W(memory)

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """``query (B, T, Q)``, ``keys (B, S, Q)`` -> ``(B, T, S)``."""
        return query @ keys.transpose(1, 2)


class Additive(nn.Module):
    """v · tanh(W_q q + W_k h): a small network of its own (Bahdanau, appendix A.1.2).

    Inside it is a tensor of B T S A numbers. Above :data:`LARGEST` it is made in pieces
    that are computed again on the way back, so that memory stays bounded.

    With ``coverage`` it also knows how much each place was looked at before, c_i, the
    sum of its weights so far: v · tanh(W_q q + W_k h + w_c c), so that it can look at
    what is still to be translated (Tu et al. 2016; See et al. 2017, eq. 11).
    """

    def __init__(
        self, query_size: int, memory_size: int, size: int, coverage: bool = False
    ) -> None:
        super().__init__()
        self.query_size, self.memory_size = query_size, memory_size
        self.W_q = nn.Linear(query_size, size, bias=False)
        self.W_k = nn.Linear(memory_size, size, bias=False)
        self.v = nn.Linear(size, 1, bias=False)
        self.coverage = coverage
        self.w_c = nn.Linear(1, size, bias=False) if coverage else None

    def keys(self, memory: Tensor) -> Tensor:
        """W_k h, once per sentence: ``(B, S, M)`` -> ``(B, S, A)``."""
        return self.W_k(memory)

    def forward(
        self, query: Tensor, keys: Tensor, coverage: Tensor | None = None
    ) -> Tensor:
        """``query (B, T, Q)``, ``keys (B, S, A)`` -> ``(B, T, S)``.

        ``coverage (B, S)`` is asked for where the score was made with it.
        """
        query = self.W_q(query)  # (B, T, Q) -> (B, T, A)
        if self.coverage:
            keys = keys + self.w_c(coverage[..., None])  # (B, S, 1) -> (B, S, A)
        B, S, A = keys.shape
        steps = max(1, LARGEST // max(1, B * S * A))
        if query.shape[1] <= steps:
            return self._compare(query, keys)
        pieces = [
            checkpoint(self._compare, piece, keys, use_reentrant=False)
            for piece in query.split(steps, dim=1)
        ]
        return torch.cat(pieces, dim=1)

    def _compare(self, query: Tensor, keys: Tensor) -> Tensor:
        both = query[:, :, None] + keys[:, None]  # (B, T, 1, A), (B, 1, S, A)
        # In place: the sum is needed no more, and this is the largest tensor of all.
        return self.v(both.tanh_()).squeeze(-1)  # (B, T, S, A) -> (B, T, S)


class Location(nn.Module):
    """W q, one score for each place: it does not look at what stands there.

    For sources of at most ``longest`` tokens.
    """

    def __init__(self, query_size: int, memory_size: int, longest: int) -> None:
        super().__init__()
        self.query_size, self.memory_size = query_size, memory_size
        self.W = nn.Linear(query_size, longest, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        """Nothing of ``memory (B, S, M)`` is used but its length: ``(B, S, 0)``."""
        return memory[..., :0]

    def forward(self, query: Tensor, keys: Tensor) -> Tensor:
        """``query (B, T, Q)``, ``keys (B, S, 0)`` -> ``(B, T, S)``."""
        if keys.shape[1] > self.W.out_features:
            raise ValueError(
                f"memory: got {keys.shape[1]} tokens, expected at most "
                f"{self.W.out_features}, for which this score has weights"
            )
        return self.W(query)[..., : keys.shape[1]]


class Everywhere(nn.Module):
    """Global attention: a softmax over all of the source."""

    def forward(
        self, scores: Tensor, mask: Tensor, query: Tensor, time: Tensor
    ) -> Tensor:
        """``scores (B, T, S)``, ``mask (B, S)`` -> weights ``(B, T, S)``."""
        return masked_softmax(scores, mask[:, None])


class Monotonic(nn.Module):
    """Local attention, local-m: step t looks at places t - D … t + D of the source.

    Sources and targets must be about as long, and in about the same order.
    """

    def __init__(self, reach: int) -> None:
        super().__init__()
        if reach < 0:
            raise ValueError(f"reach: got {reach}, expected 0 or more places")
        self.reach = reach  # D

    def forward(
        self, scores: Tensor, mask: Tensor, query: Tensor, time: Tensor
    ) -> Tensor:
        """As :class:`Everywhere`."""
        _, T, S = scores.shape
        place = torch.arange(S, device=scores.device)
        step = time[:, None] + torch.arange(T, device=scores.device)  # (B, T)
        near = (place - step[..., None]).abs() <= self.reach  # (B, T, S)
        return masked_softmax(scores, mask[:, None] & near)


class Predictive(nn.Module):
    """Local attention, local-p: the place to look at is predicted from the query.

        p_t = S σ(v · tanh(W q)),   α_ti ∝ softmax(e_ti) exp(-(i - p_t)² / (2 (D/2)²))

    for places at most D away from p_t, and 0 beyond (Luong et al. 2015, eq. 9 and 10).
    As there, the weights add up to less than 1. S counts the tokens of each sentence.
    """

    def __init__(self, query_size: int, reach: int) -> None:
        super().__init__()
        if reach < 1:
            raise ValueError(f"reach: got {reach}, expected at least 1 place")
        self.reach = reach  # D
        self.W = nn.Linear(query_size, query_size, bias=False)
        self.v = nn.Linear(query_size, 1, bias=False)

    def centre(self, query: Tensor, mask: Tensor) -> Tensor:
        """p_t, a place that may lie between tokens: ``(B, T, Q)`` -> ``(B, T, 1)``."""
        lengths = mask.sum(dim=-1)[:, None, None]  # (B, S) -> (B, 1, 1)
        return lengths * self.v(self.W(query).tanh()).sigmoid()

    def forward(
        self, scores: Tensor, mask: Tensor, query: Tensor, time: Tensor
    ) -> Tensor:
        """As :class:`Everywhere`."""
        place = torch.arange(scores.shape[-1], device=scores.device)
        away = place - self.centre(query, mask)  # (B, T, S)
        near = (away.abs() <= self.reach) & mask[:, None]
        weights = masked_softmax(scores, near)
        return weights * torch.exp(-(away**2) / (2 * (self.reach / 2) ** 2))


class Memory(NamedTuple):
    """What a decoder looks at, made once per sentence."""

    keys: Tensor  # (B, S, …), compared with the queries
    values: Tensor  # (B, S, M), of which the mean is taken
    mask: Tensor  # (B, S), True = real token


class Attention(nn.Module):
    """Compare, weigh, take the mean: a score and a window."""

    def __init__(self, score: nn.Module, window: nn.Module | None = None) -> None:
        super().__init__()
        self.score = score
        self.window = Everywhere() if window is None else window
        self.query_size, self.memory_size = score.query_size, score.memory_size
        self.coverage = getattr(score, "coverage", False)

    def remember(self, states: Tensor, mask: Tensor) -> Memory:
        """Prepare the encoder's ``states (B, S, M)``: their keys are projected here."""
        return Memory(self.score.keys(states), states, mask)

    def forward(
        self,
        query: Tensor,
        memory: Memory,
        time: Tensor,
        coverage: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """``query (B, T, Q)`` -> contexts ``(B, T, M)`` and weights ``(B, T, S)``.

        ``time (B,)`` is the step of the first query, counted from 0; ``coverage (B,
        S)`` the sum of the weights before it.
        """
        if self.coverage:
            scores = self.score(query, memory.keys, coverage)
        else:
            scores = self.score(query, memory.keys)
        weights = self.window(scores, memory.mask, query, time)
        return weights @ memory.values, weights  # (B, T, S) @ (B, S, M)


def coverage_loss(weights: Tensor, mask: Tensor) -> Tensor:
    """How much is looked at again: the mean over target tokens of Σ_i min(α_ti, c_ti).

    c_ti is the sum of the weights of place i before step t. ``weights (B, T, S)`` and
    ``mask (B, T)``, True = real target token -> () (See et al. 2017, eq. 12).
    """
    before = weights.cumsum(dim=1) - weights
    again = torch.minimum(weights, before).sum(dim=-1)  # (B, T, S) -> (B, T)
    return mean_over_all(again.masked_fill(~mask, 0.0).sum(), mask.sum())


class DecoderState(NamedTuple):
    """What decoding carries from token to token; each part has B rows."""

    layer: Any  # of the recurrent layer
    output: Tensor  # (B, H), the last attentional output, for input feeding
    time: Tensor  # (B,), steps made
    coverage: Tensor  # (B, S), the sum of the weights of those steps
    memory: Memory


class AttentionDecoder(nn.Module):
    """Read the previous target token, look at the source, say what may come next.

    With ``order="before"`` (Bahdanau) the query is the state before the step, and the
    context goes into the step beside the word. With ``"after"`` (Luong) the query is
    the state after it. Then, in both,

        output_t = tanh(W_c [context_t; s_t]),   logits = W_o output_t + b_o

    Without ``readout`` logits are W_o s_t + b_o; with ``"before"`` only, or the context
    would reach no word. ``input_feeding`` shows output_{t-1} to the step, so that past
    choices are known to it. The layer's ``input_size`` is E plus what it is fed:
    M for "before", H for input feeding.
    """

    def __init__(
        self,
        vocabulary: int,
        layer: nn.Module,
        attention: Attention,
        order: str = "before",
        input_feeding: bool = False,
        readout: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if order not in ("before", "after"):
            raise ValueError(f"order: got {order!r}, expected 'before' or 'after'")
        if order == "after" and not readout:
            raise ValueError("readout: got False, expected True with order 'after'")
        H, M = layer.hidden_size, attention.memory_size
        if attention.query_size != H:
            raise ValueError(
                f"attention: got queries of size {attention.query_size}, expected {H}, "
                "the layer's hidden size"
            )
        fed = M * (order == "before") + H * input_feeding
        if layer.input_size <= fed:
            raise ValueError(
                f"layer: got input size {layer.input_size}, expected more than {fed}, "
                "what it is fed beside the embedding"
            )
        self.embedding = nn.Embedding(vocabulary, layer.input_size - fed)
        self.layer, self.attention = layer, attention
        self.order, self.input_feeding = order, input_feeding
        self.at_once = order == "after" and not (input_feeding or attention.coverage)
        self.combine = nn.Linear(M + H, H, bias=False) if readout else None
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(H, vocabulary)

    def forward(
        self, tokens: Tensor, state: DecoderState
    ) -> tuple[Tensor, DecoderState, Tensor]:
        """``tokens (B, T)`` -> logits ``(B, T, V)``, last state, weights ``(B, T, S)``.

        Where no step waits for the attention of the one before it, all T are one call.
        """
        x = self.dropout(self.embedding(tokens))  # (B, T) -> (B, T, E)
        pieces = [x] if self.at_once else x.split(1, dim=1)
        outputs, looked = [], []
        for piece in pieces:
            output, state, weights = self._steps(piece, state)
            outputs.append(output)
            looked.append(weights)
        output = self.dropout(torch.cat(outputs, dim=1))  # (B, T, H)
        return self.output(output), state, torch.cat(looked, dim=1)

    def _steps(
        self, x: Tensor, state: DecoderState
    ) -> tuple[Tensor, DecoderState, Tensor]:
        """One step, ``x (B, 1, E)``; or all of them, where they can be one call."""
        parts = [x]
        if self.order == "before":
            query = self.layer.hidden(state.layer)[:, None]  # (B, 1, H)
            context, weights = self._look(query, state)
            parts.append(context)
        if self.input_feeding:
            parts.append(state.output[:, None])
        s, last = self.layer(torch.cat(parts, dim=-1), state.layer)  # (B, T, H)
        if self.order == "after":
            context, weights = self._look(s, state)
        output = self._read_out(context, s)
        time = state.time + x.shape[1]
        coverage = state.coverage + weights.sum(dim=1)  # (B, T, S) -> (B, S)
        state = DecoderState(last, output[:, -1], time, coverage, state.memory)
        return output, state, weights

    def _look(self, query: Tensor, state: DecoderState) -> tuple[Tensor, Tensor]:
        return self.attention(query, state.memory, state.time, state.coverage)

    def _read_out(self, context: Tensor, s: Tensor) -> Tensor:
        if self.combine is None:
            return s
        return self.combine(torch.cat([context, s], dim=-1)).tanh()


class AttentionSeq2Seq(nn.Module):
    """The encoder of chapter 3, all of whose states the decoder may look at."""

    def __init__(self, encoder: Encoder, decoder: AttentionDecoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.bridge = Bridge(encoder.hidden_size, decoder.layer)
        self.decoder = decoder

    def start(self, source: Tensor, mask: Tensor) -> DecoderState:
        """Read ``source (B, S)``: the state from which decoding begins."""
        encoded = self.encoder(source, mask)
        H = self.decoder.layer.hidden_size
        return DecoderState(
            self.bridge(encoded.summary),
            encoded.summary.new_zeros(len(source), H),
            torch.zeros(len(source), dtype=torch.long, device=source.device),
            encoded.states.new_zeros(source.shape),
            self.decoder.attention.remember(encoded.states, mask),
        )

    def forward(self, source: Tensor, mask: Tensor, previous: Tensor) -> Tensor:
        """Teacher forcing, as :class:`~course_lib.seq2seq.Seq2Seq`: ``(B, T, V)``."""
        logits, _, _ = self.decoder(previous, self.start(source, mask))
        return logits

    def weights(self, source: Tensor, mask: Tensor, previous: Tensor) -> Tensor:
        """Where each step looks, with the true words given: ``(B, T, S)``."""
        return self.decoder(previous, self.start(source, mask))[2]

    def step(self, tokens: Tensor, state: DecoderState) -> tuple[Tensor, DecoderState]:
        """One token of each sequence: ``(N,)`` -> logits ``(N, V)``, for decoding."""
        logits, state, _ = self.decoder(tokens[:, None], state)
        return logits[:, 0], state  # (N, 1, V) -> (N, V)
