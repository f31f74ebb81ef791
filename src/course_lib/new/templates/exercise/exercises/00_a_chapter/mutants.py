"""Typical wrong answers, and exactly the tests that each must fail."""

from course_lib.grading import Mutant


def layer(name, expression, *fails):
    """An answer to q1."""
    source = f"def layer(x, W, b):\n    return {expression}\n"
    return Mutant("q1", name, frozenset(fails), source)


MUTANTS = [
    layer("no_bias", "x @ W.T", "q1.values", "q1.any_layer"),
    layer("bias_first", "(x + b[:1]) @ W.T", "q1.values", "q1.any_layer"),
    layer("columns_for_rows", "(x @ W.T + b).T", "q1.shape", "q1.any_layer"),
]
