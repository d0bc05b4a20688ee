"""Extending a lock while it is held. However that ends, the holder is told: it never dies in silence."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from swe_db.redis.steps import arun, run

if TYPE_CHECKING:
    from swe_db.redis.lock.core import LockCore
    from swe_db.redis.lock.hold import Hold

__all__ = ["renew_in_task", "renew_in_thread"]

logger = logging.getLogger("swe_db")


def renew_in_thread(core: LockCore, hold: Hold) -> Callable[[], object]:
    """Begin to extend a hold in a thread, and return what stops that.

    Raises:
        RuntimeError: No thread can be started.
    """
    stopped = threading.Event()

    def work() -> None:
        try:
            run(core.connected, core.renewal(hold, stopped.wait))
        except BaseException:
            hold.lost.set()
            logger.exception("the lock %r counts as lost: extending it has failed", core.key)

    threading.Thread(target=work, name=f"extends the lock {core.key}", daemon=True).start()
    return stopped.set


def renew_in_task(core: LockCore, hold: Hold) -> Callable[[], object]:
    """Begin to extend a hold in a task of the running loop, and return what stops that."""

    async def work() -> None:
        try:
            await arun(core.connected, core.renewal(hold, asyncio.sleep))
        except asyncio.CancelledError:
            if not hold.is_leaving:  # somebody else cancelled it, maybe the end of the loop
                logger.warning("the lock %r is not extended any more and ends by itself", core.key)
            raise
        except Exception:
            hold.lost.set()
            logger.exception("the lock %r counts as lost: extending it has failed", core.key)

    return asyncio.create_task(work(), name=f"extends the lock {core.key}").cancel
