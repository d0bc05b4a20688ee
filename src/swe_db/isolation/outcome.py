"""What putting a test's database back came to."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal, TypeAlias

__all__ = ["ASKED", "FAILED", "Kind", "Outcome"]

ASKED: Final = 'isolation="clone"'
FAILED: Final = "kept, since the test failed"

Kind: TypeAlias = Literal["clean", "restored", "replaced", "rolled back"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What putting a test's database back came to.

    Attributes:
        kind: `clean` if the test had changed nothing.
        reason: Why the database was replaced, else empty.
        leaks: What the test left open, one sentence each: transactions, session locks, prepared transactions.
        changes: What has changed meanwhile beside the database, on a server that others use too, one sentence each.
        seconds: How long it took to hand the database out and to put it back, together.
    """

    kind: Kind
    reason: str = ""
    leaks: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    seconds: float = 0.0
