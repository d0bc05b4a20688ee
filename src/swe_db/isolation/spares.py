"""Clones that are made while tests run, to take the place of a database that cannot be put back."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Final

from swe_db.errors import IsolationError
from swe_db.isolation import names
from swe_db.isolation.slot import Slot

if TYPE_CHECKING:
    from swe_db.isolation.cluster import Cluster

__all__ = ["Spares"]

ATTEMPTS: Final = 3


@dataclasses.dataclass
class _Making:
    """A spare that a thread makes."""

    template: str
    name: str
    thread: threading.Thread
    slot: Slot | None = None
    error: BaseException | None = None


class Spares:
    """At most one clone ahead, made from the first replacement on: a suite that needs one usually needs more.

    Only for a server that is ours: names are exchanged in the catalogue while sessions are connected.

    Args:
        cluster: The databases of the server.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._making: _Making | None = None

    def swap(self, template: str, name: str) -> Slot:
        """Give the name of a database to a fresh clone, remove the database and return the clone's slot.

        Args:
            template: What to clone.
            name: The database that is replaced.
        """
        making, slot = self._made(template)
        waste = names.scratch_name(self._cluster.run)
        self._cluster.exchange(name, making.name, waste)
        self._making = self._begun(template, waste)
        return slot

    def _made(self, template: str) -> tuple[_Making, Slot]:
        """Return a clone; a test may have ended the session that made it, so it is tried again."""
        for _ in range(ATTEMPTS):
            making = self._taken(template) or self._begun(template)
            making.thread.join()
            self._making = None
            if making.slot is not None and making.slot.is_alive():
                return making, making.slot
            self._cluster.drop(making.name)
        raise making.error or IsolationError(f"each session that made a clone of {template} was ended")

    def _taken(self, template: str) -> _Making | None:
        """Return the clone that was made ahead, if it is of this template."""
        making = self._making
        if making is None or making.template == template:
            return making
        self.close()
        return None

    def _begun(self, template: str, waste: str | None = None) -> _Making:
        """Begin to make a clone; a database that was replaced is dropped by the way."""
        name = names.scratch_name(self._cluster.run)
        making = _Making(template, name, threading.Thread())
        making.thread = threading.Thread(target=self._make, args=(making, waste), name="swe-db-spare", daemon=True)
        making.thread.start()
        return making

    def _make(self, making: _Making, waste: str | None) -> None:
        cluster = self._cluster
        try:
            cluster.clone_beside(making.template, making.name, waste)
            making.slot = Slot(cluster.server.admin.database(making.name), cluster.pristine)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for it
            making.error = error

    def wait(self) -> None:
        """Wait until the database that was replaced has been removed."""
        if self._making is not None:
            self._making.thread.join()

    def close(self) -> None:
        """Drop what was made ahead."""
        name = self.disconnect()
        if name is not None:
            self._cluster.drop(name)

    def disconnect(self) -> str | None:
        """End the session of what was made ahead, and return the name of that database."""
        making, self._making = self._making, None
        if making is None:
            return None
        making.thread.join()
        if making.slot is not None:
            making.slot.close()
        return making.name
