"""A Redis that is killed and started again on the same port, with what it has written to its append-only file.

It does not wait for the disk: what a process has written outlives it, unless the machine ends too.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Any, Final

import redis

from swe_db.servers.binaries import find_redis
from swe_db.servers.process import PortReservation

__all__ = ["StoppableRedis"]

PATIENCE: Final = 60.0  # seconds


class StoppableRedis:
    """A server on 127.0.0.1.

    Args:
        directory: Where its files lie.
        settings: More of them, as on its command line.
    """

    def __init__(self, directory: Path, *settings: str) -> None:
        self._reservation = PortReservation()
        self.port = self._reservation.port
        fixed = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(directory), "--save", "")
        durable = ("--appendonly", "yes", "--appendfsync", "no")
        self._command = [str(find_redis().program), *fixed, *durable, *settings]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its URL."""
        return f"redis://127.0.0.1:{self.port}"

    def connect(self, **options: Any) -> Any:
        """Return a client of it."""
        return redis.Redis.from_url(self.url, **options)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        with self.connect() as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert time.monotonic() < end, "redis-server does not start"
                    time.sleep(0.005)
                else:
                    return

    def kill(self) -> None:
        """Kill it; the port stays ours."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Kill it for good."""
        self.kill()
        self._reservation.release()
