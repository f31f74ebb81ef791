"""The Transformer in the page is torch's, whole and with each part cut out."""

from __future__ import annotations

import math
import random

import pytest
import torch
from ablations import (
    PAIRS,
    PARTS,
    STORED,
    TINY,
    lab,
    logits,
    names,
    source_ids,
    stored,
    tiny,
    torch_model,
    without,
)
from javascript import run

from course_lib.data.translation import END, START
from course_lib.decoding import greedy
from course_lib.figures.transformer.transformer_lab import TransformerLab
from course_lib.self_attention import weights_kept

is_stored = pytest.mark.skipif(not STORED.exists(), reason="no network is stored")

MODELS = {
    "pre": TINY,
    "post": tiny(2, norm="post", tied=False, heads=4),
    "one block": tiny(3, blocks=1, positions="none"),
}


@pytest.fixture(params=[*MODELS, "stored"])
def weights(request) -> dict:
    if request.param != "stored":
        return MODELS[request.param]
    if not STORED.exists():
        pytest.skip("no network is stored")
    return stored()


def heads(weights: dict) -> list[str]:
    every = range(1, weights["config"]["heads"] + 1)
    return [f"{name} {h}" for name, _ in names(weights["config"]) for h in every]


def asked(weights: dict, seed: int) -> list[tuple[list[str], list[int], list[str]]]:
    """A sentence, a target and cuts: nothing, each part, some heads, some of all."""
    draw = random.Random(seed)
    words = [*weights["source_words"][4:], "없는말"]
    cuts = [
        [],
        *([part] for part in PARTS),
        *([head] for head in draw.sample(heads(weights), 4)),
        ["residuals", "norms"],
        ["mask", "positions", *draw.sample(heads(weights), 3)],
        list(PARTS),
    ]
    return [
        (
            draw.choices(words, k=draw.randint(1, 13)),
            draw.choices(range(4, len(weights["target_words"])), k=draw.randint(0, 12)),
            one,
        )
        for one in cuts
    ]


def close(mine: list, theirs: torch.Tensor) -> None:
    mine = torch.tensor(mine, dtype=torch.float64)
    torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


# -- the network ----------------------------------------------------------------------

FORCE = """const { transformer } = await load("transformer/transformer.js");
  const model = transformer(weights);
  return asked.map(([source, target, names]) => {
    const cuts = new Set(names);
    const memory = model.read(source, cuts);
    const run = model.force(target, memory, cuts);
    const attentions = [memory, run].flatMap(({ blocks }) => blocks)
      .flatMap(({ attentions }) => attentions);
    return { sums: [memory.embedded.sum, run.embedded.sum],
      read: memory.last, logits: run.logits, shares: run.shares,
      weights: attentions.map(({ name, heads }) =>
        [name, heads.map(({ weights }) => weights)]) };
  });"""


@torch.no_grad()
@pytest.mark.parametrize("seed", [0, 1])
def test_every_value_equals_torch_whatever_is_cut(weights, seed) -> None:
    model = torch_model(weights)
    cases = asked(weights, seed)
    called = dict(names(weights["config"]))
    found = run(FORCE, weights=weights, asked=cases)
    for got, (tokens, target, cuts) in zip(found, cases, strict=True):
        source = source_ids(weights, tokens)
        with without(model, cuts), weights_kept(model) as kept:
            theirs = logits(model, source, target)
            maps = {name: kept[called[name]].weights[0] for name in called}
            close(got["sums"][0], model.source(source)[0])
            previous = torch.tensor([[START, *target]])
            close(got["sums"][1], model.target(previous)[0])
            close(got["read"], model.encoder(model.source(source))[0][0])
        assert [name for name, _ in got["weights"]] == list(called)
        for name, mine in got["weights"]:
            close(mine, maps[name])
        close(got["logits"], theirs)
        close(got["shares"], theirs.softmax(-1))


