"""What stays of an answer when names, comments and layout are taken away.

An answer is read as its syntax tree, node by node; a *fragment* is a run of ``LENGTH``
nodes. Names count by their order within the fragment, so that renaming changes nothing,
and a line put in between changes only the fragments around it.
"""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import re
import tokenize
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from course_lib.grading.notebook import parsed

# Long enough that chance rarely repeats one, short enough to survive a changed line.
LENGTH = 12

Fragment = tuple[str | int, ...]
Mark = tuple[str, str]
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# Constants of any solution, whoever wrote it.
_PLAIN = {"0", "1", "2", "0.0", "1.0", "2.0", "True", "False", "None", "Ellipsis"}


@dataclass(frozen=True)
class _Name:
    """A name of the student's own choice."""

    text: str


_Node = str | _Name


def fragments(source: str, without: Collection[str] = ()) -> set[Fragment]:
    """The fragments of ``source`` but for the functions that ``without`` names.

    A definition that is not Python is read word by word instead of by its tree.
    """
    found = set()
    for nodes in _sequences(source, without):
        for start in range(max(1, len(nodes) - LENGTH + 1)):
            order: dict[_Name, int] = {}
            found.add(
                tuple(
                    order.setdefault(node, len(order))
                    if isinstance(node, _Name)
                    else node
                    for node in nodes[start : start + LENGTH]
                )
            )
    return found


def marks(source: str) -> set[Mark]:
    """What is not structure: ``("name", …)``, ``("comment", …)``, ``("constant", …)``.

    Names are those that ``source`` itself binds; constants are without docstrings and
    without 0, 1 and 2. Of what is not Python, the comments alone.
    """
    found = {("comment", text) for text in _comments(source)}
    tree = parsed(source)
    if tree is not None:
        found |= {("name", name) for name in _names(tree)}
        found |= {("constant", value) for value in _constants(tree) - _PLAIN}
    return found


def _sequences(source: str, without: Collection[str]) -> Iterator[list[_Node]]:
    whole = parsed(source)
    definition = re.compile(r"^(?=def |class )", re.MULTILINE)
    for part in [source] if whole else definition.split(source):
        tree = whole or parsed(part)
        if tree is None:
            yield _words(part)
        else:
            yield from _nodes(tree, without)


def _nodes(tree: ast.Module, without: Collection[str]) -> Iterator[list[_Node]]:
    """The nodes of each function in their order, after those outside of functions.

    Without signatures, which the exercise prescribes, annotations and imports.
    """
    names, attributes = _names(tree), _attributes(tree)
    bodies = [[n for n in tree.body if getattr(n, "name", None) not in without]]
    for body in bodies:  # grows while it is read
        nodes: list[_Node] = []
        waiting: list[ast.AST] = [*reversed(body)]
        while waiting:  # no recursion: a student's tree may be deep
            node = waiting.pop()
            if isinstance(node, _DEFINITIONS):
                bodies.append(node.body)
            elif not _says_nothing(node):
                nodes.append(_label(node, names, attributes))
                waiting += reversed(_children(node))
        if nodes:
            yield nodes


def _label(node: ast.AST, names: set[str], attributes: set[str]) -> _Node:
    if isinstance(node, ast.Name):
        # `torch` may be called anything; `len` is `len`, unless it is bound anew.
        known = hasattr(builtins, node.id) and node.id not in names
        return node.id if known else _Name(node.id)
    if isinstance(node, ast.arg):
        return _Name(node.arg)
    if isinstance(node, ast.Attribute):
        name = f".{node.attr}"
        return _Name(name) if node.attr in attributes else name
    if isinstance(node, ast.keyword):
        return f"{node.arg}="
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, ast.AnnAssign):
        return "Assign"
    return type(node).__name__


def _children(node: ast.AST) -> list[ast.AST]:
    annotation = getattr(node, "annotation", None)
    return [
        child
        for child in ast.iter_child_nodes(node)
        if child is not annotation and not isinstance(child, ast.expr_context)
    ]


def _says_nothing(node: ast.AST) -> bool:
    return (
        isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.AnnAssign) and node.value is None)
    )


def _names(tree: ast.AST) -> set[str]:
    """The variables, arguments, functions and classes that are bound in ``tree``."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, _DEFINITIONS):
            found.add(node.name)
    return found


def _attributes(tree: ast.AST) -> set[str]:
    """The attributes that ``tree`` sets, such as those of ``self``."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }


def _constants(tree: ast.AST) -> set[str]:
    docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        repr(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node not in docstrings
    }


def _words(source: str) -> list[_Node]:
    """The words and signs of what is not Python."""
    words = re.findall(r"\.?\w+|[^\w\s]", re.sub(r"#.*", "", source))
    return [
        _Name(word) if word.isidentifier() and not keyword.iskeyword(word) else word
        for word in words
    ]


def _comments(source: str) -> set[str]:
    found = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                found.add(" ".join(token.string.strip("# ").split()))
    except (tokenize.TokenError, SyntaxError):
        pass  # what stood before the mistake is enough
    return found - {""}
