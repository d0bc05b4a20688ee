"""What the fixture `swe_faults` gives to a test: a proxy before its Postgres and one before its Redis."""

from __future__ import annotations

from swe_db.errors import ConfigError
from swe_db.faults.fault import Fault
from swe_db.faults.postgres_proxy import PostgresProxy
from swe_db.faults.redis_proxy import RedisProxy

__all__ = ["Faults"]

NO_REDIS = (
    "swe_faults has no proxy before the Redis of the backend fake, which lives in this process and has no connections: "
    "take a real server (--swe-db-redis-backend=auto), or swe_faults.postgres alone"
)


class Faults:
    """Both proxies. What is asked for here goes wrong with both of them.

    Args:
        postgres: The proxy before Postgres.
        redis: The proxy before Redis, None where Redis has no connections.
    """

    def __init__(self, postgres: PostgresProxy, redis: RedisProxy | None) -> None:
        self.postgres = postgres
        self._redis = redis

    @property
    def redis(self) -> RedisProxy:
        """The proxy before Redis.

        Raises:
            ConfigError: The backend is `fake`.
        """
        if self._redis is None:
            raise ConfigError(NO_REDIS)
        return self._redis

    @property
    def environment(self) -> dict[str, str]:
        """DATABASE_URL, PG* and REDIS_URL, which lead a subprocess through the proxies."""
        return {**self.postgres.environment, **({} if self._redis is None else self._redis.environment)}

    def latency(self, seconds: float, *, jitter: float = 0.0) -> Fault:
        """Let both be slow, see `Proxy.latency`."""
        redis = self.redis  # before Postgres is made slow: there may be none
        return _together(self.postgres.latency(seconds, jitter=jitter), redis.latency(seconds, jitter=jitter))

    def cut(self) -> Fault:
        """End all connections to both, now."""
        return _together(self.redis.cut(), self.postgres.cut())

    def refuse(self) -> Fault:
        """Refuse new connections to both, see `Proxy.refuse`."""
        return _together(self.redis.refuse(), self.postgres.refuse())

    def accept(self) -> None:
        """Accept new connections to both again."""
        self.redis.accept()
        self.postgres.accept()

    def outage(self) -> Fault:
        """Let neither be there, see `Proxy.outage`."""
        return _together(self.redis.outage(), self.postgres.outage())

    def restore(self) -> None:
        """Undo all faults of both."""
        self.postgres.restore()
        if self._redis is not None:
            self._redis.restore()

    def close(self) -> None:
        """End both proxies and all connections through them."""
        self.postgres.close()
        if self._redis is not None:
            self._redis.close()


def _together(first: Fault, second: Fault) -> Fault:
    def undo() -> None:
        first.undo()
        second.undo()

    return Fault(undo)
