"""The visible tests: small inputs, so that a failure can be followed by hand."""

import math

import torch

from course_lib.grading import expect, question

LN3 = math.log(3)  # tanh(LN3 / 2) is 0.5


def _small(seed, *shapes):
    """Tensors of one-digit numbers such as -0.7, none of them 0."""
    generator = torch.Generator().manual_seed(seed)
    tensors = []
    for shape in shapes:
        size = torch.randint(2, 10, shape, generator=generator)
        sign = 2 * torch.randint(0, 2, shape, generator=generator) - 1
        tensors.append(size * sign / 10)
    return tensors


def _pair(got, want):
    """``got``, if it has two parts."""
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        expect(got, want)  # says how many values were expected
    return got


def _compare_softmax(S, scores, mask, want):
    scores, mask = torch.tensor(scores), torch.tensor(mask)
    expect(S.masked_softmax(scores, mask), torch.tensor(want), scores=scores, mask=mask)


@question(
    "q1",
    points=1,
    hint="mask the scores before the softmax, with minus infinity; the softmax runs"
    " over the last dimension. True is what may be seen.",
)
def real_places(S, rng):
    """The weights of the real places add up to 1, the padding has exactly 0"""
    ln4 = math.log(4)
    _compare_softmax(S, [LN3, 0.0, ln4], [True, True, False], [0.75, 0.25, 0.0])
    _compare_softmax(
        S,
        [[0.0, ln4, LN3], [1.0, 2.0, -1.0]],
        [[True, True, True], [False, True, False]],
        [[1 / 8, 1 / 2, 3 / 8], [0.0, 1.0, 0.0]],
    )
    _compare_softmax(  # one mask for two queries
        S,
        [[[0.0, 0.0, LN3], [LN3, 5.0, LN3]]],
        [[[True, False, True]]],
        [[[0.25, 0.0, 0.75], [0.5, 0.0, 0.5]]],
    )


@question(
    "q1",
    points=1,
    hint="the softmax of minus infinity alone is NaN, that of one constant is the same"
    " everywhere. Put 0 where the mask is False, row by row.",
)
def nothing_to_see(S, rng):
    """A row without any token gets zeros, and changes no other row"""
    _compare_softmax(S, [1.0, 2.0], [False, False], [0.0, 0.0])
    _compare_softmax(
        S,
        [[0.0, LN3], [1.0, 1.0]],
        [[True, True], [False, False]],
        [[0.25, 0.75], [0.0, 0.0]],
    )


@question(
    "q1",
    points=1,
    hint="nothing that stands at the padding may matter, and no constant is below"
    " every score: use minus infinity. If you wrote the exponentials yourself, subtract"
    " the largest real score first.",
)
def far_apart(S, rng):
    """Right for scores of any size, at the real places and at the padding"""
    for scores, mask, want in [
        ([LN3, 0.0, 500.0], [True, True, False], [0.75, 0.25, 0.0]),
        ([1000.0, 1000.0, 0.0], [True, True, False], [0.5, 0.5, 0.0]),
        ([-2000.0, -2000.0, 0.0], [True, True, False], [0.5, 0.5, 0.0]),
        ([-2e9, -4e9, 0.0], [True, True, False], [1.0, 0.0, 0.0]),
    ]:
        _compare_softmax(S, scores, mask, want)


def _sources():
    """Arguments of q2, with W_k: the worked example, then small ones."""
    yield (
        torch.tensor([[1.0]]), torch.tensor([[[0.0], [1.0], [0.0]]]),
        torch.tensor([[True, True, False]]),
        torch.tensor([[LN3 / 2]]), torch.tensor([[-LN3 / 2]]), torch.tensor([2 * LN3]),
    )  # fmt: skip
    for (B, n, Q, M, A), mask in [
        ((1, 2, 1, 1, 2), [[True, True]]),
        ((1, 2, 2, 2, 2), [[True, True]]),
        ((2, 3, 1, 2, 1), [[True, True, True], [True, False, False]]),
        ((2, 2, 2, 1, 3), [[True, True], [False, False]]),
    ]:
        query, h, W_q, W_k, v = _small(1, (B, Q), (B, n, M), (A, Q), (A, M), (A,))
        yield query, h, torch.tensor(mask), W_q, W_k, v


