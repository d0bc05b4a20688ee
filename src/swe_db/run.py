"""One run of pytest with swe-db on, in one process: its settings, its worker and its environment variables."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

from swe_db.config import OPTIONS, Config, Settings
from swe_db.errors import NoBackendError, ServerError, SweDBError
from swe_db.isolation.ability import ability_of
from swe_db.isolation.failed import file_name
from swe_db.isolation.layers import Layer, all_layers, find_layer
from swe_db.isolation.worker import Worker
from swe_db.servers.address import PostgresAddress
from swe_db.servers.binaries import REFERENCE, numbers
from swe_db.servers.ladder import Chosen, choose_postgres, choose_redis
from swe_db.summary import Summary

__all__ = ["Run"]

T = TypeVar("T")

START: Final[Mapping[str, Callable[[Worker], object]]] = {
    "postgres": lambda worker: worker.url,
    "redis": lambda worker: worker.redis,
}
NOT_STARTED: Final = {
    "DATABASE_URL": "postgresql://swe_db@127.0.0.1:1/swe_db_not_started",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


class Run:
    """One run of pytest in one process.

    Args:
        settings: The settings.
        worker_name: `gw0`, `gw1`, … in the workers of xdist, else `main`.

    Attributes:
        failure: Why nothing can be started, None as long as all is well.
        summary: What the isolation of its tests came to.
    """

    def __init__(self, settings: Settings, worker_name: str) -> None:
        self.settings = settings
        self.failure: SweDBError | None = None
        self.summary = Summary()
        self._worker_name = worker_name
        self._layers: dict[tuple[str, ...], Layer] = {}
        self._lent: dict[str, Any] = {}
        self._saved: dict[str, str | None] = {}

    @cached_property
    def worker(self) -> Worker:
        """What this process holds."""
        return Worker(self.settings.config, self._worker_name)

    @contextlib.contextmanager
    def lent(self, service: str, managed: AbstractContextManager[T]) -> Iterator[T]:
        """Lend something to a test, and remember that the test has it.

        Args:
            service: `database` or `redis`.
            managed: What sets it up and puts it back.
        """
        with managed as value:
            self._lent[service] = value
            try:
                yield value
            finally:
                del self._lent[service]

    def failure_report(self, test: str, directory: Callable[[], Path]) -> str:
        """Return what is to be told of the Postgres and Redis of a test that failed, empty if it has none.

        Args:
            test: The test's id.
            directory: Gives the directory for databases that are kept.
        """
        from swe_db.failure import failure_report  # noqa: PLC0415 - most tests do not fail

        if not self._lent:
            return ""
        path = (lambda: directory() / file_name(test)) if self.settings.config.keep_failed else None
        return failure_report(self.worker, self._lent.get("database"), self._lent.get("redis"), path)

    def layer(self, seeds: str | Sequence[str]) -> Layer:
        """Return the layer that a marker names.

        Raises:
            ConfigError: There are no seeds of that name.
            MigrationFileError: A directory of seeds is not acceptable.
        """
        key = (seeds,) if isinstance(seeds, str) else tuple(seeds)
        if key not in self._layers:
            self._layers[key] = find_layer(key, self.settings.config.seeds)
        return self._layers[key]

    def start(self, services: Iterable[str], seeds: Iterable[str | Sequence[str]] = ()) -> None:
        """Start `postgres`, `redis` or both, with the database ready for the first test.

        Args:
            services: Which.
            seeds: What the markers of the tests name.

        Raises:
            SweDBError: It cannot be done; `failure` remembers why.
        """
        failures: list[SweDBError] = []
        wanted = list(services)
        self.worker.expect_layers(map(self.layer, seeds))
        if "redis" in wanted:
            self.worker.expect_redis()
        for service in wanted:
            try:
                START[service](self.worker)
            except SweDBError as error:
                failures.append(error)
        if failures:
            self.failure = failures[0] if len(failures) == 1 else ServerError("\n".join(map(str, failures)))
            raise self.failure

    def set_environment(self, *, started: bool) -> None:
        """Set the variables of `swe_env` for the whole run.

        Args:
            started: False sets addresses where nothing listens, for a process that runs no test.
        """
        if started:  # no test is known yet
            self.worker.expect_layers(all_layers(self.settings.config.seeds))
        variables = self.worker.environment if started else NOT_STARTED
        for name, value in variables.items():
            self._saved.setdefault(name, os.environ.get(name))
            _set(name, value)

    def header(self) -> str:
        """Return the line of pytest's header: backends, versions, and where each setting came from."""
        config = self.settings.config
        servers = [_shown("postgres", choose_postgres, config), _shown("redis", choose_redis, config)]
        return f"swe-db: {', '.join(servers)}; {', '.join(self._given())}"

    def _given(self) -> list[str]:
        return [
            f"{option.name} {option.shown(getattr(self.settings.config, option.name))} (from {source})"
            for option in OPTIONS
            if (source := self.settings.source(option.name)) != "default" or option.name == "backend"
        ]

    def finish(self) -> Summary:
        """Return the summary when all tests have ended."""
        start_up = self.worker.start_up if "worker" in self.__dict__ else None
        if start_up is not None and not self.summary.starts:
            self.summary.add_start(start_up)
        return self.summary

    def close(self) -> None:
        """End what was started and put the environment back."""
        if "worker" in self.__dict__:
            self.worker.close()
        for name, value in self._saved.items():
            _set(name, value)


def _set(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


def _shown(service: str, choose: Callable[[Config], Chosen[Any]], config: Config) -> str:
    try:
        chosen = choose(config)
    except NoBackendError:
        return f"{service} not available (`swe-db doctor` says why)"
    notes = [chosen.candidate.backend]
    if "url" in chosen.rejected and getattr(config, f"{service}_url") is not None:
        notes.append(f"WARNING: url failed: {chosen.rejected['url'].reason}")
    if chosen.candidate.backend == "fake":
        notes.append("in this process only, no REDIS_URL")
    if service == "postgres" and chosen.candidate.backend == "url":
        notes += _weaker_isolation(config)
    if service == "postgres" and numbers(chosen.candidate.version)[0] != REFERENCE:
        notes.append(f"WARNING: not the reference version {REFERENCE}")
    return f"{service} {chosen.candidate.version} ({', '.join(notes)})"


def _weaker_isolation(config: Config) -> list[str]:
    """Say how tests are isolated on the user's own server, where that allows less than the best."""
    ability = ability_of(PostgresAddress.parse(str(config.postgres_url), "the Postgres URL"))
    return [f"isolation by {ability.kind}: {ability.reason}"] if ability.reason else []
