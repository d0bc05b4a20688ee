"""Processes that are killed, and waited for: until they have ended they may still answer."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Sequence
from typing import Final

__all__ = ["end"]

PATIENCE: Final = 60.0  # seconds


def end(numbers: Sequence[int]) -> None:
    """Kill processes, some of which may have gone, and wait until they have let go of all that they held."""
    with contextlib.ExitStack() as opened:
        processes = []
        for number in numbers:
            with contextlib.suppress(ProcessLookupError):
                processes.append(os.pidfd_open(number))
                opened.callback(os.close, processes[-1])
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGKILL)
        for process in processes:
            assert select.select([process], [], [], PATIENCE)[0]
