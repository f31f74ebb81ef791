"""The visible tests: small inputs, so that a failure can be followed by hand."""

import math

import torch

from course_lib.grading import expect, question

PAD, START, END, UNKNOWN = range(4)
V = 6  # the special tokens, and the words 4 and 5


def _pair(got, want, size=2):
    """``got``, if it has as many parts as were asked for."""
    if not isinstance(got, (list, tuple)) or len(got) != size:
        expect(got, want)  # says how many values were expected
    return got


@question(
    "q1",
    points=1,
    hint="the logits minus the logarithm of the sum of their exponentials; the sum"
    " runs over the last dimension and keeps it, so that the shapes match.",
)
def softmax(S, rng):
    """log_softmax gives the logarithms of the softmax, along the last dimension"""
    for logits, p in [
        ([0.0, math.log(3)], [0.25, 0.75]),
        ([[2.0, 2.0], [0.0, -math.log(4)]], [[0.5, 0.5], [0.8, 0.2]]),
        ([[[0.0, 0.0, math.log(2)]]], [[[0.25, 0.25, 0.5]]]),
    ]:
        logits = torch.tensor(logits)
        expect(S.log_softmax(logits), torch.tensor(p).log(), logits=logits)


@question(
    "q1",
    points=1,
    hint="subtract from each row its own largest logit first, so that no exponential"
    " is above 1. Take the logarithm of the sum, not that of each probability.",
)
def far_apart(S, rng):
    """log_softmax is right for large logits, small ones, and logits far apart"""
    half = -math.log(2)
    for logits, want in [
        ([200.0, 200.0], [half, half]),
        ([-200.0, -200.0], [half, half]),
        ([0.0, 1000.0], [-1000.0, 0.0]),
        ([[0.0, 0.0], [500.0, 400.0]], [[half, half], [0.0, -100.0]]),
    ]:
        logits = torch.tensor(logits)
        expect(S.log_softmax(logits), torch.tensor(want), logits=logits)


def _log_p(p, target):
    """(B, T, V): the tokens of target (B, T) have p (B, T), the others the rest."""
    p = torch.tensor(p)[..., None]  # (B, T) -> (B, T, 1)
    rest = ((1 - p) / (V - 1)).expand(-1, -1, V)
    return rest.scatter(-1, target[..., None], p).log()


@question(
    "q1",
    points=1,
    hint="pick -log p of each true token, keep those where the mask is True, and"
    " divide their sum by how many they are. The example names two wrong divisors;"
    " multiplying by the mask gives NaN where log p is -inf.",
)
def per_token(S, rng):
    """masked_loss is a mean over the tokens, whatever stands at the padding"""
    for p, target in [
        ([[0.5, 0.1]], [[4, END]]),
        ([[0.5, 0.25, 0.5], [0.25, 0.1, 0.1]], [[4, 5, END], [END, PAD, PAD]]),
        ([[0.5, 0.25, 0.5], [0.25, 0.0, 0.0]], [[5, 4, END], [END, PAD, PAD]]),
    ]:
        target = torch.tensor(target)
        mask = target != PAD
        got = S.masked_loss(_log_p(p, target), target, mask)
        want = -torch.tensor(p)[mask].log().mean().item()
        expect(got, want, p_of_target=p, target=target, mask=mask)


def _words():
    """Words and masks of q2: one full row, the worked example, and others."""
    for words in (
        [[7, 8]],
        [[7, 8, 9], [5, PAD, PAD]],
        [[UNKNOWN, PAD], [6, 6], [PAD, PAD]],
    ):
        words = torch.tensor(words)
        yield words, words != PAD


def _asked(words, mask):
    """previous, target, target_mask, row by row."""
    rows = [row[real].tolist() for row, real in zip(words, mask, strict=True)]
    T = words.shape[1]
    shown = [[START, *row] + [PAD] * (T - len(row)) for row in rows]
    asked = [[*row, END] + [PAD] * (T - len(row)) for row in rows]
    places = [[True] * (len(row) + 1) + [False] * (T - len(row)) for row in rows]
    return [torch.tensor(one) for one in (shown, asked, places)]


def _compare_batch(S, *which):
    for words, mask in _words():
        want = _asked(words, mask)
        got = _pair(S.decoder_batch(words, mask), want, 3)
        for index in which:
            expect(got[index], want[index], words=words, mask=mask)


@question(
    "q2",
    points=1,
    hint="one column more than the words: START in front, and nothing else changed."
    " previous is the first value.",
)
def shown(S, rng):
    """previous is START, then the words"""
    _compare_batch(S, 0)


@question(
    "q2",
    points=1,
    hint="END stands right after the last word of its own row, not after the"
    " padding; mask.sum(dim=1) says where. The mask is True at END too.",
)
def asked(S, rng):
    """target is the words, then END, and the mask counts both"""
    _compare_batch(S, 1, 2)


def _table(rows):
    """(states, V, V) of log-probabilities from {(state, token read): {token: p}}."""
    p = torch.full((20, V, V), 1e-9)
    p[..., 4], p[..., 5], p[..., END] = 0.6, 0.3, 0.1  # where a row says nothing
    for (state, token), given in rows.items():
        p[state, token] = 1e-9
        for word, share in given.items():
            p[state, token, word] = share
    return p.log()


