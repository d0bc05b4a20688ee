"""The hierarchy of errors, and what they never say."""

from __future__ import annotations

import inspect

import pytest

from swe_db import errors
from swe_db.errors import SweDBError, redact


def test_every_error_is_a_swe_db_error() -> None:
    """Whoever catches SweDBError catches all."""
    for name in errors.__all__:
        member = getattr(errors, name)
        assert not inspect.isclass(member) or issubclass(member, SweDBError)


def test_the_tree_is_drawn_as_it_is() -> None:
    """The module's docstring shows every class below its parent."""
    lines = [line for line in str(errors.__doc__).splitlines() if "__" in line]
    parents = ["SweDBError"]
    for line in lines:
        depth = line.index("|__") // 3 if line.lstrip().startswith("|__") else line.count("|")
        name = line.split("__", 1)[1].split()[0]
        parents[depth:] = [name]
        assert getattr(errors, name).__base__.__name__ == (parents[depth - 1] if depth else "SweDBError")
    drawn = {line.split("__", 1)[1].split()[0] for line in lines}
    assert drawn | {"SweDBError", "redact"} == set(errors.__all__)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:geheim@h:1/x", "postgresql://me:***@h:1/x"),
        ("at redis://:geheim@h, twice redis://:geheim@h", "at redis://:***@h, twice redis://:***@h"),
        ("postgresql://me:p@ss:w@h/x", "postgresql://me:***@h/x"),
        ("host=h password=geheim user=me", "host=h password=*** user=me"),
        ("password='ge heim' user=me", "password=*** user=me"),
        ("sslpassword = geheim", "sslpassword=***"),
        ("redis+sentinel://h/x?sentinel_password=geheim", "redis+sentinel://h/x?sentinel_password=***"),
        ("postgresql://h/x?password=geheim&sslmode=require", "postgresql://h/x?password=***&sslmode=require"),
        ("postgresql://user:PASSWORD@host/x", "postgresql://user:PASSWORD@host/x"),
        ("postgresql://me:password@h/x", "postgresql://me:***@h/x"),
        ("http://h/x and me@example.org", "http://h/x and me@example.org"),
    ],
)
def test_passwords_are_replaced(text: str, shown: str) -> None:
    """No password of a URL or a connection string is in a message."""
    assert redact(text) == shown
    assert str(SweDBError(text)) == shown
