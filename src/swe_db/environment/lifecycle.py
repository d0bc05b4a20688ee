"""Starting and stopping an environment."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Iterable
from pathlib import Path

from swe_db.config import Config
from swe_db.environment import ports
from swe_db.environment.environment import Environment, find, flag, names
from swe_db.environment.keeper import Tell
from swe_db.environment.keepers import BACKENDS, candidate_of, keeper_of, no_backend
from swe_db.environment.native import remove_directory
from swe_db.environment.places import data_directory, directory_of, explained, locked
from swe_db.environment.record import SERVICES, Kind, Record, Service, new_record, read, write
from swe_db.errors import (
    BackendUnavailable,
    ConfigError,
    LocalEnvironmentError,
    NoBackendError,
    PortTakenError,
    ServerError,
)
from swe_db.servers.account import server_account

__all__ = ["Wish", "start", "stop"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wish:
    """What a user asks for; None is whatever it was before, or is usual.

    Attributes:
        backend: `auto`, `docker`, `local` or `embedded`.
        postgres_port: Where Postgres is to listen.
        redis_port: Where Redis is to listen.
        database: The database that the environment's URL names.
    """

    backend: str = "auto"
    postgres_port: int | None = None
    redis_port: int | None = None
    database: str | None = None

    def port(self, kind: Kind) -> int | None:
        """Return where one of the servers is to listen."""
        return self.postgres_port if kind == "postgres" else self.redis_port


def start(name: str, wish: Wish, config: Config, tell: Tell) -> Environment:
    """Start an environment, which is made if there is none; one that runs is left as it is.

    Args:
        name: Its name.
        wish: What is asked for.
        config: The settings: images, locale and time zone of servers that are made.
        tell: Called with a sentence about what a user should know.

    Returns:
        The environment, whose servers can be used.

    Raises:
        ConfigError: The name, or what is asked for, does not fit.
        LocalEnvironmentError: Its files cannot be used.
        PortTakenError: A port that was asked for is taken.
        ServerError: A server cannot be started.
    """
    with locked(name, tell) as directory:
        starter = _Starter(directory, wish, config, tell)
        try:
            for kind in SERVICES:
                starter.bring_up(kind)
            starter.keep_database()
        except NoBackendError:
            starter.leave_nothing()
            raise
        return Environment(directory, starter.record)


class _Starter:
    """One start of one environment, under its lock; what is known is written down before it is acted upon."""

    def __init__(self, directory: Path, wish: Wish, config: Config, tell: Tell) -> None:
        self._directory = directory
        self._wish = wish
        self._config = config
        self._tell = tell
        self.record = read(directory) or self._new()
        self._check()

    def _new(self) -> Record:
        identity = secrets.token_hex(4)
        data = data_directory(self._directory, identity, server_account())
        return new_record(self._directory.name, identity, data, ports.usual_ports(self._directory.name))

    def _check(self) -> None:
        wish = self._wish
        if wish.postgres_port is not None and wish.postgres_port == wish.redis_port:
            raise ConfigError(f"Postgres and Redis cannot both listen on port {wish.redis_port}: give two.")
        for kind in SERVICES:
            service = self.record.service(kind)
            if service.ready and self._wish.backend not in ("auto", service.backend):
                raise ConfigError(
                    f"Environment {self.record.name} keeps its {kind} data with the backend {service.backend}, not "
                    f"{self._wish.backend}. Use another --name, or remove its data: "
                    f"`swe-db down --volumes{flag(self.record.name)}`."
                )

    def _put(self, record: Record) -> None:
        self.record = record
        with explained(self._directory):
            write(self._directory, record)

    def keep_database(self) -> None:
        """Write down which database the URL names; a start that was refused has changed nothing."""
        wanted = self._wish.database or self.record.database
        if wanted != self.record.database:
            self._put(dataclasses.replace(self.record, database=wanted))

    def bring_up(self, kind: Kind) -> None:
        """Start one of the two servers, or find it running."""
        service = self.record.service(kind)
        if service.ready:
            self._start(kind, service.backend)
            return
        wanted = self._wish.backend
        rejected: dict[str, BackendUnavailable] = {}
        for backend in BACKENDS if wanted == "auto" else (wanted,):
            try:
                self._start(kind, backend)
            except BackendUnavailable as error:
                rejected[backend] = error
            except LocalEnvironmentError:
                raise
            except ServerError as error:
                rejected[backend] = BackendUnavailable(str(error), "see the server's words above")
            else:
                for name, refusal in rejected.items():
                    self._tell(f"{kind} comes from {backend}, as {name} gives none: {refusal.reason}")
                return
        raise no_backend(self.record, kind, wanted, rejected)

    def _start(self, kind: Kind, backend: str) -> None:
        """Start one of the two servers from a backend, on the first port that is free."""
        candidate = candidate_of(self.record, kind, backend, self._config)
        self._leave_other(kind, backend)
        self._change(kind, backend=backend)
        keeper = keeper_of(self._directory, self.record, kind, self._config)
        if keeper.lives():
            self._keep_port(kind)
        before = self.record.service(kind).port
        for port in self._ports(kind):
            self._change(kind, port=port)
            keeper = keeper_of(self._directory, self.record, kind, self._config, candidate)
            try:
                with explained(self._directory):
                    started = keeper.start(self.record.service(kind), self._tell)
            except PortTakenError as error:
                self._change(kind, port=before)
                if self._wish.port(kind) is not None:
                    raise self._refusal(kind, error) from None
                self._tell(f"port {port} is taken by {self._holder(error)}; {kind} of {self.record.name} moves")
            else:
                self._put(self.record.with_service(kind, started))
                return
        raise LocalEnvironmentError(f"All ports that {kind} of environment {self.record.name} may have are taken.")

    def _refusal(self, kind: Kind, error: PortTakenError) -> LocalEnvironmentError:
        return LocalEnvironmentError(
            f"Port {error.port} of 127.0.0.1 is taken by {self._holder(error)}. Give another --{kind}-port, or leave "
            "it out to have one chosen."
        )

    def _holder(self, error: PortTakenError) -> str:
        for name in names():
            record = None if name == self.record.name else read(directory_of(name))
            if record and error.port in (record.postgres.port, record.redis.port):
                return f"{error.holder}, which environment {name} uses"
        return error.holder

    def leave_nothing(self) -> None:
        """Remove an environment in which no server has ever served."""
        if not any(self.record.service(kind).ready for kind in SERVICES):
            _remove(self._directory, _reachable(self._directory, self.record, self._config, self._tell), self._config)

    def _leave_other(self, kind: Kind, backend: str) -> None:
        """Remove what an interrupted start has left of another backend."""
        service = self.record.service(kind)
        if service.backend in ("", backend):
            return
        self.record = _reachable(self._directory, self.record, self._config, self._tell)
        if self.record.service(kind).backend:
            keeper_of(self._directory, self.record, kind, self._config).discard()

    def _keep_port(self, kind: Kind) -> None:
        port, wanted = self.record.service(kind).port, self._wish.port(kind)
        if wanted not in (None, port):
            raise ConfigError(
                f"{kind.capitalize()} of environment {self.record.name} runs on port {port}. To move it to {wanted}, "
                f"stop it first: `swe-db down{flag(self.record.name)}`."
            )

    def _ports(self, kind: Kind) -> Iterable[int]:
        """Return where a server may listen, the best port first; the other server's is not among them."""
        wanted = self._wish.port(kind)
        if wanted is not None:
            return [wanted]
        other = self.record.service("redis" if kind == "postgres" else "postgres").port
        return [port for port in ports.candidates(self.record.service(kind).port) if port != other]

    def _change(self, kind: Kind, **changes: object) -> None:
        service = self.record.service(kind)
        changed: Service = dataclasses.replace(service, **changes)  # type: ignore[arg-type]
        if changed != service:
            self._put(self.record.with_service(kind, changed))


