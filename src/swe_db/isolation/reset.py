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
from swe_db.isolation.differences import row_differences
from swe_db.isolation.kept import Kept
from swe_db.isolation.outcome import ASKED, FAILED, Kind, Outcome
from swe_db.isolation.sessions import Sessions
from swe_db.isolation.slot import Slot, Verdict
from swe_db.isolation.spares import Spares

__all__ = ["ResetIsolation"]

KINDS: Final[Mapping[str, Kind]] = {"clean": "clean", "restored": "restored", "replace": "replaced"}
ATTEMPTS: Final = 5  # a session that is just being opened may come in between
MOST_ASIDE: Final = 8  # databases put aside, each with a session


@dataclasses.dataclass(frozen=True)
class _Aside:
    """A pristine database that waits, under another name, until a test wants its content again."""

    name: str
    slot: Slot


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
        self.base = template
        self._template = template
        self._layer: str | None = None
        self._aside: dict[str, _Aside] = {}
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

    def give_away(self, database: Database, name: str) -> Outcome:
        """Leave the database as the test left it under a name of its own, and replace it.

        Raises:
            IsolationError: Somebody stays connected.
        """
        database.close()
        leaks: list[str] = []
        with contextlib.suppress(Error):  # the test has ended our session
            leaks = Sessions(self._slot.connection, self._slot.database).settle()[1]
        self._kept.close()
        self._slot.close()
        self._cluster.give_away(self._name, name)
        self._clone()
        return Outcome("replaced", FAILED, tuple(leaks))

    def differences(self, database: Database) -> list[str]:
        """Return how the rows of the database differ from the pristine ones.

        Raises:
            psycopg.Error: The server does not answer, or not in time.
        """
        return list(row_differences(self._slot.connection, self._slot.base, database.connections))

    def replace(self, outcome: Outcome) -> Outcome:
        """Replace the database although it was put back, as the test asked for."""
        self._replace()
        return dataclasses.replace(outcome, kind="replaced", reason=ASKED)

    def _put_back(self) -> Outcome:
        verdict, leaks = self._settled()
        if verdict.outcome == "replace":
            leaks += self._forsaken()
        # A verdict for want of an answer, as where a test has ended our session, knows of no strays.
        strays = self._replace() if verdict.outcome == "replace" else verdict.strays
        if "tablespaces" in strays:  # what was replaced may lie in one
            self._spares.wait()
        for stray in strays:
            self._cluster.undo(stray)
        kind = KINDS[verdict.outcome]
        return Outcome("restored" if strays and kind == "clean" else kind, verdict.reason, tuple(leaks))

    def _forsaken(self) -> list[str]:
        """End what nobody could look at, our session in the database being lost, and return what was left open."""
        if self._slot.is_alive():
            return []
        leaks = [f"a prepared transaction: {name}" for name in self._cluster.prepared(self._name)]
        self._cluster.release(self._name)
        return leaks

    def _settled(self) -> tuple[Verdict, list[str]]:
        """Put the database back, with every session ended that is not idle, and return what was left open."""
        expected = self._kept.expected
        self._slot.ask_whether_clean(expected)
        companions, leaks = self._kept.count(), list[str]()  # meanwhile the session is made as new
        if self._slot.answers_yes() and companions == expected:
            return Verdict("clean"), leaks
        sessions = Sessions(self._slot.connection, self._slot.database)
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

    def _replace(self) -> tuple[str, ...]:
        """Replace the database by a clone of the same name, and return the strays that are still on the server."""
        self._kept.close()
        self._slot.close()
        self._cluster.disconnect(self._name)
        if self._cluster.server.owned:
            self._slot = self._spares.swap(self._template, self._name)
            return self._slot.put_back_shared()
        self._cluster.drop(self._name)
        self._clone()
        return ()

    def _clone(self) -> None:
        self._cluster.clone(self._template, self._name)
        self._slot = self._remember()

    def switch(self, template: str) -> None:
        """Give the database's name to one with the content of another template; sessions connected to it are ended.

        On a server of ours the pristine database that had the name is put aside, and takes it again when it is wanted.
        """
        if template == self._template:
            return
        self._kept.forget()
        if not self._cluster.server.owned:
            self._template = template
            self._replace()
            return
        self._end_sessions()
        self._put_back()
        taken = self._taken(template)
        before = _Aside(names.scratch_name(self._cluster.run), self._slot)
        self._cluster.exchange(self._name, taken.name, before.name)
        self._put_aside(before)
        self._template, self._slot = template, taken.slot
        self._slot.put_back_shared()

    def _end_sessions(self) -> bool:
        """End the sessions of others in the database, and tell whether there were any."""
        with contextlib.suppress(Error):  # a test has ended our own: then the database is replaced
            sessions = Sessions(self._slot.connection, self._slot.database)
            if not sessions.others():
                return False
            sessions.end_all()
        return True

    def _taken(self, template: str) -> _Aside:
        """Return a pristine database with the content of a template, put aside before or cloned now."""
        aside = self._aside.pop(template, None)
        if aside is not None and aside.slot.is_alive():
            return aside
        if aside is not None:
            self._cluster.drop(aside.name)
        name = names.scratch_name(self._cluster.run)
        self._cluster.clone(template, name)
        return _Aside(name, Slot(self._cluster.server.admin.database(name), self._cluster.pristine))

    def _put_aside(self, database: _Aside) -> None:
        if self._end_sessions():  # somebody came while names were exchanged, and may have written
            self._drop(database)
            return
        self._aside[self._template] = database
        if len(self._aside) > MOST_ASIDE:
            self._drop(self._aside.pop(next(iter(self._aside))))

    def _drop(self, database: _Aside) -> None:
        database.slot.close()
        self._cluster.drop(database.name)

    def keep(self, template: str | None = None) -> None:
        """Make the present content of the database the base of all tests to come.

        Args:
            template: The name of the template to make of it, None where it is this run's alone.
        """
        self._kept.forget()
        self._slot.close()
        layer = names.scratch_name(self._cluster.run)
        self._cluster.disconnect(self._name)
        self._cluster.clone(self._name, layer)
        self._drop_layer()
        if template is None:
            self._layer = layer
        else:
            self._cluster.publish(layer, template)
        self.base = self._template = template or layer
        self._forget()
        self._slot = self._remember()

    def rebase(self, template: str) -> None:
        """Make a template the base of all tests to come."""
        self.switch(template)
        self.base = template
        self._forget()

    def _forget(self) -> None:
        """Drop what was put aside: it stands above another base."""
        while self._aside:
            self._drop(self._aside.popitem()[1])

    def disconnect(self) -> None:
        """End the sessions held here, where the databases go with their server."""
        self._kept.close()
        self._slot.close()
        for aside in self._aside.values():
            aside.slot.close()
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
            self._layer = None
