"""Servers in containers that outlive the command, with data in named volumes.

A container is made anew at every start; what must stay lies in its volume. No guard watches over it.
"""

from __future__ import annotations

import dataclasses
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from swe_db.config import Config
from swe_db.environment.answers import obstacle_of, version_of
from swe_db.environment.keeper import Tell, data_gone
from swe_db.environment.ports import holder, is_free
from swe_db.environment.record import Kind, Record, Service
from swe_db.environment.redis import DURABLE
from swe_db.errors import BackendUnavailable, PortTakenError
from swe_db.servers.docker.container import serve, wait_until_usable
from swe_db.servers.docker.daemon import HOST, LOOPBACK, Daemon, daemon
from swe_db.servers.docker.plan import START_TIMEOUT, Image, Plan
from swe_db.servers.docker.share import Facts
from swe_db.servers.docker.volumes import has_volume, make_volume, remove_volume

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["ContainerKeeper"]

NAME: Final = "swe-db.environment"
IDENTITY: Final = "swe-db.environment-id"
STOPPING: Final = 120  # seconds
RECOVERING: Final = 900.0  # seconds
STATEMENTS: Final = "pg_stat_statements"
TAKEN: Final = re.compile(r"port is already allocated|address already in use|[Pp]orts are not available")
PORTS: Final[Mapping[Kind, int]] = {"postgres": 5432, "redis": 6379}


@dataclasses.dataclass(frozen=True)
class ContainerKeeper:
    """A server in a container.

    Attributes:
        kind: Which one.
        record: The environment.
        config: The settings, for a server that has no data yet.
    """

    kind: Kind
    record: Record
    config: Config

    @property
    def name(self) -> str:
        """The name of its container, and of its volume."""
        return f"swe-db-{self.record.name}-{self.kind}-{self.record.identity}"

    @property
    def _labels(self) -> dict[str, str]:
        return {NAME: self.record.name, IDENTITY: self.record.identity, HOST: socket.gethostname()}

    def lives(self) -> bool:
        """Tell whether its container runs."""
        with daemon() as docker:
            container = docker.container(self.name)
            return container is not None and not _rests(container)

    def start(self, service: Service, tell: Tell) -> Service:
        """Start it, unless it runs; a volume is made if there is none. See `Keeper`."""
        with daemon() as docker:
            container = docker.container(self.name)
            if container is None or _rests(container):
                started = self._start_anew(docker, container, service, tell)
            else:
                started = self._wait_for(docker, container, service)
        return dataclasses.replace(started, version=version_of(self.kind, started), ready=True)

    def _wait_for(self, docker: Daemon, container: Container, service: Service) -> Service:
        bindings = container.ports.get(f"{PORTS[self.kind]}/tcp")
        there = dataclasses.replace(
            service,
            host=docker.host,
            port=int(bindings[0]["HostPort"]) if bindings else service.port,
            image=str(container.attrs["Config"]["Image"]),
        )
        obstacle = obstacle_of(self.kind)
        wait_until_usable(docker, container, lambda: obstacle(there), secret=there.password, timeout=_patience(there))
        return there

    def _start_anew(self, docker: Daemon, old: Container | None, service: Service, tell: Tell) -> Service:
        if old is not None:
            docker.discard(old)
        if service.ready and not has_volume(docker, self.name):
            raise data_gone(self.kind, f"volume {self.name}", self.record.name)
        if not service.ready:  # what an interrupted first start has left is no data directory
            remove_volume(docker, self.name)
        if docker.host == LOOPBACK and not is_free(service.port):
            raise PortTakenError(service.port, holder(service.port))
        image = self._image(docker, service, tell)
        make_volume(docker, self.name, self._labels)
        there = dataclasses.replace(service, host=docker.host, image=image.name)
        try:
            return self._served(docker, image, there)
        except BackendUnavailable as error:
            if TAKEN.search(error.reason):
                raise PortTakenError(service.port, "another container or process") from None
            raise

    def _image(self, docker: Daemon, service: Service, tell: Tell) -> Image:
        wanted = self.config.postgres_image if self.kind == "postgres" else self.config.redis_image
        name = service.image if service.ready else wanted
        image = docker.image(name)
        if image is None:
            tell(f"pulling the image {name}")
            image = docker.pull(name)
        return image

    def _served(self, docker: Daemon, image: Image, there: Service) -> Service:
        if self.kind == "redis":
            return self._serve(docker, self._redis_plan(image, there), there, {"swe-db.conf": _redis_settings(there)})
        try:
            return self._serve(docker, self._postgres_plan(image, there, STATEMENTS), there, {})
        except BackendUnavailable as error:
            if f'could not access file "{STATEMENTS}"' not in error.reason:
                raise
        return self._serve(docker, self._postgres_plan(image, there, ""), there, {})

    def _serve(self, docker: Daemon, plan: Plan, there: Service, files: Mapping[str, str]) -> Service:
        obstacle = obstacle_of(self.kind)

        def obstacle_at(facts: Facts) -> str | None:
            if facts["port"] is None:
                return "its port is not published"
            return obstacle(there)

        serve(docker, plan, obstacle_at, password=there.password, files=files)
        return there

    def _postgres_plan(self, image: Image, there: Service, preload: str) -> Plan:
        settings = {
            "max_prepared_transactions": "20",
            "timezone": self.config.postgres_timezone,
            "log_timezone": "UTC",
            "lc_messages": "C",
            "shared_preload_libraries": preload,
        }
        return Plan(
            image=image,
            command=[word for key, value in settings.items() for word in ("-c", f"{key}={value}")],
            environment={
                "POSTGRES_PASSWORD": there.password,
                "POSTGRES_INITDB_ARGS": f"--encoding=UTF8 --locale={self.config.postgres_locale}",
            },
            port=PORTS["postgres"],
            data=image.environment.get("PGDATA", "/var/lib/postgresql/data"),
            labels=self._labels,
            name=self.name,
            host_port=there.port,
            volume=self.name,
            patience=_patience(there),
        )

    def _redis_plan(self, image: Image, there: Service) -> Plan:
        return Plan(
            image=image,
            command=["redis-server", "/swe-db.conf"],
            environment={},
            port=PORTS["redis"],
            data="/data",
            labels=self._labels,
            name=self.name,
            host_port=there.port,
            volume=self.name,
            patience=_patience(there),
        )

    def stop(self) -> None:
        """End its server in an orderly way and remove the container; the volume stays."""
        with daemon() as docker:
            container = docker.container(self.name)
            if container is None:
                return
            if not _rests(container):
                docker.stop(container, STOPPING)
            docker.discard(container)

    def discard(self) -> None:
        """End it, and remove its volume."""
        self.stop()
        with daemon() as docker:
            remove_volume(docker, self.name)


def _patience(service: Service) -> float:
    """Return for how many seconds a server is waited for: one with data may have to read again what a crash cut off."""
    return RECOVERING if service.ready else START_TIMEOUT


def _rests(container: Container) -> bool:
    return container.status not in ("running", "restarting", "paused")


def _redis_settings(there: Service) -> str:
    # In a file, since the arguments of a process can be read by everybody.
    return f"requirepass {there.password}\ndir /data\n{DURABLE}"
