"""What a type says of a value that is read: it may be refused, and is never changed."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Literal, NewType, TypedDict, TypeVar

import pytest

from swe_db.errors import CacheTypeError
from swe_db.redis.cache.codec import Packer, dumps
from swe_db.redis.cache.codec_shapes import shape_of

T = TypeVar("T")


class Row(TypedDict):
    """A dict."""

    name: str


def round_trip(value: object, hint: Any) -> Any:
    """Return what is read again."""
    return shape_of(hint).loads(dumps(value, Packer()))


Name = NewType("Name", str)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("a", int),
        ([1, "a"], list[int]),
        ((1, 2), tuple[int]),
        ((1, 2, 3), tuple[int, int]),
        ({"a": 1}, dict[str, str]),
        ({1}, set[str]),
        (None, int),
        (1.5, int),
        (1, Name),
        (1, Literal[True, 2]),
        ("a", bytes | None),
        ("a", Row),
        (1, Annotated[str, ["not hashable"]]),
    ],
)
def test_another_type_than_asked_for_is_an_error(value: object, hint: Any) -> None:
    """Who says what type a value has never gets one of another type."""
    with pytest.raises(CacheTypeError, match="it is a"):
        round_trip(value, hint)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (1, float),
        (True, int),
        ((), tuple[()]),
        ([1, None], list[int | None]),
        ("a", Name),
        ("abc", "a type that is not known"),
        ([1], T),
    ],
)
def test_a_type_is_understood_as_type_checkers_do(value: object, hint: Any) -> None:
    """What a type checker would let pass is let pass, and what is not understood here, too."""
    assert round_trip(value, hint) == value


def test_a_label_is_the_same_in_every_process() -> None:
    """What an annotation carries along has another address in each process, which does not make another class."""
    classes = [
        dataclasses.make_dataclass("Same", [("name", Annotated[str, object()])], namespace={"__module__": "m"})
        for _ in range(2)
    ]
    assert shape_of(classes[1]).loads(dumps(classes[0]("ann"), Packer())) == classes[1]("ann")
