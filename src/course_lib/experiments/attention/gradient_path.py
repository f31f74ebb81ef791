"""How far is it from a word to the loss of its translation, and what gets there?

Target word t translates source word t, and the encoder reads one way, so the distance
is exact. Without attention the decoder is shown h_S, which is S - t steps of recurrence
away from x_t. With attention it is shown a mean of all h_i, so also h_t itself: no step
lies between. All else is the same: sizes, encoder, a context at every step.

Measured is ‖∂ loss_t / ∂ embedding(x_t)‖ per unit of error at the output,
‖∂ loss_t / ∂ logits_t‖: a model that is right has a small gradient at any distance.

The gradient of a model with attention is cut in two with ``detach``:

- ``direct``: embedding(x_t) → h_t → context_t → loss_t. No recurrence is on this path.
- ``rest``: all others. Each goes through the encoder to another annotation or to its
  last state, or through an earlier step of the decoder.

``encoder`` is the recurrence alone, as in chapters 1 and 2: the gradient of u · h_S at
embedding(x_{S-k}), for random unit vectors u. Attention does not change how a gradient
vanishes on a long path. It adds a short one.

Two things can hold back a model without attention: the gradient, and the room in h_S.
Before training nothing is kept in h_S yet, and only the gradient is seen.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.attention import DecoderState
from course_lib.data.batching import generator
from course_lib.data.translation import Batch, collate
from course_lib.experiments.attention import decoders
from course_lib.experiments.claim import Band, Experiment, Outcome, Progress
from course_lib.experiments.learning import Memo, learn
from course_lib.experiments.plots import blank, draw
from course_lib.experiments.seq2seq.word_for_word import WordForWord
from course_lib.experiments.translation import Part, forced, teacher_forced_loss
from course_lib.lstm_gru import GRU
from course_lib.seq2seq import Encoder
from course_lib.training import Setting, Training, to_device

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from course_lib.results import Result

KINDS = ("none", "bahdanau", "luong-general")
NAMES = tuple(kind.replace("-", "_") for kind in KINDS)  # in those of metrics
WHEN = ("untrained", "trained")


@dataclass(frozen=True)
class Config:
    """Three models of one size, measured before and after they learn one task."""

    words: int = 20  # of each language, drawn independently of each other
    shortest: int = 4  # words in a training sentence
    longest: int = 50  # likewise; after training, sentences of this length are measured
    untrained: int = 100  # words in the sentences measured before training
    embedding: int = 32  # E
    hidden: int = 64  # H of encoder and decoder
    steps: int = 300  # optimiser steps
    batch: int = 32  # pairs
    learning_rate: float = 5e-3  # Adam
    sentences: int = 8  # over which a gradient is averaged
    points: int = 10  # distances at which it is measured
    test: int = 100  # sentences of each length for the loss
    measure_every: int = 50  # optimiser steps between points of the curves


class Ways(NamedTuple):
    """A gradient and its two parts, each (B, E); without attention it has none."""

    whole: Tensor
    direct: Tensor | None = None
    rest: Tensor | None = None


def build(name: str, config: Config, vocabulary: int, seed: int) -> nn.Module:
    """The decoder of that name on an encoder that reads one way, untrained."""
    sizes = decoders.Sizes(vocabulary, vocabulary, config.embedding, config.hidden)
    model = decoders.build(name, sizes, seed)
    torch.manual_seed(seed)  # or the encoder would depend on the decoder
    model.encoder = Encoder(vocabulary, GRU(config.embedding, config.hidden))
    return model


def gradients(model: nn.Module, batch: Batch, place: int) -> Ways:
    """d loss_t / d embedding(x_t) for t = ``place``, per unit of error at the output.

    ``batch`` holds sentences of one length, word for word.
    """
    state, embedded = _start(model, batch)
    if place:
        _, state, *_ = model.decoder(batch.previous[:, :place], state)

    def of(state: Any) -> Tensor:
        logits, *_ = model.decoder(batch.previous[:, place : place + 1], state)
        loss = F.cross_entropy(logits[:, 0], batch.target[:, place], reduction="sum")
        error, found = torch.autograd.grad(loss, (logits, embedded), retain_graph=True)
        return found[:, place] / error[:, 0].norm(dim=1, keepdim=True)  # (B, E)

    if not isinstance(state, DecoderState):
        return Ways(of(state))
    return Ways(of(state), of(only_direct(state, place)), of(without(state, place)))


def only_direct(state: DecoderState, place: int) -> DecoderState:
    """The same numbers, but a gradient passes through annotation ``place`` alone."""
    return state._replace(
        layer=state.layer.detach(),
        output=state.output.detach(),
        memory=_attached(state, place, inside=True),
    )


def without(state: DecoderState, place: int) -> DecoderState:
    """The same numbers, but no gradient passes through annotation ``place``.

    In the step that begins here, that is: earlier ones looked at it undisturbed.
    """
    return state._replace(memory=_attached(state, place, inside=False))


def _attached(state: DecoderState, place: int, inside: bool) -> Any:
    keys, values, mask = state.memory
    here = torch.arange(mask.shape[1], device=mask.device) == place  # (S,)
    kept = (here == inside)[:, None]  # (S, 1)
    return state.memory._replace(
        keys=torch.where(kept, keys, keys.detach()),
        values=torch.where(kept, values, values.detach()),
    )


def encoder_gradients(model: nn.Module, batch: Batch, u: Tensor) -> Tensor:
    """log10 ‖d (u · h_S) / d embedding(x_{S-k})‖ for k = 0 … S - 1, mean over ``u``."""
    seen: list[Tensor] = []
    with _watched(model, seen):
        states = model.encoder(batch.source, batch.source_mask).states  # (B, S, H)
    (found,) = torch.autograd.grad((u * states[:, -1]).sum(), seen)  # (B, S, E)
    return found.norm(dim=2).log10().mean(dim=0).flip(0)  # (S,)


def _start(model: nn.Module, batch: Batch) -> tuple[Any, Tensor]:
    """The state from which decoding begins, and the embedded source ``(B, S, E)``."""
    seen: list[Tensor] = []
    with _watched(model, seen):
        state = model.start(batch.source, batch.source_mask)
    return state, seen[0]


def _watched(model: nn.Module, seen: list[Tensor]) -> Any:
    """Within it, what the source's embedding gives out is put into ``seen``."""
    return model.encoder.embedding.register_forward_hook(
        lambda module, given, out: seen.append(out)
    )


