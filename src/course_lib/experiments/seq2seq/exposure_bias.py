"""A decoder never sees its own mistakes while it learns. What does that cost?

With teacher forcing each word is predicted from true words; in use, from the decoder's
own (*exposure bias*: Ranzato et al. 2016). One number can't show what this costs. So
three things are told apart, for the model trained by teacher forcing:

- *The unlucky word.* Greedy decoding is right from end to end exactly where every
  teacher-forced prediction is: up to the first mistake the decoder's own words are the
  true ones. So the share of exact translations suffers from no exposure bias. With
  independent errors of probability ε it would be the mean of (1 - ε)^T.
- *The hard sentence.* After its first mistake a decoder errs more often. Much of this
  is so even where the mistake is put right at once: its sentence is a hard one.
- *The mistake seen.* The same places are predicted once from true words and once with
  one wrong word among them, the model's first mistake or, anywhere, the likeliest word
  that the reference lacks. The difference, the *harm*, is the wrong word's own. It is
  counted from the second token on: the first may have to change (*a* turns into *an*).

Its *price* is what it costs a decoder that goes on alone: the edits to the rest of the
reference, less those after the true word.

Scheduled sampling (Bengio et al. 2015) trains on the decoder's own words: their share
grows linearly from 0 at the first step to ``own`` at the last. All models of a seed
have the same first weights, batches and number of steps. What it takes off the harm is
at most exposure bias: a decoder that listens less to all words before it, true or not,
is harmed less too, and its perplexity from true words tells. Its target is the true
word of that place whatever was said before, which is no consistent aim (Huszár 2015).
"""

from __future__ import annotations

import math
import operator
import statistics
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from course_lib.data.batching import generator
from course_lib.data.translation import Batch, collate
from course_lib.decoding import evaluating
from course_lib.experiments import translation
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo, learn
from course_lib.experiments.seq2seq.exposure_figure import figure
from course_lib.experiments.seq2seq.mistakes import (
    Counts,
    Mistake,
    after,
    by_place,
    edits,
    first_mistakes,
    likely_mistakes,
    nothing,
    prices,
    until_wrong,
    wrong_words,
)
from course_lib.experiments.translation import Corpus, Name, Part
from course_lib.seq2seq import Seq2Seq, scheduled_sampling, sequence_loss
from course_lib.training import Setting, Training, to_device

READ_AT_ONCE = 100  # test sentences
BANDED = (0.0, 0.5, 1.0)  # shares of own words
VALID = 200  # validation sentences, for the curves


@dataclass(frozen=True)
class Config:
    """One model for each share of own words; short sentences, read step by step."""

    corpus: Name = "grammar"  # the others: after a download
    train: int = 16_000  # sentence pairs
    test: int = 1000  # sentence pairs, the same for every seed
    longest: int = 12  # source tokens; the decoder is trained one token at a time
    longest_output: int = 30  # target tokens at which decoding gives up
    embedding: int = 64  # E
    hidden: int = 96  # H of the GRU decoder, and of each direction of the encoder
    dropout: float = 0.0  # share of inputs and states; so short a training needs none
    own: tuple[float, ...] = (0.0, 0.25, 0.5, 1.0)  # share of own words, at the end
    steps: int = 1000  # optimiser steps of each model
    batch: int = 64  # sentence pairs
    learning_rate: float = 3e-3  # Adam
    measure_every: int = 200  # optimiser steps between points of the curves
    lags: int = 8  # tokens after a mistake that are looked at
    every: int = 3  # of the places for a likely mistake, one in so many is gone on from


class Sampled(NamedTuple):
    """A batch of training: the pairs, and how its decoder reads them."""

    pairs: Batch
    own: float  # share of the decoder's own words
    number: int  # seeds the coins


def build(config: Config, corpus: Corpus, seed: int) -> Seq2Seq:
    """A model before training; the summary is shown at every step."""
    return translation.encoder_decoder(
        corpus, config.embedding, config.hidden, seed, dropout=config.dropout
    )


