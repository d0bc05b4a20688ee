"""Whose data it is: that of a test, a fixture, a block or this process.

What factories make is a function of the scope, the table and a number that counts the rows of this table in this scope.
Nothing is imported here that takes time: the plugin opens a scope for every test, whether it uses factories or not.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import os
import secrets
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

__all__ = ["LOCALE", "NUMBER_BITS", "Scope", "current_scope", "inside", "seeded"]

LOCALE: Final = "en_US"
NUMBER_BITS: Final = 24
SPACE_BITS: Final = 38
DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class Scope:
    """Where rows are numbered.

    Args:
        key: What tells it from others: the id of a test, say.
        seed: Another seed is other data.
        locale: The Faker locale of the people in it.

    Attributes:
        content: 64 bits, which all random values begin with.
        space: 39 bits, the highest of them set, which begin all unique numbers. No seed has so high a number.
        token: The same as text.
        used: Whether a row was numbered here.
    """

    def __init__(self, key: str, seed: int = 0, locale: str = LOCALE) -> None:
        digest = hashlib.blake2b(f"{seed} {key}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        self.seed = seed
        self.locale = locale
        self.content = int.from_bytes(digest[:8], "big")
        self.space = int.from_bytes(digest[8:], "big") >> (64 - SPACE_BITS) | 1 << SPACE_BITS
        self.token = _base36(self.space)
        self.used = False
        self._numbers: dict[str, itertools.count[int]] = {}

    def next_number(self, table: str) -> int:
        """Return the number of the next row of `table`, from 0 on."""
        self.used = True
        return next(self._numbers.get(table) or self._numbers.setdefault(table, itertools.count()))


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


class _Thread(threading.local):
    scope: Scope | None = None


# Not a context variable: asynchronous tests may run in a context that was made before the test began.
THREAD: Final = _Thread()
BLOCK: Final[ContextVar[Scope | None]] = ContextVar("swe_db.factories.scope", default=None)


@functools.cache
def _scope_of_process() -> Scope:
    return Scope(secrets.token_hex())


def _begin_anew() -> None:
    """Let a fork have a scope of its own, or it would give the numbers of its parent a second time."""
    _scope_of_process.cache_clear()
    THREAD.scope = None
    BLOCK.set(None)


if hasattr(os, "register_at_fork"):  # not on Windows, which has no forks
    os.register_at_fork(after_in_child=_begin_anew)


def current_scope() -> Scope:
    """Return the scope that rows made here belong to: the block's, else the test's, else one of this process alone."""
    return BLOCK.get() or THREAD.scope or _scope_of_process()


@contextlib.contextmanager
def inside(scope: Scope) -> Iterator[Scope]:
    """Let the rows made in this thread belong to `scope` until the block ends."""
    before = THREAD.scope
    THREAD.scope = scope
    try:
        yield scope
    finally:
        THREAD.scope = before


@contextlib.contextmanager
def seeded(seed: int, *, locale: str = LOCALE) -> Iterator[None]:
    """Let the data made in this block depend on `seed` alone: the same block makes the same rows.

    Rows of two blocks with the same seed collide in one database: they are the same.

    Args:
        seed: Any whole number.
        locale: A Faker locale for the names of people: `de_DE`.
    """
    token = BLOCK.set(Scope("seeded", seed, locale))
    try:
        yield
    finally:
        BLOCK.reset(token)