def measure(model: nn.Module, part: Part, points: int, seed: int) -> dict[str, Any]:
    """Everything by distance, on the sentences of ``part``, all of one length S.

    In double precision. Norms are means of log10 over the sentences; ``share`` is how
    much of the whole gradient, in its own direction, came on the direct path.
    """
    device = next(model.parameters()).device
    model = copy.deepcopy(model).double()
    batch = to_device(collate(part.sources, part.targets), device)
    B, S = batch.source.shape
    distances = torch.linspace(0, S - 1, points).round().long().tolist()
    found: dict[str, Any] = {"distance": distances, "whole": []}
    wrong = 0.0
    for distance in distances:
        whole, direct, rest = gradients(model, batch, S - 1 - distance)
        found["whole"].append(_size(whole))
        if direct is None or rest is None:
            continue
        wrong = max(wrong, ((whole - direct - rest).norm() / whole.norm()).item())
        along = (direct * whole).sum(dim=1) / whole.pow(2).sum(dim=1)  # (B,)
        for name, value in (
            ("direct", _size(direct)),
            ("rest", _size(rest)),
            ("share", along.mean().item()),
        ):
            found.setdefault(name, []).append(value)
    u = torch.randn(B, model.encoder.hidden_size, generator=generator(seed, -2))
    u = F.normalize(u.double(), dim=1).to(device)
    encoder = encoder_gradients(model, batch, u)
    return found | {"encoder": encoder[distances].tolist(), "sum_error": wrong}


def _size(gradient: Tensor) -> float:
    return gradient.norm(dim=1).log10().mean().item()


def run(config: Config, setting: Setting) -> Generator[Progress, None, Outcome]:
    """Measure, train and measure each model; a finished one is remembered."""
    memo = Memo(setting, "gradient-path")
    task = WordForWord(config.words, config.shortest, config.longest, setting.seed)
    total = len(KINDS) * config.steps
    for number, name in enumerate(KINDS):
        if name not in memo.parts:
            done = number * config.steps
            found = yield from _one(config, setting, task, name, done, total)
            memo.keep(name, found)
    found = {name: memo.parts[name] for name in KINDS}
    pair = config.shortest + config.longest + 1  # source and target, and the end
    return Outcome(_metrics(found), found, total * config.batch * pair)