@torch.no_grad()
def test_each_cut_is_seen_in_the_logits(weights) -> None:
    """Or the test above might compare two models that ignore it."""
    tokens, target = list(PAIRS[2].source), [5, 6, 7]
    cuts = [[], *([one] for one in (*PARTS, *heads(weights)))]
    if weights["config"]["positions"] == "none":
        cuts.remove(["positions"])
    cases = [(tokens, target, one) for one in cuts]
    whole, *rest = [
        torch.tensor(got["logits"]) for got in run(FORCE, weights=weights, asked=cases)
    ]
    for (_, _, cut), other in zip(cases[1:], rest, strict=True):
        assert (whole - other).abs().max() > 1e-4, cut


WRITE = """const { transformer } = await load("transformer/transformer.js");
  const model = transformer(weights);
  return asked.map(([source, cuts]) => {
    const chosen = new Set(cuts);
    return model.write(model.read(source, chosen), 15, chosen);
  });"""


@torch.no_grad()
def test_greedy_is_the_one_of_the_course(weights) -> None:
    model = torch_model(weights)
    draw = random.Random(4)
    cases = [
        (list(pair.source), cuts)
        for pair in PAIRS[::3]
        for cuts in ([], ["positions"], draw.sample(heads(weights), 2))
    ]
    found = run(WRITE, weights=weights, asked=cases)
    ended = 0
    for mine, (tokens, cuts) in zip(found, cases, strict=True):
        source = source_ids(weights, tokens)
        with without(model, cuts):
            state = model.start(source, torch.ones_like(source, dtype=torch.bool))
            first = torch.tensor([START])
            (best,) = greedy(model.step, state, first, END, longest=15)
        assert mine == list(best.tokens)
        ended += best.ended
    assert weights in MODELS.values() or ended > len(cases) / 3


@torch.no_grad()
def test_greedy_without_the_mask_makes_all_anew(weights) -> None:
    """What was said is seen by what was said before it, at every step again."""
    model = torch_model(weights)
    cases = [(list(pair.source), ["mask"]) for pair in PAIRS[:20:5]]
    found = run(WRITE, weights=weights, asked=cases)
    for mine, (tokens, cuts) in zip(found, cases, strict=True):
        source, said = source_ids(weights, tokens), []
        with without(model, cuts):
            while len(said) < 15:
                best = logits(model, source, said)[-1].argmax().item()
                if best == END:
                    break
                said.append(best)
        assert mine == said


# -- what cuts and changed words do ---------------------------------------------------

EFFECTS = """const { transformer } = await load("transformer/transformer.js");
  const { effects } = await load("transformer/effects.js");
  const model = transformer(weights);
  return asked.map(([source, given, cuts]) => {
    const { target, own, whole, cut, leak } =
      effects(model, source, given, new Set(cuts));
    return { target, own, sums: [whole.sum, cut.sum], cutOwn: cut.own, leak };
  });"""


def log_probability(model, source, target: list[int]) -> float:
    logs = logits(model, source, target).log_softmax(-1)
    return sum(logs[t, id].item() for t, id in enumerate([*target, END]))


def test_the_log_probability_of_the_words_whole_and_cut(weights) -> None:
    model = torch_model(weights)
    tokens = list(PAIRS[1].source)
    source = source_ids(weights, tokens)
    cuts = [[], ["scale"], ["norms"], ["residuals"], [heads(weights)[-1]]]
    given = [None, [5, 6, 7]]
    cases = [(tokens, one, two) for one in given for two in cuts]
    found = run(EFFECTS, weights=weights, asked=cases)
    for got, (_, one, two) in zip(found, cases, strict=True):
        assert got["target"] == (got["own"] if one is None else one)
        with without(model, []):
            whole = log_probability(model, source, got["target"])
        with without(model, two):
            cut = log_probability(model, source, got["target"])
        assert got["sums"] == pytest.approx([whole, cut], rel=1e-9)
        if not two:
            assert got["cutOwn"] == got["own"]


