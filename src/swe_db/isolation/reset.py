"""Isolation by reset: after each test what the server's log says was touched is put back, exactly.

Where that cannot be done for sure, the database is replaced by a fresh clone under the same name.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Final

from psycopg import Error

from swe_db.errors import IsolationError
from swe_db.isolation import names
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.database import Database
from swe_db.isolation.kept import Kept
from swe_db.isolation.outcome import ASKED, Kind, Outcome
from swe_db.isolation.sessions import Sessions
from swe_db.isolation.slot import Slot, Verdict
from swe_db.isolation.spares import Spares

__all__ = ["ResetIsolation"]

KINDS: Final[Mapping[str, Kind]] = {"clean": "clean", "restored": "restored", "replace": "replaced"}
ATTEMPTS: Final = 5  # a session that is just being opened may come in between


class ResetIsolation:
    """The database of one worker, put back after each test.

    Args:
        cluster: The databases of the server.
        template: What a test begins with.
        worker: The worker's name, `gw0` or `main`.

    Raises:
        psycopg.Error: The server does not allow it.
    """

    def __init__(self, cluster: Cluster, template: str, worker: str) -> None:
        self._cluster = cluster
        self._template = template
        self._layer: str | None = None
        self._name = names.worker_name(cluster.run, worker)
        self._spares = Spares(cluster)
        _ = cluster.pristine  # before any test
        cluster.clone(template, self._name)
        self._slot = self._remember()
        self._address = cluster.server.address.database(self._name)
        self._admin = cluster.server.admin.database(self._name)
        self._kept = Kept(self._admin)

    def _remember(self) -> Slot:
        server = self._cluster.server
        return Slot(server.admin.database(self._name), self._cluster.pristine)

    @property
    def url(self) -> str:
        """The database's URL; it stays the same for the whole session."""
        return self._address.url

    def begin(self) -> Database:
        """Return the pristine database for a test."""
        if not self._slot.is_untouched():
            self._put_back()
        return Database(self._address, self._admin, kept=self._kept)

    def end(self, database: Database) -> Outcome:
        """Put the database back after a test, whatever the test did to it.

        Raises:
            IsolationError: It cannot be replaced.
        """
        database.close()
        return self._put_back()

    def replace(self, outcome: Outcome) -> Outcome:
        """Replace the database although it was put back, as the test asked for."""
        self._replace()
        return dataclasses.replace(outcome, kind="replaced", reason=ASKED)

    def _put_back(self) -> Outcome:
        verdict, leaks = self._settled()
        if verdict.outcome == "replace":
            self._replace()
        for stray in verdict.strays:
            self._cluster.undo(stray)
        kind = KINDS[verdict.outcome]
        return Outcome("restored" if verdict.strays and kind == "clean" else kind, verdict.reason, tuple(leaks))

    def _settled(self) -> tuple[Verdict, list[str]]:
        """Put the database back, with every session ended that is not idle, and return what was left open."""
        sessions = Sessions(self._slot.connection, self._slot.database)
        companions, leaks = self._kept.count(), list[str]()
        for _ in range(ATTEMPTS):
            verdict = self._slot.put_back(companions)
            try:
                match verdict.outcome:
                    case "busy":
                        companions, left = sessions.settle()
                        leaks += left
                    case "prepared":
                        leaks += [f"a prepared transaction: {name}" for name in self._slot.roll_back_prepared()]
                    case "replace" if companions:  # an idle session may still have temporary tables
                        self._kept.close()
                        sessions.end_all()
                        companions = 0
                    case _:
                        return verdict, leaks
            except Error as error:
                return Verdict("replace", f"putting it back failed: {error}"), leaks
        return Verdict("replace", "sessions kept coming"), leaks

    def _replace(self) -> None:
        """Replace the database by a clone of the same name."""
        self._kept.close()
        self._slot.close()
        self._cluster.disconnect(self._name)
        if self._cluster.server.owned:
            self._slot = self._spares.swap(self._template, self._name)
            self._slot.put_back_shared()
            return
        self._cluster.drop(self._name)
        self._cluster.clone(self._template, self._name)
        self._slot = self._remember()

    def keep(self) -> None:
        """Make the present content of the database the pristine state of all tests to come."""
        self._kept.forget()
        self._slot.close()
        layer = names.scratch_name(self._cluster.run)
        self._cluster.disconnect(self._name)
        self._cluster.clone(self._name, layer)
        self._drop_layer()
        self._template = self._layer = layer
        self._slot = self._remember()

    def disconnect(self) -> None:
        """End the sessions held here, where the databases go with their server."""
        self._kept.close()
        self._slot.close()
        self._spares.disconnect()

    def close(self) -> None:
        """Drop what this worker made."""
        self._kept.close()
        with contextlib.suppress(IsolationError):
            self._slot.close()
        self._spares.close()
        self._cluster.drop(self._name)
        self._drop_layer()

    def _drop_layer(self) -> None:
        if self._layer is not None:
            self._cluster.drop(self._layer)
