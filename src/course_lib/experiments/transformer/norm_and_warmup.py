"""Where the norm stands, and whether the learning rate may begin at its peak.

The paper's Transformer puts a norm after each sum, and its rate grows from almost 0 for
4000 steps before it falls (Vaswani et al. 2017, section 5.3). The two belong together:
with the norm after the sum the gradient is larger the nearer a block is to the output,
already before the first step (Xiong et al. 2020, figure 3). With the norm before each
part it does not grow.

Four runs show it: the norm after or before ("post", "pre"), and the rate at its peak
from the first step on ("none") or grown to it ("warm"). From the end of the warm-up on
all have the same rate, which falls to 0 in a straight line. They differ in nothing
else: seed, batches and steps are the same. As in the paper, gradients are not clipped.
With the norm after the sum both are made again with a lower peak.

Losses are nats per token of validation sentences. To know how often each word occurs
is worth ``loss_frequencies``; a model that stays there has not read its source.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import torch

from course_lib.data.translation import END
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo, learn
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.transformer.translators import build
from course_lib.experiments.translation import (
    Corpus,
    Name,
    batches,
    forced,
    read,
    teacher_forced_loss,
    tokens_of_a_pair,
)
from course_lib.training import Setting, Training, to_device
from course_lib.transformer import Transformer, TransformerConfig

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

NORMS = ("post", "pre")
STARTS = ("none", "warm")
RATES = ("high", "low")
PLAN = (  # which runs are made: norm, start, peak rate
    *product(NORMS, STARTS, ("high",)),
    *product(("post",), STARTS, ("low",)),
)
STACKS = ("encoder", "decoder")
SAYS = {
    "post_none": "after the sum, no warm-up",
    "post_warm": "after the sum, warm-up",
    "pre_none": "before the part, no warm-up",
    "pre_warm": "before the part, warm-up",
}
# The paper's rate, and its own formula if nothing held it down at first.
PAPER = Training(20_000, (512 * 4000) ** -0.5, warmup=4000, schedule="inverse-sqrt")
BACKWARDS = Training(20_000, 512**-0.5, schedule="inverse-sqrt")


@dataclass(frozen=True)
class Config:
    """One deep and narrow Transformer, trained six times."""

    corpus: Name = "grammar"  # grammar: Korean to English, made here
    train: int = 20_000  # pairs of the grammar; the others take all of theirs
    longest: int = 12  # tokens of a source of the grammar
    size: int = 64  # C
    heads: int = 4  # H
    inner: int = 256  # numbers inside the feed-forward network
    blocks: int = 6  # of the encoder, and as many of the decoder
    dropout: float = 0.0  # the grammar has no end of pairs; 29,000 captions do
    steps: int = 500  # optimiser steps of each run
    warmup: int = 200  # of these; without a warm-up the rate is at its peak in them
    low: float = 1e-3  # peak rate of Adam
    high: float = 2e-3  # a higher one, at which the four are compared
    batch: int = 32  # pairs of similar length
    gradient_batches: int = 8  # for the gradients before training
    measure_every: int = 50  # optimiser steps


def sizes(norm: str, config: Config) -> TransformerConfig:
    """Those of one of the two networks."""
    return TransformerConfig(
        size=config.size,
        heads=config.heads,
        inner=config.inner,
        blocks=config.blocks,
        norm=norm,
        dropout=config.dropout,
    )


@dataclass(frozen=True)
class AtOnce(Training):
    """At its peak already in the steps that were the warm-up; the rest is the same."""

    def rate(self, index: int) -> float:
        """As :meth:`Training.rate`."""
        return super().rate(max(index, self.warmup - 1))


def training(start: str, peak: float, config: Config) -> Training:
    """With a warm-up or without; both are the same after it."""
    kind = Training if start == "warm" else AtOnce
    return kind(
        config.steps, peak, clip_norm=None, warmup=config.warmup, schedule="linear"
    )


def valid_loss(model: Transformer, corpus: Corpus) -> float:
    """Nats per token of the validation sentences."""
    found = forced(model, corpus.valid)
    return torch.cat([one.losses for one in found]).double().mean().item()


def frequencies_loss(corpus: Corpus) -> float:
    """The same, of how often each word occurs in training, and once more."""

    def tokens(part: Any) -> torch.Tensor:
        end = torch.tensor([END])
        return torch.cat([piece for one in part.targets for piece in (one, end)])

    counts = tokens(corpus.train).bincount(minlength=len(corpus.target)) + 1.0
    return -(counts / counts.sum()).log()[tokens(corpus.valid)].mean().item()


def gradient_norms(
    model: Transformer, corpus: Corpus, config: Config, setting: Setting
) -> dict[str, list[float]]:
    """Of W_2, the last matrix of each block: ‖d loss / d W_2‖, the mean of batches."""
    model.to(setting.device)
    batch_at = batches(corpus.train, config.batch, setting.seed)
    found: dict[str, list[float]] = {stack: [0.0] * config.blocks for stack in STACKS}
    for step in range(config.gradient_batches):
        loss = teacher_forced_loss(model, to_device(batch_at(step), setting.device))
        for stack in STACKS:
            matrices = [
                block.feed_forward.W_2.weight for block in getattr(model, stack).blocks
            ]
            gradients = torch.autograd.grad(loss, matrices, retain_graph=True)
            for place, gradient in enumerate(gradients):
                norm = gradient.norm().item()
                found[stack][place] += norm / config.gradient_batches
    return found


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Gradients before training, then the runs; a finished one is remembered."""
    corpus = read(config.corpus, config.train, 1, setting.seed, config.longest)
    memo = Memo(setting, "norm-and-warmup")
    gradients = {
        norm: gradient_norms(
            build(sizes(norm, config), corpus, setting.seed), corpus, config, setting
        )
        for norm in NORMS
    }
    total = len(PLAN) * config.steps
    for number, (norm, start, rate) in enumerate(PLAN):
        name = f"{norm}_{start}_{rate}"
        if name in memo.parts:
            continue
        model = build(sizes(norm, config), corpus, setting.seed)
        curve = yield from learn(
            model,
            loss=teacher_forced_loss,
            batch_at=batches(corpus.train, config.batch, setting.seed),
            training=training(start, getattr(config, rate), config),
            setting=setting,
            name=name.replace("_", " "),
            measure=lambda model=model: {"valid": valid_loss(model, corpus)},
            every=config.measure_every,
            done=number * config.steps,
            total=total,
        )
        memo.keep(name, curve)
    curves = {"_".join(names): memo.parts["_".join(names)] for names in PLAN}
    metrics = metrics_of(curves, gradients)
    metrics["loss_frequencies"] = frequencies_loss(corpus)
    tokens = round(total * config.batch * tokens_of_a_pair(corpus.train))
    return Outcome(metrics, {"curves": curves, "gradients": gradients}, tokens)


