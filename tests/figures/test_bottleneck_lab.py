"""The translator in the page is torch's, and it reads Korean as the course does."""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from javascript import run
from translators import TINY, stored, tiny, torch_model

from course_lib.data import korean_english as task
from course_lib.data.korean_english.writing import PARTICLES
from course_lib.data.translation import END, START, UNKNOWN
from course_lib.decoding import greedy
from course_lib.figures.seq2seq import BottleneckLab
from course_lib.figures.seq2seq.bottleneck_lab import STORED
from course_lib.figures.weights import pack
from course_lib.metrics import bleu_by_hand

is_stored = pytest.mark.skipif(not STORED.exists(), reason="no network is stored")
RUNGS = [rung for ladder in TINY["ladders"] for rung in ladder["rungs"]]


@pytest.fixture(params=["tiny", "other", "stored"])
def weights(request) -> dict:
    if request.param == "stored" and not STORED.exists():
        pytest.skip("no network is stored")
    return {"tiny": TINY, "other": tiny(4), "stored": stored()}[request.param]


def sentences(weights: dict) -> list[list[str]]:
    """All rungs, and words in any order, some of them unknown."""
    draw = random.Random(0)
    some = [*weights["source_words"][4:], "길동", "없는말"]
    lengths = (1, 2, 7, 50)
    return [
        *(list(task.tokens(rung["text"])) for rung in RUNGS),
        *(draw.choices(some, k=length) for length in lengths),
        ["길동"],
    ]


# -- the network ----------------------------------------------------------------------

READ = """const { translator } = await load("seq2seq/translator.js");
  const network = translator(weights);
  return sources.map((source) => {
    const steps = network.read(source);
    const context = steps.at(-1).state;
    const first = network.start(context);
    return { ids: steps.map(({ id }) => id), states: steps.map(({ state }) => state),
      first, logits: network.next(context, first, 1).logits,
      said: network.write(context, 30) };
  });"""


def test_every_value_equals_torch(weights) -> None:
    sources = sentences(weights)
    model = torch_model(weights)
    ids = {word: i for i, word in enumerate(weights["source_words"])}
    ended = 0
    for got, source in zip(
        run(READ, weights=weights, sources=sources), sources, strict=True
    ):
        known = [ids.get(word, UNKNOWN) for word in source]
        assert got["ids"] == known
        tokens = torch.tensor([known])
        with torch.no_grad():
            mask = torch.ones_like(tokens, dtype=torch.bool)
            states = model.encoder(tokens, mask).states[0]
            state = model.start(tokens, mask)
            logits, _ = model.step(torch.tensor([START]), state)
            (best,) = greedy(model.step, state, torch.tensor([START]), END, 30)
        for mine, theirs in [
            (got["states"], states),
            (got["first"], state.layer[0]),
            (got["logits"], logits[0]),
        ]:
            mine = torch.tensor(mine, dtype=torch.float64)
            torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-9)
        said = [one["word"] for one in got["said"] if not one["end"]]
        assert said == [weights["target_words"][i] for i in best.tokens]
        assert got["said"][-1]["end"] == best.ended
        assert len(got["said"]) == len(best.tokens) + best.ended
        p = torch.tensor([one["p"] for one in got["said"]], dtype=torch.float64)
        assert p.log().sum().item() == pytest.approx(best.log_probability, abs=1e-6)
        ended += best.ended
    assert ended > 3


def test_it_stops_where_it_must() -> None:
    script = """const { translator } = await load("seq2seq/translator.js");
      const { read, write } = translator(weights);
      return write(read(["나"]).at(-1).state, 4);"""
    never = tiny()
    bias = [-1000.0 if i == END else 0.0 for i in range(len(never["target_words"]))]
    never["parameters"]["decoder.output.bias"] = pack(bias)
    said = run(script, weights=never)
    assert len(said) == 4
    assert not any(one["end"] for one in said)


