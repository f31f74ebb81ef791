"""Attention: what it weighs, in what order, and that both of its paths agree."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import attention as module
from course_lib.attention import (
    Additive,
    Attention,
    AttentionDecoder,
    AttentionSeq2Seq,
    DecoderState,
    Dot,
    Everywhere,
    General,
    Location,
    Monotonic,
    Predictive,
    coverage_loss,
    masked_softmax,
)
from course_lib.data.translation import END, START
from course_lib.decoding import beam_search, greedy
from course_lib.exchange import from_torch, to_d2l
from course_lib.lstm_gru import GRU, LSTM
from course_lib.recurrent import Bidirectional, Stacked
from course_lib.seq2seq import Encoder

B, S, T, V, E, H, M = 3, 6, 5, 11, 4, 8, 8

SCORES = {
    "dot": lambda: Dot(H),
    "scaled": lambda: Dot(H, scaled=True),
    "general": lambda: General(H, M),
    "additive": lambda: Additive(H, M, 7),
    "coverage": lambda: Additive(H, M, 7, coverage=True),
    "location": lambda: Location(H, M, 12),
}
WINDOWS = {
    "everywhere": Everywhere,
    "local-m": lambda: Monotonic(1),
    "local-p": lambda: Predictive(H, 2),
}
KINDS = {
    "bahdanau": {"order": "before"},
    "bahdanau, fed": {"order": "before", "input_feeding": True},
    "luong": {"order": "after"},
    "luong, fed": {"order": "after", "input_feeding": True},
}
by_score = pytest.mark.parametrize("score", SCORES)
by_window = pytest.mark.parametrize("window", WINDOWS)
by_kind = pytest.mark.parametrize("kind", KINDS)


def build(
    kind="bahdanau", score="additive", window="everywhere", cell=GRU, seed=0, scale=3
):
    torch.manual_seed(seed)
    how = KINDS[kind]
    fed = M * (how["order"] == "before") + H * how.get("input_feeding", False)
    encoder = Encoder(V, Bidirectional(GRU(E, M // 2), GRU(E, M // 2)))
    attention = Attention(SCORES[score](), WINDOWS[window]())
    decoder = AttentionDecoder(V, cell(E + fed, H), attention, **how)
    model = AttentionSeq2Seq(encoder, decoder)
    with torch.no_grad():  # or every weight would be about 1/S
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def pairs(lengths=(6, 3, 1), seed=0):
    made = torch.Generator().manual_seed(seed)
    source = torch.randint(4, V, (len(lengths), max(lengths)), generator=made)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    previous = torch.randint(4, V, (len(lengths), T), generator=made)
    previous[:, 0] = START
    return source, mask, previous


# -- the softmax -----------------------------------------------------------------------


@given(st.integers(0, 2**6 - 1), st.integers(0, 100))
def test_a_masked_softmax_is_the_softmax_of_what_is_left(bits, seed):
    mask = torch.tensor([bool(bits >> i & 1) for i in range(6)])
    scores = torch.randn(6, generator=torch.Generator().manual_seed(seed)) * 5
    weights = masked_softmax(scores, mask)
    assert (weights[~mask] == 0).all()
    if mask.any():
        torch.testing.assert_close(weights[mask], scores[mask].softmax(0))
    else:
        assert (weights == 0).all()


def test_a_row_with_nothing_to_see_gives_zeros_and_no_nan_in_the_gradient():
    scores = torch.randn(2, 4, requires_grad=True)
    mask = torch.tensor([[True, True, False, True], [False] * 4])
    weights = masked_softmax(scores, mask)
    (weights * torch.randn(2, 4)).sum().backward()
    assert (weights[1] == 0).all()
    assert scores.grad.isfinite().all()
    assert (scores.grad[1] == 0).all()
    assert scores.grad[0, 2] == 0


def test_scores_below_any_constant_are_still_told_from_padding():
    # d2l writes -1e6 over padding, so that real scores below that lose to it.
    scores, mask = torch.tensor([-2e6, -3e6, 0.0]), torch.tensor([True, True, False])
    torch.testing.assert_close(masked_softmax(scores, mask), torch.tensor([1.0, 0, 0]))


# -- the scores ------------------------------------------------------------------------


def test_each_score_is_its_formula():
    torch.manual_seed(0)
    query, memory = torch.randn(B, T, H), torch.randn(B, S, M)
    score = {name: make() for name, make in SCORES.items() if name != "coverage"}
    found = {name: one(query, one.keys(memory)) for name, one in score.items()}
    for b in range(B):
        for t in range(T):
            for i in range(S):
                q, h = query[b, t], memory[b, i]
                additive = score["additive"]
                inside = additive.W_q.weight @ q + additive.W_k.weight @ h
                wanted = {
                    "dot": q @ h,
                    "scaled": q @ h / math.sqrt(H),
                    "general": q @ score["general"].W.weight @ h,
                    "additive": additive.v.weight[0] @ inside.tanh(),
                    "location": score["location"].W.weight[i] @ q,
                }
                for name, value in wanted.items():
                    torch.testing.assert_close(found[name][b, t, i], value)


def test_additive_is_luongs_concat():
    score = Additive(H, M, 7)
    both = torch.cat([score.W_q.weight, score.W_k.weight], dim=1)  # (A, Q + M)
    q, h = torch.randn(H), torch.randn(M)
    concat = score.v.weight[0] @ (both @ torch.cat([q, h])).tanh()
    got = score(q[None, None], score.keys(h[None, None]))
    torch.testing.assert_close(got[0, 0, 0], concat)


def test_additive_in_pieces_is_the_same_in_value_and_gradient(monkeypatch):
    score = Additive(H, M, 7)
    query = torch.randn(B, T, H, requires_grad=True)
    memory = torch.randn(B, S, M, requires_grad=True)
    wanted = torch.randn(B, T, S)

    def run():
        loss = (score(query, score.keys(memory)) * wanted).sum()
        return loss, *torch.autograd.grad(loss, [query, memory, *score.parameters()])

    whole = run()
    calls = []
    compare = score._compare
    monkeypatch.setattr(
        score, "_compare", lambda q, k: calls.append(q.shape[1]) or compare(q, k)
    )
    monkeypatch.setattr(module, "LARGEST", 2 * B * S * 7)
    torch.testing.assert_close(run(), whole)
    assert max(calls) == 2, "never more than two steps at once"


def test_d2l_additive_and_dot_attention():
    torch.manual_seed(0)
    query, memory = torch.randn(B, T, H), torch.randn(B, S, H)
    lengths = torch.tensor([6, 3, 1])
    mask = torch.arange(S) < lengths[:, None]
    time = torch.zeros(B, dtype=torch.long)

    ours = Attention(Additive(H, H, 7))
    theirs = to_d2l(ours)
    by_d2l = theirs(query, memory, memory, lengths)
    context, weights = ours(query, ours.remember(memory, mask), time)
    torch.testing.assert_close(context, by_d2l, rtol=0, atol=1e-6)
    torch.testing.assert_close(weights, theirs.attention_weights, rtol=0, atol=1e-6)
    error = torch.randn_like(context)
    ours_grad = torch.autograd.grad((context * error).sum(), ours.score.W_k.weight)
    theirs_grad = torch.autograd.grad((by_d2l * error).sum(), theirs.W_k.weight)
    torch.testing.assert_close(ours_grad, theirs_grad, rtol=0, atol=1e-5)

    dot = Attention(Dot(H, scaled=True))
    context, _ = dot(query, dot.remember(memory, mask), time)
    by_d2l = to_d2l(dot)(query, memory, memory, lengths)
    torch.testing.assert_close(context, by_d2l, rtol=0, atol=1e-6)


def test_dot_is_torchs_scaled_dot_product():
    torch.manual_seed(0)
    query, memory = torch.randn(B, T, H), torch.randn(B, S, H)
    mask = torch.arange(S) < torch.tensor([6, 3, 1])[:, None]
    dot = Attention(Dot(H, scaled=True))
    context, _ = dot(query, dot.remember(memory, mask), torch.zeros(B).long())
    fused = torch.nn.functional.scaled_dot_product_attention(
        query, memory, memory, attn_mask=mask[:, None]
    )
    torch.testing.assert_close(context, fused, rtol=0, atol=1e-5)


def test_the_decoder_of_d2ls_book_says_the_same():
    """Its package holds the attention, its book the decoder: that step, written out."""
    torch.manual_seed(0)
    rnn = torch.nn.GRU(M + E, H, num_layers=2)  # reads the context, then the word
    memory, first = torch.randn(B, S, M), torch.randn(2, B, H)
    lengths = torch.tensor([6, 3, 1])
    previous = torch.randint(4, V, (B, T))
    layers = from_torch(rnn)
    with torch.no_grad():
        W_x = layers.layers[0].W_x
        W_x.copy_(torch.cat([W_x[:, M:], W_x[:, :M]], dim=1))  # ours: word, context
    decoder = AttentionDecoder(V, layers, Attention(Additive(H, M, H)), readout=False)
    attend, score = to_d2l(decoder.attention), decoder.attention.score

    def theirs():
        steps, h = [], first
        for x in decoder.embedding(previous).unbind(1):
            context = attend(h[-1][:, None], memory, memory, lengths)  # (B, 1, M)
            step, h = rnn(torch.cat([context, x[:, None]], -1).transpose(0, 1), h)
            steps.append(step)
        return decoder.output(torch.cat(steps)).transpose(0, 1)  # (B, T, V)

    mask = torch.arange(S) < lengths[:, None]
    state = DecoderState(
        tuple(first),
        torch.zeros(B, H),
        torch.zeros(B, dtype=torch.long),
        torch.zeros(B, S),
        decoder.attention.remember(memory, mask),
    )
    ours, wanted = decoder(previous, state)[0], theirs()
    torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-6)
    error = torch.randn_like(ours)
    for own, other in (
        (score.W_k.weight, attend.W_k.weight),
        (score.v.weight, attend.w_v.weight),
        (layers.layers[1].W_h, rnn.weight_hh_l1),
    ):
        (g,) = torch.autograd.grad((ours * error).sum(), own, retain_graph=True)
        (w,) = torch.autograd.grad((wanted * error).sum(), other, retain_graph=True)
        torch.testing.assert_close(g, w, rtol=1e-4, atol=1e-5)


# -- the windows -----------------------------------------------------------------------


def test_local_m_sees_its_neighbourhood_and_moves_on():
    window = Monotonic(1)
    scores, mask = torch.randn(1, 3, S), torch.ones(1, S, dtype=torch.bool)
    weights = window(scores, mask, torch.zeros(1, 3, H), torch.tensor([2]))
    seen = [row.nonzero().flatten().tolist() for row in weights[0]]
    assert seen == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 3))
    late = window(scores, mask, torch.zeros(1, 3, H), torch.tensor([50]))
    assert (late == 0).all()


def test_local_p_is_luongs_gaussian_around_the_place_that_it_predicts():
    torch.manual_seed(3)
    window = Predictive(H, 2)
    query, scores = torch.randn(2, T, H), torch.randn(2, T, S)
    mask = torch.arange(S) < torch.tensor([6, 4])[:, None]
    weights = window(scores, mask, query, torch.zeros(2).long())
    for b, length in enumerate((6, 4)):
        for t in range(T):
            inside = window.v.weight[0] @ (window.W.weight @ query[b, t]).tanh()
            p = length / (1 + math.exp(-inside.item()))
            near = [i for i in range(length) if abs(i - p) <= 2]
            share = scores[b, t, near].softmax(0)
            for i in range(S):
                wanted = 0.0
                if i in near:
                    wanted = share[near.index(i)] * math.exp(-((i - p) ** 2) / 2)
                assert weights[b, t, i].item() == pytest.approx(float(wanted), abs=1e-6)


# -- the decoder -----------------------------------------------------------------------


@by_kind
@by_score
@by_window
def test_padding_gets_no_weight_and_changes_nobody(kind, score, window):
    model = build(kind, score, window)
    source, mask, previous = pairs()
    together = model(source, mask, previous)
    weights = model.weights(source, mask, previous)
    assert (weights.transpose(1, 2)[~mask] == 0).all()
    other = source.masked_fill(~mask, 7)
    assert torch.equal(model(other, mask, previous), together)
    for b in range(len(source)):
        length = int(mask[b].sum())
        one = slice(b, b + 1)
        alone = model(source[one, :length], mask[one, :length], previous[one])
        torch.testing.assert_close(alone[0], together[b], rtol=1e-4, atol=1e-5)


@by_kind
@pytest.mark.parametrize("window", ["everywhere", "local-m", "local-p"])
@pytest.mark.parametrize(("score", "cell"), [("coverage", GRU), ("general", LSTM)])
def test_token_by_token_equals_all_at_once_in_value_and_gradient(
    kind, window, score, cell
):
    model = build(kind, score, window, cell)
    source, mask, previous = pairs()
    wanted = torch.randn(len(source), T, V, generator=torch.Generator().manual_seed(1))

    def gradients(logits):
        model.zero_grad()
        (logits * wanted).sum().backward()
        return {n: p.grad.clone() for n, p in model.named_parameters()}

    whole = model(source, mask, previous)
    state, steps = model.start(source, mask), []
    for t in range(T):
        logits, state = model.step(previous[:, t], state)
        steps.append(logits)
    stepwise = torch.stack(steps, dim=1)
    torch.testing.assert_close(stepwise, whole, rtol=1e-4, atol=1e-4)
    at_once, one_by_one = gradients(whole), gradients(stepwise)
    for name, gradient in at_once.items():
        assert gradient is not None, name
        torch.testing.assert_close(one_by_one[name], gradient, rtol=1e-3, atol=1e-3)


def test_luong_without_feeding_calls_its_layer_once(monkeypatch):
    counts = {}
    for kind in KINDS:
        model = build(kind)
        calls = []
        forward = model.decoder.layer.forward
        monkeypatch.setattr(
            model.decoder.layer,
            "forward",
            lambda *a, forward=forward, calls=calls: calls.append(1) or forward(*a),
        )
        model(*pairs())
        counts[kind] = len(calls)
    assert counts == {"luong": 1, "luong, fed": T, "bahdanau": T, "bahdanau, fed": T}


def test_the_query_of_bahdanau_has_not_seen_the_word_and_that_of_luong_has():
    source, mask, previous = pairs()
    other = previous.clone()
    other[:, 2] = (other[:, 2] + 1) % V
    for kind, sees in (("bahdanau", False), ("luong", True)):
        model = build(kind)
        one, two = (model.weights(source, mask, p) for p in (previous, other))
        assert torch.equal(one[:, :2], two[:, :2])
        assert torch.equal(one[0, 2], two[0, 2]) != sees
        assert not torch.equal(one[0, 3], two[0, 3])


@by_kind
def test_coverage_is_the_sum_of_the_weights_before(kind):
    model = build(kind, "coverage")
    score = model.decoder.attention.score
    source, mask, previous = pairs()
    state = model.start(source, mask)
    seen = torch.zeros(source.shape)
    for t in range(T):
        torch.testing.assert_close(state.coverage, seen)
        _, state, weights = model.decoder(previous[:, t : t + 1], state)
        seen = seen + weights[:, 0]
    query, keys = torch.randn(B, 1, H), model.start(source, mask).memory.keys
    inner = score.W_q(query) + keys + seen[..., None] * score.w_c.weight[:, 0]
    by_hand = score.v(inner.tanh())[..., 0][:, None]  # (B, S, 1) -> (B, 1, S)
    torch.testing.assert_close(score(query, keys, seen), by_hand)


def test_coverage_can_repel_what_was_looked_at():
    score = Additive(H, M, 7, coverage=True)
    with torch.no_grad():
        score.w_c.weight.fill_(1.0), score.v.weight.fill_(-5.0)
    seen = torch.tensor([[1.0, 0.0, 0.0]])
    again = score(torch.zeros(1, 1, H), torch.zeros(1, 3, 7), seen).softmax(-1)[0, 0]
    assert again[0] < 0.01 < again[1] == again[2]


def test_the_coverage_loss_counts_what_is_looked_at_twice():
    weights = torch.tensor([[[0.8, 0.2], [0.5, 0.5], [0.0, 1.0]]])
    twice = 0.0, 0.5 + 0.2, 0.0 + 0.7
    every, two = torch.ones(1, 3, dtype=torch.bool), torch.tensor([[True, True, False]])
    assert coverage_loss(weights, every).item() == pytest.approx(sum(twice) / 3)
    assert coverage_loss(weights, two).item() == pytest.approx(sum(twice[:2]) / 2)


@by_kind
@pytest.mark.parametrize("place", [1, 3])
def test_a_later_token_changes_no_earlier_logits(kind, place):
    model = build(kind)
    source, mask, previous = pairs()
    other = previous.clone()
    other[:, place:] = (other[:, place:] + 3) % V
    one, two = model(source, mask, previous), model(source, mask, other)
    assert torch.equal(one[:, :place], two[:, :place])
    assert not torch.equal(one[:, place], two[:, place])


def test_input_feeding_tells_the_step_what_was_looked_at():
    """Without it, Luong's state does not depend on the source after the bridge."""
    source, mask, previous = pairs((6, 6, 6))
    for kind, depends in (("luong", False), ("luong, fed", True)):
        model = build(kind, "dot")
        state = model.start(source, mask)
        blind = state.memory._replace(values=torch.zeros_like(state.memory.values))
        _, seen, _ = model.decoder(previous, state)
        _, unseen, _ = model.decoder(previous, state._replace(memory=blind))
        assert torch.equal(seen.layer, unseen.layer) != depends


