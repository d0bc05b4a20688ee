"""Redis from its binary, with data that stay."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Final

from swe_db.environment.answers import obstacle_of, redis_client, version_of
from swe_db.environment.keeper import Tell, data_gone
from swe_db.environment.native import Program, make_directory, remove_directory, write_private
from swe_db.environment.record import Service
from swe_db.errors import LocalEnvironmentError
from swe_db.servers.liveness import end_readers

if TYPE_CHECKING:
    from swe_db.servers.binaries import RedisBinary

__all__ = ["DURABLE", "NativeRedis"]

# Whatever was acknowledged is on disk: a developer's Redis has few writes, and losing the last second of a power cut
# would be a second kind of promise beside Postgres'.
DURABLE: Final = """
appendonly yes
appendfsync always
save ""
"""
SETTINGS: Final = """
bind 127.0.0.1
port {port}
requirepass {password}
dir "{directory}"
daemonize no
"""


@dataclasses.dataclass(frozen=True)
class NativeRedis:
    """A Redis of our own.

    Attributes:
        program: How it is started.
        service: How it is reached.
        binary: What is started, None where it need not be.
    """

    program: Program
    service: Service
    binary: RedisBinary | None

    @property
    def data(self) -> Path:
        """The directory of its data."""
        return self.program.home / "redis"

    def lives(self) -> bool:
        """Tell whether it is there."""
        return self.program.lives()

    def start(self, service: Service, tell: Tell) -> Service:
        """Start it, unless it runs. See `Keeper`."""
        obstacle = obstacle_of("redis")
        if not self.program.settle(service, obstacle, tell):
            if self.binary is None:
                raise LocalEnvironmentError("there is no Redis to start")
            if service.ready and not self.data.exists():
                raise data_gone("redis", str(self.data), self.program.directory.name)
            make_directory(self.program.home, self.program.account)
            make_directory(self.data, self.program.account)
            settings = self._write_settings(service)
            begin = self.program.launch([str(self.binary.program), str(settings)], service.port)
            self.program.wait(service, obstacle, begin, tell)
        return dataclasses.replace(service, version=version_of("redis", service), ready=True)

    def _write_settings(self, service: Service) -> Path:
        path = self.program.home / "redis.conf"
        text = SETTINGS.format(port=service.port, password=service.password, directory=self.data) + DURABLE
        write_private(path, text, self.program.account)
        return path

    def stop(self) -> None:
        """End it; what it was told is on disk."""
        import redis  # noqa: PLC0415 - 47 ms that help texts need not pay

        if not self.program.lives():
            return
        try:
            with redis_client(self.service) as client:
                client.shutdown()
        except redis.exceptions.RedisError:
            end_readers(self.program.pipe)  # it does not listen, or does not know us any more
        self.program.wait_for_end()

    def discard(self) -> None:
        """End it, and remove its data."""
        self.stop()
        remove_directory(self.data)
