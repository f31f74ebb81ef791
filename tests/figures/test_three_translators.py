"""The title page's models are torch's, and what it stores is what they say."""

from __future__ import annotations

import json
import random

import pytest
import torch
from javascript import run

from course_lib.chapters import CHAPTERS
from course_lib.experiments import title
from course_lib.figures.title import ThreeTranslators
from course_lib.figures.title.three_translators import STORED, script, weights
from course_lib.figures.weights import unpack

MODELS = {chapter: title.load(chapter) for chapter in title.CLAIMS}
MADE = json.loads(STORED.read_text(encoding="utf-8"))
SENTENCES = [one for group in MADE["groups"] for one in group["sentences"]]
every_model = pytest.mark.parametrize("chapter", MODELS)

TRACES = """const { translators } = await load("title/traces.js");
  const { trace } = translators(weights);
  return asked.map((tokens) => trace(chapter, tokens));"""


def pictured(trace: dict) -> torch.Tensor:
    """The states or the looks of a trace of the page."""
    matrix = trace.get("states") or trace["looks"]
    return torch.tensor(matrix["data"], dtype=torch.float32).reshape(matrix["shape"])


@every_model
def test_the_page_says_what_torch_says_and_looks_where_it_looks(chapter) -> None:
    draw = random.Random(0)
    some = [*MODELS[chapter].source][4:]
    asked = [one["tokens"] for one in SENTENCES]
    asked += [draw.choices(some, k=length) for length in (1, 2, 9)]
    asked += [["길동", "이", "없는말"]]  # unknown
    for tokens, got in zip(
        asked,
        run(TRACES, weights=weights(), chapter=chapter, asked=asked),
        strict=True,
    ):
        wanted = title.trace(chapter, MODELS[chapter], tokens)
        assert (got["words"], got["ended"]) == (wanted["words"], wanted["ended"])
        kind = "states" if chapter == "seq2seq" else "looks"
        assert [name for name in ("states", "looks") if got.get(name)] == [kind]
        theirs = torch.tensor(unpack(wanted[kind]))
        torch.testing.assert_close(pictured(got), theirs, rtol=1e-3, atol=1e-6)


@every_model
def test_what_is_stored_is_what_the_model_says(chapter) -> None:
    for one in SENTENCES:
        wanted = title.trace(chapter, MODELS[chapter], one["tokens"])
        got = one["traces"][chapter]
        kind = "states" if chapter == "seq2seq" else "looks"
        assert {k: got[k] for k in ("words", "ended")} == {
            k: wanted[k] for k in ("words", "ended")
        }
        mine, theirs = (torch.tensor(unpack(each[kind])) for each in (got, wanted))
        torch.testing.assert_close(mine, theirs, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("length", title.LENGTHS[:3])
def test_nobody_chose_the_sentences_and_the_counts_are_true(length) -> None:
    (stored,) = (one for one in MADE["groups"] if one["length"] == length)
    made = title.group(length, MODELS, counted=20, note=lambda _: None)
    for one, other in zip(stored["sentences"], made["sentences"], strict=True):
        for name in ("text", "tokens", "glosses", "allowed"):
            assert one[name] == other[name]
    for chapter, marks in stored["right"].items():
        assert len(marks) == MADE["counted"] == title.COUNTED
        assert marks.startswith(made["right"][chapter])
        said = [
            " ".join(one["traces"][chapter]["words"]) in one["allowed"]
            for one in stored["sentences"]
        ]
        assert marks.startswith("".join(str(int(one)) for one in said))


def test_the_file_is_whole() -> None:
    assert [group["length"] for group in MADE["groups"]] == list(title.LENGTHS)
    assert all(len(g["sentences"]) == title.SHOWN for g in MADE["groups"])
    for chapter, told in MADE["models"].items():
        assert told == title.trained(chapter)


def test_what_the_story_says_is_so() -> None:
    """The fixed vector loses what the others find, the more the longer it gets."""
    shares = {
        group["length"]: {k: v.count("1") / len(v) for k, v in group["right"].items()}
        for group in MADE["groups"]
    }
    for share in shares.values():
        assert share["seq2seq"] < min(share["attention"], share["transformer"])
    assert shares[12]["seq2seq"] < 0.1 < 0.5 < shares[12]["transformer"]
    first = ThreeTranslators()
    (group,) = (g for g in MADE["groups"] if g["length"] == first.length)
    right = [group["right"][k][first.sentence - 1] for k in MODELS]
    assert right == ["0", "1", "1"]  # with what the page opens


JUDGE = """const { judge } = await load("title/column.js");
  return judge({ words, ended }, allowed);"""


@pytest.mark.parametrize(
    ("words", "ended", "ours", "wrong", "missing", "right"),
    [
        ("a b c", True, [True] * 3, 0, 0, True),
        ("a c b", True, [True] * 3, 0, 0, True),  # the other one that is allowed
        ("a b c", False, [True] * 3, 0, 0, False),
        ("a b", True, [True] * 2, 0, 1, False),
        ("a x c", True, [True, False, True], 1, 1, False),
        ("", True, [], 0, 3, False),
    ],
)
def test_a_translation_is_judged_by_the_nearest_that_is_allowed(
    words, ended, ours, wrong, missing, right
) -> None:
    allowed = ["a b c", "a c b"]
    got = run(JUDGE, words=words.split(), ended=ended, allowed=allowed)
    expected = {"ours": ours, "wrong": wrong, "missing": missing, "right": right}
    assert got == expected


def test_the_weights_are_in_the_page_or_in_the_book() -> None:
    assert ThreeTranslators().state()["weights"] == weights()
    state = ThreeTranslators(book="../").state()
    assert state["weights"] == "../_static/three_translators.js"
    assert len(json.dumps(state, ensure_ascii=False)) < 100_000
    name, _, rest = script().partition(" = ")
    assert name == "globalThis.__courseTranslators"
    assert json.loads(rest.removesuffix(";\n")) == weights()


def test_each_model_has_its_chapter() -> None:
    state = ThreeTranslators().state()
    folders = {one.number: one.folder for one in CHAPTERS}
    pages = [f"chapters/{folders[number]}.html" for number in (3, 4, 5)]
    assert [one["page"] for one in state["models"]] == pages
    assert state["models"][0]["learned"] == "20,000 pairs, 3,600 training steps"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"length": 5}, "length: got 5, expected one of 4, 8, 12, 16, 20"),
        ({"sentence": 4}, "sentence: got 4, expected 1 to 3"),
        ({"at": -1}, "at: got -1, expected a whole number from 0"),
        ({"text": "가" * 301}, "text: got .* at most 300 characters"),
    ],
)
def test_bad_arguments(given, message) -> None:
    with pytest.raises(ValueError, match=message):
        ThreeTranslators(**given)