def test_a_changed_word_leaks_only_without_the_mask(weights) -> None:
    model = torch_model(weights)
    tokens = list(PAIRS[1].source)
    source = source_ids(weights, tokens)
    (own,) = (
        got["own"] for got in run(EFFECTS, weights=weights, asked=[[tokens, None, []]])
    )
    swap = lambda t: [*own[:t], 9 if own[t] != 9 else 8, *own[t + 1 :]]  # noqa: E731
    given = [swap(len(own) - 1), swap(1), own[:-1], [*own, 7]]
    places = [len(own) - 1, 1, len(own) - 1, len(own)]
    cuts = [[], ["mask"], ["positions", "scale"], ["mask", "residuals"]]
    cases = [(tokens, one, two) for one in given for two in cuts]
    found = run(EFFECTS, weights=weights, asked=cases)
    for got, (_, one, two) in zip(found, cases, strict=True):
        place = places[given.index(one)]
        leak = got["leak"]
        assert leak["place"] == place
        with without(model, two):
            before, after = (
                logits(model, source, ids)[: place + 1].softmax(-1)
                for ids in (own, one)
            )
        moved = (after - before).abs()
        assert leak["by"] == pytest.approx(moved.max().item(), abs=1e-9)
        if "mask" in two:
            assert leak["by"] > 0
            t, id = leak["t"], leak["id"]
            assert leak["from"] == pytest.approx(before[t, id].item(), abs=1e-9)
            assert leak["to"] == pytest.approx(after[t, id].item(), abs=1e-9)
        else:
            assert leak["by"] == 0  # not a little: nothing


def test_nothing_is_said_to_leak_where_no_word_is_changed() -> None:
    tokens = list(PAIRS[1].source)
    (free,) = run(EFFECTS, weights=TINY, asked=[[tokens, None, ["mask"]]])
    (same,) = run(EFFECTS, weights=TINY, asked=[[tokens, free["own"], ["mask"]]])
    assert free["leak"] is None
    assert same["leak"] is None


def test_what_each_part_and_each_head_is_worth() -> None:
    script = """const { transformer } = await load("transformer/transformer.js");
      const { losses } = await load("transformer/effects.js");
      return [...losses(transformer(weights), source, target)];"""
    tokens, target = list(PAIRS[3].source), [5, 6, 7, 8]
    found = dict(run(script, weights=TINY, source=tokens, target=target))
    assert list(found) == [*PARTS, *heads(TINY)]
    model, source = torch_model(TINY), source_ids(TINY, tokens)
    with without(model, []):
        whole = log_probability(model, source, target)
    for name, loss in found.items():
        with without(model, [name]):
            cut = log_probability(model, source, target)
        assert loss == pytest.approx(whole - cut, rel=1e-7, abs=1e-9)


def test_what_is_said_of_a_leak() -> None:
    script = """const { leakText } = await load("transformer/leak_text.js");
      const words = ["", "", "end", "", "I", "go", "home"];
      const text = (id) => words[id];
      const own = [4, 5, 6];
      const leak = { place: 2, by: 0.31, t: 1, id: 5, from: 0.98, to: 0.67 };
      const said = (leak, target, masked) =>
        leakText({ leak, own, target, text, masked });
      return [said(null, own, true), said(null, own, false),
        said({ ...leak, by: 0 }, [4, 5, 4], true), said(leak, [4, 5], false),
        said({ ...leak, by: 0.00004 }, [4, 5, 4], false)];"""
    on, off, still, moved, little = run(script)
    assert on.startswith("With the mask no word sees those after it. Change the last")
    assert off.startswith("Without the mask every word sees the words after it")
    assert still == (
        "Word 3 is now “I”, not “home”. The predictions up to there have not moved at "
        "all: largest change 0."
    )
    assert moved == (
        "Word 3 is now “end”, not “home”. That moves predictions up to there by up to "
        "0.31: at word 2, “go” goes from 98\xa0% to 67\xa0%. The future leaks."
    )
    assert "by up to 4.0 × 10⁻⁵: at word 2" in little