def metrics_of(
    curves: Mapping[str, Mapping[str, list[float]]],
    gradients: Mapping[str, Mapping[str, list[float]]],
) -> dict[str, float]:
    """Losses at the end, what no warm-up costs, and gradients before training."""
    loss = {name: curve["valid"][-1] for name, curve in curves.items()}
    metrics = {f"loss_{name}": value for name, value in loss.items()}
    for norm in NORMS:
        cost = loss[f"{norm}_none_high"] - loss[f"{norm}_warm_high"]
        metrics[f"cost_{norm}"] = cost
        for stack, norms in gradients[norm].items():
            metrics[f"growth_{norm}_{stack}"] = norms[-1] / norms[0]
    for kind in ("post_none", "post_warm"):
        metrics[f"best_{kind}"] = min(loss[f"{kind}_{rate}"] for rate in RATES)
    last = {norm: gradients[norm]["decoder"][-1] for norm in NORMS}
    return metrics | {
        "gain_low": loss["post_none_high"] - loss["post_none_low"],
        "pre_over_post": loss["pre_none_high"] - loss["post_warm_high"],
        "last_gradient": last["post"] / last["pre"],
        "paper_first": PAPER.rate(0),
        "paper_peak": PAPER.rate(PAPER.warmup - 1),
        "backwards_first": BACKWARDS.rate(0),
    }


