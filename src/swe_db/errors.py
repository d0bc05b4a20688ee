"""Every exception that swe-db raises.

The tree::

    SweDBError
    |__ConfigError              a setting, an option or a call that makes no sense
    |  |__ProtectedDatabaseError   swe-db did not create what it would destroy, and was not told its name
    |__ServerError              where Postgres and Redis come from
    |  |__BackendUnavailable    one backend cannot give a server here
    |  |__LocalEnvironmentError there is no such local environment, or it cannot be used
    |  |__PortTakenError         somebody else listens on a port that a server was to have
    |  |__NoBackendError        none of the backends tried can
    |  |__ServerGoneError       a server has ended in the middle of a run
    |  |__ServerVersionError    the server's version is not the one asked for
    |__MigrationError           the migration runner
    |  |__MigrationFileError    a file's name, number or content is not acceptable
    |  |__ChecksumError         an applied file was edited, or is gone
    |  |__MigrationOrderError   a gap, a file that comes too late, a database newer than the files
    |  |__MigrationLockError    another migrator holds the lock
    |  |__StatementError        PostgreSQL refused a statement: file, line and column
    |  |__VerificationError     the database is not what the files say
    |__SnapshotError            a snapshot, a backup, or the way back from one
    |  |__BackupFileError       a file is no backup, is damaged, or is of a kind that cannot be used here
    |  |__DatabaseBusyError     others use the database, or another command works on it
    |  |__NoRoomError           what would be written does not fit on the disk
    |__IsolationError           a test's database or Redis could not be made or put back
    |__RedisServiceError        the managers of swe_db.redis; Redis refused
    |  |__RedisUnavailableError Redis does not answer, or not in time
    |  |  |__AmbiguousResultError  a reply was lost: what must not run twice may have run
    |  |__CacheTypeError        a value or an argument that would not come back as it went in; a TypeError too
    |  |__LockError             a lock
    |  |  |__LockNotOwnedError  it is not held by the one who asks
    |  |  |__LockLostError      it was held, and is not any more
    |  |__SessionGoneError      a session has ended, or its token was replaced
    |__FactoryError             a factory cannot make the row that it was asked for
    |__GenerateError            data cannot be made, loaded or written
    |  |__TargetError           the database cannot be filled: not migrated, not empty, or another load is in it

A message says what happened, what was checked and what to do. No message carries a password: URLs are shown
by `redact`.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "AmbiguousResultError",
    "BackendUnavailable",
    "BackupFileError",
    "CacheTypeError",
    "ChecksumError",
    "ConfigError",
    "DatabaseBusyError",
    "FactoryError",
    "GenerateError",
    "IsolationError",
    "LocalEnvironmentError",
    "LockError",
    "LockLostError",
    "LockNotOwnedError",
    "MigrationError",
    "MigrationFileError",
    "MigrationLockError",
    "MigrationOrderError",
    "NoBackendError",
    "NoRoomError",
    "PortTakenError",
    "ProtectedDatabaseError",
    "RedisServiceError",
    "RedisUnavailableError",
    "ServerError",
    "ServerGoneError",
    "ServerVersionError",
    "SessionGoneError",
    "SnapshotError",
    "StatementError",
    "SweDBError",
    "TargetError",
    "VerificationError",
    "redact",
]

# Compiled when first used: the plugin is imported by runs that never raise an error of ours.
_USERINFO: Final = r"(?i)(\b[a-z][a-z0-9+.-]*://[^\s/?#:@]*):(?!(?-i:PASSWORD)@)[^\s/?#]*@"
_KEYWORD: Final = r"(?i)\b((?:ssl|sentinel_)?password)\s*=\s*(?:'(?:[^'\\]|\\.)*'|[^\s&'\"]+)"


def redact(text: str) -> str:
    """Return `text` with the password of every URL and every `password=` replaced by `***`.

    The word PASSWORD itself stays: that is how our own examples write it.
    """
    return re.sub(_KEYWORD, r"\1=***", re.sub(_USERINFO, r"\1:***@", text))


class SweDBError(Exception):
    """The root of every exception that swe-db raises."""

    def __init__(self, message: str) -> None:
        super().__init__(redact(message))


class ConfigError(SweDBError):
    """A setting, an option or a call makes no sense."""


class ProtectedDatabaseError(ConfigError):
    """A database would be destroyed that swe-db did not create, and whose name the user did not type."""


class ServerError(SweDBError):
    """A Postgres or Redis server cannot be had or has gone."""


class BackendUnavailable(ServerError):  # noqa: N818 - it is a state of the machine, not a mistake
    """One backend cannot give a server on this machine.

    Args:
        reason: What was checked and what was found.
        remedy: What the user can do about it, usually a command.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason}\n  to fix it: {remedy}")
        self.reason = redact(reason)
        self.remedy = redact(remedy)