# -- the arithmetic of a cell ---------------------------------------------------------

CELL = """const { transformer } = await load("transformer/transformer.js");
  const { cellOf, inWords } = await load("transformer/arithmetic.js");
  const model = transformer(weights);
  const memory = model.read(source);
  const run = model.force([5, 6, 7], memory, new Set(cuts));
  const head = run.blocks[0].attentions[0].heads[1];
  const cell = cellOf(head, t, s);
  return { ...cell, all: head, words: inWords(cell, "this", "that") };"""


@pytest.mark.parametrize(
    ("t", "s", "cuts"), [(2, 1, []), (3, 3, ["scale"]), (1, 3, []), (1, 3, ["mask"])]
)
def test_a_cell_from_its_query_to_what_it_brings(t, s, cuts) -> None:
    tokens = list(PAIRS[1].source)
    got = run(CELL, weights=TINY, source=tokens, t=t, s=s, cuts=cuts)
    q, k, v = (torch.tensor(got["all"][name], dtype=torch.float64) for name in "qkv")
    D = TINY["config"]["size"] // TINY["config"]["heads"]
    close(got["products"], q[t] * k[s])
    assert got["sum"] == pytest.approx((q[t] @ k[s]).item())
    scale = 1 if "scale" in cuts else math.sqrt(D)
    scores = q[t] @ k.T / scale
    assert got["score"] == pytest.approx(scores[s].item())
    later = s > t and "mask" not in cuts
    seen = scores if "mask" in cuts else scores[: t + 1]
    weight = 0 if later else (scores[s].exp() / seen.exp().sum()).item()
    assert got["weight"] == pytest.approx(weight)
    assert got["powers"] == pytest.approx(seen.exp().sum().item())
    assert got["power"] == pytest.approx(0 if later else scores[s].exp().item())
    close(got["brought"], weight * v[s])
    assert got["later"] == later
    assert f"The {D} products add up to q · k = " in got["words"]
    assert ("the causal mask" in got["words"]) == later
    assert ("Nothing is divided" in got["words"]) == ("scale" in cuts)


def test_it_says_the_numbers() -> None:
    script = """const { inWords } = await load("transformer/arithmetic.js");
      return inWords({ q: [1, 2, 3, 4], sum: 3, scale: 2, score: 1.5, power: 4.4817,
        powers: 10, weight: 0.44817, later: false }, "go", "집");"""
    assert run(script) == (
        "The 4 products add up to q · k = 3.00. Divided by √4 = 2.00 that is 1.50. "
        "exp(1.50) = 4.48, and the whole row has 10.0: the weight α is 0.448. "
        "So 0.448 of the value of 집 goes into what go hears from this head."
    )


# -- what Python gives ----------------------------------------------------------------


def test_what_it_starts_with() -> None:
    figure = TransformerLab(weights=TINY)
    assert figure.text == "나는 집에 간다"
    assert (figure.target, figure.at, figure.stage, figure.cut) == ("", None, 1, [])
    sent = figure.state()["weights"]
    assert "record" not in sent
    assert "output.weight" not in sent["parameters"]  # the words' vectors once more
    assert sent["config"] == {
        **{"size": 16, "heads": 2, "inner": 24, "blocks": 2},
        **{"norm": "pre", "positions": "sinusoidal"},
        **{"activation": "relu", "tied": True},
    }
    loose = TransformerLab(weights=MODELS["post"])
    assert "output.weight" in loose.state()["weights"]["parameters"]
    assert repr(figure) == "TransformerLab(ladder=1, rung=1)"
    own = TransformerLab(
        rung=2, target="I go home", cut=("mask", "decoder 2 cross 1"), weights=TINY
    )
    assert own.cut == ["mask", "decoder 2 cross 1"]
    assert repr(own) == (
        "TransformerLab(ladder=1, rung=2, target='I go home', "
        "cut=['mask', 'decoder 2 cross 1'])"
    )


