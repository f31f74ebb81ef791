"""The network in the page says what torch says."""

from __future__ import annotations

import json
from statistics import fmean

import pytest
import torch
from javascript import FIGURES, run
from torch import nn

from course_lib.data.words import ALPHABET, LANGUAGES, fold, languages, names
from course_lib.figures.rnn import Stepper
from course_lib.figures.weights import pack, unpack

READ = """const { reader } = await load("rnn/reading.js");
  const { read } = reader(weights);
  const kept = ({ state, output }) => ({ state, output });
  return words.map((word) => read(word).map(kept));"""


def words() -> list[str]:
    """A few hundred, of all languages, every letter and length."""
    return [word for code in LANGUAGES for word in names(code)[::60]]


def torch_twin(parameters: dict) -> tuple[nn.RNN, nn.Linear]:
    W_x, W_h, b, W_o, b_o = (
        torch.tensor(unpack(parameters[name]), dtype=torch.float64)
        for name in ("W_x", "W_h", "b", "output.weight", "output.bias")
    )
    rnn = nn.RNN(W_x.shape[1], W_x.shape[0], batch_first=True).double()
    output = nn.Linear(*reversed(W_o.shape)).double()
    rnn.weight_ih_l0.data, rnn.weight_hh_l0.data = W_x, W_h
    rnn.bias_ih_l0.data, rnn.bias_hh_l0.data = b, torch.zeros_like(b)
    output.weight.data, output.bias.data = W_o, b_o
    return rnn, output


def test_every_state_and_probability_equals_torch() -> None:
    weights = Stepper().weights
    rnn, output = torch_twin(weights["parameters"])
    some = words()
    assert set("".join(some)) == set(ALPHABET)
    for word, got in zip(some, run(READ, weights=weights, words=some), strict=True):
        ids = torch.tensor([weights["alphabet"].index(letter) for letter in word])
        x = nn.functional.one_hot(ids, len(weights["alphabet"])).double()  # (T, V)
        with torch.no_grad():
            states = rnn(x.unsqueeze(0))[0][0]  # (T, H)
            expected = output(states).softmax(-1)  # (T, K)
        for name, values in (("state", states), ("output", expected)):
            mine = torch.tensor([step[name] for step in got], dtype=torch.float64)
            torch.testing.assert_close(mine, values, rtol=0, atol=1e-10)


def test_float16_loses_little() -> None:
    """Packed weights say what the full ones say, to float16's three digits."""
    torch.manual_seed(0)
    rnn, output = nn.RNN(27, 48, batch_first=True), nn.Linear(48, 10)
    nn.init.zeros_(rnn.bias_hh_l0)
    parameters = {
        "W_x": pack(rnn.weight_ih_l0),
        "W_h": pack(rnn.weight_hh_l0),
        "b": pack(rnn.bias_ih_l0),
        "output.weight": pack(output.weight),
        "output.bias": pack(output.bias),
    }
    weights = {
        "labels": list(LANGUAGES),
        "alphabet": ALPHABET,
        "parameters": parameters,
    }
    got = run(READ, weights=weights, words=["donnerstag"])[0][-1]["output"]
    ids = torch.tensor([ALPHABET.index(letter) for letter in "donnerstag"])
    with torch.no_grad():
        x = nn.functional.one_hot(ids, 27).float().unsqueeze(0)
        expected = output(rnn(x)[0][0, -1]).softmax(-1)
    torch.testing.assert_close(torch.tensor(got), expected, rtol=0, atol=1e-3)


def test_it_folds_as_the_training_did() -> None:
    from babel import Locale

    texts = [
        str(name)
        for code in LANGUAGES
        for name in [
            *Locale.parse(code).territories.values(),
            *Locale.parse(code).languages.values(),
            *Locale.parse(code).currencies.values(),
        ]
    ]
    texts += [
        "",
        "   ",
        "Île-de-Ré",
        "ŁÓDŹ",
        "İstanbul ışık",
        "naïve 42",
        "日本",
        "ﬁn",
        "Å",
    ]
    script = "const { fold } = await load('rnn/reading.js'); return texts.map(fold);"
    assert run(script, texts=texts) == [fold(text) for text in texts]