class LocalEnvironmentError(ServerError):
    """There is no such local environment, or it does not run, or its files cannot be used."""


class PortTakenError(ServerError):
    """Somebody else listens on a port that a server was to have.

    Args:
        port: The port.
        holder: Who that is, as far as it is known.
    """

    def __init__(self, port: int, holder: str) -> None:
        super().__init__(f"Port {port} of 127.0.0.1 is taken by {holder}.")
        self.port = port
        self.holder = holder


class NoBackendError(ServerError):
    """None of the backends that were tried can give a server."""


class ServerGoneError(ServerError):
    """A server has ended, or does not answer any more, in the middle of a run."""


class ServerVersionError(ServerError):
    """The server's version is not the one that was asked for."""


class MigrationError(SweDBError):
    """The migration runner cannot go on."""


class MigrationFileError(MigrationError):
    """A migration or seed file has a name, a number or a content that is not acceptable."""


class ChecksumError(MigrationError):
    """A file that was applied has been edited since, or is gone."""


class MigrationOrderError(MigrationError):
    """The files have a gap, come too late, or are older than the database."""


class MigrationLockError(MigrationError):
    """Another migrator held the lock for longer than we were willing to wait."""


class StatementError(MigrationError):
    """PostgreSQL refused a statement of a migration or a seed.

    Attributes:
        sqlstate: The five-character code, e.g. `42601`.
    """

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class VerificationError(MigrationError):
    """The database is not what the migration files say it should be."""


class SnapshotError(SweDBError):
    """A snapshot or a backup cannot be made or brought back, or a database cannot be made anew."""


class BackupFileError(SnapshotError):
    """A file is no backup of swe-db, is damaged, or is of a kind that cannot be used here."""


class DatabaseBusyError(SnapshotError):
    """Others use the database, or another command works on it."""


class NoRoomError(SnapshotError):
    """What would be written does not fit on the disk."""


class IsolationError(SweDBError):
    """A test's database or Redis could not be made or put back."""


class FactoryError(SweDBError):
    """A factory cannot make the row that it was asked for.

    Attributes:
        sqlstate: The five-character code where PostgreSQL refused the row, e.g. `23514`; else None.
    """

    def __init__(self, message: str, sqlstate: str | None = None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class GenerateError(SweDBError):
    """Data cannot be made, loaded or written. What is finished stays, and `--resume` goes on from there."""


class TargetError(GenerateError):
    """The database cannot be filled: it is not migrated, not empty, or holds another load. Nothing was changed."""


class RedisServiceError(SweDBError):
    """A manager of `swe_db.redis` cannot do what it was asked for, or Redis refused."""


class RedisUnavailableError(RedisServiceError):
    """Redis does not answer, or not in time."""


class AmbiguousResultError(RedisUnavailableError):
    """The reply to something that must not run twice was lost: it may have run or not."""


class CacheTypeError(RedisServiceError, TypeError):
    """A value, or an argument of a cached function, would not come back as it went in."""


class LockError(RedisServiceError):
    """A lock cannot do what it was asked for."""


class LockNotOwnedError(LockError):
    """The lock is not held by the one who asks."""


class LockLostError(LockError):
    """The lock was held and is not any more, or may not be."""


class SessionGoneError(RedisServiceError):
    """The session has ended, or its token was replaced."""
