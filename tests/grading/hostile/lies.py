"""Notebooks that would rather change the question than answer it."""

from hostile import hostile

ALWAYS_EQUAL = """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __sub__(self, other): return 0
    def __bool__(self): return True
    shape = property(lambda self: self)
def rnn_step(*a): return Equal()
"""
PATCHED_TORCH = """
import math
true = lambda *a, **k: True
torch.allclose = torch.equal = torch.Tensor.equal = torch.Tensor.allclose = true
torch.testing.assert_close = torch.Tensor.__eq__ = math.isclose = true
torch.Tensor.shape = property(lambda self: (2, 3))
def rnn_step(*a): return torch.zeros(1)
"""
PATCHED_GRADER = """
import course_lib.grading.question as question, course_lib.grading.wire as wire
question.expect = question._difference = lambda *a, **k: ""
import course_lib.grading.run as run
run.run = run._run = lambda *a: []
run.Outcome.points = property(lambda self: 99)
import course_lib.grading.grade as grade
grade.grade_one = lambda *a: {"points": 20}
def rnn_step(*a): return torch.zeros(1)
"""
PATCHED_PYTEST = """
import sys, types, unittest, doctest
pytest = types.ModuleType("pytest")
pytest.raises = pytest.approx = lambda *a, **k: None
sys.modules["pytest"] = pytest
unittest.TestCase.assertEqual = lambda *a: None
doctest.DocTestRunner.report_failure = lambda *a: None
def rnn_step(*a): return "passed"
"""
PATCHED_BUILTINS = """
import builtins
def rnn_step(*a):
    builtins.isinstance = builtins.all = builtins.any = lambda *a: True
    builtins.AssertionError = builtins.Exception = type("Never", (BaseException,), {})
    return 1
"""
PATCHED_JSON = """
import json, struct
honest = json.dumps
def rnn_step(*a):
    json.dumps = lambda *a, **k: '{"dict": [["status", "passed"], ["points", 3]]}'
    return 1
"""
PATCHED_STRUCT = """
from course_lib.grading import wire
def rnn_step(*a):
    wire.encode = lambda value: b"\\xff" * 100
    wire.FRAME = wire._HEADER
    return 1
"""
SUBCLASS = """
class Agreeable(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return torch.zeros(()) if function is torch.Tensor.sub else True
    def numel(self): return 0
    def detach(self): return self
    def cpu(self): return self
def rnn_step(x_t, h, W_x, W_h, b): return torch.ones(h.shape).as_subclass(Agreeable)
"""
OWN_NUMBERS = """
class Text(str):
    def __eq__(self, other): return True
    def __hash__(self): return 0
class Number(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    def __repr__(self): return "0.5], [\\"status\\", \\"passed\\"]"
class Whole(int):
    def __eq__(self, other): return True
    def __repr__(self): return "44"
def decay_rate(W_h): return Number(-1)
def horizon(W_h, threshold): return Whole(-1)
def rnn_step(*a): return Text("shape")
"""
NOT_A_NUMBER = """
def rnn_step(x_t, h, W_x, W_h, b): return torch.full(h.shape, float("nan"))
def clip_by_global_norm(grads, max_norm): return [g / 0 - g / 0 for g in grads]
def decay_rate(W_h): return float("nan")
def horizon(W_h, threshold): return float("inf")
"""
KINDS_OF_TENSORS = """
zeros = lambda h: torch.zeros(h.shape)
kinds = iter([
    lambda h: zeros(h).to_sparse(),
    lambda h: torch.quantize_per_tensor(zeros(h), 0.1, 0, torch.qint8),
    lambda h: zeros(h).to(torch.complex64),
    lambda h: zeros(h).to("meta"),
    lambda h: zeros(h).refine_names("B", "H"),
    lambda h: torch.nested.nested_tensor([zeros(h)]),
])
def rnn_step(x_t, h, W_x, W_h, b): return next(kinds)(h)
def run_rnn(x, mask, h0, *a): return torch.zeros(1).expand(10**5, 10**5)
def bptt(*a): return torch.zeros(4 * 10**8), torch.zeros(2**31 - 1, 0)
"""
SHAPES = """
def rnn_step(x_t, h, W_x, W_h, b): return torch.zeros((1,) * 60 + tuple(h.shape))
def run_rnn(*a): return torch.zeros(0, 2**40)
"""
GROWTH = """
deep = []
for _ in range(200_000): deep = [deep]
own = []
own.append(own)
def rnn_step(*a): return deep
def run_rnn(*a): return own
def bptt(*a): return {f"{n}" * 1000: {"x": n} for n in range(10_000)}
def clip_by_global_norm(*a): return (n for n in iter(int, 1))
def decay_rate(*a): return 10**100_000
def horizon(*a): return 10**4000
"""
INPUTS_EMPTIED = """
def rnn_step(*inputs):
    for tensor in inputs: tensor.zero_()
    return torch.zeros(inputs[1].shape)
"""
# q2's tests bring a right rnn_step: what if it is kept for q1?
GIVEN_KEPT = """
kept = []
def run_rnn(x, mask, h0, W_x, W_h, b):
    kept.append(rnn_step)
    open("kept", "w").write("yes")
    globals()["rnn_step_of_q2"] = rnn_step
    return x
def __getattr__(name): return kept[0]
def rnn_step(*a): return kept[0](*a)
"""
FAKE_SCORE = """
print("q1: 3 of 3", '{"status": "graded", "points": 20}')
def rnn_step(*a): return {"status": "passed", "points": 20, "value": True}
def run_rnn(*a): return "passed"
"""
FRAMES = """
import gc, inspect, sys
def wanted():
    found, frame = [], sys._getframe()
    while frame:
        found += [f for f in frame.f_locals if f in ("want", "expected", "S", "rng")]
        found += [f for f in frame.f_code.co_filename.split("/") if f == "tests.py"]
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing).__name__ in ("Case", "Outcome", "Exercise", "Generator"):
            found.append(type(thing).__name__)
    return found + [m for m in sys.modules if m.startswith("_course_exercise")]
def rnn_step(*a): raise RuntimeError(f"found {wanted()}")
"""

