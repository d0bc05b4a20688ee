"""A worker of xdist whose controller has been killed: it would go on for some ten seconds, and its servers with it."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Final

__all__ = ["end_when_orphaned"]

PARENT: Final = os.getppid()  # as early as can be: the controller may be killed at any time
INIT: Final = 1
NAME: Final = "swe-db-orphan"
POLL: Final = 0.1  # seconds
GRACE: Final = 0.3  # seconds in which a worker may end by itself


def end_when_orphaned() -> None:
    """See to it that this process, if it is a worker of xdist, ends soon after its controller; twice does no harm."""
    is_worker = "PYTEST_XDIST_WORKER" in os.environ and sys.argv[:1] == ["-c"]
    if is_worker and os.name == "posix" and all(each.name != NAME for each in threading.enumerate()):
        threading.Thread(target=_end_with_parent, name=NAME, daemon=True).start()


def _end_with_parent() -> None:
    while not _is_orphan():
        time.sleep(POLL)
    time.sleep(GRACE)
    os._exit(1)


def _is_orphan() -> bool:
    """Tell whether the parent has gone; in a container the controller itself may be the first process."""
    parent = os.getppid()
    return parent != PARENT or (parent == INIT and not _is_python(parent))


def _is_python(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").startswith(("python", "pytest", "py.test"))
    except OSError:
        return False
