from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

from course_lib.experiments import experiments
from course_lib.experiments.fields import fields_of, parse_changes


@dataclass(frozen=True)
class Config:
    steps: int = 10  # optimiser steps
    rate: float = 1e-3
    clip: float | None = None  # global norm; none: no clipping
    sizes: tuple[int, ...] = (3, 4)
    window: tuple[int, float] = (5, 0.5)
    kind: Literal["adam", "sgd"] = "adam"
    noisy: bool = False
    source: str = "cldr"  # a name: what # it is


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("steps", " 1_000 ", 1000),
        ("rate", "2e-4", 2e-4),
        ("rate", "3", 3.0),
        ("clip", "none", None),
        ("clip", "", None),
        ("clip", "0.5", 0.5),
        ("sizes", "8", (8,)),
        ("sizes", "(8, 16,)", (8, 16)),
        ("sizes", "8 16", (8, 16)),
        ("sizes", "", ()),
        ("window", "3, 0.25", (3, 0.25)),
        ("kind", "sgd", "sgd"),
        ("noisy", "True", True),
        ("noisy", "0", False),
        ("source", "surnames", "surnames"),
    ],
)
def test_text_is_read_as_the_type_of_the_field(name, text, value):
    read = parse_changes(Config(), {name: text})[name]
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("steps", "1.5", "a whole number"),
        ("rate", "fast", "a number"),
        ("clip", "small", "a number or 'none'"),
        ("sizes", "3, x", "a list: a whole number, …"),
        ("window", "3", "2 values: a whole number, a number"),
        ("kind", "lion", "one of adam, sgd"),
        ("noisy", "maybe", "true or false"),
    ],
)
def test_text_of_another_type_is_refused_by_name(name, text, expected):
    with pytest.raises(ValueError, match="got") as caught:
        parse_changes(Config(), {name: text})
    assert str(caught.value) == f"{name}: got {text!r}, expected {expected}"


def test_a_field_that_does_not_exist_names_those_that_do():
    with pytest.raises(ValueError, match="field: got 'depth', expected one of steps, "):
        parse_changes(Config(), {"depth": "2"})


def test_the_comment_beside_a_field_is_its_help():
    fields = fields_of(Config())
    assert fields["steps"].comment == "optimiser steps"
    assert fields["rate"].comment == ""
    assert fields["source"].comment == "a name: what # it is"


@pytest.mark.parametrize("name", list(experiments()))
def test_every_config_of_the_course_can_be_written_and_read_again(name):
    for config in experiments()[name].scales.values():
        fields = fields_of(config)
        texts = {key: field.write(field.value) for key, field in fields.items()}
        assert type(config)(**parse_changes(config, texts)) == config
