"""pg_dump and pg_restore in the container of their server, so that this machine needs none."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from swe_db.errors import BackendUnavailable, ServerError
from swe_db.servers.docker.daemon import daemon

if TYPE_CHECKING:
    from docker import APIClient

__all__ = ["ContainerPrograms", "free_in_container"]

PLACES: Final = ("host", "hostaddr", "port")  # from inside the server is reached by its socket


@dataclasses.dataclass(frozen=True)
class ContainerPrograms:
    """The programs of a container.

    Attributes:
        container: Its id or name.
        version: The version of its server, which is theirs.
    """

    container: str
    version: str

    def dump(self, conninfo: str, password: str, options: Sequence[str], sink: Callable[[bytes], object]) -> None:
        """Write a database in pg_dump's form."""
        command = ["pg_dump", "--no-password", *options, "--dbname", _inside(conninfo)]
        self._run(command, password, (), sink)

    def restore(self, conninfo: str, password: str, options: Sequence[str], source: Iterable[bytes]) -> None:
        """Run what pg_dump has written."""
        command = ["pg_restore", "--no-password", *options, "--dbname", _inside(conninfo)]
        self._run(command, password, source, lambda _: None)

    def _run(self, command: list[str], password: str, source: Iterable[bytes], sink: Callable[[bytes], object]) -> None:
        with daemon() as docker:
            container = docker.container(self.container)
            if container is None:
                raise ServerError(f"somebody has removed the server's container {self.container}")
            client = container.client.api
            environment = {"PGPASSWORD": password, "LC_MESSAGES": "C"}
            execution = client.exec_create(container.id, command, stdin=True, environment=environment)["Id"]
            words = _exchanged(client, execution, source, sink)
            code = int(client.exec_inspect(execution)["ExitCode"])
        if code:
            raise ServerError(words or f"{command[0]} ended with {code} in the container {self.container}")


def free_in_container(container: str, directory: str) -> int | None:
    """Return how much room the disk of a directory in a container has, in bytes; None if that cannot be found out."""
    with contextlib.suppress(BackendUnavailable), daemon() as docker:
        found = docker.container(container)
        if found is not None:
            code, output = found.exec_run(["df", "-Pk", directory])
            lines = output.decode(errors="replace").splitlines()
            # Filesystem, blocks, used, available, capacity, mount point
            return int(lines[-1].split()[3]) * 1024 if code == 0 and len(lines) > 1 else None
    return None


def _inside(conninfo: str) -> str:
    """Return a conninfo string as it is right in the container."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415 - 59 ms that others need not pay

    return make_conninfo("", **{key: value for key, value in conninfo_to_dict(conninfo).items() if key not in PLACES})


def _exchanged(client: APIClient, execution: str, source: Iterable[bytes], sink: Callable[[bytes], object]) -> str:
    """Feed a command that is executed in a container, take what it writes, and return what it says on stderr."""
    from docker.utils.socket import STDERR, frames_iter  # noqa: PLC0415

    stream = client.exec_start(execution, socket=True)
    wire = getattr(stream, "_sock", stream)
    wire.settimeout(None)  # indexes are built for minutes without a word
    words = b""
    # A command that fails does not read on, and says so while we still write.
    feeder = _Feeder(wire, source)
    feeder.start()
    with contextlib.closing(getattr(stream, "_response", stream)):  # nobody else closes it, and Python warns of that
        frames: Iterator[tuple[int, bytes]] = frames_iter(stream, tty=False)
        try:
            for number, part in frames:
                if number == STDERR:
                    words += part
                else:
                    sink(part)
        finally:
            feeder.end()
    return words.decode(errors="replace").strip()


class _Feeder(threading.Thread):
    """Sends everything to a command, or as much as it reads before it fails.

    Args:
        wire: A socket, or what a library has made of it.
        source: What is sent.
    """

    def __init__(self, wire: Any, source: Iterable[bytes]) -> None:  # noqa: ANN401 - see above
        super().__init__(name="swe-db-feeder", daemon=True)
        self._wire = wire
        self._source = source
        self._failure: Exception | None = None

    def run(self) -> None:
        """Send everything."""
        try:
            for part in self._source:
                self._wire.sendall(part)
        except OSError:
            pass  # the command has ended, and its words say why
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = error
        finally:
            with contextlib.suppress(OSError):
                self._wire.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """Stop sending.

        Raises:
            Exception: What is sent could not be read.
        """
        with contextlib.suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        self.join()
        if self._failure is not None:
            raise self._failure