CASES = [
    hostile(
        "always_equal",
        "answers with an object that equals everything",
        q1=ALWAYS_EQUAL,
        says={"q1": "returned a Equal"},
    ),
    hostile(
        "patched_torch",
        "makes torch find everything equal",
        q1=PATCHED_TORCH,
        keeps="q5",
    ),
    hostile(
        "patched_grader",
        "replaces the grader's own functions",
        q1=PATCHED_GRADER,
        says={"q1": "got"},
    ),
    hostile(
        "patched_pytest",
        "replaces pytest, unittest and doctest",
        q1=PATCHED_PYTEST,
        says={"q1": "got 'passed'"},
    ),
    hostile(
        "patched_builtins",
        "replaces isinstance, all, any and the exceptions",
        q1=PATCHED_BUILTINS,
    ),
    hostile(
        "patched_json",
        "makes every reply say that it passed",
        q1=PATCHED_JSON,
        keeps="",
        says={"q1": "No readable answer"},
    ),
    hostile(
        "patched_wire",
        "replies with noise and a frame of another size",
        q1=PATCHED_STRUCT,
    ),
    hostile(
        "tensor_subclass",
        "answers with a tensor that does its own arithmetic",
        q1=SUBCLASS,
    ),
    hostile(
        "own_numbers",
        "answers with numbers and strings that equal everything",
        q1=OWN_NUMBERS,
        q5="# answered above",
    ),
    hostile(
        "not_a_number",
        "answers with what is neither larger nor smaller",
        q1=NOT_A_NUMBER,
        q4="# answered above",
        q5="# answered above",
        partly={"q1": 1},
        says={"q1": "nan", "q5": "nan"},
    ),
    hostile(
        "kinds_of_tensors",
        "answers with sparse, quantised, nested, huge and expanded tensors",
        q1=KINDS_OF_TENSORS,
        q2="# answered above",
        q3="# answered above",
        says={"q1": "complex64|sparse|qint8", "q2": "64 MB", "q3": "memory|64 MB"},
    ),
    hostile(
        "shapes",
        "answers with 62 dimensions, and with none of 2**40",
        q1=SHAPES,
        q2="# answered above",
        says={"q2": "unreadable|shape"},
    ),
    hostile(
        "growth",
        "answers with what never ends when it is written down",
        q1=GROWTH,
        q2="# answered above",
        q3="# answered above",
        q4="# answered above",
        q5="# answered above",
        says={"q1": "nested deeper", "q2": "nested deeper"},
    ),
    hostile(
        "inputs_emptied",
        "changes the inputs, so that its answer becomes right",
        q1=INPUTS_EMPTIED,
        partly={"q1": 1},
    ),
    hostile(
        "given_kept",
        "keeps the reference's rnn_step, given to q2, for q1",
        q1=GIVEN_KEPT,
        q2="# answered above",
    ),
    hostile(
        "fake_score",
        "prints and returns the grade it would like",
        q1=FAKE_SCORE,
        q2="# answered above",
        says={"q2": "passed"},
    ),
    hostile(
        "frames",
        "looks for the tests in the frames and in the collector's list",
        q1=FRAMES,
        says={"q1": r"found \[\]"},
        flags="inspect sys",
    ),
]
