"""Fast start: servers of our own start from a prepared data directory, migrated and seeded, kept in a cache.

Whatever is wrong with the cache, a server starts: then as if there were none.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from swe_db.config import Config
from swe_db.errors import BackendUnavailable, MigrationError, ServerError, SweDBError
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.layers import Layer, ensure_layer, layer_facts
from swe_db.isolation.template import content_facts, ensure_template
from swe_db.servers.archives import Archives, cache_directory
from swe_db.servers.candidate import Candidate
from swe_db.servers.postgres import Installation, shut_down
from swe_db.servers.server import PostgresServer

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["StartUp", "start_prepared"]

FORMAT: Final = 1  # raise it when data directories are prepared in another way
ATTEMPTS: Final = 2
Cache: TypeAlias = Literal["hit", "miss", "none"]


@dataclasses.dataclass(frozen=True)
class StartUp:
    """How a Postgres was started.

    Attributes:
        cache: `hit` if a prepared data directory was there, `miss` if it was made now, by this run or by another one
            for which it waited, `none` if the backend has no use for one or none could be had.
        reason: Why none could be had, empty otherwise.
        milliseconds: How long it took.
    """

    cache: Cache
    reason: str
    milliseconds: float


def start_prepared(
    candidate: Candidate[PostgresServer],
    config: Config,
    meanwhile: Callable[[], object] = lambda: None,
    layers: Sequence[Layer] = (),
) -> tuple[PostgresServer, StartUp]:
    """Start a Postgres from a prepared data directory if it is one of our own, else simply start it.

    Args:
        candidate: The Postgres.
        config: The settings.
        meanwhile: What to do while it starts, in another process than this one.
        layers: The seed layers that tests will ask for.

    Raises:
        ServerError: It does not start.
        MigrationError: A migration or a seed fails.
    """
    begun = time.perf_counter()
    server: PostgresServer | None = None
    cache: Cache = "none"
    reason = ""
    if candidate.installation is not None:
        try:
            server, cache = _Start(candidate.installation, config, layers).run(meanwhile)
        except (OSError, _NoArchiveError) as error:
            reason = str(error)
    server = server or candidate.start()
    return server, StartUp(cache, reason, (time.perf_counter() - begun) * 1000)


class _NoArchiveError(Exception):
    """There is no prepared data directory from which a server starts, and none can be made."""


class _Start:
    def __init__(self, installation: Installation, config: Config, layers: Sequence[Layer] = ()) -> None:
        self._installation = installation
        self._config = config
        self._layers = layers
        self._archives = Archives(cache_directory())
        facts = (FORMAT, *installation.facts, *content_facts(config), *map(layer_facts, layers))
        self._key = hashlib.sha256(repr(facts).encode()).hexdigest()[:32]

    def run(self, meanwhile: Callable[[], object]) -> tuple[PostgresServer, Cache]:
        """Start the server.

        Args:
            meanwhile: What to do while it starts.

        Raises:
            BackendUnavailable: There is no room for it.
            MigrationError: A migration or a seed fails.
            OSError: The cache cannot be used.
            _NoArchiveError: See there.
        """
        failure: ServerError | None = None
        for _ in range(ATTEMPTS):
            archive = self._archives.open(self._key)
            cache: Cache = "miss" if archive is None or failure else "hit"
            with archive or self.built() as source:
                try:
                    return self._installation.start(source, meanwhile=meanwhile), cache
                except BackendUnavailable:
                    raise
                except ServerError as error:  # what it was given was not what was packed
                    failure = error
            self._archives.remove(self._key)
        raise _NoArchiveError(str(failure))

    def built(self) -> BinaryIO:
        """Build the archive, or wait until another process has, and return it."""
        with self._archives.building(self._key):
            archive = self._archives.open(self._key)
            if archive is None:
                self._build()
                self._archives.sweep()
                archive = self._archives.open(self._key)
        if archive is None:
            raise _NoArchiveError("it was removed at once")
        return archive

    def _build(self) -> None:
        with self._base() as source:
            server = self._installation.start(source, reachable=False)
        try:
            self._fill(server)
            self._archives.store(self._key, shut_down(server))
        except SweDBError as error:
            if isinstance(error, MigrationError) and server.obstacle() is None and server.shortage(str(error)) is None:
                raise
            raise _NoArchiveError(str(error)) from error  # a server that has gone is told by whoever needs it
        finally:
            server.stop()

    @contextlib.contextmanager
    def _base(self) -> Iterator[BinaryIO | None]:
        """Give what an archive with layers is made from: the one without."""
        if not self._layers:
            yield None
            return
        base = _Start(self._installation, self._config)
        with self._archives.open(base._key) or base.built() as source:
            yield source

    def _fill(self, server: PostgresServer) -> None:
        cluster = Cluster(server, locale=self._config.postgres_locale, timezone=self._config.postgres_timezone)
        with contextlib.closing(cluster):
            template = ensure_template(cluster, self._config)
            for layer in self._layers:
                ensure_layer(cluster, template, layer)