def _one(
    config: Config,
    setting: Setting,
    task: WordForWord,
    name: str,
    done: int,
    total: int,
) -> Generator[Progress, None, dict[str, Any]]:
    # Steps of training are below config.steps, so no test sentence is drawn like them.
    fresh = config.steps
    model = build(name, config, task.vocabulary, setting.seed).to(setting.device)
    long = task.part(config.sentences, fresh, config.untrained)
    before = measure(model, long, config.points, setting.seed)
    lengths = {
        "shortest": config.shortest,
        "half": config.longest // 2,
        "longest": config.longest,
    }
    parts = {
        name: task.part(config.test, fresh + number, length)
        for number, (name, length) in enumerate(lengths.items(), 1)
    }
    curve = yield from learn(
        model,
        loss=teacher_forced_loss,
        batch_at=task.batches(config.batch),
        training=Training(config.steps, config.learning_rate),
        setting=setting,
        name=name,
        measure=lambda: {"longest": mean_loss(model, parts["longest"])},
        every=config.measure_every,
        done=done,
        total=total,
    )
    few = parts["longest"].of(range(config.sentences))
    return {
        "untrained": before,
        "trained": measure(model, few, config.points, setting.seed),
        "curve": curve,
        "loss": {name: mean_loss(model, part) for name, part in parts.items()},
    }


def mean_loss(model: nn.Module, part: Part) -> float:
    """Nats per word, the end not counted: it is not in the source."""
    found = forced(model, part)
    return torch.cat([one.losses[:-1] for one in found]).double().mean().item()


def _metrics(found: Mapping[str, Any]) -> dict[str, float]:
    """Falls are from the nearest word to the farthest, in orders of magnitude."""
    plain = found["none"]
    values = {
        "untrained_fall_encoder": _fall(plain["untrained"]["encoder"]),
        "sum_error": 0.0,
    }
    for key, one in zip(NAMES, found.values(), strict=True):
        for when in WHEN:
            values[f"{when}_fall_{key}"] = _fall(one[when]["whole"])
            values["sum_error"] = max(values["sum_error"], one[when]["sum_error"])
        values[f"trained_fall_encoder_{key}"] = _fall(one["trained"]["encoder"])
        for length, loss in one["loss"].items():
            values[f"loss_{length}_{key}"] = loss
        if key != "none":
            gain = [
                own - other
                for own, other in zip(
                    one["untrained"]["whole"], plain["untrained"]["whole"], strict=True
                )
            ]
            values[f"untrained_gain_near_{key}"] = gain[0]
            values[f"untrained_gain_far_{key}"] = gain[-1]
            for when in WHEN:
                share = one[when]["share"]
                values[f"{when}_share_{key}"] = sum(share) / len(share)
    return values


def _fall(norms: list[float]) -> float:
    return norms[0] - norms[-1]


LABELS = {"none": "no attention", "bahdanau": "Bahdanau", "luong-general": "Luong"}
COLORS = {"none": "baseline", "bahdanau": "query", "luong-general": "attention"}


def figure(result: Result) -> Figure:
    """By distance: before training, after it, and what went which way."""
    from course_lib.figures.palette import color

    figure, axes = blank(rows=3, height=2.9)

    def line(ax: Any, kind: str, when: str, of: str, **style: Any) -> None:
        draw(
            ax,
            result.runs[0].series[kind][when]["distance"],
            result.runs,
            lambda series: series[kind][when][of],
            **style,
        )

    for ax, when in zip(axes[:2], WHEN, strict=True):
        for kind in KINDS:
            style = {"color": color(COLORS[kind]), "label": LABELS[kind]}
            dashed = "--" if kind == "luong-general" else "-"  # one may hide the other
            line(ax, kind, when, "whole", linestyle=dashed, **style)
        ax.set_ylabel(f"{when}: log₁₀ ‖∂ loss$_t$/∂x$_t$‖")
        ax.set_xlabel("steps from the word to the end of the source")
    for kind in KINDS[1:]:
        label = f"{LABELS[kind]}, direct"
        line(axes[2], kind, "trained", "direct", color=color(COLORS[kind]), label=label)
    for kind in KINDS:
        label = f"encoder, {LABELS[kind]}"
        shade = color(COLORS[kind])
        line(
            axes[2], kind, "trained", "encoder", color=shade, linestyle=":", label=label
        )
    axes[2].set_ylabel("trained, by path: log₁₀")
    axes[2].set_xlabel("steps to the end of the source; dotted: of the encoder")
    for ax in axes[:2]:
        ax.legend(fontsize=7, loc="lower left")
    axes[1].set_ylim(-4, 1)  # orders of magnitude, or noise would look like much
    axes[2].legend(fontsize=7, ncols=2, loc="lower left", bbox_to_anchor=(0, 1))
    return figure


