"""Putting the Redis of a worker back after each test: empty, and on a server of ours as it was started.

The server counts the calls of each command. As long as only those were called that change nothing, nothing was
changed. Else the keys of all logical databases go; and scripts, functions, settings, users, where a command was called
that could have touched them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

from swe_db.errors import ServerGoneError
from swe_db.isolation.redis_clients import RedisClient, clients_in
from swe_db.servers.binaries import numbers
from swe_db.servers.server import RedisServer

if TYPE_CHECKING:
    import redis

__all__ = ["RedisReset", "reset_of"]

Command: TypeAlias = "tuple[str | bytes | int, ...]"

TIMEOUT: Final = 30.0  # seconds: CLIENT PAUSE holds up everybody
GRACE: Final = 0.05  # seconds in which a client that was closed has gone
POLL: Final = 0.001  # seconds
ENDING: Final = 10.0  # seconds in which a script that is killed ends
WITH_FUNCTIONS: Final = (7,)
CALLS: Final = re.compile(rb"^cmdstat_([^:]+):calls=(\d+)", re.MULTILINE)
# Categories of https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ whose commands change
# nothing but the caller's own connection, and single commands.
HARMLESS: Final = ("read", "pubsub", "transaction", "connection")
HARMLESS_COMMANDS: Final = frozenset({b"info", b"time", b"config|get", b"acl|cat", b"acl|list", b"client|list"})
NOT_HARMLESS: Final = frozenset({b"client", b"client|pause", b"client|unpause"})
ATTEMPTS: Final = 5
PRISTINE: Final[tuple[Command, ...]] = (("CONFIG", "GET", "*"), ("ACL", "LIST"))
NEVER: Final = {b"shutdown": -1}  # what no server counts, so that whatever it counts, something was touched
LOOK: Final[tuple[Command, ...]] = (("INFO", "commandstats"), ("CLIENT", "LIST"))


class RedisReset(Protocol):
    """Puts the Redis of a worker back."""

    def begin(self) -> None:
        """Make sure that a test finds it pristine, whatever was done to it since the last one ended."""

    def end(self) -> list[str]:
        """Put it back after a test, and return what the test left open, which is ended: one sentence each."""

    def restarted(self) -> None:
        """Learn that the server was restarted, so that it counts anew and knows none of its clients."""

    def close(self) -> None:
        """End what is held."""


def reset_of(server: RedisServer) -> RedisReset:
    """Return what puts a server, or a logical database of it, back; the server is as it was started."""
    if not server.has_url:
        return _InProcess(server)
    return _Owned(server) if server.owned else _Leased(server)


class _InProcess:
    """A fakeredis, which has no clients and no settings."""

    def __init__(self, server: RedisServer) -> None:
        self._client = server.connect()

    def begin(self) -> None:
        self._empty()

    def end(self) -> list[str]:
        self._empty()
        return []

    def _empty(self) -> None:
        import redis  # noqa: PLC0415

        self._client.flushall()
        self._client.script_flush()
        with contextlib.suppress(redis.exceptions.ResponseError):  # older ones know no functions
            self._client.function_flush()

    def restarted(self) -> None:
        """Do nothing: it is never restarted."""

    def close(self) -> None:
        self._client.close()


class _Connection:
    """A connection that is kept, opened anew if a test has ended it; its answers are what the server wrote."""

    def __init__(self, server: RedisServer) -> None:
        self.shown = server.shown
        self._server = server if server.admin is None else dataclasses.replace(server, address=server.admin)
        self._client: redis.Redis = self._server.connect(client_name="swe-db", socket_timeout=TIMEOUT)
        for name in ("INFO", "CLIENT LIST"):
            self._client.set_response_callback(name, _as_it_is)
        self._client.set_response_callback("CLIENT", _as_it_is)

    def ask(self, commands: Iterable[Command], *, at_once: bool = False) -> list[Any]:
        """Send commands, which must bear being sent twice, and return the answers.

        Args:
            commands: The commands.
            at_once: Whether those of others must not come in between.

        Raises:
            ServerGoneError: A script does not end, or the server refuses.
        """
        import redis  # noqa: PLC0415

        wanted = list(commands)
        deadline = time.monotonic() + ENDING
        lost = False
        while True:
            try:
                return self._send(wanted, at_once=at_once)
            except redis.exceptions.ResponseError as error:
                if "BUSY" not in str(error):
                    raise self._refusal(error) from error
                self._end_script(deadline)
            except (redis.exceptions.ConnectionError, ConnectionError):
                if lost:
                    raise
                lost = True

    def _send(self, commands: Sequence[Command], *, at_once: bool) -> list[Any]:
        with self._client.pipeline(transaction=at_once) as pipeline:
            for command in commands:
                pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            answers: list[Any] = pipeline.execute()
            return answers

    def _end_script(self, deadline: float) -> None:
        import redis  # noqa: PLC0415

        # While a script runs, no new connection may call itself by a name, as ours does.
        with self._server.connect(socket_timeout=TIMEOUT) as nameless:
            for kind in ("SCRIPT", "FUNCTION"):
                try:
                    nameless.execute_command(kind, "KILL")
                except redis.exceptions.ResponseError as error:
                    if "UNKILLABLE" in str(error) or time.monotonic() > deadline:
                        raise self._refusal(error) from None
        time.sleep(POLL)

    def _refusal(self, error: Exception) -> ServerGoneError:
        return ServerGoneError(f"the {self.shown} cannot be put back after a test: {error}")

    def end_clients(self, left: Callable[[], list[RedisClient]]) -> list[str]:
        """End the clients that stay open, and return what they had open."""
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline:
            time.sleep(POLL)
            if not left():
                return []
        stay = left()
        self.ask([("CLIENT", "KILL", "ID", each.id) for each in stay])
        return [each.leak for each in stay]

    def close(self) -> None:
        self._client.close()


class _Owned:
    """A server that serves nobody else."""

    def __init__(self, server: RedisServer) -> None:
        self._connection = _Connection(server)
        ask = self._connection.ask
        self._has_functions = numbers(server.version) >= WITH_FUNCTIONS
        categories = [set(names) for names in ask(("ACL", "CAT", name) for name in (*HARMLESS, "write", "scripting"))]
        *harmless, write, self._scripting = categories
        self._harmless = (set().union(*harmless) | HARMLESS_COMMANDS) - write - self._scripting - NOT_HARMLESS
        self._write = write - self._scripting
        self._settings, lines = ask(PRISTINE)
        self._users = _users(lines)
        self._before: set[int] = set()
        self._calls = self._called(ask(LOOK)[0])

    def begin(self) -> None:
        statistics, clients = self._connection.ask(LOOK)
        self._put_back(statistics)
        self._before = {each.id for each in clients_in(clients)}

    def end(self) -> list[str]:
        statistics, clients = self._connection.ask(LOOK)
        leaks = self._connection.end_clients(self._left) if self._left_of(clients) else []
        self._put_back(self._connection.ask(LOOK)[0] if leaks else statistics)
        return leaks

    def restarted(self) -> None:
        self._calls = NEVER
        self._before = set()

    def close(self) -> None:
        self._connection.close()

    def _left(self) -> list[RedisClient]:
        return self._left_of(self._connection.ask(LOOK)[1])

    def _left_of(self, clients: bytes) -> list[RedisClient]:
        return [each for each in clients_in(clients) if each.is_left(self._before)]

    def _called(self, statistics: bytes) -> dict[bytes, int]:
        """Return how often each command that may change something was called."""
        return {name: int(count) for name, count in CALLS.findall(statistics) if name not in self._harmless}

    def _put_back(self, statistics: bytes) -> None:
        called = self._called(statistics)
        touched = {name for name in called.keys() | self._calls.keys() if called.get(name) != self._calls.get(name)}
        if not touched:
            return
        commands: list[Command] = [("FLUSHALL",)]
        if not touched <= self._write:
            commands += [("SCRIPT", "FLUSH"), *([("FUNCTION", "FLUSH")] if self._has_functions else [])]
        if touched <= self._write | self._scripting:
            # A write of others between the two would go unnoticed.
            *_, statistics = self._connection.ask([*commands, LOOK[0]], at_once=True)
        else:
            statistics = self._put_back_all(commands)
        self._calls = self._called(statistics)

    def _put_back_all(self, commands: list[Command]) -> bytes:
        """Put back all that is neither key, script nor function as well, and return the statistics at that moment."""
        self._connection.ask([("REPLICAOF", "NO", "ONE"), ("CLIENT", "UNPAUSE"), ("ACL", "LOG", "RESET")])
        settings, lines = self._connection.ask(PRISTINE)
        for _ in range(ATTEMPTS):
            # By themselves: where there is no memory left, no command is taken into a transaction.
            self._connection.ask([*self._changed_settings(settings), *self._changed_users(_users(lines))])
            *_, settings, lines, statistics = self._connection.ask(
                [*commands, ("SLOWLOG", "RESET"), *PRISTINE, LOOK[0]], at_once=True
            )
            if (settings, _users(lines)) == (self._settings, self._users):
                return bytes(statistics)
        raise ServerGoneError(f"the settings of the {self._connection.shown} change all the time")

    def _changed_settings(self, settings: dict[bytes, bytes]) -> list[Command]:
        return [("CONFIG", "SET", name, value) for name, value in self._settings.items() if settings[name] != value]

    def _changed_users(self, users: dict[bytes, list[bytes]]) -> list[Command]:
        if users == self._users:
            return []
        strangers: list[Command] = [("ACL", "DELUSER", name) for name in users.keys() - self._users.keys()]
        ours: list[Command] = [("ACL", "SETUSER", name, "reset", *rules) for name, rules in self._users.items()]
        return [*strangers, *ours]


class _Leased:
    """A logical database of a server that others use too."""

    def __init__(self, server: RedisServer) -> None:
        self._connection = _Connection(server)
        self._db = server.address.db
        self._sees_clients = True
        self._before: set[int] = set()

    def begin(self) -> None:
        self._empty()
        self._before = {each.id for each in self._clients()}

    def end(self) -> list[str]:
        leaks = self._connection.end_clients(self._left) if self._left() else []
        self._empty()
        return leaks

    def restarted(self) -> None:
        """Do nothing: it serves others too and is not restarted."""

    def close(self) -> None:
        self._connection.close()

    def _empty(self) -> None:
        if self._connection.ask([("DBSIZE",)]) != [0]:
            self._connection.ask([("FLUSHDB",)])

    def _left(self) -> list[RedisClient]:
        return [each for each in self._clients() if each.is_left(self._before)]

    def _clients(self) -> list[RedisClient]:
        """Return the clients in our database, none where its user may not look at clients."""
        if not self._sees_clients:
            return []
        try:
            (answer,) = self._connection.ask([LOOK[1]])
        except ServerGoneError:
            self._sees_clients = False
            return []
        return [each for each in clients_in(answer) if each.db == self._db]


def _users(lines: list[bytes]) -> dict[bytes, list[bytes]]:
    """Read ACL LIST; a rule that is the default is shown after a user was reset, and not before."""
    return {
        name: [rule for rule in rules if rule != b"sanitize-payload"]
        for _, name, *rules in (line.split() for line in lines)
    }


def _as_it_is(response: Any, **_: object) -> Any:  # noqa: ANN401 - what the server wrote
    return response
