"""What the translation experiments of several chapters share: corpora, batches, scores.

A corpus is the generated Korean-English one (``"grammar"``, which needs no download),
or a real one in subwords: ``"multi30k"``, captions from German into English,
``"multi30k-en-de"``, the same the other way, ``"tatoeba-fra"`` and ``"tatoeba-kor"``,
everyday sentences from French and Korean.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from course_lib.data import korean_english, parallel
from course_lib.data.batching import Buckets, pad
from course_lib.data.korean_english.difficulty import best
from course_lib.data.subwords import Subwords
from course_lib.data.translation import END, START, Batch, Vocabulary, collate
from course_lib.decoding import Hypothesis, beam_search, evaluating, greedy
from course_lib.experiments.claim import Experiment, Progress
from course_lib.experiments.halving import both_precisions, halved
from course_lib.experiments.learning import learn
from course_lib.experiments.machine import origin
from course_lib.metrics import bleu, by_quarter
from course_lib.seq2seq import (
    Seq2Seq,
    Seq2SeqConfig,
    seq2seq,
    sequence_loss,
    token_losses,
)
from course_lib.training import Setting, to_device

Name = Literal["grammar", "multi30k", "multi30k-en-de", "tatoeba-fra", "tatoeba-kor"]
CORPORA = get_args(Name)
SUBWORDS = 8000  # at most, of each language


class Part(NamedTuple):
    """The pairs of one split, as ids and as text."""

    sources: list[Tensor]  # (S,) each, without start and end
    targets: list[Tensor]  # (T,) each, likewise
    references: list[str]

    def lengths(self) -> list[int]:
        """The number of tokens of each source."""
        return [len(source) for source in self.sources]

    def of(self, indices: Sequence[int]) -> Part:
        """The pairs at ``indices``."""
        return Part(*([column[i] for i in indices] for column in self))


class Corpus(NamedTuple):
    """Sentence pairs for training, validation and test: no source is in two of them."""

    source: Vocabulary | Subwords
    target: Vocabulary | Subwords
    train: Part
    valid: Part
    test: Part
    best: list[str]  # what a perfect model would say of ``test``, to be scored
    text: Callable[[Sequence[int]], str]  # from target ids to what BLEU reads
    source_text: Callable[[Sequence[int]], str]  # from source ids to what people read
    tokenize: str  # how sacrebleu cuts the text


def read(name: str, train: int, test: int, seed: int, longest: int = 50) -> Corpus:
    """A corpus of :data:`CORPORA`.

    ``train``, ``test`` and ``longest`` are the grammar's. Raises ``ValueError`` for
    another name.
    """
    if name not in CORPORA:
        raise ValueError(f"corpus: got {name!r}, expected one of {', '.join(CORPORA)}")
    if name == "grammar":
        return grammar(train, max(200, train // 50), test, seed, longest)
    return real(name)


def grammar(train: int, valid: int, test: int, seed: int, longest: int = 50) -> Corpus:
    """Korean into English, of at most ``longest`` source tokens, drawn by ``seed``.

    The test sentences are the same for every seed, so that seeds compare.
    """
    tested = korean_english.draws(test, 0, "test", longest=longest)
    drawn = {
        "train": korean_english.pairs(train, seed, "train", longest=longest),
        "valid": korean_english.pairs(valid, seed, "valid", longest=longest),
        "test": [one.pair for one in tested],
    }
    source = Vocabulary([pair.source for pair in drawn["train"]])
    target = Vocabulary([pair.target for pair in drawn["train"]])
    parts = {
        name: Part(
            [source.encode(pair.source) for pair in pairs],
            [target.encode(pair.target) for pair in pairs],
            [" ".join(pair.target) for pair in pairs],
        )
        for name, pairs in drawn.items()
    }
    return Corpus(
        source,
        target,
        **parts,
        best=[" ".join(best(one)[0]) for one in tested],
        text=lambda ids: " ".join(target.decode(ids)),
        source_text=lambda ids: korean_english.korean(source.decode(ids)),
        tokenize="none",
    )


def real(name: str) -> Corpus:
    """A corpus of :mod:`course_lib.data.parallel`, whose splits share no sentence.

    The subwords are learned from the training sentences. The best that a model could
    say is taken to be the reference: nobody knows what else would be right.
    """

    def split(part: str) -> list[parallel.Pair]:
        if name == "multi30k":
            return parallel.multi30k(part)
        if name == "multi30k-en-de":
            return parallel.multi30k(part, "en", "de")
        return parallel.tatoeba(name.removeprefix("tatoeba-"), part)

    pairs = {part: split(part) for part in parallel.SPLITS}
    source, target = (
        Subwords.learn([pair[side] for pair in pairs["train"]], SUBWORDS)
        for side in (0, 1)
    )
    parts = {
        split: Part(
            [source.encode(one) for one, _ in of],
            [target.encode(other) for _, other in of],
            [other for _, other in of],
        )
        for split, of in pairs.items()
    }
    return Corpus(
        source,
        target,
        **parts,
        best=[other for _, other in pairs["test"]],
        text=target.decode,
        source_text=source.decode,
        tokenize="13a",
    )


def batches(part: Part, batch: int, seed: int) -> Callable[[int], Batch]:
    """``batch_at(step)``: pairs of similar length, so that little of it is padding."""
    longest = [len(s) + len(t) for s, t in zip(part.sources, part.targets, strict=True)]
    buckets = Buckets(longest, batch, seed)

    def batch_at(step: int) -> Batch:
        chosen = part.of(buckets(step).tolist())
        return collate(chosen.sources, chosen.targets)

    return batch_at


def tokens_of_a_pair(part: Part) -> float:
    """Tokens of source and target together, on average."""
    tokens = sum(len(ids) for ids in (*part.sources, *part.targets))
    return tokens / len(part.sources)


def encoder_decoder(
    corpus: Corpus,
    embedding: int,
    hidden: int,
    seed: int,
    bidirectional: bool = True,
    dropout: float = 0.0,
) -> Seq2Seq:
    """A GRU pair for ``corpus`` that shows the context at every step, untrained."""
    torch.manual_seed(seed)
    return seq2seq(
        Seq2SeqConfig(
            len(corpus.source),
            len(corpus.target),
            embedding,
            hidden,
            bidirectional=bidirectional,
            feed_context=True,
            dropout=dropout,
        )
    )


def teacher_forced_loss(
    model: nn.Module, batch: Batch, label_smoothing: float = 0.0
) -> Tensor:
    """Mean cross-entropy per target token, the true tokens before it being given."""
    logits = model(batch.source, batch.source_mask, batch.previous)
    return sequence_loss(logits, batch.target, batch.target_mask, label_smoothing)


class Forced(NamedTuple):
    """What a model makes of one target, the true tokens before each being given."""

    losses: Tensor  # (T,), in nats, the end included
    right: Tensor  # (T,), bool: was the true token the most probable?


def forced(model: Seq2Seq, part: Part, batch: int = 128) -> list[Forced]:
    """Every target of ``part``, teacher-forced."""
    found: list[Forced | None] = [None] * len(part.sources)
    with evaluating(model):
        for rows, one in in_batches(model, part, batch):
            logits = model(one.source, one.source_mask, one.previous)  # (B, T, V)
            losses = token_losses(logits, one.target).cpu()  # (B, T)
            right = (logits.argmax(-1) == one.target).cpu()  # (B, T)
            for row, i in enumerate(rows):
                end = len(part.targets[i]) + 1
                found[i] = Forced(losses[row, :end], right[row, :end])
    return found


def in_batches(
    model: nn.Module, part: Part, batch: int
) -> Iterator[tuple[list[int], Batch]]:
    """All of ``part`` on the model's device, with the places of its rows in ``part``.

    Sources of similar length come together, so that little of a batch is padding.
    """
    device = next(model.parameters()).device
    for rows in _by_length(part.lengths(), batch):
        chosen = part.of(rows)
        yield rows, to_device(collate(chosen.sources, chosen.targets), device)


def perplexity(found: Sequence[Forced]) -> float:
    """exp of the mean loss per target token."""
    return torch.cat([one.losses for one in found]).double().mean().exp().item()


def accuracy(found: Sequence[Forced]) -> float:
    """The share of target tokens that were the most probable."""
    return torch.cat([one.right for one in found]).double().mean().item()


def learn_to_translate(
    model: nn.Module,
    corpus: Corpus,
    *,
    batch: int,
    setting: Setting,
    loss: Callable[[nn.Module, Batch], Tensor] = teacher_forced_loss,
    **how: Any,
) -> Generator[Progress, None, dict[str, list[Any]]]:
    """:func:`learn` from ``corpus.train``, ``batch`` pairs a step.

    Returns its curves: "step", and "valid", the perplexity of 200 validation pairs.
    ``how`` is what else :func:`learn` is told.
    """
    valid = corpus.valid.of(range(200))
    return learn(
        model,
        loss=loss,
        batch_at=batches(corpus.train, batch, setting.seed),
        setting=setting,
        measure=lambda: {"valid": perplexity(forced(model, valid))},
        **how,
    )


def translate(
    model: Seq2Seq,
    sources: Sequence[Tensor],
    longest: int,
    width: int = 1,
    alpha: float = 0.0,
    batch: int = 128,
) -> list[Hypothesis]:
    """The best translation of each source that a beam of ``width`` finds.

    ``longest`` is in tokens, ``alpha`` the power of the length penalty. A ``width`` of
    1 is greedy.
    """
    device = next(model.parameters()).device
    found: list[Hypothesis | None] = [None] * len(sources)
    with evaluating(model):
        for rows in _by_length([len(source) for source in sources], batch):
            source, mask = (part.to(device) for part in pad([sources[i] for i in rows]))
            first = torch.full((len(rows),), START, device=device)
            state = model.start(source, mask)
            given = (model.step, state, first, END, longest)
            best = (
                greedy(*given)
                if width == 1
                else [ranked[0] for ranked in beam_search(*given, width, alpha)]
            )
            for i, one in zip(rows, best, strict=True):
                found[i] = one
    return found


def corpus_bleu(corpus: Corpus, part: Part, found: Sequence[Hypothesis]) -> float:
    """BLEU of translations of ``part``, 0 to 100."""
    texts = [corpus.text(one.tokens) for one in found]
    return bleu(texts, part.references, corpus.tokenize).score


def bleu_by_quarter(
    corpus: Corpus, part: Part, found: Sequence[Hypothesis]
) -> list[float]:
    """BLEU of four groups, from the shortest sources to the longest."""
    return by_quarter(
        part.lengths(),
        lambda rows: corpus_bleu(corpus, part.of(rows), [found[i] for i in rows]),
    )


def lengths_by_quarter(part: Part) -> list[list[int]]:
    """Tokens of the shortest and of the longest source of each of the four groups."""
    lengths = part.lengths()
    return by_quarter(
        lengths,
        lambda rows: [min(lengths[i] for i in rows), max(lengths[i] for i in rows)],
    )


def best_by_quarter(corpus: Corpus) -> list[float]:
    """BLEU of the test sentences that a perfect model would reach, in the same groups.

    It is below 100 where something can be said in two ways.
    """
    return by_quarter(
        corpus.test.lengths(),
        lambda rows: (
            bleu(
                [corpus.best[i] for i in rows],
                [corpus.test.references[i] for i in rows],
                corpus.tokenize,
            ).score
        ),
    )


class Trained(NamedTuple):
    """A model for the page, with what it learned from."""

    model: nn.Module  # on the CPU
    corpus: Corpus
    seed: int


def export_translator(
    experiment: Experiment,
    config: Any,
    trained: Trained,
    full: Mapping[str, float],
    measure: Callable[[nn.Module], Mapping[str, float]],
) -> dict[str, Any]:
    """What a live figure needs of ``trained``, for ``Experiment.export``.

    ``full`` is what was measured of it; ``measure`` measures the rounded model.
    """
    model, corpus, seed = trained
    packed, half = halved(model)
    return {
        "record": {
            **origin(experiment, config, seed),
            "test_pairs": len(corpus.test.sources),
            **both_precisions(full, measure(half)),
        },
        "source_words": list(corpus.source.words),
        "target_words": list(corpus.target.words),
        "parameters": packed,
    }


def _by_length(lengths: Sequence[int], batch: int) -> list[list[int]]:
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    return [order[i : i + batch] for i in range(0, len(order), batch)]
