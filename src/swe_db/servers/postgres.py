"""Starting a Postgres of our own from a directory of binaries."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shlex
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from swe_db.errors import ServerError
from swe_db.servers.account import server_account
from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect
from swe_db.servers.dump import pg_dump
from swe_db.servers.process import GuardedProcess, PortReservation, shell_script
from swe_db.servers.server import PostgresServer
from swe_db.servers.statement_log import SETTINGS as LOGGING

if TYPE_CHECKING:
    from swe_db.servers.binaries import PostgresBinaries

__all__ = ["Installation", "shut_down"]

START_TIMEOUT: Final = 60.0  # seconds
ATTEMPTS: Final = 3
POLL: Final = 0.002  # seconds
UNPACKING: Final = "tar -xmof - <&7"

# Durability is of no use to a server that dies with the run. Nor is autovacuum, which would change statistics, and with
# them plans, in the middle of a test that happens to run then. dynamic_shared_memory_type keeps all that a crash could
# leave behind inside the data directory.
SETTINGS: Final = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{directory}'
unix_socket_permissions = 0700
max_connections = 100
max_prepared_transactions = 20
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
timezone = '{timezone}'
log_timezone = 'UTC'
lc_messages = 'C'
{preload}
include_if_exists = '{logging}'
"""


@dataclasses.dataclass(frozen=True)
class Installation:
    """A Postgres that we can start ourselves.

    Attributes:
        binaries: Where `postgres` and `initdb` are.
        backend: The name of the backend that found them.
        locale: The locale of every database.
        timezone: The server's time zone.
    """

    binaries: PostgresBinaries
    backend: str
    locale: str
    timezone: str

    @property
    def facts(self) -> tuple[object, ...]:
        """What a prepared data directory depends on, besides its content."""
        program = (self.binaries.directory / "postgres").resolve()
        state = program.stat()
        program_facts = (str(program), state.st_size, state.st_mtime_ns)
        machine = (os.uname().sysname, os.uname().machine, _c_library())
        return (self.binaries.version, program_facts, machine, self.locale, self.timezone)

    def start(
        self,
        archive: BinaryIO | None = None,
        *,
        reachable: bool = True,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> PostgresServer:
        """Start a server with a data directory of its own; it dies with this process.

        Args:
            archive: A prepared data directory, unpacked instead of making a new one.
            reachable: False sets no password, so that the socket, which only this user may use, is the one way in.
            meanwhile: What to do while it starts, in another process than this one.

        Raises:
            ServerError: It does not start; the message has its last words.
        """
        for attempt in range(1, ATTEMPTS + 1):
            reservation = PortReservation()
            try:
                process = self._process(reservation.port, archive)
                meanwhile()
                return self._started(process, reservation.port, reachable=reachable)
            except ServerError as error:
                # Somebody without our manners may have taken the port in between.
                if "Address already in use" not in str(error) or attempt == ATTEMPTS:
                    raise
            finally:
                reservation.release()
        raise AssertionError

    def _started(self, process: GuardedProcess, port: int, *, reachable: bool) -> PostgresServer:
        admin = PostgresAddress(host=str(process.directory), port=port, user="postgres", password="", name="postgres")
        process.wait_for(lambda: _obstacle(admin), START_TIMEOUT)
        password = secrets.token_urlsafe(18) if reachable else ""
        version = _first_words(process, admin, password)
        address = dataclasses.replace(admin, host="127.0.0.1", password=password) if reachable else admin
        return PostgresServer(
            address=address,
            admin=admin,
            version=version,
            backend=self.backend,
            owned=True,
            stop=process.stop,
            obituary=process.obituary,
            shortage=process.shortage,
            log=process.log,
            restart=partial(_restart, process, admin),
            dump=partial(pg_dump, self.binaries.directory, admin),
        )

    def _process(self, port: int, archive: BinaryIO | None) -> GuardedProcess:
        def settings(directory: Path) -> str:
            preload = "shared_preload_libraries = 'pg_stat_statements'" if self.binaries.has_statements else ""
            return SETTINGS.format(
                port=port, directory=directory, timezone=self.timezone, preload=preload, logging=LOGGING
            )

        if archive is not None:
            archive.seek(0)
        return GuardedProcess(
            "postgres",
            [str(self.binaries.directory / "postgres"), "-D", "data"],
            settings=settings,
            account=server_account(),
            preparation=_initialisation(self.binaries, self.locale) if archive is None else UNPACKING,
            source=archive,
        )


def shut_down(server: PostgresServer) -> Path:
    """End a server of an `Installation` in an orderly way and return its data directory, which stays until its `stop`.

    Raises:
        ServerError: It does not end in time.
        OSError: It has gone already.
    """
    directory = Path(server.admin.host)
    _end(directory)
    deadline = time.monotonic() + START_TIMEOUT
    while (directory / "running").exists():
        if time.monotonic() > deadline:
            raise ServerError(f"the {server.shown} was not shut down within {START_TIMEOUT:g} seconds")
        time.sleep(POLL)
    return directory / "data"


def _restart(process: GuardedProcess, admin: PostgresAddress) -> None:
    process.restart(partial(_end, process.directory), lambda: _obstacle(admin), START_TIMEOUT)


def _end(directory: Path) -> None:
    """Tell a server to end its sessions and then itself, with all that was committed on disk."""
    os.kill(int((directory / "data/postmaster.pid").read_text(encoding="utf-8").split()[0]), signal.SIGINT)


def _c_library() -> str | None:
    """Return the version of the C library, on which the order of texts depends in every locale but C."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return None


def _initialisation(binaries: PostgresBinaries, locale: str) -> str:
    facts = {
        "bindir": str(binaries.directory),
        "locale": locale,
        "checksums": "--no-data-checksums" if binaries.major >= 18 else "",
    }
    return "\n".join([*(f"{name}={shlex.quote(value)}" for name, value in facts.items()), shell_script("postgres.sh")])


def _obstacle(address: PostgresAddress) -> str | None:
    import psycopg  # noqa: PLC0415 - 59 ms that a run without a server need not pay

    if not Path(address.host, f".s.PGSQL.{address.port}").exists():
        return "no socket yet"
    try:
        connect(address).close()
    except psycopg.OperationalError as error:
        return str(error)
    return None


def _first_words(process: GuardedProcess, admin: PostgresAddress, password: str) -> str:
    """Do what every start begins with, and return the server's version."""
    import psycopg  # noqa: PLC0415 - 59 ms that a run without a server need not pay

    try:
        return _set_password(admin, password)
    except psycopg.Error as error:
        raise process.refusal(str(error).strip()) from None


def _set_password(address: PostgresAddress, password: str) -> str:
    """Set the superuser's password, if it is to have one, and return the server's version.

    The server sees only the verifier.
    """
    from psycopg import sql  # noqa: PLC0415

    with connect(address, autocommit=True) as connection:
        if password:
            verifier = connection.pgconn.encrypt_password(password.encode(), b"postgres", b"scram-sha-256").decode()
            connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(verifier))
        return connection.info.parameter_status("server_version").split()[0]  # type: ignore[union-attr]