@pytest.mark.parametrize(
    ("now", "kept"), [("나 는", 2), ("나 는 집", 3), ("나 는 집 에 간다", 3), ("집", 0)]
)
def test_only_what_follows_an_edit_is_read_anew(now: str, kept: int) -> None:
    script = """const { translator } = await load("seq2seq/translator.js");
      const { read } = translator(weights);
      const before = read("나 는 집".split(" "));
      const after = read(now.split(" "), before);
      const [one, other] = [after, read(now.split(" "))].map((a) => JSON.stringify(a));
      return { kept: after.filter((step, t) => step === before[t]).length,
        same: one === other, length: after.length };"""
    got = run(script, weights=TINY, now=now)
    assert got == {"kept": kept, "same": True, "length": len(now.split())}


# -- Korean ---------------------------------------------------------------------------

CUT = """const { groups, without } = await load("seq2seq/korean.js");
  const words = new Set(known);
  const has = (word) => words.has(word);
  return texts.map((text) => {
    const all = groups(text, has);
    const tokens = all.flat();
    return { tokens, shorter: tokens.map((_, n) => without(all, n, has)),
      again: tokens.map((_, n) => groups(without(all, n, has), has).flat()) };
  });"""


def test_particles_are_the_courses() -> None:
    script = "return (await load('seq2seq/korean.js')).PARTICLES;"
    assert run(script) == list(PARTICLES)


def test_sentences_are_cut_as_the_course_cuts_them() -> None:
    streams = (task.stream(7, split) for split in task.SPLITS)
    drawn = [one for s in streams for one in itertools.islice(s, 200)]
    sources = [one.pair.source for one in drawn]
    texts = [task.korean(source) for source in sources]
    known = [*task.source_words()]
    for got, source in zip(run(CUT, texts=texts, known=known), sources, strict=True):
        assert tuple(got["tokens"]) == source
        for n, again in enumerate(got["again"]):
            assert again == [*source[:n], *source[n + 1 :]]


def test_what_is_left_of_a_word_is_written_together_where_it_can_be() -> None:
    (got,) = run(CUT, texts=["그 아이들은 집에 간다"], known=list(task.source_words()))
    assert got["shorter"] == [
        "아이들은 집에 간다",
        "그 들 은 집에 간다",  # 들은 is a verb
        "그 아이 은 집에 간다",  # 은 does not follow a vowel
        "그 아이들 집에 간다",
        "그 아이들은 에 간다",
        "그 아이들은 집 간다",
        "그 아이들은 집에",
    ]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ""),
        ("  나는\n간다 ", "나 는 간다"),
        ("길동이 간다", "길동 이 간다"),  # a name that it does not know
        ("길동가 간다", "길동가 간다"),  # no particle has this shape there
        ("이 새가 blorp", "이 새 가 blorp"),
        ("나 는 간다", "나 는 간다"),
        ("\u1102\u1161\u1102\u1173\u11ab", "나 는"),  # as some keyboards send it
        ("연필로", "연필 로"),
        ("학생이다", "학생 이다"),
    ],
)
def test_what_a_reader_may_type(text: str, tokens: str) -> None:
    (got,) = run(CUT, texts=[text], known=list(task.source_words()))
    assert got["tokens"] == tokens.split()


# -- the comparison -------------------------------------------------------------------


def longest_common(a: list, b: list) -> int:
    """By trying all sublists of ``a``, the long ones first."""
    for size in range(len(a), 0, -1):
        for chosen in itertools.combinations(a, size):
            left = iter(b)
            if all(word in left for word in chosen):
                return size
    return 0


def test_the_comparison_finds_the_longest_common_part() -> None:
    draw = random.Random(0)
    cases = [
        [draw.choices("abc", k=draw.randint(0, 8)) for _ in range(2)] for _ in range(80)
    ]
    script = """const { compare } = await load("seq2seq/comparison.js");
      return cases.map(([ours, theirs]) => compare(ours, theirs));"""
    for got, (ours, theirs) in zip(run(script, cases=cases), cases, strict=True):
        size = longest_common(ours, theirs)
        kept = [w for w, yes in zip(ours, got["ours"], strict=True) if yes]
        assert kept == [w for w, yes in zip(theirs, got["theirs"], strict=True) if yes]
        assert len(kept) == size
        most = max(len(ours), len(theirs))
        assert got["share"] == (size / most if theirs else None)


# -- what Python gives ----------------------------------------------------------------