def figure(result: Result) -> Figure:
    """Losses, gradients before training, the rates here and those of the paper."""
    from course_lib.figures.palette import color

    shades = {"post": color("gradient"), "pre": color("state")}
    lines = {"none": "-", "warm": "--"}
    config = Config(**result.config)
    figure, (losses, gradients, here, paper) = blank(rows=4, height=2.5)
    for kind, says in SAYS.items():
        norm, start = kind.split("_")
        for rate in ("high", "low") if kind == "post_none" else ("high",):
            name = f"{kind}_{rate}"
            draw(
                losses,
                result.runs[0].series["curves"][name]["step"],
                result.runs,
                lambda series, name=name: series["curves"][name]["valid"],
                color=shades[norm],
                linestyle=lines[start] if rate == "high" else ":",
                label=says if rate == "high" else f"{says}, peak {config.low:g}",
            )
    level = result.mean("loss_frequencies")
    losses.axhline(
        level, color=color("baseline"), linewidth=1, label="word frequencies"
    )
    losses.set_xlabel("optimiser steps")
    losses.set_ylabel("loss, nats per token")
    losses.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(-0.15, 1))
    for norm, stack in product(NORMS, STACKS):
        place = "after the sum" if norm == "post" else "before the part"
        draw(
            gradients,
            range(1, config.blocks + 1),
            result.runs,
            lambda series, n=norm, s=stack: series["gradients"][n][s],
            color=shades[norm],
            linestyle="-" if stack == "decoder" else ":",
            marker="o",
            markersize=3,
            label=f"{stack}, norm {place}",
        )
    gradients.set_ylim(bottom=0)
    gradients.set_xlabel("block, from the input to the output")
    gradients.set_ylabel("‖∂ loss/∂W₂‖ at the start")
    gradients.legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(-0.15, 1))
    steps = range(config.steps)
    for start, says in (("none", "no warm-up"), ("warm", "warm-up")):
        rate = training(start, config.high, config).rate
        style = {"color": color("weight"), "linestyle": lines[start], "label": says}
        here.plot([i + 1 for i in steps], [rate(i) for i in steps], **style)
    here.set_xlabel("optimiser steps")
    here.set_ylabel("learning rate here")
    steps = range(0, PAPER.steps, 20)
    for of, line, says in (
        (BACKWARDS, "-", "large first: the same fall, unchecked"),
        (PAPER, "--", "the paper's"),
    ):
        rates = [of.rate(i) for i in steps]
        paper.plot(
            [i + 1 for i in steps], rates, line, color=color("weight"), label=says
        )
    paper.set_yscale("log")
    paper.set_xlabel("optimiser steps, width 512, warm-up 4000")
    paper.set_ylabel("learning rate, paper")
    paper.set_xticks(range(0, PAPER.steps + 1, PAPER.warmup))
    here.set_ylim(bottom=0)
    for ax in (here, paper):
        ax.legend(fontsize=7)
    return figure


def _gradient_bands(growth: float) -> tuple[Band, ...]:
    return (
        Band(
            "growth_post_decoder",
            "before training, norm after the sum: the last decoder block's gradient is "
            "that of the first times",
            low=growth,
        ),
        Band("growth_pre_decoder", "norm before the part: times", 0.4, 1.3),
        Band("last_gradient", "last block, after over before", low=1.5),
    )


def _bands(cost: float) -> tuple[Band, ...]:
    """``cost`` in nats per token."""
    return (
        Band(
            "cost_post",
            "norm after the sum: no warm-up costs, at the higher peak, nats",
            low=cost,
        ),
        Band(
            "pre_over_post",
            "before the part without warm-up, over after the sum with it",
            high=0,
        ),
        Band("cost_pre", "norm before the part: no warm-up costs", high=0.7),
        Band("gain_low", "after the sum, no warm-up: a smaller peak gains", low=0.3),
        *_gradient_bands(growth=2),
    )


EXPERIMENT = Experiment(
    name="norm-and-warmup",
    chapter="transformer",
    claim=(
        "With the norm after the sum, the decoder's gradients grow towards the output "
        "before training begins, and a rate that begins at its peak learns nothing but "
        "how often words occur. A warm-up helps, and so does a smaller peak. With the "
        "norm before each part they do not grow, and it learns sooner, without one."
    ),
    source="Xiong et al. (2020), figures 2 and 3; Vaswani et al. (2017), section 5.3",
    paper=(
        "Vaswani et al.: the rate grows for 4000 steps, then falls as 1/√step; Xiong "
        "et al.: with the norm after the sum, no warm-up trains far worse; with the "
        "norm before, warm-up can be left out"
    ),
    scales={
        "quick": Config(
            train=400,
            size=32,
            inner=64,
            steps=12,
            warmup=6,
            batch=16,
            gradient_batches=2,
            measure_every=6,
        ),
        "cpu": Config(),
        "real": Config(
            corpus="multi30k",
            size=256,
            heads=8,
            inner=1024,
            dropout=0.1,
            steps=400,  # of 256 pairs: six times those of scale cpu
            warmup=150,
            low=3.5e-4,
            high=1.4e-3,
            batch=256,
            measure_every=25,
        ),
    },
    run=run,
    bands={
        "quick": (
            *_gradient_bands(growth=1.5),
            Band("loss_pre_warm_high", "it learns something, nats per token", high=6.5),
        ),
        "cpu": _bands(cost=1.0),
        "real": _bands(cost=1.0),
    },
    figure=figure,
    units={
        **{f"loss_{'_'.join(names)}": "nats per token" for names in PLAN},
        **dict.fromkeys(
            (
                "cost_post",
                "cost_pre",
                "gain_low",
                "best_post_none",
                "best_post_warm",
                "pre_over_post",
                "loss_frequencies",
            ),
            "nats per token",
        ),
        **{
            f"growth_{'_'.join(names)}": "times the first block's"
            for names in product(NORMS, STACKS)
        },
        "last_gradient": "times the other's",
    },
)