_ROWS = {  # rows 0 and 1 of the worked example begin in the states 0 and 3
    (0, START): {4: 0.6, 5: 0.3, END: 0.1},
    (1, 4): {5: 0.5, END: 0.4, 4: 0.1},
    (2, 5): {END: 0.8, 4: 0.2},
    (3, START): {5: 0.7, 4: 0.3},
    (4, 5): {END: 0.9, 5: 0.1},
    (6, START): {END: 0.9, 5: 0.1},
}


def _compare_greedy(S, which, state, longest, tokens, p):
    want = torch.tensor(tokens), torch.tensor(p).log()
    begin = torch.tensor(state)
    first = torch.full_like(begin, START)
    got = S.run_greedy(_table(_ROWS), begin, first, longest)
    read = {at: p for at, p in _ROWS.items() if any(0 <= at[0] - s < 3 for s in state)}
    given = {"state": state, "longest": longest, "p by state and token read": read}
    expect(_pair(got, want)[which], want[which], **given)


@question(
    "q3",
    points=1,
    hint="what was chosen is what the model reads next, together with the state that"
    " it returned; stop after END, or after longest tokens.",
)
def in_turn(S, rng):
    """One row: each token is read to find the next, up to END or longest"""
    _compare_greedy(S, 0, [3], 10, [[5, END]], [0.63])
    _compare_greedy(S, 0, [0], 10, [[4, 5, END]], [0.24])
    _compare_greedy(S, 0, [6], 10, [[END]], [0.9])
    _compare_greedy(S, 0, [0], 2, [[4, 5]], [0.3])


@question(
    "q3",
    points=1,
    hint="keep a mask (N,) of the rows that are over, and never set it back. Go on"
    " until all of them are.",
)
def stops(S, rng):
    """Several rows: after END only PAD, until the last row has ended"""
    _compare_greedy(S, 0, [0, 3], 10, [[4, 5, END], [5, END, PAD]], [0.24, 0.63])
    rows = [[END, PAD, PAD], [4, 5, END], [5, END, PAD]]
    _compare_greedy(S, 0, [6, 0, 3], 10, rows, [0.9, 0.24, 0.63])
    _compare_greedy(S, 0, [3, 0], 2, [[5, END], [4, 5]], [0.63, 0.3])


@question(
    "q3",
    points=1,
    hint="add the log-probability of each token, that of END included, and nothing"
    " after it. A score is a sum, not a mean.",
)
def scores(S, rng):
    """The score of a row is the sum of its log-probabilities, up to END"""
    _compare_greedy(S, 1, [0], 10, [[4, 5, END]], [0.24])
    _compare_greedy(S, 1, [0], 2, [[4, 5]], [0.3])
    _compare_greedy(S, 1, [0, 3], 10, [[4, 5, END], [5, END, PAD]], [0.24, 0.63])
    rows = [[END, PAD, PAD], [4, 5, END], [5, END, PAD]]
    _compare_greedy(S, 1, [6, 0, 3], 10, rows, [0.9, 0.24, 0.63])


_NAMES = {END: "END", 4: "a", 5: "b"}


def _tree(longest, given):
    """log p after 0, 1, … tokens, (V,) * (t + 1), from {prefix: (p of a, b, END)}."""
    tree = []
    for t in range(longest):
        p = torch.full((V,) * (t + 1), 1e-9)
        p[..., 4], p[..., 5], p[..., END] = 0.3, 0.2, 0.5  # where nothing is given
        for prefix, shares in given.items():
            ids = tuple(4 if word == "a" else 5 for word in prefix.split())
            if len(ids) == t:
                p[ids] = 1e-9
                for token, share in zip((4, 5, END), shares, strict=True):
                    p[(*ids, token)] = share
        tree.append(p.log())
    return tree


_EXAMPLE = {  # the worked one
    "": (0.5, 0.4, 0.1),
    "a": (0.1, 0.7, 0.2),
    "b": (0.1, 0.1, 0.8),
    "a b": (0.06, 0.04, 0.9),
}
_PATIENT = {  # END at once would be better in the end, and is not the best at once
    "": (0.4, 0.25, 0.35),
    "a": (0.2, 0.5, 0.3),
    "a b": (0.06, 0.04, 0.9),
}
_CROWDED = {  # END is among the best at once; what it pushes out and what it must not
    "": (0.3, 0.2, 0.5),
    "a": (0.4, 0.6, 1e-9),
    "b": (0.06, 0.04, 0.9),
    "a a": (1e-9, 1e-9, 1.0),
    "a b": (0.4, 0.33, 0.27),
}
_LATE = {  # two are complete after two steps, and a better one is not
    "": (0.45, 0.15, 0.4),
    "a": (0.05, 0.85, 0.1),
    "a b": (0.11, 0.09, 0.8),
}


