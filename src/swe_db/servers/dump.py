"""Writing a database into a file of SQL, from which psql restores it on any server."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import IO, Final

from swe_db.errors import ServerError
from swe_db.servers.address import PostgresAddress
from swe_db.servers.connect import connect, libpq_variables
from swe_db.servers.server import PostgresServer
from swe_db.servers.unfinished import unfinished_file

__all__ = ["OPTIONS", "TIMEOUT", "pg_dump", "write_dump"]

TIMEOUT: Final = 60  # seconds
# An open transaction of the test may hold a lock that would be waited for.
OPTIONS: Final = ("--no-owner", "--lock-wait-timeout=2000")
# Roles belong to the server, not to the database, and its grants would fail without them.
ROLES: Final = """
SELECT format('DO %L;', format(
    'BEGIN CREATE ROLE %I NOLOGIN; EXCEPTION WHEN duplicate_object OR insufficient_privilege THEN NULL; END', rolname))
FROM pg_roles WHERE NOT rolsuper AND NOT starts_with(rolname, 'pg_') ORDER BY rolname
"""


def write_dump(server: PostgresServer, database: str, path: Path) -> None:
    """Write a database into a file that only this user may read; it is there completely or not at all.

    Args:
        server: The server.
        database: The name of the database.
        path: The file, which is replaced.

    Raises:
        ServerError: There is no pg_dump for the server, or it is missing, fails or takes more than a minute.
        OSError: The file cannot be written.
    """
    if server.dump is None:
        raise ServerError(f"there is no pg_dump for the {server.shown}")
    with unfinished_file(path.parent, ".unfinished-") as unfinished:
        with unfinished.open("wb") as file:
            file.writelines(_roles(server, database))
            file.flush()  # another process goes on from here
            server.dump(database, file)
        unfinished.replace(path)


def _roles(server: PostgresServer, database: str) -> list[bytes]:
    with connect(server.admin.database(database), application_name="swe-db") as connection:
        return [f"{statement}\n".encode() for (statement,) in connection.execute(ROLES).fetchall()]


def pg_dump(programs: Path, server: PostgresAddress, database: str, file: IO[bytes]) -> None:
    """Run the pg_dump of a directory of binaries.

    Args:
        programs: The directory.
        server: Any database of the server.
        database: The name of the database.
        file: What it writes to.

    Raises:
        ServerError: It is missing, fails or takes more than a minute.
    """
    environment = {name: value for name, value in os.environ.items() if name not in libpq_variables()}
    environment |= server.database(database).environment
    command = [str(programs / "pg_dump"), *OPTIONS]
    try:
        subprocess.run(command, env=environment, stdout=file, stderr=subprocess.PIPE, check=True, timeout=TIMEOUT)
    except subprocess.CalledProcessError as error:
        raise ServerError(error.stderr.decode(errors="replace").strip()) from None
    except subprocess.TimeoutExpired:
        raise ServerError(f"pg_dump takes more than {TIMEOUT} seconds") from None
    except FileNotFoundError:
        raise ServerError(f"there is no pg_dump in {programs}") from None
