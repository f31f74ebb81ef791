"""Token by token, in pieces or all at once: the same logits, and so the same words."""

from __future__ import annotations

import pytest
import torch

from course_lib.data.translation import END, START
from course_lib.decoding import beam_search, evaluating, greedy, sample
from course_lib.recurrent import map_state
from course_lib.self_attention import PATHS
from course_lib.transformer import Transformer
from small_transformers import (
    LONGEST,
    NORMS,
    POSITIONS,
    V,
    close,
    gpt,
    gradients,
    logits_of,
    numbers,
    sentences,
    translator,
)

T = 7
PIECES = {"one": (1,) * T, "unequal": (3, 1, 2, 1), "two": (1, T - 1), "all": (T,)}
by_positions = pytest.mark.parametrize("positions", POSITIONS)
by_norm = pytest.mark.parametrize("norm", NORMS)
by_path = pytest.mark.parametrize("path", PATHS)
by_pieces = pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)


def begin(model, data):
    source, mask, previous = data
    if isinstance(model, Transformer):
        return model.decode, model.start(source, mask)
    return model, model.decoder.nothing(previous)


def in_pieces(model, data, pieces):
    read, state = begin(model, data)
    logits = []
    for piece in data[2].split(pieces, dim=1):
        now, state = read(piece, state)
        logits.append(now)
    return torch.cat(logits, dim=1), state


@by_pieces
@by_path
@by_norm
@by_positions
@pytest.mark.parametrize("build", [translator, gpt])
def test_pieces_equal_the_whole_in_value_and_gradient(
    build, positions, norm, path, pieces
):
    model = build(positions=positions, norm=norm, path=path).double()
    data = sentences(T=T)
    logits, _ = in_pieces(model, data, pieces)
    wanted = logits_of(model, *data)
    # The code of a place is made in float32, and rounds alike in both.
    close(logits, wanted, 1e-10)
    own, other = gradients(model, logits), gradients(model, wanted)
    for name, one in own.items():
        close(one, other[name], 1e-10)


@by_positions
@pytest.mark.parametrize("build", [translator, gpt])
def test_a_step_is_a_piece_of_one(build, positions):
    model, data = build(positions=positions), sentences(T=T)
    _, state = begin(model, data)
    for t in range(T):
        logits, state = model.step(data[2][:, t], state)
        close(logits, logits_of(model, *data)[:, t], 2e-5)


@pytest.mark.parametrize("build", [translator, gpt])
def test_a_cache_grows_by_what_was_read_and_is_never_rewritten(build):
    model, data = build(), sentences(T=T)
    read, state = begin(model, data)
    _, first = read(data[2][:, :3], state)
    seen = first if build is gpt else first.seen
    before = [(one.keys.clone(), one.values.clone()) for one in seen]
    _, second = read(data[2][:, 3:], first)
    later = second if build is gpt else second.seen
    for (keys, values), one, two in zip(before, seen, later, strict=True):
        assert one.keys.shape[2] == 3
        assert two.keys.shape[2] == two.values.shape[2] == T
        assert torch.equal(one.keys, keys), "a branch of the beam may still need it"
        assert torch.equal(two.keys[:, :, :3], keys)
        assert torch.equal(two.values[:, :, :3], values)
    if build is translator:
        assert second.source is first.source, "the source is looked at once"


@torch.no_grad()
@by_pieces
@pytest.mark.parametrize("build", [translator, gpt])
def test_two_continuations_of_one_beginning_do_not_meet(build, pieces):
    """Without gradients a cache is written in place, but never where another reads."""
    model, data = build(), sentences(T=T)
    source, mask, previous = data
    read, start = begin(model, data)
    other = (previous + 1) % V
    _, shared = read(previous[:, 1:2], read(previous[:, :1], start)[1])
    for continued in (previous, other, previous):
        state, logits = shared, []
        for piece in continued.split(pieces, dim=1):
            now, state = read(piece, state)
            logits.append(now)
        whole = torch.cat([previous[:, :2], continued], dim=1)
        wanted = logits_of(model, source, mask, whole)[:, 2:]
        close(torch.cat(logits, dim=1), wanted, 2e-5)
    fork_a = read(previous[:, 2:3], shared)[1]
    fork_b = read(other[:, 2:3], shared)[1]
    after_a, _ = read(previous[:, 3:4], fork_a)
    after_b, _ = read(previous[:, 3:4], fork_b)
    for now, third in ((after_a, previous[:, 2:3]), (after_b, other[:, 2:3])):
        whole = torch.cat([previous[:, :2], third, previous[:, 3:4]], dim=1)
        close(now, logits_of(model, source, mask, whole)[:, 3:], 2e-5)