def stop(name: str, config: Config, tell: Tell, *, volumes: bool = False) -> list[Kind]:
    """Stop an environment; one that does not run is left alone.

    Args:
        name: Its name.
        config: The settings.
        tell: Called with a sentence about what a user should know.
        volumes: Whether to remove it, its data included.

    Returns:
        The servers that ran.

    Raises:
        ConfigError: The name is not acceptable.
        LocalEnvironmentError: There is none of this name, or its files cannot be used.
        ServerError: A server does not end, or something cannot be removed.
    """
    find(name)
    with locked(name, tell) as directory:
        record = _reachable(directory, find(name).record, config, tell)
        ran: list[Kind] = []
        for kind in SERVICES:
            if record.service(kind).backend:
                keeper = keeper_of(directory, record, kind, config)
                ran += [kind] if keeper.lives() else []
                keeper.stop()
        if volumes:
            _remove(directory, record, config)
        return ran


def _reachable(directory: Path, record: Record, config: Config, tell: Tell) -> Record:
    """Return an environment without what was begun, has never served, and cannot be reached any more."""
    for kind in SERVICES:
        service = record.service(kind)
        if service.ready or not service.backend:
            continue
        try:
            keeper_of(directory, record, kind, config).lives()
        except BackendUnavailable as error:
            left = f"swe-db-{record.name}-{kind}-{record.identity}"
            tell(
                f"a first start of {kind} with {service.backend} was interrupted, and {service.backend} cannot be "
                f"reached: {error.reason}. A container and a volume {left} may be left there, without data: "
                f"`docker rm -f {left}; docker volume rm {left}`"
            )
            record = record.with_service(kind, dataclasses.replace(service, backend=""))
    return record


def _remove(directory: Path, record: Record, config: Config) -> None:
    for kind in SERVICES:
        if record.service(kind).backend:
            keeper_of(directory, record, kind, config).discard()
    remove_directory(Path(record.data))
    remove_directory(directory)
