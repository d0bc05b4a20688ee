"""pg_dump in the container of its server, so that this machine needs none."""

from __future__ import annotations

import contextlib
from typing import IO, Any, Final

from swe_db.errors import ServerError
from swe_db.servers.docker.daemon import daemon
from swe_db.servers.docker.share import Facts
from swe_db.servers.dump import OPTIONS, TIMEOUT

__all__ = ["dump_in_container"]

USER: Final = "postgres"


def dump_in_container(facts: Facts, database: str, file: IO[bytes]) -> None:
    """Run pg_dump in a container.

    Args:
        facts: How to reach the server.
        database: The name of the database.
        file: What it writes to.

    Raises:
        ServerError: It is missing, fails or takes more than a minute, or the daemon does not answer.
    """
    command = ["timeout", str(TIMEOUT), "pg_dump", *OPTIONS, "-U", USER, "-d", database]
    with daemon() as docker:
        container = docker.container(facts["container"])
        if container is None:
            raise ServerError("somebody has removed the server's container")
        words, code = _execute(container.client, facts["container"], command, file)
    if code:
        raise ServerError(words or f"pg_dump ended with {code} in the container {container.name}")


def _execute(client: Any, identity: str, command: list[str], file: IO[bytes]) -> tuple[str, int]:  # noqa: ANN401
    """Execute a command, and return what it wrote to stderr, and its exit code."""
    from docker.utils.socket import STDERR, frames_iter  # noqa: PLC0415

    execution = client.api.exec_create(identity, command)["Id"]
    words = b""
    stream = client.api.exec_start(execution, socket=True)
    with contextlib.closing(getattr(stream, "_response", stream)):  # nobody else closes it, and Python warns of that
        for source, part in frames_iter(stream, tty=False):
            if source == STDERR:
                words += part
            else:
                file.write(part)
    return words.decode(errors="replace").strip(), int(client.api.exec_inspect(execution)["ExitCode"])
