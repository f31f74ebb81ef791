"""Copies are found under other names; honest answers to short questions are not."""

from __future__ import annotations

import ast
import random

import pytest

from course_lib.grading import build
from course_lib.grading.answers import local
from course_lib.grading.exercises import all_exercises, exercise
from course_lib.grading.reports.similarity import PUBLISHED, pairs
from course_lib.grading.run import run

EXERCISES = all_exercises()


def grade(student, answers):
    return {"student": student, "answers": answers}


def listed(exercise, people):
    """The pairs of a class ``{name: answers}``."""
    found = pairs(exercise, [grade(*one) for one in people.items()])
    return {(pair.one, pair.other) for pair in found}


class _Disguise(ast.NodeTransformer):
    """Other names, other annotations, no docstring."""

    def __init__(self, tree, kept):
        bound = [n.id for n in ast.walk(tree) if _stores(n, ast.Name)]
        bound += [n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)]
        bound += [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        bound = [name for name in dict.fromkeys(bound) if name not in kept]
        self.names = {name: f"secret_{i}" for i, name in enumerate(bound)}
        bound = {n.attr for n in ast.walk(tree) if _stores(n, ast.Attribute)} - kept
        self.attributes = {name: f"part_{name}" for name in bound}

    def visit_Name(self, node):
        return ast.Name(self.names.get(node.id, node.id), node.ctx)

    def visit_Attribute(self, node):
        self.generic_visit(node)
        node.attr = self.attributes.get(node.attr, node.attr)
        return node

    def visit_arg(self, node):
        return ast.arg(self.names.get(node.arg, node.arg), ast.Name("object"))

    def visit_Lambda(self, node):
        self.generic_visit(node)
        for argument in node.args.args:
            argument.annotation = None
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        node.name = self.names.get(node.name, node.name)
        node.returns = ast.Name("object")
        return node

    def visit_Expr(self, node):
        self.generic_visit(node)
        return ast.Pass() if isinstance(node.value, ast.Constant) else node

    def visit_Assign(self, node):
        self.generic_visit(node)
        if isinstance(node.targets[0], ast.Name) and len(node.targets) == 1:
            what = ast.Name("object")
            return ast.AnnAssign(node.targets[0], what, node.value, simple=1)
        return node


def _stores(node, kind):
    return isinstance(node, kind) and isinstance(node.ctx, ast.Store)


def disguised(exercise, source):
    """``source`` by one who does not want to be found."""
    tree = ast.parse(source)
    parts = {"bert", "pool", "output", "__init__", "forward", "Classifier"}
    tree = _Disguise(tree, {*exercise.answers, *parts}).visit(tree)
    lines = ast.unparse(ast.fix_missing_locations(tree)).replace("    ", "  ")
    return "\n".join(
        f"{line}  # my idea {number}" for number, line in enumerate(lines.split("\n"))
    )


def by_mutants(exercise, seed):
    """The answers of one who makes a typical mistake in each."""
    draw = random.Random(seed)
    by_question = {}
    for mutant in exercise.mutants:
        by_question.setdefault(mutant.question, []).append(mutant.source)
    return {question: draw.choice(made) for question, made in by_question.items()}


def is_right(exercise, answers):
    """Whether ``answers`` pass every test."""
    published, namespace = exercise.solutions, {}
    question = {source: name for name, source in published.items()}
    for cell in build.code(exercise):
        if "check(" not in cell:
            exec(answers[question[cell]] if cell in question else cell, namespace)
    return all(o.status == "passed" for o in run(exercise.cases, local(namespace)))


# Three who know their matter, by hand; each passes every test (see below).
BY_HAND = {
    "01_rnn": {
        "ben": {
            "q1": """
def rnn_step(x_t, h, W_x, W_h, b):
    from_input = torch.einsum("bi,hi->bh", x_t, W_x)
    from_state = torch.einsum("bk,hk->bh", h, W_h)
    return (from_input + from_state + b).tanh()
""",
            "q2": """
def run_rnn(x, mask, h0, W_x, W_h, b):
    out = torch.zeros(x.size(0), x.size(1), h0.size(1), dtype=x.dtype)
    for step in range(x.size(1)):
        real = mask[:, step].unsqueeze(1).to(x.dtype)
        h0 = real * rnn_step(x[:, step], h0, W_x, W_h, b) + (1 - real) * h0
        out[:, step] = h0
    return out
""",
            "q3": """
def bptt(states, h0, W_h, grad_last):
    T = states.size(1)
    all_states = torch.cat([h0.unsqueeze(1), states], 1)
    result = 0
    for i in range(T, 0, -1):
        da = (1 - all_states[:, i].square()) * grad_last
        result += torch.einsum("bo,bi->oi", da, all_states[:, i - 1])
        grad_last = torch.matmul(da, W_h)
    return result, grad_last
""",
            "q4": """
def clip_by_global_norm(grads, max_norm):
    total = torch.linalg.vector_norm(torch.cat([t.flatten() for t in grads]))
    if total <= max_norm:
        return list(grads)
    return [max_norm * t / total for t in grads]
""",
            "q5": """
def decay_rate(W_h):
    values = torch.linalg.eigvals(W_h)
    return float(torch.max(torch.abs(values)))

def horizon(W_h, threshold):
    r = decay_rate(W_h)
    if not r < 1:
        return None
    left, steps = 1.0, 0
    while not left < threshold:
        steps, left = steps + 1, left * r
    return steps
""",
        },
        "cleo": {
            "q1": """
def rnn_step(x_t, h, W_x, W_h, b):
    return torch.tanh(torch.cat([x_t, h], 1) @ torch.cat([W_x, W_h], 1).T + b)
""",
            "q2": """
def run_rnn(x, mask, h0, W_x, W_h, b):
    history = [h0]
    for x_t, m in zip(x.unbind(1), mask.unbind(1)):
        last = history[-1]
        candidate = rnn_step(x_t, last, W_x, W_h, b)
        candidate[~m] = last[~m]
        history += [candidate]
    return torch.stack(history[1:], 1)
""",
            "q3": """
def bptt(states, h0, W_h, grad_last):
    def layer(prev, cur, g):
        pre = g * (1 - cur * cur)
        return pre.T @ prev, pre @ W_h
    parts = []
    chain = [h0, *states.unbind(1)]
    while len(chain) > 1:
        cur = chain.pop()
        part, grad_last = layer(chain[-1], cur, grad_last)
        parts.append(part)
    return torch.stack(parts).sum(0), grad_last
""",
            "q4": """
def clip_by_global_norm(grads, max_norm):
    squares = 0.0
    for grad in grads:
        squares += float(torch.sum(grad * grad))
    scale = min(1.0, max_norm / max(squares ** 0.5, 1e-12))
    return [grad.mul(scale) for grad in grads]
""",
            "q5": """
def decay_rate(W_h):
    return max(abs(v) for v in torch.linalg.eigvals(W_h).tolist())

def horizon(W_h, threshold):
    rho = decay_rate(W_h)
    if rho < 1:
        for k in range(1_000_000):
            if pow(rho, k) < threshold:
                return k
    return None
""",
        },
    },
    "04_attention": {
        "ben": {
            "q1": """
def masked_softmax(scores, mask):
    mask = mask.expand_as(scores)
    lowest = torch.where(mask, scores, torch.full_like(scores, float("-inf")))
    top = lowest.max(-1, keepdim=True).values
    top = torch.where(top.isinf(), torch.zeros_like(top), top)
    e = torch.exp(lowest - top) * mask
    return e / e.sum(-1, keepdim=True).clamp(min=1e-30)
""",
            "q2": """
def project_keys(h, W_k):
    return torch.einsum("bsm,am->bsa", h, W_k)

def additive_attention(query, keys, h, mask, W_q, v):
    hidden = torch.tanh(keys + torch.einsum("bq,aq->ba", query, W_q).unsqueeze(1))
    alpha = masked_softmax(torch.einsum("bsa,a->bs", hidden, v), mask)
    return torch.einsum("bs,bsm->bm", alpha, h), alpha
""",
            "q3": """
def general_scores(s, h, W_a):
    return torch.einsum("bh,hm,bsm->bs", s, W_a, h)

def attentional_output(context, s, W_c):
    M = context.shape[1]
    return (context @ W_c[:, :M].T + s @ W_c[:, M:].T).tanh()
""",
            "q4": """
def decoder_step(word, s, output, order, feed, cell, attend, combine):
    inputs = (word,)
    if order == "before":
        c = attend(s)
        inputs += (c,)
    inputs += (output,) * bool(feed)
    new_state = cell(torch.concat(inputs, -1), s)
    c = attend(new_state) if order == "after" else c
    return new_state, combine(c, new_state)
""",
            "q5": """
def attention_backward(g, weights, h):
    d_h = torch.einsum("bs,bm->bsm", weights, g)
    dots = torch.einsum("bsm,bm->bs", h, g)
    centre = torch.einsum("bs,bs->b", weights, dots)
    return weights * dots - weights * centre[:, None], d_h
""",
        },
        "cleo": {
            "q1": """
def masked_softmax(scores, mask):
    keep = torch.broadcast_to(mask, scores.shape)
    hidden = scores.clone()
    hidden[~keep] = -float("inf")
    return torch.nan_to_num(torch.nn.functional.softmax(hidden, -1), nan=0.0)
""",
            "q2": """
def project_keys(h, W_k):
    return torch.nn.functional.linear(h, W_k)

def additive_attention(query, keys, h, mask, W_q, v):
    q = torch.nn.functional.linear(query, W_q)
    e = (torch.tanh(q.unsqueeze(-2) + keys) * v).sum(-1)
    a = masked_softmax(e, mask)
    return torch.bmm(a.unsqueeze(1), h).squeeze(1), a
""",
            "q3": """
def general_scores(s, h, W_a):
    moved = s @ W_a
    return (h * moved.unsqueeze(1)).sum(-1)

def attentional_output(context, s, W_c):
    return torch.nn.functional.linear(torch.hstack((context, s)), W_c).tanh()
""",
            "q4": """
def decoder_step(word, s, output, order, feed, cell, attend, combine):
    looked = None if order == "after" else attend(s)
    pieces = [word, looked, output if feed else None]
    state = cell(torch.cat([p for p in pieces if p is not None], 1), s)
    if looked is None:
        looked = attend(state)
    return state, combine(looked, state)
""",
            "q5": """
def attention_backward(g, weights, h):
    outer = weights.unsqueeze(2) * g.unsqueeze(1)
    context = (weights.unsqueeze(2) * h).sum(1, keepdim=True)
    return (outer * (h - context)).sum(2), outer
""",
        },
    },
}


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_a_copy_in_disguise_is_found(exercise):
    original = exercise.solutions
    copy = {q: disguised(exercise, source) for q, source in original.items()}
    assert is_right(exercise, copy)
    everything = tuple(original)
    for size in (2, 12):
        people = {"zoe": copy, "ada": original}
        for number in range(size - 2):
            people[f"student {number}"] = by_mutants(exercise, number)
        found = pairs(exercise, [grade(*one) for one in people.items()])
        assert [(p.one, p.other, p.questions, p.share) for p in found] == [
            ("ada", "zoe", everything, 1.0),
            ("ada", PUBLISHED, everything, 1.0),
            ("zoe", PUBLISHED, everything, 1.0),
        ]
        assert "both are like the published solution" in found[0].why
        assert "comment" in found[1].why  # copied word for word
        assert "comment" not in found[0].why + found[2].why


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_different_answers_are_not_listed(exercise):
    by_hand = BY_HAND.get(exercise.name, {})
    for seed in range(5):
        others = {"max": by_mutants(exercise, seed)} | by_hand
        assert listed(exercise, others) == set()
        people = others | {"ada": exercise.solutions}
        assert listed(exercise, people) == {("ada", PUBLISHED)}


@pytest.mark.parametrize("name", BY_HAND)
def test_the_different_answers_are_right(name):
    assert all(is_right(exercise(name), made) for made in BY_HAND[name].values())


RNN = exercise("01_rnn")
BEN, CLEO = BY_HAND["01_rnn"]["ben"], BY_HAND["01_rnn"]["cleo"]


def crowd(size):
    """A class of typical mistakes; nobody has an answer by hand."""
    return {f"student {number:02}": by_mutants(RNN, number) for number in range(size)}


def test_what_all_have_makes_no_pair():
    short = {q: RNN.solutions[q] for q in ("q1", "q4")}
    people = {name: made | short for name, made in crowd(30).items()}
    assert listed(RNN, people) == set()
    # Longer: two alone are told, and beside the solution everybody is.
    longer = short | {"q2": RNN.solutions["q2"]}
    assert ("ada", "ben") in listed(RNN, {"ada": longer, "ben": longer})
    people = {name: made | longer for name, made in crowd(30).items()}
    assert {other for _, other in listed(RNN, people)} == {PUBLISHED}


@pytest.mark.parametrize("size", [2, 30])
def test_one_line_lists_nobody(size):
    one_line = {"q1": RNN.solutions["q1"]}
    assert listed(RNN, dict.fromkeys(map(str, range(size)), one_line)) == set()


def test_a_few_questions_copied_are_found_in_a_large_class():
    cleo = CLEO | {q: disguised(RNN, BEN[q]) for q in ("q2", "q3")}
    people = crowd(30) | {"ben": BEN, "cleo": cleo}
    (pair,) = pairs(RNN, [grade(*one) for one in people.items()])
    assert (pair.one, pair.other) == ("ben", "cleo")
    assert pair.questions == ("q2", "q3")
    # Among three there is no saying what is usual.
    assert listed(RNN, crowd(1) | {"ben": BEN, "cleo": cleo}) == set()


def test_who_adds_a_line_to_each_answer_is_found():
    longer = {
        question: source.replace("\n    return", "\n    note = 'mine'\n    return", 1)
        for question, source in BEN.items()
    }
    (pair,) = pairs(RNN, [grade("ben", BEN), grade("dora", longer)])
    assert 0.75 <= pair.share < 1


def test_the_order_of_the_grades_changes_nothing():
    copy = {q: disguised(RNN, source) for q, source in BEN.items()}
    people = crowd(12) | {"ben": BEN, "zoe": copy, "ada": RNN.solutions}
    grades = [grade(*one) for one in people.items()]
    found = pairs(RNN, grades)
    assert [(p.one, p.other) for p in found] == [("ben", "zoe"), ("ada", PUBLISHED)]
    for seed in range(3):
        random.Random(seed).shuffle(grades)
        assert pairs(RNN, grades) == found


def test_what_else_is_the_same_is_said():
    ben = BEN | {"q4": BEN["q4"].replace("total <=", "1.5 * total <=")}
    ben["q4"] += "    # my own idea\n"
    (pair,) = pairs(RNN, [grade("ben", ben), grade("zoe", ben)])
    assert pair.why == (
        "The same structure; the same names `all_states`, `from_input`, `from_state` "
        "and 12 more; the same comment `my own idea`; the same constants "
        "`'bi,hi->bh'`, `'bk,hk->bh'`, `'bo,bi->oi'` and 1 more."
    )


def test_what_is_no_python_is_compared_by_its_words():
    broken = {q: source.rstrip() + ")\n" for q, source in BEN.items()}
    copy = {q: source.replace("step", "when") for q, source in broken.items()}
    (pair,) = pairs(RNN, [grade("ben", broken), grade("zoe", copy)])
    assert pair.share == 1
    # A mistake in one function takes nothing from the others of its cell.
    more = {q: source + "\ndef more(:\n    return 1\n" for q, source in BEN.items()}
    (pair,) = pairs(RNN, [grade("ben", BEN), grade("zoe", more)])
    assert pair.share == 1


@pytest.mark.parametrize(
    "source",
    ["(" * 500, "\0", "-" * 5000 + "1", "x" + ".y" * 5000, '"""', "9" * 5000, "\udc80"],
)
def test_nothing_that_a_student_wrote_stops_the_report(source):
    people = {"ben": {"q1": source}, "zoe": {"q1": f"x = {source}"}} | crowd(3)
    assert ("ben", PUBLISHED) not in listed(RNN, people)


def test_all_answers_in_one_cell():
    cell = "\n".join(disguised(RNN, source) for source in BEN.values())
    together = dict.fromkeys(BEN, cell)
    (pair,) = pairs(RNN, [grade("ben", BEN), grade("zoe", together)])
    assert (pair.share, pair.questions) == (1, tuple(BEN))
    # Each function counts once, however many questions its cell answers.
    short = dict.fromkeys(("q1", "q4"), BEN["q1"] + BEN["q4"])
    assert listed(RNN, {"ada": short, "ben": short}) == set()


def test_who_wrote_nothing_is_left_out():
    stubs = {q: build.stubbed(source) for q, source in RNN.solutions.items()}
    for nothing in ({}, stubs, dict.fromkeys(stubs, "")):
        assert listed(RNN, {"ada": nothing, "ben": nothing}) == set()
    assert pairs(RNN, []) == []
