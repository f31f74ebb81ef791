"""From probabilities of the next token to a sequence: greedy, sampling, beam search.

A model takes part as ``step(tokens (N,), state) -> (logits (N, V), state)``: it reads
one token of each of N sequences and says what may come next. A state is a tensor, or a
nested tuple of tensors, whose first dimension is N: so rows can be repeated and moved.

A sequence ends with the token ``end``, or where it has ``longest`` tokens. Its score is
the sum of the log-probabilities of its tokens, ``end`` included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.recurrent import map_state

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


class Hypothesis(NamedTuple):
    """A decoded sequence: tokens without ``end``, its score, whether it ended."""

    tokens: tuple[int, ...]
    log_probability: float
    ended: bool


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Without dropout and gradients; the model's mode is put back afterwards."""
    before = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(before)


def greedy(
    step: Step, state: Any, first: Tensor, end: int, longest: int
) -> list[Hypothesis]:
    """Take the most probable token again and again, from the inputs ``first (N,)``.

    Ties go to the lower token.
    """

    def most_probable(logits: Tensor) -> Tensor:
        return logits.max(dim=-1).indices  # argmax takes three times as long on a CPU

    return _walk(step, state, first, end, longest, most_probable)


def sample(
    step: Step,
    state: Any,
    first: Tensor,
    end: int,
    longest: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> list[Hypothesis]:
    """Draw each token from the model's probabilities, after :func:`restrict`.

    The scores are the model's own, before any restriction.
    """

    def draw(logits: Tensor) -> Tensor:
        p = restrict(logits, temperature, top_k, top_p).softmax(dim=-1)
        drawn = torch.multinomial(p, 1, generator=generator)  # (N, V) -> (N, 1)
        return drawn.squeeze(-1)

    return _walk(step, state, first, end, longest, draw)


def restrict(
    logits: Tensor,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> Tensor:
    """``logits (..., V)``, divided by ``temperature``; what is left out becomes -inf.

    ``top_k`` keeps the k most probable tokens (Fan et al. 2018), ``top_p`` the fewest
    whose probabilities reach p together (the nucleus of Holtzman et al. 2020).
    """
    if temperature <= 0:
        raise ValueError(f"temperature: got {temperature}, expected more than 0")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k: got {top_k}, expected at least 1")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p: got {top_p}, expected a number in (0, 1]")
    logits = logits / temperature
    ordered, order = logits.sort(dim=-1, descending=True, stable=True)
    out = torch.zeros_like(ordered, dtype=torch.bool)
    if top_k is not None:
        out[..., top_k:] = True
    if top_p is not None:
        p = ordered.softmax(dim=-1)
        out |= p.cumsum(dim=-1) - p >= top_p  # those before it reach p already
    out = torch.zeros_like(out).scatter(-1, order, out)
    return logits.masked_fill(out, -torch.inf)


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6)^alpha, by which a score is divided (Wu et al. 2016, eq. 14).

    ``length`` counts the tokens, ``end`` included. A sum of log-probabilities falls
    with every token, so without a penalty (``alpha`` 0) short sequences win.
    """
    return ((5 + length) / 6) ** alpha


def beam_search(
    step: Step,
    state: Any,
    first: Tensor,
    end: int,
    longest: int,
    width: int,
    alpha: float = 0.0,
) -> list[list[Hypothesis]]:
    """The ``width`` best sequences that a beam of that width finds, best first.

    At each step every sequence of the beam is continued by every token, and the
    ``width`` best of all these stay (Graves 2012; Sutskever et al. 2014). One that ends
    leaves the beam. The search stops where nothing that is left can still win, so
    stopping early changes no winner. Sentences and beams run in one batch; ``first``
    holds one token per sentence, ``(B,)``. A beam of 1 is :func:`greedy`.

    Sequences are ranked by their score divided by :func:`length_penalty`.
    """
    if width < 1:
        raise ValueError(f"width: got {width}, expected at least 1")
    if alpha < 0:
        raise ValueError(f"alpha: got {alpha}, expected 0 or more")
    _check_longest(longest)
    B, K = len(first), width
    tokens = first.repeat_interleave(K)  # (B,) -> (B K,)
    state = map_state(lambda part: part.repeat_interleave(K, dim=0), state)
    scores = torch.full((B, K), -torch.inf, device=first.device)
    scores[:, 0] = 0.0  # all K are the same at first, so only one may go on
    paths = torch.empty(B, K, 0, dtype=torch.long, device=first.device)
    found: list[list[Hypothesis]] = [[] for _ in range(B)]
    rows = torch.arange(B, device=first.device)[:, None] * K  # of sentences in (B K)

    for length in range(1, longest + 1):
        logits, state = step(tokens, state)
        log_p = logits.log_softmax(dim=-1).view(B, K, -1)  # (B K, V) -> (B, K, V)
        V = log_p.shape[-1]
        every = (scores[..., None] + log_p).view(B, K * V)
        scores, chosen = every.topk(K, dim=-1)  # (B, K V) -> (B, K)
        beam, token = chosen // V, chosen % V
        paths = paths.gather(1, beam[..., None].expand(B, K, length - 1))
        paths = torch.cat([paths, token[..., None]], dim=-1)  # (B, K, length)
        over = token == end if length < longest else torch.ones_like(token).bool()
        for b, k in (over & scores.isfinite()).nonzero().tolist():
            found[b].append(_hypothesis(paths[b, k].tolist(), scores[b, k].item(), end))
        scores = scores.masked_fill(over, -torch.inf)
        if _nothing_can_win(found, scores, longest, K, alpha):
            break
        index = (rows + beam).view(-1)
        state = map_state(lambda part, index=index: part[index], state)
        tokens = token.reshape(-1)
    return [sorted(of_one, key=lambda h: -normalised(h, alpha))[:K] for of_one in found]


def normalised(hypothesis: Hypothesis, alpha: float) -> float:
    """The score of a hypothesis divided by its length penalty."""
    length = len(hypothesis.tokens) + hypothesis.ended
    return hypothesis.log_probability / length_penalty(length, alpha)


def _nothing_can_win(
    found: list[list[Hypothesis]],
    scores: Tensor,
    longest: int,
    width: int,
    alpha: float,
) -> bool:
    """Whether no sequence in a beam can still come among the ``width`` best.

    A score only falls, and the penalty is largest for the longest sequence: so the
    score now, divided by that penalty, is the best that can come of it.
    """
    best = (scores.amax(dim=1) / length_penalty(longest, alpha)).tolist()
    for of_one, bound in zip(found, best, strict=True):
        if bound == -torch.inf:
            continue
        ranked = sorted((normalised(h, alpha) for h in of_one), reverse=True)
        if len(ranked) < width or ranked[width - 1] < bound:
            return False
    return True


def _walk(
    step: Step,
    state: Any,
    first: Tensor,
    end: int,
    longest: int,
    choose: Callable[[Tensor], Tensor],
) -> list[Hypothesis]:
    _check_longest(longest)
    token, chosen = first, []
    score = torch.zeros(len(first), device=first.device)
    over = torch.zeros(len(first), dtype=torch.bool, device=first.device)
    for _ in range(longest):
        logits, state = step(token, state)
        token = choose(logits).masked_fill(over, end)
        log_p = logits.log_softmax(dim=-1).gather(-1, token[:, None]).squeeze(-1)
        score = score + log_p.masked_fill(over, 0.0)
        chosen.append(token)
        over = over | (token == end)
        if over.all():
            break
    rows = torch.stack(chosen, dim=1).tolist()
    return [
        _hypothesis(row, log_p, end)
        for row, log_p in zip(rows, score.tolist(), strict=True)
    ]


def _hypothesis(tokens: list[int], log_probability: float, end: int) -> Hypothesis:
    ended = end in tokens
    content = tokens[: tokens.index(end)] if ended else tokens
    return Hypothesis(tuple(content), log_probability, ended)


def _check_longest(longest: int) -> None:
    if longest < 1:
        raise ValueError(f"longest: got {longest}, expected at least 1 token")
