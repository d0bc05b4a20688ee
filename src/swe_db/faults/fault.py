"""Something that goes wrong on the way to a server, until it is undone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Literal, Self, TypeAlias

__all__ = ["PATIENCE", "ByteFault", "Fault", "ReplyFault", "Then"]

PATIENCE: Final = 10.0  # seconds
Then: TypeAlias = Literal["cut", "silence"]


class Fault:
    """A fault. It is there at once; a `with` block undoes it at its end.

    Args:
        undo: Undoes it.
    """

    def __init__(self, undo: Callable[[], object] = lambda: None) -> None:
        self._undo = undo

    @property
    def has_happened(self) -> bool:
        """Whether it has happened as often as it should; what is there at once has."""
        return True

    def wait(self, timeout: float = PATIENCE) -> None:
        """Wait until it has happened as often as it should.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: It has not.
        """

    def undo(self) -> None:
        """Let it be as if it had never been asked for; done twice, it does nothing."""
        self._undo()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.undo()


class _Awaited(Fault):
    """A fault that happens later."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._done = threading.Event()

    def undone_by(self, undo: Callable[[], object]) -> Self:
        """Say what undoes it."""
        self._undo = undo
        return self

    @property
    def has_happened(self) -> bool:
        """Whether it has happened as often as it should."""
        return self._done.is_set()

    def wait(self, timeout: float = PATIENCE) -> None:
        """Wait for it, see `Fault.wait`."""
        if not self._done.wait(timeout):
            raise TimeoutError(f"{self._what} did not happen within {timeout:g} s")


class ReplyFault(_Awaited):
    """The server runs what it is asked, and the client does not get the whole reply.

    Args:
        to: What the request must hold, None for any.
        nth: Which of the matching requests, 1 for the next.
        times: For how many of them, from that on; None for all.
        after: How many bytes of the reply the client gets.
        then: What becomes of the connection.

    Attributes:
        is_undone: Whether it does nothing any more, also to a reply that was to be lost and has not come yet.
    """

    def __init__(self, to: str | None, *, nth: int, times: int | None, after: int, then: Then) -> None:
        super().__init__(f"losing the reply to {to or 'any request'!r}")
        self.to = to
        self.after = after
        self.then = then
        self.is_undone = False
        self._skip = nth - 1
        self._left = times
        self._open = 0

    def takes(self) -> bool:
        """Tell whether the reply to this request, which matches, is to be lost."""
        if self._left == 0:
            return False
        if self._skip:
            self._skip -= 1
            return False
        if self._left is not None:
            self._left -= 1
        self._open += 1
        return True

    def happened(self) -> None:
        """Note that one reply has come from the server, and was lost."""
        self._open -= 1
        if not self._left and not self._open:
            self._done.set()


class ByteFault(_Awaited):
    """A connection ends after so many bytes from the server, whatever they mean.

    Args:
        after: How many bytes, of all connections together, are still passed on.
    """

    def __init__(self, after: int) -> None:
        super().__init__(f"a cut after {after} bytes")
        self._left = after

    def taken(self, size: int) -> int | None:
        """Count bytes that are about to be passed on.

        Args:
            size: How many there are.

        Returns:
            How many of them are passed on if the connection ends now, else None.
        """
        if self.has_happened:
            return None
        if size < self._left:
            self._left -= size
            return None
        self._done.set()
        return self._left