def test_every_part_and_every_head_may_be_cut() -> None:
    script = 'return (await load("transformer/transformer.js")).PARTS;'
    assert TransformerLab(cut=run(script), weights=TINY).cut == list(PARTS)
    assert TransformerLab(cut=heads(TINY), weights=TINY).cut == heads(TINY)


@is_stored
def test_it_is_small_enough_for_a_page() -> None:
    assert len(lab().to_html()) < 1_500_000


@is_stored
def test_the_stored_network_translates_the_short_rungs() -> None:
    weights = stored()
    known = set(weights["source_words"])
    assert {word for pair in PAIRS for word in pair.source} <= known
    short = [pair for pair in PAIRS if len(pair.source) <= 8]
    said = run(WRITE, weights=weights, asked=[(list(p.source), []) for p in short])
    words = weights["target_words"]
    right = [
        [words[i] for i in ids] == list(pair.target)
        for ids, pair in zip(said, short, strict=True)
    ]
    assert sum(right) >= 0.7 * len(short)


def changed(**parts) -> dict:
    return TINY | parts


def configured(**parts) -> dict:
    return TINY | {"config": TINY["config"] | parts}


def shaped(name: str, shape: list) -> dict:
    packed = {**TINY["parameters"][name], "shape": shape}
    return TINY | {"parameters": TINY["parameters"] | {name: packed}}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"ladder": 5}, "ladder: got 5, expected 1 to 4"),
        ({"rung": 9}, "rung: got 9, expected 1 to 8"),
        ({"at": 0}, "at: got 0, expected a whole number from 1"),
        ({"stage": 8}, "stage: got 8, expected 1 to 7"),
        ({"head": 3}, "head: got 3, expected 1 to 2"),
        ({"part": "all"}, "part: got 'all', expected one of 'self', 'cross', 'added'"),
        ({"cut": "mask"}, "cut: got 'mask', expected names, each at most once"),
        ({"cut": ["mask", "mask"]}, "cut: got .* each at most once"),
        ({"cut": ["heads"]}, "cut: got 'heads', expected names"),
        ({"cut": ["encoder 1 self 3"]}, "cut: got 'encoder 1 self 3', expected names"),
        ({"cut": ["encoder 1 cross 1"]}, "cut: got 'encoder 1 cross 1'"),
        ({"target": "I fly"}, "target: got 'fly', expected words of the vocabulary"),
        ({"target": "</s>"}, "target: got '</s>', expected words"),
        ({"weights": {}}, "weights: config missing or empty"),
        ({"weights": changed(source_words=[])}, "weights: source_words missing"),
        (
            {"weights": configured(positions="rotary")},
            "weights: config has positions 'rotary', expected one of sinusoidal, none",
        ),
        ({"weights": configured(norm=None)}, "weights: config has norm None"),
        ({"weights": configured(activation="gelu")}, "config has activation 'gelu'"),
        (
            {"weights": configured(inner=32)},
            r"feed_forward.W_1.weight has shape \[24, 16\], expected \[32, 16\]",
        ),
        (
            {"weights": configured(blocks=1)},
            "weights: decoder.blocks.1.after_attention.norm.bias is no parameter",
        ),
        (
            {"weights": changed(source_words=["a"])},
            r"weights: source.words.weight has shape \[\d+, 16\], expected \[1, 16\]",
        ),
        (
            {"weights": shaped("encoder.norm.gain", [15])},
            r"weights: encoder.norm.gain has shape \[15\], expected \[16\]",
        ),
    ],
)
def test_it_refuses_what_does_not_fit(arguments, says) -> None:
    with pytest.raises(ValueError, match=says):
        TransformerLab(**{"weights": TINY, **arguments})
