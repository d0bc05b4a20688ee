"""The backend `fake`: fakeredis, a Redis in this process, for suites that only need the commands.

It has no address: a subprocess cannot reach it, and there is no REDIS_URL. It is never tried by `auto`.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable, ServerError
from swe_db.servers.address import RedisAddress
from swe_db.servers.candidate import Candidate
from swe_db.servers.server import RedisServer

if TYPE_CHECKING:
    import redis
    import redis.asyncio

__all__ = ["fake_redis"]

VERSION: Final = (7,)
NOWHERE: Final = RedisAddress(host="", port=0)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FakeRedisServer(RedisServer):
    """A Redis in this process.

    Attributes:
        core: fakeredis' FakeServer, which all clients share.
    """

    core: Any = dataclasses.field(repr=False)

    @property
    def has_url(self) -> bool:
        """False: nobody outside this process can reach it."""
        return False

    @property
    def url(self) -> str:
        """There is none.

        Raises:
            ServerError: Always.
        """
        raise ServerError(
            "the Redis of the backend fake has no URL, since it lives in this process only: take swe_redis or "
            "swe_async_redis, or a real server: --swe-db-redis-backend=auto"
        )

    def connect(self, **options: Any) -> redis.Redis:  # noqa: ANN401 - redis-py's own
        """Return a client of it."""
        import fakeredis  # noqa: PLC0415

        client: redis.Redis = fakeredis.FakeRedis(server=self.core, **options)
        return client

    def connect_async(self, **options: Any) -> redis.asyncio.Redis:  # noqa: ANN401 - redis-py's own
        """Return an asyncio client of it."""
        import fakeredis  # noqa: PLC0415

        client: redis.asyncio.Redis = fakeredis.FakeAsyncRedis(server=self.core, **options)
        return client


def fake_redis(config: Config) -> Candidate[RedisServer]:  # noqa: ARG001 - every backend is asked alike
    """Make a Redis of this process.

    Raises:
        BackendUnavailable: fakeredis cannot be imported.
    """
    return Candidate("fake", ".".join(map(str, VERSION)), _start)


def _start() -> RedisServer:
    try:
        import fakeredis  # noqa: PLC0415 - 100 ms that a run on a real server need not pay
    except ImportError as error:
        raise BackendUnavailable(f"fakeredis cannot be imported: {error}", "pip install 'fakeredis[lua]'") from None
    return FakeRedisServer(
        address=NOWHERE,
        version=".".join(map(str, VERSION)),
        backend="fake",
        owned=True,
        stop=lambda: None,
        core=fakeredis.FakeServer(version=VERSION),
    )
