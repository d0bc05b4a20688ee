"""The account that servers run as: one's own, or an unprivileged one where one is root."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path
from typing import Final

from swe_db.errors import BackendUnavailable

__all__ = ["Account", "server_account"]

UNPRIVILEGED: Final = ("postgres", "nobody")


@dataclasses.dataclass(frozen=True)
class Account:
    """An account of this machine.

    Attributes:
        name: Its name, for messages.
        uid: Its user id, None where it is the one that runs this process.
        gid: Its group id, likewise.
    """

    name: str
    uid: int | None = None
    gid: int | None = None

    @property
    def process_options(self) -> dict[str, object]:
        """What `subprocess.Popen` needs to run as this account."""
        if self.uid is None:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_execute(self, program: Path) -> bool:
        """Tell whether this account may run `program`, wherever it lies."""
        return self._may(program, os.X_OK, "x")

    def can_write(self, directory: Path) -> bool:
        """Tell whether this account may make something in `directory`, wherever it lies."""
        return self._may(directory, os.W_OK | os.X_OK, "w")

    def _may(self, path: Path, mode: int, test: str) -> bool:
        if self.uid is None:
            return os.access(path, mode)
        probe = ["/bin/sh", "-c", f'test -{test} "$1"', "sh", str(path)]
        return subprocess.run(probe, cwd="/", check=False, **self.process_options).returncode == 0  # type: ignore[call-overload,no-any-return]


def server_account() -> Account:
    """Return the account that a server started here runs as: Postgres refuses to run as root.

    Raises:
        BackendUnavailable: This process is root and there is no unprivileged account, or this is Windows.
    """
    if not hasattr(os, "geteuid"):
        raise BackendUnavailable("servers are started on Linux and macOS only", "name one: --swe-db-backend url")
    if os.geteuid() != 0:
        return Account(str(os.geteuid()))
    import pwd  # noqa: PLC0415 - not there on Windows, where one gets no further than the lines above

    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise BackendUnavailable(
        f"Postgres refuses to run as root, and this machine has none of the accounts {', '.join(UNPRIVILEGED)}",
        "run as an ordinary user, or make one: useradd --system postgres",
    )
