"""The fields of a config as text, for ``--set field=value`` and for the panel."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from typing import Any

_NONE = ("", "none", "None")


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a config: its type, its value at this scale, and its comment."""

    name: str
    type: Any
    value: Any
    comment: str  # the unit or the reason that stands beside it in the source

    def parse(self, text: str) -> Any:
        """The value that ``text`` writes. Raises ``ValueError`` naming the field."""
        try:
            return _parse(self.type, text.strip())
        except (ValueError, KeyError):
            raise ValueError(
                f"{self.name}: got {text!r}, expected {_says(self.type)}"
            ) from None

    def write(self, value: Any) -> str:
        """The text that :meth:`parse` turns into ``value``."""
        return _write(value)

    @property
    def choices(self) -> tuple[Any, ...]:
        """The allowed values of a ``Literal``, else nothing."""
        return typing.get_args(self.type) if _is_literal(self.type) else ()


def fields_of(config: Any) -> dict[str, Field]:
    """The fields of a dataclass instance, by name, in the order of its source."""
    hints = typing.get_type_hints(type(config))
    comments = _comments(type(config))
    return {
        field.name: Field(
            field.name,
            hints[field.name],
            getattr(config, field.name),
            comments.get(field.name, ""),
        )
        for field in dataclasses.fields(config)
    }


def parse_changes(config: Any, texts: dict[str, str]) -> dict[str, Any]:
    """Typed values for ``{field: text}``.

    Raises ``ValueError`` for a field that does not exist and for text of another type.
    """
    known = fields_of(config)
    for name in texts:
        if name not in known:
            raise ValueError(
                f"field: got {name!r}, expected one of {', '.join(known) or 'none'}"
            )
    return {name: known[name].parse(text) for name, text in texts.items()}


def _parse(kind: Any, text: str) -> Any:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if type(None) in inside and text in _NONE:
            return None
        for option in inside:
            if option is type(None):
                continue
            try:
                return _parse(option, text)
            except (ValueError, KeyError):
                continue
        raise ValueError(text)
    if _is_literal(kind):
        return {str(choice): choice for choice in inside}[text]
    if origin is tuple:
        parts = [part for part in re.split(r"[,\s]+", text.strip("()[] ")) if part]
        if inside[-1] is Ellipsis:
            return tuple(_parse(inside[0], part) for part in parts)
        if len(parts) != len(inside):
            raise ValueError(text)
        return tuple(map(_parse, inside, parts))
    if kind is bool:
        return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
    if kind in (int, float):
        return kind(text.replace("_", ""))
    return text


def _write(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_write, value))
    return "" if value is None else str(value)


def _says(kind: Any) -> str:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(map(_says, inside))
    if _is_literal(kind):
        return f"one of {', '.join(map(str, inside))}"
    if origin is tuple and inside[-1] is Ellipsis:
        return f"a list: {_says(inside[0])}, …"
    if origin is tuple:
        return f"{len(inside)} values: {', '.join(map(_says, inside))}"
    names = {int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(kind, "'none'" if kind is type(None) else "text")


def _is_literal(kind: Any) -> bool:
    return typing.get_origin(kind) is typing.Literal


def _comments(kind: type) -> dict[str, str]:
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):  # typed into a console
        return {}
    return dict(re.findall(r"^ +(\w+)\s*:[^#\n]*#\s*(.+?)\s*$", source, re.MULTILINE))