def test_scores_that_compare_look_elsewhere_if_the_words_change_places():
    """Location scores don't: the same places, whatever stands there."""
    for name, same in (("additive", False), ("location", True)):
        score = SCORES[name]()
        query, memory = torch.randn(1, T, H), torch.randn(1, S, M)
        turned = memory.flip(1)
        one, two = (score(query, score.keys(m)) for m in (memory, turned))
        assert torch.equal(one, two) == same
        if not same:
            torch.testing.assert_close(one, two.flip(2))


@by_kind
def test_a_beam_of_one_is_greedy_and_rows_move_with_their_memory(kind):
    model = build(kind, seed=4).eval()
    source, mask, _ = pairs()
    first = torch.full((len(source),), START)
    with torch.inference_mode():
        state = model.start(source, mask)
        plain = greedy(model.step, state, first, END, 8)
        one = beam_search(model.step, state, first, END, 8, width=1)
        assert [h.tokens for h in plain] == [ranked[0].tokens for ranked in one]
        wide = beam_search(model.step, state, first, END, 8, width=4)
        for b in range(len(source)):
            row = slice(b, b + 1)
            state = model.start(source[row], mask[row])
            (alone,) = beam_search(model.step, state, first[row], END, 8, width=4)
            assert [h.tokens for h in alone] == [h.tokens for h in wide[b]]