def _look(query, keys, h, mask, W_q, v):
    """The context and the weights of q2, sentence by sentence."""
    contexts, rows = [], []
    for b in range(len(query)):
        weights = torch.zeros(h.shape[1])
        seen = mask[b]
        if seen.any():
            scores = torch.tanh(keys[b, seen] + W_q @ query[b]) @ v
            weights[seen] = torch.softmax(scores, dim=0)
        contexts.append(weights @ h[b])
        rows.append(weights)
    return torch.stack(contexts), torch.stack(rows)


def _compare_attention(S, which):
    for query, h, mask, W_q, W_k, v in _sources():
        keys = h @ W_k.T
        want = _look(query, keys, h, mask, W_q, v)
        got = _pair(S.additive_attention(query, keys, h, mask, W_q, v), want)
        given = {"query": query, "keys": keys, "h": h, "mask": mask}
        expect(got[which], want[which], **given, W_q=W_q, v=v)


@question(
    "q2",
    points=1,
    hint="each state times W_k, and nothing else: (B, S, M) and (A, M) become"
    " (B, S, A).",
)
def keys(S, rng):
    """A key is W_k times the state of its place"""
    for _, h, _, _, W_k, _ in _sources():
        expect(S.project_keys(h, W_k), h @ W_k.T, h=h, W_k=W_k)


@question(
    "q2",
    points=1,
    hint="project the query, add it to every key, tanh of the sum, then the product"
    " with v: one score for each place. The softmax runs over the places and does not"
    " see the padding. The weights are the second value.",
)
def weights(S, rng):
    """The weights are the masked softmax of v · tanh(W_q q + k_i)"""
    _compare_attention(S, 1)


@question(
    "q2",
    points=1,
    hint="the sum of the states h, not of the keys, each times its weight. The context"
    " is the first value.",
)
def context(S, rng):
    """The context is the mean of the states, by these weights"""
    _compare_attention(S, 0)


@question(
    "q3",
    points=1,
    hint="W_a times the state of the encoder gives H numbers; their product with s is"
    " the score. No softmax, no tanh, no root.",
)
def scores(S, rng):
    """general_scores is s · W_a h_i, for each place"""
    worked = [[[2.0, -1.0]], [[[1.0], [-2.0]]], [[3.0], [4.0]]]
    cases = [[torch.tensor(one) for one in worked]]
    for B, n, H, M in [(1, 1, 2, 2), (1, 2, 2, 2), (2, 2, 1, 3)]:
        cases.append(_small(2, (B, H), (B, n, M), (H, M)))
    for s, h, W_a in cases:
        want = torch.einsum("bh,hm,bsm->bs", s, W_a, h)
        expect(S.general_scores(s, h, W_a), want, s=s, h=h, W_a=W_a)


@question(
    "q3",
    points=1,
    hint="the first M columns of W_c belong to the context, the others to s. Then the"
    " tanh.",
)
def output(S, rng):
    """attentional_output is tanh(W_c [context; s]), the context first"""
    worked = [[[1.0]], [[-1.0]], [[LN3, LN3 / 2]]]
    cases = [[torch.tensor(one) for one in worked]]
    for B, H, M in [(1, 2, 2), (2, 2, 1), (2, 1, 3)]:
        cases.append(_small(3, (B, M), (B, H), (H, M + H)))
    for context, s, W_c in cases:
        M = context.shape[1]
        want = torch.tanh(context @ W_c[:, :M].T + s @ W_c[:, M:].T)
        got = S.attentional_output(context, s, W_c)
        expect(got, want, context=context, s=s, W_c=W_c)


def _walk(words, s, output, order, feed, weights, keys, h):
    """The states and outputs of q4: (B, T, H) each."""
    W_x, W_s, C, D = weights

    def look(query):
        scores = torch.einsum("bh,bsh->bs", query, keys)
        return torch.einsum("bs,bsm->bm", torch.softmax(scores, dim=1), h)

    states, outputs = [], []
    for word in words.unbind(1):
        context = look(s) if order == "before" else word[:, :0]
        fed = output if feed else word[:, :0]
        s = torch.cat([word, context, fed], dim=1) @ W_x.T + s @ W_s.T
        context = context if order == "before" else look(s)
        output = torch.tanh(context @ C.T + s @ D.T)
        states.append(s)
        outputs.append(output)
    return torch.stack(states, dim=1), torch.stack(outputs, dim=1)


