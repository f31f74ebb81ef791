"""What a figure may be given: a default, the values that are allowed, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

REQUIRED = object()  # the default of an argument that has none


@dataclass(frozen=True)
class Argument:
    """One argument of a figure; its name is that of the class attribute."""

    says: str  # what it is, for the reader of help()
    _: KW_ONLY
    default: Any = REQUIRED

    expected = "a value"

    def allows(self, value: Any) -> bool:
        """Whether ``value`` may be given."""
        return True

    def check(self, name: str, value: Any) -> Any:
        """``value`` as JSON has it. Raises ``ValueError`` that names the argument."""
        if not self.allows(value):
            raise ValueError(f"{name}: got {value!r}, expected {self.expected}")
        return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Number(Argument):
    """A number from ``low`` to ``high``; ``None`` too where it is the default."""

    _: KW_ONLY
    low: float
    high: float
    whole: bool = False

    @property
    def expected(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        or_none = " or None" if self.default is None else ""
        return f"{kind} from {self.low} to {self.high}{or_none}"

    def allows(self, value: Any) -> bool:
        if value is None:
            return self.default is None
        kind = int if self.whole else (int, float)
        return (
            isinstance(value, kind)
            and not isinstance(value, bool)
            and self.low <= value <= self.high
        )


@dataclass(frozen=True)
class Text(Argument):
    """A string of at most ``longest`` characters."""

    _: KW_ONLY
    longest: int

    @property
    def expected(self) -> str:
        return f"a string of at most {self.longest} characters"

    def allows(self, value: Any) -> bool:
        return isinstance(value, str) and len(value) <= self.longest


@dataclass(frozen=True)
class Texts(Argument):
    """A list of strings, none of them empty."""

    expected = "a list of strings, none of them empty"

    def allows(self, value: Any) -> bool:
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(isinstance(item, str) and item.strip() for item in value)
        )


@dataclass(frozen=True)
class Weights(Argument):
    """A trained network as it is stored beside its figure, or ``None`` for that one."""

    _: KW_ONLY
    parts: str  # its keys, in words

    @property
    def expected(self) -> str:
        return f"a mapping with {self.parts}, or None"

    def allows(self, value: Any) -> bool:
        return value is None or isinstance(value, Mapping)


@dataclass(frozen=True)
class Choice(Argument):
    """One of a few strings."""

    _: KW_ONLY
    options: tuple[str, ...]

    @property
    def expected(self) -> str:
        return "one of " + ", ".join(map(repr, self.options))

    def allows(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.options