def _bands(far: float, plain: float, attention: float) -> tuple[Band, ...]:
    """``far`` in orders of magnitude; losses of the longest sentences, in nats."""
    return (
        Band(
            "untrained_fall_none",
            "before training, without attention: from the last word to the first the "
            "gradient falls by",
            low=far,
        ),
        Band(
            "untrained_fall_encoder",
            "before training, inside the encoder, which is the same in all three: by",
            low=far,
        ),
        Band("untrained_fall_bahdanau", "before training, Bahdanau: by", -1, 1),
        Band("untrained_fall_luong_general", "before training, Luong: by", -1, 1),
        Band(
            "trained_fall_none",
            "after training, without attention: by",
            -1.5,
            1.5,
        ),
        Band(
            "loss_longest_none",
            "after training, loss of the longest sentences, without attention",
            low=plain,
        ),
        Band("loss_longest_bahdanau", "the same, Bahdanau", high=attention),
        Band("loss_longest_luong_general", "the same, Luong", high=attention),
        Band(
            "trained_share_luong_general",
            "after training, Luong: share of the gradient that came without a step of "
            "recurrence",
            0.8,
            1.1,
        ),
        Band("trained_share_bahdanau", "the same share, Bahdanau", 0.3, 0.95),
        Band(
            "trained_fall_encoder_luong_general",
            "after training, inside Luong's encoder: falls by",
            low=0.5,
        ),
        Band(
            "trained_fall_encoder_bahdanau",
            "after training, inside Bahdanau's encoder: falls by",
            low=0.5,
        ),
        Band("sum_error", "the two parts add up to the whole", high=1e-9),
    )


EXPERIMENT = Experiment(
    name="gradient-path",
    chapter="attention",
    claim=(
        "Before training, the gradient from a translated word to its source word "
        "shrinks by a factor for each recurrent step between them. With attention it "
        "does not: one path has no recurrence on it, though inside the encoder the "
        "gradient shrinks as before. Training alone lets it through as well, without "
        "attention; long sentences are translated badly all the same."
    ),
    source="Bahdanau et al. (2015); Hochreiter et al. (2001)",
    paper=(
        "no such number is given; Vaswani et al. (2017), table 1, count the longest "
        "path between two places: O(n) for recurrence, O(1) for self-attention"
    ),
    scales={
        "quick": Config(
            words=8,
            shortest=2,
            longest=10,
            untrained=40,
            embedding=16,
            hidden=32,
            steps=120,
            batch=32,
            learning_rate=1e-2,
            sentences=4,
            points=5,
            test=40,
            measure_every=40,
        ),
        "cpu": Config(),
        "real": Config(
            words=50,
            longest=100,
            untrained=200,
            embedding=128,
            hidden=256,
            steps=500,  # 150 states of each, one by one
            batch=64,
            learning_rate=2e-3,
            measure_every=50,
        ),
    },
    run=run,
    bands={
        "quick": _bands(far=5, plain=1.0, attention=0.8),
        "cpu": _bands(far=15, plain=2.0, attention=1.5),
        "real": _bands(far=15, plain=2.0, attention=1.5),
    },
    figure=figure,
    units={
        **dict.fromkeys(
            (
                "untrained_fall_encoder",
                *(f"{when}_fall_{name}" for when in WHEN for name in NAMES),
                *(f"trained_fall_encoder_{name}" for name in NAMES),
                *(f"untrained_gain_near_{name}" for name in NAMES[1:]),
                *(f"untrained_gain_far_{name}" for name in NAMES[1:]),
            ),
            "orders of magnitude",
        ),
        **{
            f"{when}_share_{name}": "of the gradient"
            for when in WHEN
            for name in NAMES[1:]
        },
        **{
            f"loss_{length}_{name}": "nats per word"
            for length in ("shortest", "half", "longest")
            for name in NAMES
        },
    },
)
