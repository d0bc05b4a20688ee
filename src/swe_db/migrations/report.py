"""What the runner tells while it works and afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import psycopg

from swe_db.migrations.connections import Connection

__all__ = ["AppliedFile", "MigrationReport", "OnStep", "SeedReport", "Step", "ignore", "reported_notices"]


@dataclass(frozen=True, slots=True)
class Step:
    """Something that the runner does now.

    Attributes:
        event: `waiting` for the lock, `applying` and `applied` a file, `retrying` it because another session is in the
            way, `repairing` what an interrupted run left, or a `notice` of PostgreSQL.
        name: The file's name; empty where it is about none.
        message: What there is to say about it.
        milliseconds: How long it took, for `applied`.
    """

    event: Literal["waiting", "applying", "applied", "retrying", "repairing", "notice"]
    name: str = ""
    message: str = ""
    milliseconds: int = 0


OnStep: TypeAlias = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class AppliedFile:
    """A file that was applied.

    Attributes:
        name: Its name.
        path: Its name with the directory.
        milliseconds: How long it took.
    """

    name: str
    path: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a migration did.

    Attributes:
        applied: The files that were applied, in order; in a dry run, those that could be.
        already_applied: The names of the files that had been applied before.
        not_tried: The names of the no-transaction files that a dry run cannot try.
        dry_run: Whether everything was rolled back.
    """

    applied: tuple[AppliedFile, ...]
    already_applied: tuple[str, ...]
    not_tried: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class SeedReport:
    """The seed files that were applied, in order."""

    applied: tuple[AppliedFile, ...]


_ALREADY_THERE: Final = "skipping"


def ignore(step: Step) -> None:
    """Take a step and do nothing."""


@contextlib.contextmanager
def reported_notices(connection: Connection, on_step: OnStep) -> Iterator[None]:
    """Pass on PostgreSQL's notices and warnings, except that something `IF [NOT] EXISTS` was skipped."""

    def handle(diag: psycopg.errors.Diagnostic) -> None:
        message = diag.message_primary or ""
        if not message.endswith(_ALREADY_THERE):
            on_step(Step("notice", message=f"{diag.severity_nonlocalized or 'NOTICE'}: {message}"))

    connection.add_notice_handler(handle)
    try:
        yield
    finally:
        connection.remove_notice_handler(handle)
