"""Subscriptions of both twins, used as if they were sync."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from support.twins import Twin

__all__ = ["PATIENCE", "eventually", "listen", "running", "subscription_threads"]

PATIENCE = 50.0  # seconds; what has not come by then never will


def listen(manager: Any, *channels: str, **options: Any) -> Any:
    """Subscribe, and wait longer for the confirmation than a server needs."""
    subscription = manager.subscribe(*channels, **{"timeout": PATIENCE, **options})
    return Twin(subscription, manager._loop) if isinstance(manager, Twin) else subscription


@contextmanager
def running(manager: Any, **options: Any) -> Iterator[None]:
    """Call the handlers while the block runs."""
    context = manager.running(**{"timeout": PATIENCE, **options})
    with Twin(context, manager._loop) if isinstance(manager, Twin) else context:
        yield


def eventually(condition: Callable[[], Any]) -> Any:
    """Wait until something is true, and return it."""
    end = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < end, "it has not become true"
        time.sleep(0.005)
    return result


def subscription_threads() -> list[threading.Thread]:
    """Return the threads that read for subscriptions or call handlers."""
    names = ("swe-db-subscription", "swe-db-handlers")
    return [thread for thread in threading.enumerate() if thread.name in names]
