"""The page searches and draws as the course's decoding does, on the same tables."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
import torch
from javascript import run
from torch import Tensor

from course_lib.decoding import (
    Hypothesis,
    beam_search,
    length_penalty,
    normalised,
    restrict,
)
from course_lib.figures.seq2seq import BeamTree

TABLE = BeamTree().table


def row_of(table: dict, said: list[str]) -> dict[str, float]:
    """What may come next: by the last two words, or else by the last."""
    one, two = (["start", "start", *said])[-2:]
    return table["rows"].get(f"{one} {two}") or table["rows"][two]


class Model:
    """The table as a model of course_lib.decoding, in float64; counts its steps."""

    def __init__(self, table: dict, temperature: float = 1.0) -> None:
        self.table, self.temperature, self.steps = table, temperature, 0

    def __call__(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        self.steps += 1
        names = [*self.table["words"], "start"]
        said = torch.cat([state[:, 1:], tokens[:, None]], dim=1)  # (N, 2)
        # The course steps dead beams too, with words that nobody could have said.
        known = self.table["rows"]
        spoken = ([names[t] for t in two] for two in said.tolist())
        rows = [known.get(f"{a} {b}") or known.get(b, {}) for a, b in spoken]
        p = torch.tensor(
            [[row.get(word, not row) for word in self.table["words"]] for row in rows],
            dtype=torch.float64,
        )
        return p.log() / self.temperature, said

    def search(self, longest: int, width: int, alpha: float) -> list[Hypothesis]:
        start = torch.tensor([len(self.table["words"])])
        state = start[:, None].expand(1, 2)
        end = self.table["words"].index("end")
        (found,) = beam_search(self, state, start, end, longest, width, alpha)
        return found


def random_table(seed: int) -> dict:
    """Words in random order, some pairs with rows of their own, some words left out."""
    draw = random.Random(seed)
    words = ["end", *"abcdef"[: draw.randint(1, 6)]]
    draw.shuffle(words)

    def row() -> dict[str, float]:
        sizes = {word: draw.expovariate(1) for word in words if draw.random() < 0.7}
        sizes = sizes or {"end": 1.0}
        return {word: size / sum(sizes.values()) for word, size in sizes.items()}

    content = [word for word in words if word != "end"]
    pairs = itertools.product(["start", *content], content)
    names = ["start", *content]
    names += [f"{a} {b}" for a, b in pairs if draw.random() < 0.5]
    return {"words": words, "rows": {name: row() for name in names}}


SEARCH = """const { beamSearch, everySequence } = await load("seq2seq/decoding.js");
  const { END, languageModel } = await load("seq2seq/word_table.js");
  return cases.map(({ table, temperature, longest, width, alpha }) => {
    const setting = { end: table.words.indexOf(END), longest, alpha };
    const next = languageModel(table, temperature);
    const { steps, found } = beamSearch(next, { ...setting, width });
    const close = (one, i, all) => i > 0 && all[i - 1].score - one.score < 1e-9;
    const tied = steps.some(({ candidates }) => candidates.some(close));
    return { found, tied, steps: steps.map(({ stop }) => stop),
      all: longest <= 4 ? everySequence(next, setting) : null };
  });"""


def cases(count: int) -> list[dict]:
    draw = random.Random(0)
    return [
        {
            "table": random_table(seed) if seed % 4 else TABLE,
            "temperature": draw.choice([1.0, 0.5, 1.7]),
            "longest": draw.randint(1, 12),
            "width": draw.randint(1, 6),
            "alpha": draw.choice([0.0, 0.6, 1.0, 2.0]),
        }
        for seed in range(count)
    ]


def same(got: list[dict], expected: list[Hypothesis]) -> None:
    assert [tuple(one["tokens"]) for one in got] == [h.tokens for h in expected]
    assert [one["ended"] for one in got] == [h.ended for h in expected]
    scores = [h.log_probability for h in expected]
    assert [one["score"] for one in got] == pytest.approx(scores, abs=1e-12)


def test_the_search_is_the_courses_on_many_tables() -> None:
    setting = cases(300)
    stops = Counter()
    for one, got in zip(setting, run(SEARCH, cases=setting), strict=True):
        if got["tied"]:
            continue  # torch doesn't say which of two equal scores comes first
        python = Model(one["table"], one["temperature"])
        same(got["found"], python.search(one["longest"], one["width"], one["alpha"]))
        assert len(got["steps"]) == python.steps  # it stops where the course stops
        assert got["steps"][:-1] == [None] * (len(got["steps"]) - 1)
        stops[got["steps"][-1]] += 1
    assert set(stops) == {"bound", "ended", "longest"}
    assert min(stops.values()) > 20
    assert stops.total() > 270


def every_sequence(table: dict, longest: int, temperature: float) -> dict:
    """Sequence, its end included, -> score: by adding words to all that there is."""
    found, growing = {}, {(): 0.0}
    while growing:
        longer = {}
        for said, score in growing.items():
            row = row_of(table, list(said))
            total = sum(p ** (1 / temperature) for p in row.values())
            for word, p in row.items():
                over = word == "end" or len(said) + 1 == longest
                log_p = math.log(p ** (1 / temperature) / total)
                (found if over else longer)[*said, word] = score + log_p
        growing = longer
    return found


def test_exhaustive_search_tries_all() -> None:
    setting = [one | {"longest": 1 + n % 4} for n, one in enumerate(cases(60))]
    for one, got in zip(setting, run(SEARCH, cases=setting), strict=True):
        expected = every_sequence(one["table"], one["longest"], one["temperature"])
        words = one["table"]["words"]
        end = words.index("end")
        scores = {}
        for each in got["all"]:
            tokens = [*each["tokens"], *([end] if each["ended"] else [])]
            scores[tuple(words[t] for t in tokens)] = each["score"]
        assert len(scores) == len(got["all"])
        assert scores == pytest.approx(expected)
        ranks = [
            each["score"]
            / length_penalty(len(each["tokens"]) + each["ended"], one["alpha"])
            for each in got["all"]
        ]
        assert ranks == sorted(ranks, reverse=True)


# -- drawing --------------------------------------------------------------------------


def test_what_may_be_drawn_is_what_the_course_restricts() -> None:
    draw = random.Random(0)
    rows = [
        {
            "p": [draw.expovariate(1) for _ in range(draw.randint(1, 8))],
            "topK": draw.choice([None, 1, 2, 3, 20]),
            "topP": draw.choice([None, 0.05, 0.3, 0.5, 0.9, 1.0]),
            "temperature": draw.choice([0.3, 1.0, 2.0]),
        }
        for _ in range(200)
    ]
    script = """const { restricted, tempered } = await load("seq2seq/decoding.js");
      return rows.map(({ p, temperature, topK, topP }) => {
        const logP = tempered(p.map(Math.log), temperature);
        return restricted(logP, { topK, topP });
      });"""
    cut = 0
    for got, row in zip(run(script, rows=rows), rows, strict=True):
        logits = torch.tensor(row["p"], dtype=torch.float64).log()
        left = restrict(logits, row["temperature"], row["topK"], row["topP"])
        assert got == pytest.approx(left.softmax(-1).tolist(), abs=1e-12)
        cut += 0 in got
    assert cut > 50


DRAW = """const { sample } = await load("seq2seq/decoding.js");
  const { generator } = await load("kit/nn.js");
  const { END, languageModel } = await load("seq2seq/word_table.js");
  const { uniform } = generator(seed);
  const next = languageModel(table, temperature);
  const end = table.words.indexOf(END);
  const one = () => sample(next, { end, longest, topK, topP, uniform });
  return Array.from({ length: 20000 }, one);"""


def test_draws_come_as_often_as_the_model_says() -> None:
    given = {"table": TABLE, "temperature": 1.4, "longest": 5, "topK": None}
    drawn = run(DRAW, **given, topP=None, seed=3)
    expected = every_sequence(TABLE, 5, 1.4)
    words, counts = TABLE["words"], Counter()
    for one in drawn:
        said = tuple(words[t] for t in one["tokens"])
        said += ("end",) if one["ended"] else ()
        counts[said] += 1
        assert one["score"] == pytest.approx(expected[said])
    for said, score in expected.items():
        p = math.exp(score)
        assert counts[said] / 20_000 == pytest.approx(
            p, abs=5 * math.sqrt(p * (1 - p) / 20_000)
        )


def test_draws_are_seeded_and_restricted() -> None:
    given = {"table": TABLE, "temperature": 1, "longest": 7}
    once, again, other = (
        run(DRAW, **given, topK=None, topP=None, seed=seed) for seed in (1, 1, 2)
    )
    assert once == again != other
    words = TABLE["words"]
    (greedy,) = Model(TABLE).search(7, 1, 0)
    for limits in ({"topK": 1, "topP": None}, {"topK": None, "topP": 0.05}):
        drawn = run(DRAW, **given, **limits, seed=1)
        assert {tuple(one["tokens"]) for one in drawn} == {greedy.tokens}
    drawn = run(DRAW, **given, topK=2, topP=None, seed=1)
    assert {words[one["tokens"][0]] for one in drawn} == {"we", "I"}


# -- the table ------------------------------------------------------------------------


def test_the_table_is_readable_and_whole() -> None:
    words, rows = TABLE["words"], TABLE["rows"]
    assert 8 <= len(words) - 1 <= 12
    for shares in rows.values():
        assert sum(shares.values()) == pytest.approx(1)
        assert set(shares) <= set(words)
        assert all(round(100 * p) == pytest.approx(100 * p) for p in shares.values())
    seen, todo = set(), [[]]
    while todo:
        said = todo.pop()
        row = row_of(TABLE, said)
        seen.add(id(row))
        todo += [[*said, word] for word in row if word != "end"]
    assert seen == {id(row) for row in rows.values()}  # no row is idle, none missing


def found(width: int, alpha: float, longest: int = 7) -> str:
    first = Model(TABLE).search(longest, width, alpha)[0]
    assert first.ended
    return " ".join(TABLE["words"][t] for t in first.tokens)


def test_what_the_caption_says_of_the_table() -> None:
    def best(alpha: float) -> str:
        def rank(said: tuple[str, ...]) -> float:
            return scores[said] / length_penalty(len(said), alpha)

        scores = every_sequence(TABLE, 7, 1.0)
        return " ".join(max(scores, key=rank)).removesuffix(" end")

    assert best(0) == "go home"  # says too little
    assert best(0.6) == "I am going home"
    assert found(1, 0) == found(1, 0.6) == "we are home"  # greedy goes wrong
    assert found(2, 0) == "I am going home"
    assert {found(width, 0) for width in (3, 4, 5)} == {best(0)}
    assert {found(width, 0.6) for width in (2, 3, 4, 5)} == {best(0.6)}


def test_other_tables_have_the_same_words_and_other_probabilities() -> None:
    script = """const { redrawn } = await load("seq2seq/word_table.js");
      return [0, 1, 1, 2].map((seed) => redrawn(table, seed));"""
    own, one, again, other = run(script, table=TABLE)
    assert own == TABLE
    assert one == again != other
    for table in (one, other):
        assert {k: list(v) for k, v in table["rows"].items()} == {
            k: list(v) for k, v in TABLE["rows"].items()
        }
        for shares in table["rows"].values():
            assert sum(shares.values()) == pytest.approx(1)
            assert all(
                p >= 0.05 and round(20 * p) == pytest.approx(20 * p)
                for p in shares.values()
            )


# -- in words -------------------------------------------------------------------------

TELL = """const { beamSearch, everySequence } = await load("seq2seq/decoding.js");
  const { END, languageModel } = await load("seq2seq/word_table.js");
  const { explained, finders, pruned, verdict } = await load("seq2seq/search_words.js");
  const end = table.words.indexOf(END);
  const next = languageModel(table, 1);
  const setting = { end, longest, alpha };
  const { steps } = beamSearch(next, { ...setting, width });
  const all = everySequence(next, setting);
  const widths = finders(next, all[0], setting);
  return {
    steps: steps.map((_, at) => explained(table, steps, at, { ...setting, width })),
    widths, pruned: pruned(steps, all[0], end),
    verdicts: [null, 3, 0].map((guess) =>
      verdict(table, { best: all[0], count: all.length, widths, guess })),
  };"""


def tell(width: int = 2, alpha: float = 0, longest: int = 7, table: dict = TABLE):
    return run(TELL, table=table, width=width, alpha=alpha, longest=longest)


def test_which_widths_find_the_best() -> None:
    told = tell()
    assert told["widths"] == [3, 4, 5]
    assert told["pruned"] == {"step": 1, "rank": 3}
    count = len(every_sequence(TABLE, 7, 1.0))
    assert told["verdicts"] == [
        f"The best of all {count} sequences is “go home”. Widths 3, 4 and 5 find it.{s}"
        for s in ("", " As you said.", " Not as you said.")
    ]
    assert tell(width=3)["pruned"] is None
    assert tell(alpha=0.6)["widths"] == [2, 3, 4, 5]


def test_when_no_width_or_every_width_finds_it() -> None:
    easy = {"words": ["end", "a"], "rows": {"start": {"a": 1}, "a": {"end": 1}}}
    assert "Every width finds it, greedy" in tell(table=easy)["verdicts"][0]
    first = {word: 0.15 for word in "abcdef"} | {"g": 0.1}
    rows = {word: {"end": 0.5, "a": 0.5} for word in "abcdef"} | {"g": {"end": 1.0}}
    hard = {"words": ["end", *"abcdefg"], "rows": {"start": first, **rows}}
    told = tell(table=hard, longest=3)
    assert told["widths"] == []
    assert "No width from 1 to 5 finds it. As you said." in told["verdicts"][2]
    assert told["pruned"] == {"step": 1, "rank": 7}


def test_each_step_says_what_it_did_and_why_it_stops() -> None:
    steps = tell()["steps"]
    assert steps[0] == (
        "Step 1: 3 continuations, the best 2 stay. "
        "It goes on: 0 of 2 have ended so far."
    )
    assert "One ends. It goes on: 1 of 2 have ended" in steps[3]
    assert steps[-1].endswith(
        "It stops: nothing left can beat “we are home”, the second of those that "
        "ended, at −2.71. The best that is left, “I am going home now …”, can come at "
        "most to −3.02."
    )
    cut = tell(longest=3)["steps"][-1]
    assert cut.endswith("It stops: a sequence may have 3 tokens at most.")
    assert tell(width=1)["steps"][-1].endswith("It stops: all that was kept has ended.")
    # with a penalty, the bound is the score over the penalty of the longest sequence
    said = tell(width=1, alpha=0)["steps"][0]
    assert "the best one stays" in said
    steps = tell(width=2, alpha=0.6, longest=8)["steps"]
    penalty = (13 / 6) ** 0.6
    assert any(f"/ {penalty:.2f} = −" in step for step in steps)


def test_it_says_when_it_goes_on_though_enough_have_ended() -> None:
    rows = {
        "start": {"a": 0.6, "end": 0.4},
        "a": {"end": 0.5, "b": 0.5},
        "b": {"end": 1.0},
    }
    table = {"words": ["end", "a", "b"], "rows": rows}
    steps = tell(width=2, alpha=2, longest=3, table=table)["steps"]
    assert (
        "the second of those that ended, “(nothing)”, has −0.92: it goes on."
        in (steps[1])
    )


TREE = """const { searchTree, drawTree } = await load("seq2seq/search_tree.js");
  const { beamSearch, sample } = await load("seq2seq/decoding.js");
  const { languageModel } = await load("seq2seq/word_table.js");
  const { generator } = await load("kit/nn.js");
  const { uniform } = generator(1);
  const next = languageModel(table, 1);
  const setting = { end: 0, longest: 7, alpha: 0 };
  const { steps, found } = beamSearch(next, { ...setting, width: 3 });
  const draw = () => sample(next, { ...setting, topK: null, topP: null, uniform });
  const draws = Array.from({ length: 200 }, draw);
  const shared = { table, end: 0, best: found[0] };
  return {
    beam: searchTree({ ...shared, steps, at: 3, width: 3, winner: found[0] }),
    draws: drawTree({ ...shared, draws, longest: 7 }),
    said: draws.map((one) => one.tokens.map((token) => table.words[token])) };"""


@pytest.mark.parametrize("kind", ["beam", "draws"])
def test_each_node_hangs_on_the_words_before_it(kind) -> None:
    tree = run(TREE, table=TABLE)[kind]
    assert any(node["kind"] == "more" for column in tree["columns"] for node in column)
    phrases: list[list[str]] = [[""]]
    for column in tree["columns"]:
        phrases.append([])
        for node in column:
            if node["kind"] == "more":
                continue
            before = phrases[-2][node["parent"] or 0]
            phrases[-1].append(f"{before} {node['word']}".strip())
            assert node["told"].startswith(f"“{phrases[-1][-1]}”: ")
            assert node["star"] == "go home end".startswith(phrases[-1][-1])
        assert len(set(phrases[-1])) == len(phrases[-1]) <= tree["rows"]


def test_the_tree_of_draws_counts_them() -> None:
    told = run(TREE, table=TABLE)
    first = Counter(words[0] for words in told["said"])
    assert [(node["word"], node["below"]) for node in told["draws"]["columns"][0]] == [
        (word, f"{count}×") for word, count in first.most_common()
    ]
    second = Counter(" ".join([*words, "end"][:2]) for words in told["said"])
    for node in told["draws"]["columns"][1]:
        words = node["told"].split("”")[0].removeprefix("“")
        assert node["below"] == f"{second[words]}×"
        assert node["share"] == second[words] / 200


def test_hypotheses_are_ranked_as_the_course_ranks_them() -> None:
    one = Hypothesis((1, 2), -2.0, True)
    script = """const { normalised } = await load("seq2seq/decoding.js");
      return normalised({ tokens: [1, 2], score: -2, ended: true }, 0.7);"""
    assert run(script) == pytest.approx(normalised(one, 0.7))


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="width: got 0, expected a whole number"):
        BeamTree(width=0)
    with pytest.raises(ValueError, match="search: got 'greedy', expected one of"):
        BeamTree(search="greedy")
    with pytest.raises(ValueError, match=r"top_p: got 0, expected a number .* or None"):
        BeamTree(top_p=0)