def teacher_forced(model, data, row, hypothesis):
    """The log-probability of a hypothesis, from one parallel pass."""
    source, mask, previous = data
    tokens = [*hypothesis.tokens, *([END] * hypothesis.ended)]
    inputs = torch.tensor([[int(previous[row, 0]), *tokens[:-1]]])
    one = slice(row, row + 1)
    logits = logits_of(model, source[one], mask[one], inputs)
    log_p = logits.log_softmax(-1)[0]
    return sum(log_p[t, token].item() for t, token in enumerate(tokens))


@by_positions
@pytest.mark.parametrize("build", [translator, gpt])
def test_beams_score_what_one_pass_says_and_one_beam_is_greedy(build, positions):
    model, data = build(positions=positions), sentences((6, 3, 1, 4))
    first = torch.tensor([START, 4, 5, 6])
    data[2][:, 0] = first  # also a GPT's sentences must differ
    with evaluating(model):
        _, state = begin(model, data)
        by_greed = greedy(model.step, state, first, END, longest=8)
        narrow = beam_search(model.step, state, first, END, 8, width=1)
        wide = beam_search(model.step, state, first, END, 8, width=3)
        for row, greedy_one in enumerate(by_greed):
            assert narrow[row][0].tokens == greedy_one.tokens
            assert len({one.tokens for one in wide[row]}) == 3
            for one in (greedy_one, narrow[row][0], *wide[row]):
                score = teacher_forced(model, data, row, one)
                assert one.log_probability == pytest.approx(score, abs=1e-3)
            scores = [one.log_probability for one in wide[row]]
            assert scores == sorted(scores, reverse=True)
    assert len({one.tokens for row in wide for one in row}) > 3


@pytest.mark.parametrize("build", [translator, gpt])
def test_every_part_of_a_state_has_a_row_for_each_sentence(build):
    model, data = build(), sentences(T=T)
    _, state = in_pieces(model, data, (T,))
    order, token = torch.tensor([2, 0, 0, 1]), torch.tensor([4, 5, 6, 7])
    moved = map_state(lambda part: part[order], state)
    logits, _ = model.step(token, moved)
    for row, origin in enumerate(order.tolist()):
        one = map_state(lambda part, origin=origin: part[origin : origin + 1], state)
        alone, _ = model.step(token[row : row + 1], one)
        close(logits[row], alone[0], 1e-5)


def test_sampling_follows_the_parallel_probabilities():
    model, data = translator(), sentences((6, 3))
    made = torch.Generator().manual_seed(0)
    with evaluating(model):
        _, state = begin(model, data)
        drawn = sample(
            model.step, state, data[2][:, 0], END, 5, temperature=0.8, generator=made
        )
        for row, one in enumerate(drawn):
            score = teacher_forced(model, data, row, one)
            assert one.log_probability == pytest.approx(score, abs=1e-4)


@by_positions
def test_a_gpt_generates_what_reading_everything_again_would_give(positions):
    model, prefix = gpt(positions=positions), sentences(T=3)[2]
    with evaluating(model):
        tokens = model.generate(prefix, 6, temperature=0)
        text = prefix
        for _ in range(6):
            best = model(text)[0][:, -1].argmax(-1, keepdim=True)
            text = torch.cat([text, best], dim=1)
    assert torch.equal(tokens, text[:, 3:])


def test_a_table_of_places_ends_where_it_ends_whatever_the_pieces():
    model = gpt(positions="learned")
    tokens = numbers(2, LONGEST + 1).argsort().clamp(max=V - 1)
    _, state = model(tokens[:, :LONGEST])
    with pytest.raises(ValueError, match=f"x: got {LONGEST + 1} places"):
        model(tokens)
    with pytest.raises(ValueError, match=f"x: got {LONGEST + 1} places"):
        model.step(tokens[:, -1], state)
