"""What the codec reads has the type that was written, or was refused when it was written."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import enum
import functools
import math
import pickle
import sys
from collections import OrderedDict, defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swe_db.errors import CacheTypeError
from swe_db.redis.cache.codec import Packer, dumps
from swe_db.redis.cache.codec_shapes import shape_of

T = TypeVar("T")

PACKER: Final = Packer()
BERLIN: Final = ZoneInfo("Europe/Berlin")


class Level(enum.Enum):
    """An enum."""

    LOW = 1
    HIGH = 2


class Colour(str, enum.Enum):  # noqa: UP042 - it mixes as StrEnum does not
    """An enum of text."""

    RED = "red"


class Right(enum.Flag):
    """An enum whose members can be joined."""

    READ = 1
    WRITE = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Address:
    """A dataclass that may not be written to."""

    street: str
    tags: tuple[str, ...] = ()


@dataclasses.dataclass
class User:
    """A dataclass whose construction would change it."""

    name: str
    levels: set[Level]
    address: Address | None = None
    shouted: str = dataclasses.field(default="", init=False)

    def __post_init__(self) -> None:
        self.shouted = self.name.upper()

    @functools.cached_property
    def length(self) -> int:
        """Something that can be had again."""
        return len(self.name)


class Point(NamedTuple):
    """A named tuple."""

    x: int
    y: Decimal


class Task(msgspec.Struct):
    """A struct whose construction would change it."""

    title: str
    user: User | None = None
    parent: Task | None = None

    def __post_init__(self) -> None:
        self.title = self.title.strip()


class Sealed(msgspec.Struct, frozen=True):
    """A struct that may not be written to and looks at itself."""

    title: str

    def __post_init__(self) -> None:
        assert self.title


@dataclasses.dataclass
class Box(Generic[T]):
    """A generic dataclass."""

    content: T


class Row(TypedDict):
    """A dict with a user in it."""

    user: User


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, and of the same types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return same([*one.items()], [*other.items()])
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set | frozenset):
        return len(one) == len(other) and all(any(same(left, right) for right in other) for left in one)
    if isinstance(one, Box):
        return same(one.content, other.content)
    # A float's text tells 0.0 from -0.0 and takes NaN for NaN; a time's has its zone and its fold.
    return repr(one) == repr(other) if isinstance(one, float | Decimal | dt.datetime | dt.time) else bool(one == other)


def round_trip(value: object, hint: Any = Any) -> Any:
    """Return what is read again."""
    return shape_of(hint).loads(dumps(value, PACKER))


ZONES: Final = st.one_of(
    st.none(),
    st.just(dt.UTC),
    st.just(BERLIN),
    st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23))),
    st.just(dt.timezone(dt.timedelta(hours=1), "home")),
)
HASHABLE: Final = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers(-(2**64) - 2, 2**64 + 2),
        st.floats(),
        st.text(),
        st.binary(),
        st.decimals().filter(lambda number: not number.is_snan()),  # it has no hash
        st.uuids(),
        st.dates(),
        st.times(timezones=ZONES),
        st.timedeltas(),
        st.datetimes(timezones=ZONES),
        st.sampled_from([*Level, *Colour, Right(0), *Right, Right.READ | Right.WRITE]),
        st.builds(Point, st.integers(), st.decimals(allow_nan=False)),
        st.builds(Address, st.text(), st.lists(st.text()).map(tuple)),
    ),
    lambda items: st.one_of(st.lists(items).map(tuple), st.frozensets(items)),
    max_leaves=5,
)
STRANGE: Final = st.sampled_from([object(), 1j, Fraction(1, 2), bytearray(b"a"), OrderedDict(a=1), len, int, "\ud800"])
VALUES: Final = st.recursive(
    st.one_of(HASHABLE, STRANGE, st.builds(User, st.text(), st.sets(st.sampled_from(Level)))),
    lambda items: st.one_of(
        st.lists(items),
        st.lists(items).map(tuple),
        st.sets(HASHABLE),
        st.dictionaries(HASHABLE, items),
        st.dictionaries(st.text(), items),
        st.builds(Box, items),
    ),
    max_leaves=10,
)
EVERY_CLASS: Final = Level | Colour | Right | Point | Address | User | Box[Any] | Any


@settings(max_examples=100, deadline=None)
@given(VALUES)
def test_a_value_comes_back_as_it_was_or_is_refused(value: object) -> None:
    """Whatever is nested in whatever, a value is read with the types that it was written with, or never written."""
    try:
        data = dumps(value, PACKER)
    except CacheTypeError:
        return
    assert same(shape_of(EVERY_CLASS).loads(data), value)


@settings(max_examples=50, deadline=None)
@given(HASHABLE)
def test_what_can_be_kept_is_not_refused(value: object) -> None:
    """No value of the types that the codec promises is refused, but for text that is not Unicode."""
    assert same(round_trip(value, EVERY_CLASS), value)


@settings(max_examples=50, deadline=None)
@given(st.binary(), VALUES, st.randoms(use_true_random=False))
def test_damaged_bytes_give_one_error(junk: bytes, value: object, random: Any) -> None:
    """Whatever bytes are read, there is a value or a CacheTypeError."""
    try:
        data = bytearray(dumps(value, PACKER))
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    except CacheTypeError:
        data = bytearray(b"\x01" + junk)
    for bad in (bytes(data), bytes(data[: random.randrange(len(data))]), junk):
        with contextlib.suppress(CacheTypeError):
            shape_of(EVERY_CLASS).loads(bad)


@pytest.mark.parametrize("value", [0, 7, -7, 2**63 - 1, -(2**63)])
def test_an_integer_is_its_digits(value: int) -> None:
    """An integer is stored as INCR wants it."""
    assert dumps(value, PACKER) == str(value).encode()


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**5000], ids=["above", "below", "no digits"])
def test_an_integer_may_be_large(number: int) -> None:
    """An integer of more than 64 bits is kept, too, also one that Python does not write in digits."""
    assert round_trip(number) == number


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ([(1, 2), {"a": {3}}], Any),
        ({1: "a", "1": "b", (1, 2): "c", None: "d"}, Any),
        ({True: "a", 2.0: "b"}, Any),
        (User("ann", {Level.LOW}, Address("here", ("a",))), User),
        ([User("ann", set())], list[User]),
        ({"a": (User("ann", set()), None)}, dict[str, tuple[User | None, ...]]),
        (Task("x", User("ann", set()), Task("y")), Task),
        (Sealed("x"), Sealed),
        (Box([Point(1, Decimal("1.10"))]), Box[list[Point]]),
        (Row(user=User("ann", set())), Row),
        (Level.HIGH, Level),
        (Colour.RED, Annotated[Colour, "a note", ["not hashable"]]),
        ([Colour.RED], list[Literal[Colour.RED]]),
        (Right.READ | Right.WRITE, Right),
        (dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN), dt.datetime),
    ],
)
def test_types_are_kept(value: object, hint: Any) -> None:
    """Values come back with their types, instances if their classes are in the type that is asked for."""
    assert same(round_trip(value, hint), value)


def test_construction_does_not_change_an_instance() -> None:
    """An instance comes back with the values that its fields had, not with what `__post_init__` would make of them."""
    user, task = User("ann", set()), Task("x")
    user.shouted, task.title = "quiet", " x "
    assert user.length == 3
    assert round_trip(user, User).shouted == "quiet"
    assert round_trip(task, Task).title == " x "


@dataclasses.dataclass
class BadError(Exception):
    """A dataclass with state that no field has."""

    text: str


class Slotted:
    """A base class with a slot that is no field."""

    __slots__ = ("hidden",)


@dataclasses.dataclass
class Hiding(Slotted):
    """A dataclass with a slot that is no field."""

    text: str


def with_attribute() -> User:
    """Return an instance with an attribute that is no field."""
    user = User("ann", set())
    user.extra = 1  # type: ignore[attr-defined]
    return user


def without_field() -> User:
    """Return an instance that lacks a field."""
    user = User("ann", set())
    del user.name
    return user


def endless() -> list[Any]:
    """Return a list that holds itself."""
    endless: list[Any] = []
    endless.append(endless)
    return endless


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "a builtins.object cannot be cached"),
        (defaultdict(list), "a collections.defaultdict cannot be cached"),
        (OrderedDict(), "OrderedDict cannot be cached"),
        ([1, {"a": bytearray(b"")}], "a builtins.bytearray cannot be cached"),
        (BadError("a"), "BadError cannot be cached"),
        (Hiding("a"), "Hiding cannot be cached"),
        (with_attribute(), r"no fields and would be lost: \['extra'\]"),
        (without_field(), "a field without a value"),
        (endless(), "nests deeper than 100, or holds itself"),
        ("\ud800", "text that is not Unicode"),
        (dt.datetime(2026, 1, 1, tzinfo=type("Odd", (dt.tzinfo,), {})()), "the time zone .* cannot be cached"),
        (int, "a builtins.type cannot be cached"),
    ],
)
def test_what_would_be_changed_is_refused(value: object, reason: str) -> None:
    """A value that would not come back as it is is refused by a TypeError that says why."""
    with pytest.raises(CacheTypeError, match=reason) as caught:
        dumps(value, PACKER)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("hint", "reason"),
    [
        (Any, "it holds a .*User: say type=User"),
        (int, "it holds a .*User: say type=User"),
        (list[Address], "it holds a .*User: say type=User"),
    ],
)
def test_an_instance_is_read_only_as_its_class(hint: Any, reason: str) -> None:
    """No class is found by what is stored; the reader says which ones may come."""
    with pytest.raises(CacheTypeError, match=reason):
        round_trip(User("ann", set()), hint)


def test_an_instance_of_changed_fields_is_not_read() -> None:
    """An entry that was written for other fields is told, and not taken for one of the class as it is now."""
    now = dataclasses.make_dataclass("User", ["name"], namespace={"__module__": User.__module__})
    with pytest.raises(CacheTypeError, match="with other fields than the class has now"):
        round_trip(User("ann", set()), now)


class Trap:
    """What a pickle would call."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was loaded",))