@pytest.mark.parametrize(
    ("read", "other"),
    [(6, "zondga"), (5, "zonadg"), (2, "ozndag"), (1, None), (0, None)],
)
def test_a_swap_changes_the_state_but_no_letter_read(
    read: int, other: str | None
) -> None:
    script = """const { swapped, compared } = await load("rnn/stepper.js");
      const { reader } = await load("rnn/reading.js");
      const other = swapped("zondag", read);
      if (other === null) return { other };
      const parts = ["zondag", other].map((word) => word.slice(0, read));
      const ends = parts.map((part) => reader(weights).read(part).at(-1).state);
      return { other, parts, ends, said: compared(...parts) };"""
    got = run(script, weights=Stepper().weights, read=read)
    assert got["other"] == other
    if other is not None:
        assert sorted(got["parts"][0]) == sorted(got["parts"][1])
        assert "The same letters in another order" in got["said"]
        assert got["ends"][0] != got["ends"][1]


def test_equal_letters_are_not_swapped() -> None:
    script = "return (await load('rnn/stepper.js')).swapped('ball', 4);"
    assert run(script) is None


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        ("zon", "zon", "have read the same"),
        ("zond", "zona", "Not the same letters"),
        ("zon", "zo", "Not the same letters"),
        ("", "", "have read the same"),
    ],
)
def test_what_a_comparison_may_say(one: str, other: str, says: str) -> None:
    script = "return (await load('rnn/stepper.js')).compared(one, other);"
    assert says in run(script, one=one, other=other)


def test_the_words_it_offers_were_held_out() -> None:
    stored = json.loads((FIGURES / "rnn" / "stepper.json").read_text(encoding="utf-8"))
    script = """const { WORDS } = await load("rnn/stepper.js");
      const { reader } = await load("rnn/reading.js");
      const { largest } = await load("kit/unrolled.js");
      const { read } = reader(weights);
      return WORDS.map((word) => [word, largest(read(word).at(-1).output)]);"""
    answers = dict(run(script, weights=stored))
    label_of = dict(languages(stored["record"]["seed"]).test)
    assert set(answers) <= set(label_of)
    assert Stepper().text in answers
    assert "held out" in Stepper().caption
    assert len({label_of[word] for word in answers}) >= 8  # languages
    right = fmean(label_of[word] == answer for word, answer in answers.items())
    assert right == pytest.approx(stored["record"]["test_accuracy_float16"], abs=0.15)


def test_the_stored_weights_still_reach_their_record() -> None:
    """The page's JavaScript on the words that the run held out, in the same score."""
    stored = json.loads((FIGURES / "rnn" / "stepper.json").read_text(encoding="utf-8"))
    record, labels = stored["record"], stored["labels"]
    test = languages(record["seed"]).test
    assert len(test) == record["test_words"]
    script = """const { reader } = await load("rnn/reading.js");
      const { largest } = await load("kit/unrolled.js");
      const { read } = reader(weights);
      return words.map((word) => largest(read(word).at(-1).output));"""
    answers = run(script, weights=stored, words=[word for word, _ in test])
    right: dict[int, list[bool]] = {k: [] for k in range(len(labels))}
    for answer, (_, label) in zip(answers, test, strict=True):
        right[label].append(answer == label)
    balanced = fmean(fmean(each) for each in right.values())
    assert balanced == pytest.approx(record["test_accuracy_float16"], abs=2e-3)


def test_the_caption_says_how_good_the_network_is() -> None:
    stored = json.loads((FIGURES / "rnn" / "stepper.json").read_text(encoding="utf-8"))
    accuracy = stored["record"]["test_accuracy_float16"]
    assert f"right {100 * accuracy:.0f}\u00a0% of the time" in Stepper().caption
    assert "record" not in Stepper().state()["weights"]
    unknown = {key: stored[key] for key in ("labels", "alphabet", "parameters")}
    assert Stepper(weights=unknown).caption == Stepper.caption


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ({}, "weights: labels, alphabet, parameters missing"),
        ([], "weights: got"),
        (
            {
                "labels": ["a"],
                "alphabet": "ab",
                "parameters": {"W_h": {"shape": [2, 2]}},
            },
            r"weights: W_x has shape None, expected \[2, 2\]",
        ),
    ],
)
def test_weights_that_do_not_fit(weights: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Stepper(weights=weights)
