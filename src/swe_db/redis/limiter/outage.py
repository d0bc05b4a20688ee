"""While Redis is down, only one caller now and then waits to learn whether it still is."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from swe_db.errors import RedisServiceError, RedisUnavailableError

__all__ = ["Outage"]

PERIOD: Final = 1.0  # seconds between two attempts

logger = logging.getLogger("swe_db")


class Outage:
    """What is known about a Redis that may be down.

    Args:
        consequence: What is done meanwhile, for the log.
        at_end: Called when Redis answers again.
    """

    def __init__(self, consequence: str, at_end: Callable[[], None]) -> None:
        self._consequence = consequence
        self._at_end = at_end
        self._lock = threading.Lock()
        self._is_down = False
        self._is_probed = False
        self._next_attempt = 0.0

    @property
    def ends_in(self) -> float:
        """Seconds until Redis is asked again."""
        return max(0.0, self._next_attempt - time.monotonic())

    def forbids(self) -> bool:
        """Tell whether Redis is not to be asked now; if it is down and may be asked, nobody else may meanwhile."""
        if not self._is_down:
            return False
        with self._lock:
            if self._is_probed or self.ends_in > 0:
                return True
            self._is_probed = True
            return False

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Ask Redis in this block, and note whether it answered."""
        try:
            yield
        except RedisUnavailableError as error:
            self._begin(error)
            raise
        except RedisServiceError:
            self._end()
            raise
        else:
            self._end()
        finally:
            self._is_probed = False

    def _begin(self, error: RedisUnavailableError) -> None:
        with self._lock:
            self._next_attempt = time.monotonic() + PERIOD
            is_new, self._is_down = not self._is_down, True
        if is_new:
            logger.warning("%s; %s", error, self._consequence)

    def _end(self) -> None:
        if not self._is_down:
            return
        with self._lock:
            was_down, self._is_down = self._is_down, False
        if was_down:
            self._at_end()
            logger.warning("Redis answers again")