def check(config: Config) -> None:
    """Raise ``ValueError`` where ``own`` lacks shares of which bands speak."""
    own = config.own
    if list(own) != sorted({*own, *BANDED}) or own[0] < 0 or own[-1] > 1:
        raise ValueError(
            f"own: got {own}, expected growing shares from 0 to 1 with "
            f"{', '.join(f'{share:g}' for share in BANDED)} among them"
        )


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Train with each share of own words; measure what a wrong word does to each."""
    check(config)
    corpus = translation.read(
        config.corpus, config.train, config.test, setting.seed, config.longest
    )
    memo, total = Memo(setting, "exposure-bias"), len(config.own) * config.steps
    model = None
    for position, own in enumerate(config.own):
        if f"{own:g}" not in memo.parts:
            model = build(config, corpus, setting.seed)
            done = position * config.steps
            curve = yield from _learn(config, setting, corpus, model, own, done, total)
            found = measure(config, corpus, model, corpus.test)
            memo.keep(f"{own:g}", {"curve": curve} | found)
    every = [memo.parts[f"{own:g}"] for own in config.own]
    metrics = compare(config.own, [one["metrics"] for one in every])
    series = {key: [one[key] for one in every] for key in every[0]}
    mean = statistics.fmean(len(target) + 1 for target in corpus.train.targets)
    return Outcome(metrics, series, int(total * config.batch * mean), model)


def _learn(
    config: Config,
    setting: Setting,
    corpus: Corpus,
    model: Seq2Seq,
    own: float,
    done: int,
    total: int,
) -> Generator[Progress, None, dict[str, list[float]]]:
    pairs = translation.batches(corpus.train, config.batch, setting.seed)

    def batch_at(step: int) -> Sampled:
        return Sampled(pairs(step), own * step / config.steps, step)

    def loss(model: nn.Module, batch: Sampled) -> Tensor:
        if not own:  # the same, and faster
            return translation.teacher_forced_loss(model, batch.pairs)
        source, mask, previous, target, target_mask = batch.pairs
        # The sampler's numbers are below these.
        coins = generator(setting.seed, config.steps + batch.number)
        logits = scheduled_sampling(model, source, mask, previous, batch.own, coins)
        return sequence_loss(logits, target, target_mask)

    some = corpus.valid.of(range(min(VALID, len(corpus.valid.sources))))

    def valid() -> Mapping[str, float]:
        return {"perplexity": translation.perplexity(translation.forced(model, some))}

    return (
        yield from learn(
            model,
            loss=loss,
            batch_at=batch_at,
            training=Training(config.steps, config.learning_rate),
            setting=setting,
            name=f"own {own:g}",
            measure=valid,
            every=config.measure_every,
            done=done,
            total=total,
        )
    )


def measure(
    config: Config, corpus: Corpus, model: Seq2Seq, part: Part
) -> dict[str, Any]:
    """What one model does on ``part``: single numbers, and by lag and place."""
    found = translation.translate(model, part.sources, config.longest_output)
    forced = translation.forced(model, part)
    said = [list(one.tokens) for one in found]
    true = [target.tolist() for target in part.targets]
    exact = [ours == theirs for ours, theirs in zip(said, true, strict=True)]
    right = [one.right.all().item() for one in forced]
    tokens = sum(len(one.right) for one in forced)
    error = 1 - translation.accuracy(forced)
    own, likely, price = look_back(config, model, part)
    own_seen, own_unseen = own.errors(2)
    metrics = {
        "perplexity": translation.perplexity(forced),
        "bleu": translation.corpus_bleu(corpus, part, found),
        "error": error,
        "edits": sum(map(edits, said, true)) / tokens,
        "exact": statistics.fmean(exact),
        "exact_independent": statistics.fmean(
            (1 - error) ** len(one.right) for one in forced
        ),
        "disagree": statistics.fmean(map(operator.ne, exact, right)),
        "error_before": until_wrong([one.right for one in forced]),
        "error_hard": own_unseen,
        "error_own": own_seen,
        "harm": harm(likely, 2),
        "harm_next": harm(likely, 1, 1),
        "harm_far": harm(likely, config.lags // 2 + 1),
        "price": price,
    }
    return {
        "metrics": metrics,
        "seen": (likely.seen / likely.places).tolist(),
        "unseen": (likely.unseen / likely.places).tolist(),
        "place": by_place([~one.right for one in forced], said, true),
    }


def look_back(
    config: Config, model: Seq2Seq, part: Part
) -> tuple[Counts, Counts, float]:
    """Wrong tokens after own first mistakes and likely ones; the price of these."""
    own = likely = nothing(config.lags)
    costs: list[int] = []
    device = next(model.parameters()).device
    with evaluating(model):
        for rows in torch.arange(len(part.sources)).split(READ_AT_ONCE):
            some = part.of(rows.tolist())
            batch = to_device(collate(some.sources, some.targets), device)
            wrong, logits = wrong_words(model, batch)
            first = first_mistakes(wrong, logits)
            own += after(model, batch, wrong, first, config.lags)
            mistake = likely_mistakes(batch, logits)
            likely += after(model, batch, wrong, mistake, config.lags)
            few = Mistake(*(column[:: config.every] for column in mistake))
            costs += prices(model, batch, few, config.longest_output)
    return own, likely, statistics.fmean(costs)


def harm(counts: Counts, first: int, last: int | None = None) -> float:
    """How much likelier a token is wrong for the mistake among the words before it."""
    seen, unseen = counts.errors(first, last)
    return seen - unseen


def compare(own: Sequence[float], each: Sequence[Mapping[str, float]]) -> dict:
    """The metrics of each model, and how they differ from teacher forcing's, the first.

    A name ends in ``teacher``, or in the share of own words in percent.
    """
    teacher = each[0]
    metrics = {f"{name}_teacher": value for name, value in teacher.items()}
    rise = teacher["error_own"] - teacher["error_before"]
    metrics |= {
        "exact_over_independent": ratio(teacher["exact"], teacher["exact_independent"]),
        "hard_share": ratio(teacher["error_hard"] - teacher["error_before"], rise),
        "far_over_harm": ratio(teacher["harm_far"], teacher["harm"]),
    }
    for share, one in zip(own[1:], each[1:], strict=True):
        percent = round(100 * share)
        metrics |= {f"{name}_{percent}": value for name, value in one.items()}
        metrics |= {
            f"{name}_ratio_{percent}": ratio(one[name], teacher[name])
            for name in ("perplexity", "error", "edits", "harm", "price")
        }
        metrics[f"bleu_gain_{percent}"] = one["bleu"] - teacher["bleu"]
    return metrics


def ratio(above: float, below: float) -> float:
    """NaN, which is in no band, where a model that has learned nothing leaves none."""
    return above / below if below else math.nan


class Expected(NamedTuple):
    """The ends of the bands, where they differ between the scales."""

    clustered: float  # exact translations, over what independent errors would leave
    hard: float  # share of the rise after a first mistake
    harm: tuple[float, float]
    far: float  # of the harm
    price: float  # at most
    perplexity: tuple[float, float]  # ratios for 0.5 and 1
    less_harm: float  # ratio for 0.5
    bleu: tuple[float, float]  # gains for 0.5 and 1, at most


def _bands(e: Expected) -> tuple[Band, ...]:
    return (
        Band(
            "disagree_teacher",
            "decoding is exact where every teacher-forced prediction is right, and "
            "nowhere else (but for rounding)",
            high=0.005,
        ),
        Band(
            "exact_over_independent",
            "errors gather in some sentences: more translations are exact than "
            "if each word were wrong by chance",
            low=e.clustered,
        ),
        Band(
            "hard_share",
            "of the rise of the error after a first mistake, so much is there when the "
            "mistake is put right at once: the sentence is hard",
            e.hard,
            1.0,
        ),
        Band(
            "harm_teacher",
            "one wrong word makes the later tokens wrong more often than the true word "
            "does, from the second on",
            *e.harm,
        ),
        Band(
            "far_over_harm",
            "this passes: less of it is left in the last half of the tokens looked at",
            high=e.far,
        ),
        Band(
            "price_teacher",
            "a decoder that goes on alone pays for a wrong word with further edits, "
            "but they do not snowball",
            0.0,
            e.price,
        ),
        Band(
            "harm_ratio_50",
            "scheduled sampling up to 0.5 takes off part of the harm",
            high=e.less_harm,
        ),
        Band(
            "perplexity_ratio_50",
            "and makes the perplexity from true words worse",
            low=e.perplexity[0],
        ),
        Band("perplexity_ratio_100", "up to 1, far worse", low=e.perplexity[1]),
        Band(
            "bleu_gain_50",
            "it does not make the translations better: BLEU rises by less than a "
            "point, or falls",
            high=e.bleu[0],
        ),
        Band("bleu_gain_100", "up to 1, BLEU falls", high=e.bleu[1]),
        Band("edits_ratio_50", "for comparison: edits, decoding alone, 0.5"),
        Band("price_ratio_50", "for comparison: price of a wrong word, 0.5"),
    )


EXPERIMENT = Experiment(
    name="exposure-bias",
    chapter="seq2seq",
    claim=(
        "A decoder trained on true words is thrown off by a wrong one, but soon finds "
        "its way back; most of what follows a mistake goes wrong because the sentence "
        "is hard. Scheduled sampling makes it less sensitive to its own mistakes, and "
        "worse at predicting from true words; its translations do not get better here."
    ),
    source="Ranzato et al. (2016); Bengio et al. (2015); Huszár (2015)",
    paper=(
        "Bengio et al. (2015), image captions of MSCOCO, as reported: BLEU-4 28.8 by "
        "teacher forcing, 30.6 by scheduled sampling; CIDEr 0.895 and 0.921"
    ),
    scales={
        "quick": Config(
            train=3_000,
            test=300,
            longest=6,
            hidden=48,
            own=BANDED,
            steps=250,
            batch=32,
            learning_rate=1e-2,
            measure_every=125,
            lags=6,
        ),
        "cpu": Config(),
        "real": Config(
            corpus="multi30k",
            embedding=256,
            hidden=512,
            dropout=0.3,
            longest_output=60,
            steps=750,  # 7 times round the captions, one word at a time
            batch=256,
            learning_rate=1.4e-3,
            measure_every=125,
        ),
    },
    run=run,
    bands={
        "quick": _bands(
            Expected(0.5, 0.0, (0.0, 0.2), 1.0, 3.0, (1.0, 1.0), 1.0, (5.0, 5.0))
        ),
        "cpu": _bands(
            Expected(1.3, 0.5, (0.015, 0.1), 0.6, 1.5, (1.03, 1.2), 0.8, (1.0, -2.0))
        ),
        "real": _bands(
            Expected(1.0, 0.0, (0.0, 0.2), 1.0, 3.0, (1.0, 1.0), 1.0, (1.0, 0.0))
        ),
    },
    figure=figure,
    units={f"bleu_{kind}": "BLEU" for kind in ("teacher", "50", "100")}
    | {f"bleu_gain_{percent}": "BLEU" for percent in (50, 100)}
    | {
        "price_teacher": "edits",
        "disagree_teacher": "of the sentences",
        "exact_over_independent": "times as many",
        "hard_share": "of the rise",
        "harm_teacher": "of the tokens",
        "far_over_harm": "of the harm",
        "harm_ratio_50": "times that of teacher forcing",
        "price_ratio_50": "times that of teacher forcing",
        "perplexity_ratio_50": "times that of teacher forcing",
        "perplexity_ratio_100": "times that of teacher forcing",
        "edits_ratio_50": "times those of teacher forcing",
    },
)
