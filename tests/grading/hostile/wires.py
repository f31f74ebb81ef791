"""Notebooks that speak to the grader themselves, over the worker's own pipes."""

from hostile import hostile

# The turn and the pipes stand in the frames of the worker's own functions.
WIRE = """
import json, os, struct, sys, threading, time
FRAME, HEADER = struct.Struct("!QQ"), struct.Struct("!I")

def turn():
    frame = sys._getframe()
    while "turn" not in frame.f_locals: frame = frame.f_back
    return frame.f_locals["turn"]

def write(data):
    for descriptor in range(3, 32):
        try: os.write(descriptor, data)
        except OSError: pass

def message(head, body=b""):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    return HEADER.pack(len(head)) + head + body

def forge(head, body=b"", ahead=0):
    data = message(head, body)
    write(FRAME.pack(turn() + ahead, len(data)) + data)

def value(tree): return {"dict": [["status", "value"], ["value", tree]]}
def tensor(shape, dtype="float32"): return {"tensor": {"dtype": dtype, "shape": shape}}
"""
PASSED = """
def rnn_step(*a):
    forge({"dict": [["status", "passed"], ["points", 3], ["value", True]]})
    forge({"dict": [["status", {"list": []}], ["status", "value"]]})
    forge({"dict": [["status", "failed"], ["says", {"dict": []}]]})
"""
ANY_TURN = """
def rnn_step(*a):
    data = message(value(True))
    for number in [*range(200), 2**63, 2**64 - 1]:
        write(FRAME.pack(number, len(data)) + data)
"""
BEFORE_ASKED = """
ahead = message(value(tensor([2, 3])), bytes(24))
def rnn_step(x_t, h, W_x, W_h, b):
    global ahead
    now = turn()
    for number in range(now + 1, now + 50):
        write(FRAME.pack(number, len(ahead)) + ahead)
    return torch.tanh(x_t @ W_x.T + h @ W_h.T + b)
"""
BY_A_THREAD = """
def flood():
    data = message(value(tensor([2, 3])), bytes(24))
    for number in range(10**9):
        write(FRAME.pack(number % 100, len(data)) + data)
def rnn_step(*a):
    threading.Thread(target=flood, daemon=True).start()
    time.sleep(1)
"""
LENGTHS = """
lengths = [2**63, 2**32]
def rnn_step(*a): write(FRAME.pack(turn(), lengths.pop()))
"""
DEEP = """
heads = [b"[" * 200_000, b'{"list": [' * 200_000]
def rnn_step(*a): forge(heads.pop())
"""
STREAM = """
def rnn_step(*a):
    write(FRAME.pack(turn(), 2**26))
    while True: write(b"x" * 2**16)
"""
DRIP = """
def rnn_step(*a):
    write(FRAME.pack(turn(), 2**20))
    while True:
        time.sleep(0.1)
        write(b"x")
"""
SHAPES = """
shapes = iter([[-1], [2**40], [1.5], [True, 3], ["3"], [[3]], {"3": 3}, "33", None,
               [10**9] * 3, [1] * 1000])
dtypes = iter(["object", "Tensor", "__class__", 3, None, ["float32"]])
def rnn_step(*a): forge(value(tensor(next(shapes))), bytes(24))
def run_rnn(*a): forge(value(tensor([2, 3], next(dtypes))), bytes(24))
def bptt(*a): forge(value(tensor([2, 3])), bytes(1000))
"""
NUMBERS = """
heads = iter([b"1" * 10**6, b'{"dict": [["status", "value"], ["value", 1e999]]}', b"",
              b"\\xff\\xfe", b"{}", b"null", b'{"tuple": 3}', b'{"dict": [[1, 2]]}'])
def rnn_step(*a): forge(next(heads))
"""
SAYS = """
def rnn_step(*a):
    forge({"dict": [["status", "failed"], ["says", "<b id='hostile'>" * 100_000]]})
def run_rnn(*a): forge({"dict": [["status", "missing"]]})
def bptt(*a): forge({"dict": [["status", "not written"]]})
"""
HUGE_HEAD = """
def rnn_step(*a): forge(b"[" + b"0," * (2 * 10**6) + b"0]")
def run_rnn(*a): forge({"list": [{"list": []}] * 200_000})
"""
UNREAD = """
import gc, io
def rnn_step(*a):
    for descriptor in range(3, 32):
        try: os.dup2(0, descriptor)
        except OSError: pass
"""

ABOVE = "# answered above"
# The worker's own reply to the last call is taken for one to the next.
LATE = {"q2": 4}
CASES = [
    hostile(
        "reply_passed",
        "replies that it passed",
        first=WIRE,
        q1=PASSED,
        partly=LATE,
    ),
    hostile(
        "reply_to_any_turn",
        "replies to every turn there may be",
        first=WIRE,
        q1=ANY_TURN,
        says={"q1": "something that it was not asked"},
    ),
    hostile(
        "reply_ahead",
        "replies to calls that are still to come",
        first=WIRE,
        q1=BEFORE_ASKED,
    ),
    hostile(
        "reply_by_a_thread",
        "replies from a thread, all the time",
        first=WIRE,
        q1=BY_A_THREAD,
    ),
    hostile(
        "reply_of_any_length",
        "announces 2**32 and 2**63 bytes",
        first=WIRE,
        q1=LENGTHS,
        says={"q1": "something that it was not asked"},
    ),
    hostile(
        "reply_200_000_deep",
        "replies with lists in lists",
        first=WIRE,
        q1=DEEP,
        partly=LATE,
        says={"q1": "unreadable|not asked"},
    ),
    hostile(
        "reply_without_end",
        "replies for ever",
        first=WIRE,
        q1=STREAM,
        partly=LATE,
    ),
    hostile(
        "reply_drop_by_drop",
        "replies with ten bytes a second",
        first=WIRE,
        q1=DRIP,
        says={"q1": "`rnn_step` took longer than 3 seconds"},
    ),
    hostile(
        "reply_of_impossible_shapes",
        "replies with shapes and kinds that no tensor has",
        first=WIRE,
        q1=SHAPES,
        q2=ABOVE,
        q3=ABOVE,
        says={"q1": "unreadable", "q2": "unreadable", "q3": "unreadable"},
    ),
    hostile(
        "reply_of_impossible_numbers",
        "replies with a number of a million digits, and with no message at all",
        first=WIRE,
        q1=NUMBERS,
        partly=LATE,
        says={"q1": "unreadable"},
    ),
    hostile(
        "reply_with_markup",
        "says in the grader's place why it failed",
        first=WIRE,
        q1=SAYS,
        q2=ABOVE,
        q3=ABOVE,
        says={"q1": "<b id='hostile'>", "q2": "no function `run_rnn`"},
    ),
    hostile(
        "reply_of_two_million_parts",
        "replies with a list that is small on the wire and large in memory",
        first=WIRE,
        q1=HUGE_HEAD,
        q2=ABOVE,
    ),
    hostile(
        "deaf_and_mute",
        "puts the null device in the place of its pipes",
        first=WIRE,
        q1=UNREAD,
        says={"q1": "`rnn_step` (ended|took|closed)"},
    ),
]