def _compare_beam(S, model, longest, width, alpha, want):
    """``want``: the sequences, best first, with their probabilities."""
    got = S.run_beam(_tree(longest, model), longest, width, alpha)
    if not isinstance(got, (list, tuple)) or len(got) != len(want):
        expect(got, want)  # says how many were expected
    got = [_pair(one, ("tokens", "score")) for one in got]
    given = {"p of a, b, END": model, "longest": longest, "width": width}
    sequences, p = zip(*want, strict=True)
    expect([_named(tokens) for tokens, _ in got], sequences, **given, alpha=alpha)
    scores = [
        math.log(one) / ((5 + len(sequence.split())) / 6) ** alpha
        for sequence, one in zip(sequences, p, strict=True)
    ]
    expect([score for _, score in got], scores, **given, alpha=alpha)


def _named(tokens):
    """Such as "a b END", also of a tensor of ids."""
    ids = tokens.tolist() if isinstance(tokens, torch.Tensor) else tokens
    if not isinstance(ids, (list, tuple)):
        return ids
    ids = [one.item() if isinstance(one, torch.Tensor) else one for one in ids]
    return " ".join(_NAMES.get(one, str(one)) for one in ids)


@question(
    "q4",
    points=1,
    hint="with one beginning in the beam, only the best of all its continuations"
    " stays; if that one ends, the search is over.",
)
def width_one(S, rng):
    """A beam of 1 is greedy decoding"""
    _compare_beam(S, _EXAMPLE, 1, 1, 0.0, [("a", 0.5)])
    _compare_beam(S, _EXAMPLE, 2, 1, 0.0, [("a b", 0.35)])
    _compare_beam(S, _EXAMPLE, 3, 1, 0.0, [("a b END", 0.315)])
    _compare_beam(S, _CROWDED, 3, 1, 0.0, [("END", 0.5)])
    _compare_beam(S, _PATIENT, 3, 1, 0.0, [("a b END", 0.18)])


@question(
    "q4",
    points=1,
    hint="take the width best of all continuations together. What ends leaves the"
    " beam and takes no place in it later; the others go on.",
)
def wider(S, rng):
    """A wider beam finds more, and complete sentences take no place in it"""
    best = [("b END", 0.32), ("a b END", 0.315)]
    _compare_beam(S, _EXAMPLE, 3, 2, 0.0, best)
    _compare_beam(S, _CROWDED, 3, 2, 0.0, [("END", 0.5), ("a a END", 0.12)])
    _compare_beam(S, _CROWDED, 2, 2, 0.0, [("END", 0.5), ("a b", 0.18)])
    _compare_beam(S, _LATE, 3, 2, 0.0, [("END", 0.4), ("a b END", 0.306)])


@question(
    "q4",
    points=1,
    hint="the sum of log-probabilities, divided by ((5 + L) / 6) to the power of"
    " alpha; L counts END. Rank by it only at the end.",
)
def penalty(S, rng):
    """The length penalty ranks what was found"""
    _compare_beam(S, _EXAMPLE, 3, 2, 1.0, [("a b END", 0.315), ("b END", 0.32)])
    _compare_beam(S, _EXAMPLE, 3, 2, 0.1, [("b END", 0.32), ("a b END", 0.315)])
    _compare_beam(S, _PATIENT, 3, 1, 2.0, [("a b END", 0.18)])


def _split(*sentences):
    return [sentence.split() for sentence in sentences]


_TRANSLATIONS = _split("the the the cat", "a dog barks")
_REFERENCES = _split("the cat sat on the mat", "a dog")


@question(
    "q5",
    points=1,
    hint="per sentence, the lower of the two counts of each n-gram; sum matches and"
    " n-grams of the translations over the corpus, then divide once.",
)
def clipped(S, rng):
    """precision clips in each sentence and divides once"""
    for translations, references, n, want in [
        (_split("the the"), _split("the cat"), 1, 1 / 2),
        (_split("the"), _split("the the"), 1, 1.0),
        (_split("a b"), _split("b a"), 1, 1.0),
        (_split("a b"), _split("b a"), 2, 0.0),
        (_TRANSLATIONS, _REFERENCES, 1, 5 / 7),
        (_TRANSLATIONS, _REFERENCES, 2, 2 / 5),
        (_split("a", "b"), _split("b", "a"), 1, 0.0),
        (_split("a", "b"), _split("a", "b"), 2, 0.0),
    ]:
        got = S.precision(translations, references, n)
        expect(got, want, translations=translations, references=references, n=n)


@question(
    "q5",
    points=1,
    hint="c counts the words of the translations, r those of the references, both"
    " over the whole corpus. Long output is not rewarded: never more than 1.",
)
def brevity(S, rng):
    """brevity_penalty punishes a corpus that is too short, and only that"""
    for translations, references, want in [
        (_split("a"), _split("a b"), math.exp(-1)),
        (_TRANSLATIONS, _REFERENCES, math.exp(-1 / 7)),
        (_split("a b"), _split("a b"), 1.0),
        (_split("a b c"), _split("a b"), 1.0),
        (_split("", ""), _split("a b", "c"), 0.0),
    ]:
        got = S.brevity_penalty(translations, references)
        expect(got, want, translations=translations, references=references)
