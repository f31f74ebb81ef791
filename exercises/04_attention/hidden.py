"""The tests at grading: random inputs, drawn from a seed that the teacher chooses.

Public like everything here; only the seed is not. What is right is said by torch and by
the model of the chapter.
"""

import torch

from course_lib import attention
from course_lib.grading import expect, question
from course_lib.rnn import RNN


def _normal(rng, *shapes):
    return [torch.randn(shape, generator=rng) for shape in shapes]


def _mask(rng, B, S):
    """The first sentence is full and another is cut; of three, one is empty."""
    lengths = torch.randint(1, S + 1, (B,), generator=rng)
    lengths[-1] = (S + 1) // 2
    lengths[0] = S
    if B > 2:
        lengths[1] = 0
    return torch.arange(S) < lengths[:, None]  # (S,), (B, 1) -> (B, S)


def _pair(got, want):
    if not isinstance(got, (list, tuple)) or len(got) != 2:
        expect(got, want)  # says that two values were expected
    return got


@question(
    "q1",
    points=1,
    hidden=True,
    hint="cut the padding out of one row, take torch's softmax of the rest, and"
    " compare. Try holes in the mask, rows without any True, scores hundreds apart, and"
    " all of them thousands below 0.",
)
def any_scores(S, rng):
    """Random scores, near and far apart, with random masks"""
    for shape, mask_shape, spread in [
        ((4,), (4,), 2),
        ((6, 5), (6, 5), 2),
        ((3, 4, 7), (3, 1, 7), 2),
        ((9, 6), (9, 6), 300),
    ]:
        offset = 500 * torch.randn((*shape[:-1], 1), generator=rng)
        scores = offset + spread * torch.randn(shape, generator=rng)
        if spread > 100:
            scores[1] -= 5000
            scores[2, 1] += 5000  # where the mask of this row is False
        mask = torch.rand(mask_shape, generator=rng) < 0.6
        mask[..., 0], mask[..., 1] = True, False
        if len(shape) > 1:
            mask[-1], mask[0] = False, True
        want = torch.zeros(shape)
        rows = zip(
            want.view(-1, shape[-1]),
            scores.view(-1, shape[-1]),
            mask.expand(shape).reshape(-1, shape[-1]),
            strict=True,
        )
        for row, given, seen in rows:
            row[seen] = torch.softmax(given[seen], dim=0)
        expect(S.masked_softmax(scores, mask), want, shape=shape, mask_shape=mask_shape)


def _linear(layer, weight):
    with torch.no_grad():
        layer.weight.copy_(weight)


@question(
    "q2",
    points=2,
    hidden=True,
    hint="try B, S, Q, M and A that all differ, and do it sentence by sentence without"
    " the padding. The keys are made once; several queries look at the same ones.",
)
def any_source(S, rng):
    """Random sources, several queries each: the chapter's attention"""
    for B, T, n, Q, M, A in [
        (1, 1, 2, 1, 2, 3),
        (2, 2, 4, 3, 2, 2),
        (5, 3, 6, 4, 3, 7),
    ]:
        queries, h, W_q, W_k = _normal(rng, (B, T, Q), (B, n, M), (A, Q), (A, M))
        v = 2 * torch.randn(A, generator=rng)  # or the weights would all be about 1/S
        mask = _mask(rng, B, n)
        score = attention.Additive(Q, M, A)
        for layer, weight in ((score.W_q, W_q), (score.W_k, W_k), (score.v, v[None])):
            _linear(layer, weight)
        looks = attention.Attention(score)
        with torch.no_grad():
            memory = looks.remember(h, mask)
            want = looks(queries, memory, torch.zeros(B, dtype=torch.long))
        given = {"B": B, "S": n, "Q": Q, "M": M, "A": A}
        keys = S.project_keys(h, W_k)
        expect(keys, memory.keys, **given)
        for t in range(T):
            got = S.additive_attention(queries[:, t], keys, h, mask, W_q, v)
            context, weights = _pair(got, [one[:, t] for one in want])
            expect(weights, want[1][:, t], asked="weights", **given)
            expect(context, want[0][:, t], asked="context", **given)