def _decoders(order, feed):
    """Arguments of run_decoder: the worked example, then small ones of 1 to 3 words."""
    columns = [1.0] + [1.0] * (order == "before") + [2 * LN3] * feed
    numbers = [[columns], [[1.0]], [[0.5]], [[-0.5]]]
    yield (
        torch.tensor([[[-2 * LN3]]]), torch.tensor([[LN3]]), torch.tensor([[0.5]]),
        order, feed, [torch.tensor(one) for one in numbers],
        torch.tensor([[[0.0], [1.0]]]), torch.tensor([[[0.0], [4 * LN3]]]),
    )  # fmt: skip
    for B, T, n, E, H, M in [
        (1, 1, 2, 1, 1, 1),
        (1, 2, 2, 2, 1, 2),
        (2, 3, 2, 1, 2, 2),
    ]:
        words, s, output, keys, h = _small(
            4, (B, T, E), (B, H), (B, H), (B, n, H), (B, n, M)
        )
        read = E + M * (order == "before") + H * feed
        weights = _small(5, (H, read), (H, H), (H, M), (H, H))
        yield words, s, output, order, feed, weights, keys, h


def _compare_steps(S, order, feed):
    for case in _decoders(order, feed):
        want = _walk(*case)
        got = _pair(S.run_decoder(*case), want)
        words, s, output = case[:3]
        given = {"order": order, "feed": feed, "words": words, "s": s, "output": output}
        for name, mine, theirs in zip(("states", "outputs"), got, want, strict=True):
            # Rounded, so that a message says 0 and not 1e-07.
            expect(mine, theirs.round(decimals=6), asked=name, **given)


@question(
    "q4",
    points=1,
    hint="attend with the old state; the cell reads the word, then the context. The"
    " same context goes into combine, with the new state.",
)
def look_first(S, rng):
    """Order "before", without feeding: the query is the old state"""
    _compare_steps(S, "before", False)


@question(
    "q4",
    points=1,
    hint="the cell reads the word alone; attend with the state that it returns.",
)
def step_first(S, rng):
    """Order "after", without feeding: the query is the new state"""
    _compare_steps(S, "after", False)


@question(
    "q4",
    points=1,
    hint="put the output of the step before behind what the cell reads otherwise:"
    " the output, not the context and not the state. Return the new one.",
)
def input_feeding(S, rng):
    """Both orders with feeding: the cell reads the last output too"""
    _compare_steps(S, "before", True)
    _compare_steps(S, "after", True)


def _errors():
    """Arguments of q5: the worked example, padding, then small ones."""
    yield [torch.tensor(one) for one in ([[2.0]], [[0.75, 0.25]], [[[8.0], [0.0]]])]
    for rows, M in [
        ([[0.5, 0.25, 0.25]], 1),
        ([[0.5, 0.5, 0.0]], 2),
        ([[0.2, 0.8], [1.0, 0.0]], 2),
        ([[0.0, 0.0], [0.4, 0.6]], 3),  # a row with nothing to see
    ]:
        weights = torch.tensor(rows)
        B, n = weights.shape
        g, h = _small(6, (B, M), (B, n, M))
        yield g, weights, h


def _through_autograd(g, weights, h):
    """dL/de and dL/dh through the mean, for L = g · context."""
    seen = weights > 0  # log 0 has no gradient; what is masked gets none either
    e = weights.masked_fill(~seen, 1.0).log().requires_grad_()
    p = e.exp() * seen
    total = p.sum(dim=1, keepdim=True)
    context = torch.einsum("bs,bsm->bm", p / total.masked_fill(total == 0, 1.0), h)
    (d_e,) = torch.autograd.grad((g * context).sum(), e)
    h = h.clone().requires_grad_()
    context = torch.einsum("bs,bsm->bm", weights, h)
    return d_e, torch.autograd.grad((g * context).sum(), h)[0]


def _compare_backward(S, which):
    for g, weights, h in _errors():
        want = _through_autograd(g, weights, h)
        got = _pair(S.attention_backward(g, weights, h), want)
        expect(got[which], want[which], g=g, weights=weights, h=h)


@question(
    "q5",
    points=1,
    hint="the context holds each h_i as often as its weight says, so each h_i gets g as"
    " often. It is the second value.",
)
def states(S, rng):
    """The error that reaches each state through the mean"""
    _compare_backward(S, 1)


@question(
    "q5",
    points=1,
    hint="more weight for place i changes the loss by g · h_i. Then the softmax: weight"
    " times (that, less its weighted mean over all places). It is the first value.",
)
def places(S, rng):
    """The error that reaches each score is what autograd finds"""
    _compare_backward(S, 0)