def test_a_pickle_is_never_loaded() -> None:
    """What another cache has pickled is not read, whoever put it there."""
    data = pickle.dumps(Trap())
    assert round_trip(data) == data
    for stored in (data, b"\x01" + data, b"\x02" + data):
        with pytest.raises(CacheTypeError, match="not written by this cache"):
            shape_of(Any).loads(stored)


@pytest.mark.parametrize(
    "data", [b"", b"0012", b"1_0", b" 1", b"12 apples", b"hello", b"\x01", b"\x01\xc1", b"\x07\xc0"]
)
def test_what_others_wrote_is_an_error(data: bytes) -> None:
    """Bytes that the codec would not have written are an error that says what to do."""
    with pytest.raises(CacheTypeError, match="not written by this cache, or is damaged: delete it"):
        shape_of(Any).loads(data)


def test_nan_and_infinity_are_kept() -> None:
    """Floats that JSON does not have come back."""
    assert math.isnan(round_trip([math.nan])[0])
    assert round_trip([math.inf, Decimal("-Infinity")]) == [math.inf, Decimal("-Infinity")]


def test_no_class_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading an instance does not import the module that the entry names."""
    (tmp_path / "trap_of_codec.py").write_text("class User: pass")
    monkeypatch.syspath_prepend(tmp_path)
    stranger = dataclasses.make_dataclass("User", ["name"], namespace={"__module__": "trap_of_codec"})
    with pytest.raises(CacheTypeError, match="it holds a trap_of_codec"):
        round_trip(stranger("ann"), User)
    assert "trap_of_codec" not in sys.modules


def test_members_of_uuid_and_date_are_exact() -> None:
    """A date is not taken for a datetime, nor a UUID for text."""
    value = [UUID(int=1), dt.date(2026, 1, 1), dt.datetime(2026, 1, 1)]  # noqa: DTZ001 - naive on purpose
    assert [type(item) for item in round_trip(value)] == [UUID, dt.date, dt.datetime]