@question(
    "q3",
    points=1,
    hidden=True,
    hint="try B, S, H and M that all differ; compute one score, and one output, with"
    " plain vectors and compare.",
)
def any_size(S, rng):
    """Random vectors of any size: the chapter's score and a layer of torch"""
    for B, n, H, M in [(1, 1, 3, 2), (2, 3, 4, 4), (4, 6, 3, 5)]:
        s, h, W_a, context, W_c = _normal(
            rng, (B, H), (B, n, M), (H, M), (B, M), (H, M + H)
        )
        general = attention.General(H, M)
        _linear(general.W, W_a)
        with torch.no_grad():
            want = general(s[:, None], general.keys(h))[:, 0]
        given = {"B": B, "S": n, "H": H, "M": M}
        expect(S.general_scores(s, h, W_a), want, tolerance=1e-4, **given)
        both = torch.nn.Linear(M + H, H, bias=False)
        _linear(both, W_c)
        with torch.no_grad():
            want = both(torch.cat([context, s], dim=1)).tanh()
        got = S.attentional_output(context, s, W_c)
        expect(got, want, tolerance=1e-4, **given)


def _decoder(order, feed, E, H, M, weights, W_a):
    """The chapter's decoder with these weights; its logits are its outputs."""
    W_x, W_s, C, D = weights
    layer = RNN(W_x.shape[1], H, nonlinearity="linear", path="steps")
    looks = attention.Attention(attention.General(H, M))
    decoder = attention.AttentionDecoder(H, layer, looks, order, feed)
    with torch.no_grad():
        layer.W_x.copy_(W_x)
        layer.W_h.copy_(W_s)
        layer.b.zero_()
        looks.score.W.weight.copy_(W_a)
        decoder.combine.weight.copy_(torch.cat([C, D], dim=1))
        decoder.output.weight.copy_(torch.eye(H))
        decoder.output.bias.zero_()
    decoder.embedding = torch.nn.Identity()  # it is given the words' embeddings
    return decoder


@question(
    "q4",
    points=1,
    hidden=True,
    hint="print what the cell reads at the first two steps, in each of the four kinds,"
    " and compare with the table. Is anything kept from a step that should be new?",
)
def any_decoder(S, rng):
    """Random decoders of all four kinds over several steps: the chapter's decoder"""
    for order in ("before", "after"):
        for feed in (False, True):
            for B, T, n, E, H, M in [(1, 1, 2, 2, 3, 1), (3, 5, 4, 2, 3, 4)]:
                words, s, output, h, W_a = _normal(
                    rng, (B, T, E), (B, H), (B, H), (B, n, M), (H, M)
                )
                read = E + M * (order == "before") + H * feed
                weights = _normal(rng, (H, read), (H, H), (H, M), (H, H))
                weights = [one / one.shape[1] ** 0.5 for one in weights]
                decoder = _decoder(order, feed, E, H, M, weights, W_a)
                everything = torch.ones(B, n, dtype=torch.bool)
                states, outputs = [], []
                with torch.no_grad():
                    memory = decoder.attention.remember(h, everything)
                    time, unseen = torch.zeros(B, dtype=torch.long), torch.zeros(B, n)
                    state = attention.DecoderState(s, output, time, unseen, memory)
                    for t in range(T):
                        logits, state, _ = decoder(words[:, t : t + 1], state)
                        states.append(state.layer)
                        outputs.append(logits[:, 0])
                want = torch.stack(states, dim=1), torch.stack(outputs, dim=1)
                got = S.run_decoder(
                    words, s, output, order, feed, weights, memory.keys, h
                )
                given = {"order": order, "feed": feed, "B": B, "E": E, "H": H, "M": M}
                for asked, mine, theirs in zip(
                    ("states", "outputs"), _pair(got, want), want, strict=True
                ):
                    expect(mine, theirs, tolerance=1e-4, asked=asked, **given)


@question(
    "q5",
    points=2,
    hidden=True,
    hint="both errors, for B, S and M that all differ. Do the errors of the scores of"
    " each row add up to 0? Test them against autograd on scores of your own.",
)
def any_error(S, rng):
    """Random attention: both errors are what autograd finds"""
    for B, n, M in [(1, 2, 1), (2, 3, 2), (4, 6, 5)]:
        e, h, g = _normal(rng, (B, n), (B, n, M), (B, M))
        mask = _mask(rng, B, n)
        e.requires_grad_()
        h.requires_grad_()
        weights = attention.masked_softmax(e, mask)
        context = (weights[:, None] @ h)[:, 0]  # (B, 1, S) @ (B, S, M) -> (B, M)
        want = torch.autograd.grad(context, (e, h), grad_outputs=g)
        got = S.attention_backward(g, weights.detach(), h.detach())
        expect(got, want, B=B, S=n, M=M)