def test_a_stack_of_lstms_asks_with_its_top_layer():
    torch.manual_seed(0)
    stack = Stacked([LSTM(E + M, H), LSTM(H, H)])
    decoder = AttentionDecoder(V, stack, Attention(Dot(H)))
    encoder = Encoder(V, Bidirectional(GRU(E, M // 2), GRU(E, M // 2)))
    model = AttentionSeq2Seq(encoder, decoder)
    source, mask, previous = pairs()
    state = model.start(source, mask)
    weights = model.weights(source, mask, previous)[:, 0]
    query = stack.hidden(state.layer)[:, None]
    wanted, _ = masked_softmax(query @ state.memory.keys.mT, mask[:, None]), None
    torch.testing.assert_close(weights, wanted[:, 0])


@settings(max_examples=25)
@given(st.integers(0, 1000))
def test_weights_are_a_distribution_over_the_real_tokens(seed):
    model = build(seed=seed)
    source, mask, previous = pairs(seed=seed)
    weights = model.weights(source, mask, previous)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, T))


def test_the_model_learns_to_copy():
    model = build("bahdanau", "additive", scale=1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
    mask = torch.ones(64, 5, dtype=torch.bool)
    for n in range(300):
        made = torch.Generator().manual_seed(n)
        source = torch.randint(4, V, (64, 5), generator=made)
        previous = torch.cat([torch.full((64, 1), START), source[:, :-1]], dim=1)
        logits = model(source, mask, previous)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), source.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    assert loss < 0.1 < math.log(V - 4)


def test_bad_arguments_are_named():
    attention = Attention(General(H, M))
    with pytest.raises(ValueError, match="order: got 'during'"):
        AttentionDecoder(V, GRU(E + M, H), attention, "during")
    with pytest.raises(ValueError, match="readout: got False"):
        AttentionDecoder(V, GRU(E, H), attention, "after", readout=False)
    with pytest.raises(ValueError, match="queries of size 8, expected 9"):
        AttentionDecoder(V, GRU(E + M, 9), attention)
    with pytest.raises(ValueError, match="layer: got input size 8, expected more than"):
        AttentionDecoder(V, GRU(M, H), attention)
    score = Location(H, M, 4)
    keys = score.keys(torch.randn(1, 6, M))
    with pytest.raises(ValueError, match="memory: got 6 tokens, expected at most 4"):
        score(torch.randn(1, 1, H), keys)
    with pytest.raises(ValueError, match="reach: got -1"):
        Monotonic(-1)
    with pytest.raises(ValueError, match="reach: got 0"):
        Predictive(H, 0)
