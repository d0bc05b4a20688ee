"""Starting a Postgres of our own from a directory of binaries."""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from swe_db.errors import ServerError
from swe_db.servers.account import server_account
from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect
from swe_db.servers.process import GuardedProcess, PortReservation, shell_script
from swe_db.servers.server import PostgresServer

if TYPE_CHECKING:
    from swe_db.servers.binaries import PostgresBinaries

__all__ = ["start_postgres"]

START_TIMEOUT: Final = 60.0  # seconds
ATTEMPTS: Final = 3

# Durability is of no use to a server that dies with the run. dynamic_shared_memory_type keeps all that a crash could
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
timezone = '{timezone}'
log_timezone = 'UTC'
lc_messages = 'C'
{preload}
"""


def start_postgres(binaries: PostgresBinaries, *, backend: str, locale: str, timezone: str) -> PostgresServer:
    """Start a server with a new data directory; it dies with this process.

    Args:
        binaries: Where `postgres` and `initdb` are.
        backend: The name of the backend that found them.
        locale: The locale of every database.
        timezone: The server's time zone.

    Raises:
        ServerError: It does not start; the message has its last words.
    """
    for attempt in range(1, ATTEMPTS + 1):
        reservation = PortReservation()
        try:
            return _start(binaries, reservation.port, backend=backend, locale=locale, timezone=timezone)
        except ServerError as error:
            # Somebody without our manners may have taken the port in between.
            if "Address already in use" not in str(error) or attempt == ATTEMPTS:
                raise
        finally:
            reservation.release()
    raise AssertionError


def _start(binaries: PostgresBinaries, port: int, *, backend: str, locale: str, timezone: str) -> PostgresServer:
    def settings(directory: Path) -> str:
        preload = "shared_preload_libraries = 'pg_stat_statements'" if binaries.has_statements else ""
        return SETTINGS.format(port=port, directory=directory, timezone=timezone, preload=preload)

    command = [str(binaries.directory / "postgres"), "-D", "data"]
    preparation = _initialisation(binaries, locale)
    process = GuardedProcess("postgres", command, settings=settings, account=server_account(), preparation=preparation)
    admin = PostgresAddress(host=str(process.directory), port=port, user="postgres", password="", name="postgres")
    process.wait_for(lambda: _obstacle(admin), START_TIMEOUT)
    password = secrets.token_urlsafe(18)
    version = _first_words(process, admin, password)
    return PostgresServer(
        address=PostgresAddress(host="127.0.0.1", port=port, user="postgres", password=password, name="postgres"),
        admin=admin,
        version=version,
        backend=backend,
        owned=True,
        stop=process.stop,
        obituary=process.obituary,
        shortage=process.shortage,
    )


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
    """Set the superuser's password, of which the server sees only the verifier, and return the server's version."""
    from psycopg import sql  # noqa: PLC0415

    with connect(address, autocommit=True) as connection:
        verifier = connection.pgconn.encrypt_password(password.encode(), b"postgres", b"scram-sha-256").decode()
        connection.execute(sql.SQL("ALTER ROLE postgres PASSWORD {}").format(verifier))
        return connection.info.parameter_status("server_version").split()[0]  # type: ignore[union-attr]
