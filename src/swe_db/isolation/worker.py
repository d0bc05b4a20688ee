"""What one worker of a test run holds: its Postgres, its Redis and the database of its tests."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from swe_db.config import Config
from swe_db.errors import IsolationError, ServerGoneError, SweDBError
from swe_db.isolation import names
from swe_db.isolation.ability import Ability, Kind, ability_of
from swe_db.isolation.clone import CloneIsolation
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.database import Database
from swe_db.isolation.failed import dumped, given_away
from swe_db.isolation.layers import Layer, Layers, layer_name
from swe_db.isolation.loading import Loader, load_into
from swe_db.isolation.outcome import Outcome
from swe_db.isolation.prepared import StartUp, start_prepared
from swe_db.isolation.redis_reset import RedisReset, reset_of
from swe_db.isolation.restart import restart, undo_settings
from swe_db.isolation.rollback import RollbackIsolation
from swe_db.isolation.surroundings import Surroundings
from swe_db.isolation.template import ensure_template
from swe_db.servers.candidate import Candidate
from swe_db.servers.connect import libpq_variables
from swe_db.servers.ladder import start_postgres_server, start_redis_server
from swe_db.servers.server import PostgresServer, RedisServer, watched

if TYPE_CHECKING:
    from swe_db.isolation.reset import ResetIsolation

__all__ = ["Worker"]

Isolation: TypeAlias = "ResetIsolation | CloneIsolation | RollbackIsolation"


class Worker:
    """What stays the same for this worker for the whole session; nothing starts before it is asked for.

    Args:
        config: The settings.
        name: The worker's name: `gw0`, `gw1`, … under xdist, else `main`.

    Attributes:
        start_up: How its Postgres was started, None before.
    """

    def __init__(self, config: Config, name: str) -> None:
        self._config = config
        self._name = name
        self._ends = contextlib.ExitStack()
        self._in_test = False
        self._was_restarted = False
        self._kept_name: str | None = None
        self._expected: tuple[Layer, ...] = ()
        self._layers: Layers | None = None
        self._cluster: Cluster | None = None
        self.start_up: StartUp | None = None
        self._meanwhile: Callable[[], object] = lambda: None

    @cached_property
    def postgres(self) -> PostgresServer:
        """The Postgres server."""
        server = start_postgres_server(self._config, self._start)
        self._ends.callback(server.stop)
        return server

    def _start(self, candidate: Candidate[PostgresServer]) -> PostgresServer:
        server, self.start_up = start_prepared(candidate, self._config, self._meanwhile, self._expected)
        return server

    def expect_layers(self, layers: Iterable[Layer]) -> None:
        """Say which layers tests will ask for, so that a server of our own begins with them; before it starts."""
        self._expected = tuple(sorted(set(layers), key=lambda layer: layer.names))

    def expect_redis(self) -> None:
        """Say that Redis will be asked for, so that it may start at the same time as Postgres."""
        self._meanwhile = self._try_redis

    def _try_redis(self) -> None:
        with contextlib.suppress(SweDBError):  # told when Redis is asked for
            _ = self.redis

    @cached_property
    def redis(self) -> RedisServer:
        """The Redis server, or our logical database on one."""
        server = start_redis_server(self._config)
        self._ends.callback(server.stop)
        return server

    @cached_property
    def _redis_reset(self) -> RedisReset:
        reset = reset_of(self.redis)
        self._ends.callback(reset.close)
        return reset

    @cached_property
    def _isolation(self) -> Isolation:
        with watched(self.postgres):
            return self._make_isolation()

    @cached_property
    def ability(self) -> Ability:
        """The strongest isolation that the server allows."""
        return ability_of(self.postgres.admin)

    @cached_property
    def _surroundings(self) -> Surroundings:
        surroundings = Surroundings(self.postgres.admin)
        self._ends.callback(surroundings.close)
        return surroundings

    def _make_isolation(self) -> Isolation:
        from swe_db.isolation.reset import ResetIsolation  # noqa: PLC0415 - imports psycopg

        if self.ability.kind == "rollback":
            return RollbackIsolation(self.postgres, self._config)
        cluster = Cluster(self.postgres, locale=self._config.postgres_locale, timezone=self._config.postgres_timezone)
        self._ends.callback(cluster.close)
        if not self.postgres.owned:
            cluster.sweep()
        self._cluster, self._layers = cluster, Layers(cluster)
        make = ResetIsolation if self.ability.kind == "reset" else CloneIsolation
        isolation = make(cluster, ensure_template(cluster, self._config), self._name)
        # Our own server dies with all its databases.
        self._ends.callback(isolation.disconnect if self.postgres.owned else partial(self._leave, isolation))
        return isolation

    def _leave(self, isolation: Isolation) -> None:
        """Drop what we made on a server that others use, if it is still there."""
        with contextlib.suppress(ServerGoneError), watched(self.postgres):
            isolation.close()
            if self._layers is not None:
                self._layers.close()

    def _switch(self, layer: Layer | None) -> None:
        """Give the worker's database the content that a test begins with.

        Raises:
            IsolationError: There is one database only.
            MigrationError: A seed of the layer fails.
        """
        isolation = self._isolation
        if self._layers is not None:
            isolation.switch(self._layers.template(isolation.base, layer))
        elif layer is not None:
            user = self.postgres.address.user
            raise IsolationError(
                f"seeds={list(layer.names)!r} needs a database of the worker's own, and the user {user} may not create "
                f"one: ALTER ROLE {user} CREATEDB"
            )

    @property
    def url(self) -> str:
        """The URL of this worker's database, the same for all its tests."""
        return self._isolation.url

    @property
    def redis_url(self) -> str:
        """The URL of this worker's Redis, the same for all its tests.

        Raises:
            ServerError: The backend `fake` has none.
        """
        return self.redis.url

    @property
    def environment(self) -> dict[str, str | None]:
        """The variables that lead an application to this worker's servers; None stands for one to be removed."""
        database = self._isolation.begin().environment
        redis_url = self.redis_url if self.redis.has_url else None
        return {**dict.fromkeys(libpq_variables()), **database, "REDIS_URL": redis_url}

    def load(self, source: str | Loader) -> None:
        """Add to the pristine state that every test of this worker begins with, from a fixture of session scope.

        Tests with `seeds=…` get it too, below their seeds. On a server that is shared SQL is kept as a template, by its
        content and by what was loaded before it, and not executed again by another worker or run as long as that is
        there; a function is called by each worker in each run, since what it does cannot be told from its text, and so
        is whatever is loaded after one.

        Args:
            source: SQL, or a function that is given a connection, which is committed when the function returns; an
                async function is given an `AsyncConnection`.

        Raises:
            IsolationError: It is called while a test has the database.
            psycopg.Error: The SQL is refused; the pristine state stays as it was.
        """
        if self._in_test:
            raise IsolationError(
                "swe_worker.load() was called inside a test: call it in a fixture of session or module scope"
            )
        self._switch(None)
        if isinstance(source, str) and self._cluster is not None and names.is_template(self._isolation.base):
            self._load_once(self._cluster, source)
        else:
            self._load_now(source, None)

    def _load_once(self, cluster: Cluster, source: str) -> None:
        template = layer_name(self._isolation.base, "load", source)
        with cluster.lock(template):
            if cluster.use(template):
                self._isolation.rebase(template)
            else:
                self._load_now(source, template)

    def _load_now(self, source: str | Loader, template: str | None) -> None:
        database = self._isolation.begin()
        try:
            load_into(database, source)
        except BaseException:
            self._isolation.end(database)
            raise
        database.close()
        self._isolation.keep(template)

    @contextlib.contextmanager
    def database(
        self,
        end: Callable[[Outcome], object] = lambda _: None,
        kind: Kind = "reset",
        layer: Layer | None = None,
    ) -> Iterator[Database]:
        """Give a test its database and put it back afterwards.

        Args:
            end: Is told what that came to.
            kind: `clone` replaces the database whatever the test did; `rollback` lets the connections that are made
                for the test commit to savepoints only.
            layer: What the test begins with beyond the base.

        Raises:
            IsolationError: There is a layer, and one database only.
            MigrationError: A seed of the layer fails.
            ServerGoneError: The server has gone.
        """
        isolation = self._isolation
        begun = time.perf_counter()
        with watched(self.postgres):
            if not self.postgres.owned:
                _ = self._surroundings  # as they are before any test
            self._switch(layer)
            database = isolation.begin()
        if kind == "rollback":
            database = database.rolled_back()
        self._in_test = True
        spent = time.perf_counter() - begun
        try:
            yield database
        finally:
            self._in_test = False
            begun = time.perf_counter()
            with watched(self.postgres):
                if self._was_restarted:
                    self._was_restarted = False
                    undo_settings(self.postgres)
                outcome = self._end(database)
                if kind == "clone" and outcome.kind != "replaced":
                    outcome = isolation.replace(outcome)
                changes = self._changes(outcome)
        end(dataclasses.replace(outcome, changes=changes, seconds=spent + time.perf_counter() - begun))

    def _changes(self, outcome: Outcome) -> tuple[str, ...]:
        if self.postgres.owned or outcome.kind == "clean":
            return ()
        return tuple(self._surroundings.changes())

    def _end(self, database: Database) -> Outcome:
        name, self._kept_name = self._kept_name, None
        return self._isolation.end(database) if name is None else self._isolation.give_away(database, name)

    def keep(self, database: Database, path: Callable[[], Path]) -> list[str]:
        """Keep the database of a test that failed, before it is put back, and return lines that say where.

        Args:
            database: The database.
            path: Gives the file that it is written to; not asked where it can stay on the server, as on the user's own.

        Raises:
            IsolationError: There is one database only.
            ServerError: It cannot be dumped.
            OSError: The file cannot be written.
        """
        if self.postgres.dump is not None:
            return dumped(self.postgres, database, path())
        name = names.failed_name()
        if isinstance(self._isolation, RollbackIsolation):
            self._isolation.give_away(database, name)
        self._kept_name = name
        return given_away(self.postgres, name)

    def differences(self, database: Database) -> list[str]:
        """Return lines that say which rows of a test's database differ from the pristine ones, as far as that is known.

        Args:
            database: The database, before it is put back.

        Raises:
            psycopg.Error: The server does not answer, or not in time.
        """
        return self._isolation.differences(database)

    @contextlib.contextmanager
    def empty_redis(self, end: Callable[[list[str]], object] = lambda _: None) -> Iterator[RedisServer]:
        """Give a test its Redis and put it back afterwards.

        Args:
            end: Is told what the test left open, one sentence each.

        Raises:
            ServerGoneError: The server has gone, or cannot be put back.
        """
        server = self.redis
        with watched(server):
            server.claim()
            self._redis_reset.begin()
        try:
            yield server
        finally:
            with watched(server):
                server.claim()
                leaks = self._redis_reset.end()
        end(leaks)

    def restart_postgres(self) -> None:
        """Restart Postgres with its data; the test's database is replaced when the test has ended.

        Raises:
            ConfigError: It serves others too, or cannot be restarted.
            ServerError: It does not start again.
        """
        restart(self.postgres)
        self._was_restarted = True

    def restart_redis(self) -> None:
        """Restart Redis with its data; the rest is as in `restart_postgres`."""
        restart(self.redis)
        self._redis_reset.restarted()

    def close(self) -> None:
        """End and remove all that was started."""
        self._ends.close()