def test_what_it_starts_with() -> None:
    figure = BottleneckLab(weights=TINY)
    assert (figure.ladder, figure.rung, figure.at) == (1, 1, None)
    assert figure.text == "나는 집에 간다"
    assert figure.reference == "I go home"
    assert "record" not in figure.state()["weights"]
    own = BottleneckLab(text="새가 운다", weights=TINY)
    assert (own.text, own.reference) == ("새가 운다", "")
    assert BottleneckLab(2, 3, weights=TINY).text == RUNGS[10]["text"]
    assert repr(own) == "BottleneckLab(ladder=1, rung=1, text='새가 운다')"
    assert figure.to_html() == BottleneckLab(weights=TINY).to_html()


@is_stored
def test_it_is_small_enough_for_a_page() -> None:
    assert STORED.stat().st_size <= 520_000
    assert len(BottleneckLab().to_html()) < 700_000


@is_stored
def test_the_stored_network_knows_every_word_and_fails_on_long_sentences() -> None:
    weights = stored()
    known = set(weights["source_words"])
    sources = [list(task.tokens(rung["text"])) for rung in RUNGS]
    assert {word for source in sources for word in source} <= known
    targets = {word for rung in RUNGS for word in rung["target"].split()}
    assert targets <= set(weights["target_words"])
    said = [
        " ".join(one["word"] for one in got["said"] if not one["end"])
        for got in run(READ, weights=weights, sources=sources)
    ]
    short, long = (
        [i for i, source in enumerate(sources) if low <= len(source) <= high]
        for low, high in ((1, 6), (20, 50))
    )
    score = [
        bleu_by_hand([said[i] for i in rows], [RUNGS[i]["target"] for i in rows])
        for rows in (short, long)
    ]
    assert score[0] - score[1] >= 30


def changed(**parts) -> dict:
    return TINY | parts


def shaped(name: str, shape: list) -> dict:
    packed = {**TINY["parameters"][name], "shape": shape}
    return TINY | {"parameters": TINY["parameters"] | {name: packed}}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"ladder": 5}, "ladder: got 5, expected 1 to 4"),
        ({"rung": 9}, "rung: got 9, expected 1 to 8"),
        ({"rung": 0}, "rung: got 0, expected a whole number"),
        ({"at": 0}, "at: got 0, expected a whole number from 1"),
        ({"text": "가" * 301}, "text: got .*at most 300 characters"),
        ({"weights": []}, "weights: got"),
        ({"weights": {}}, "weights: source_words, .*, parameters missing or empty"),
        ({"weights": changed(ladders=[])}, "weights: ladders missing or empty"),
        (
            {"weights": changed(source_words=["a"])},
            r"weights: encoder.embedding.weight has shape \[\d+, 5\], expected \[1,",
        ),
        (
            {"weights": shaped("decoder.layer.W_x", [24, 5])},
            r"weights: decoder.layer.W_x has shape \[24, 5\], expected \[24, 13\]",
        ),
        (
            {"weights": shaped("encoder.layer.b_n", [24])},
            r"weights: encoder.layer.b_n has shape \[24\], expected \[8\]",
        ),
        (
            {"weights": changed(parameters=TINY["parameters"] | {"extra": {}})},
            "weights: extra is no parameter of this network",
        ),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        BottleneckLab(**{"weights": TINY, **arguments})


def test_without_stored_weights_it_says_what_writes_them(monkeypatch, tmp_path) -> None:
    from course_lib.figures.seq2seq import bottleneck_lab

    monkeypatch.setattr(bottleneck_lab, "STORED", tmp_path / "none.json")
    with pytest.raises(ValueError, match=r"none.json.*context-bottleneck --export"):
        BottleneckLab()


def test_the_ladders_are_the_grammars_or_those_of_the_weights() -> None:
    without = {name: part for name, part in TINY.items() if name != "ladders"}
    figure = BottleneckLab(weights=without)
    assert figure.state()["weights"]["ladders"] == TINY["ladders"]
    own = BottleneckLab(weights=changed(ladders=TINY["ladders"][1:2]))
    assert own.text == RUNGS[8]["text"]
    assert "ladders" not in without  # what is given stays as it was
