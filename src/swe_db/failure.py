"""What the report of a failed test says of its Postgres and Redis; it is made before these are put back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from swe_db.errors import redact
from swe_db.servers.clients import psql_line, redis_line

if TYPE_CHECKING:
    from pathlib import Path

    import redis

    from swe_db.isolation.database import Database
    from swe_db.isolation.worker import Worker
    from swe_db.servers.server import RedisServer

__all__ = ["failure_report"]

TIME: Final = "2s"
TIMEOUT: Final = 2  # seconds
MOST_KEYS: Final = 20
WIDTH: Final = 160  # characters of a line
LIVES: Final = "(while the test's servers run: with --pdb, before the next test begins)"
SESSIONS: Final = """
SELECT pid, application_name, coalesce(state, 'unknown'), query FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'swe-db' AND query <> ''
ORDER BY coalesce(query_start, backend_start)
"""


def failure_report(
    worker: Worker, database: Database | None, redis_server: RedisServer | None, path: Callable[[], Path] | None
) -> str:
    """Return the section, which says what it could not find out instead of failing.

    Args:
        worker: What this process holds.
        database: The test's database, None if it has none.
        redis_server: The test's Redis, None if it has none.
        path: Gives the file to keep the database in, None if it is not to be kept.
    """
    lines: list[str] = []
    if database is not None:
        statements = _part("last statement of each session", lambda: _statements(database))  # before there are ours
        lines += _part(f"psql {LIVES}", lambda: [psql_line(worker.postgres, database.name)])
        lines += _part("rows against the pristine state", lambda: worker.differences(database))
        lines += statements
        lines += _kept(worker, database, path) if path is not None else []
    if redis_server is not None:
        lines += _part(f"redis-cli {LIVES}", lambda: [redis_line(redis_server) or "none: it lives in this process"])
        lines += _part("Redis keys", lambda: _keys(redis_server))
    return "\n".join(lines)


def _part(title: str, make: Callable[[], Iterable[str]], failing: str = "not known") -> list[str]:
    lines: list[str] = []
    try:
        lines += make()
    except Exception as error:  # noqa: BLE001 - whatever it is, the test's own failure is what matters
        lines.append(f"{failing}: {type(error).__name__}: {' '.join(redact(str(error)).split())}")
    return [f"{title}:", *(f"  {line}" for line in lines or ["none"])]


def _kept(worker: Worker, database: Database, path: Callable[[], Path]) -> list[str]:
    return _part("kept (--swe-db-keep-failed)", lambda: worker.keep(database, path), "not kept")


def _statements(database: Database) -> list[str]:
    with database.unrecorded() as connection:
        connection.execute(f"SET statement_timeout = '{TIME}'")
        rows = connection.execute(SESSIONS).fetchall()
    return [_cut(f"{f'{name} ' if name else ''}{pid} ({state}): {query}") for pid, name, state, query in rows]


def _keys(server: RedisServer) -> list[str]:
    client = server.connect(socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)
    try:
        total = int(client.dbsize())
        lines: list[str] = []
        for key in client.scan_iter(count=MOST_KEYS):
            if len(lines) == MOST_KEYS:
                break
            lines.append(_key(client, key))
    finally:
        client.close()
    return [*lines, f"… and {total - MOST_KEYS} more"] if total > MOST_KEYS else lines


def _key(client: redis.Redis, key: bytes) -> str:
    shown: dict[str, Callable[[], Any]] = {
        "string": lambda: client.getrange(key, 0, WIDTH),
        "list": lambda: client.lrange(key, 0, 4),
        "hash": lambda: client.hscan(key, count=5)[1],
        "set": lambda: client.sscan(key, count=5)[1],
        "zset": lambda: client.zrange(key, 0, 4, withscores=True),
        "stream": lambda: f"{client.xlen(key)} entries",
    }
    kind = _text(client.type(key))
    milliseconds = int(client.pttl(key))
    ttl = f", {milliseconds / 1000:g} s to live" if milliseconds >= 0 else ""
    return _cut(f"{_text(key)} ({kind}{ttl}): {_text(shown.get(kind, lambda: '?')())}")


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
