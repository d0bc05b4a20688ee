"""Isolation by template clone: after each test its database is dropped and cloned anew under the same name."""

from __future__ import annotations

import dataclasses

from swe_db.isolation import names
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.database import Database
from swe_db.isolation.outcome import ASKED, FAILED, Outcome

__all__ = ["CloneIsolation"]


class CloneIsolation:
    """The database of one worker, always a fresh copy of the template when a test begins.

    Args:
        cluster: The databases of the server.
        template: What a test begins with.
        worker: The worker's name, `gw0` or `main`.
    """

    def __init__(self, cluster: Cluster, template: str, worker: str) -> None:
        self._cluster = cluster
        self.base = template
        self._template = template
        self._layer: str | None = None
        self._begun_at = ""
        self._name = names.worker_name(cluster.run, worker)
        cluster.clone(template, self._name)

    @property
    def url(self) -> str:
        """The database's URL; it stays the same for the whole session."""
        return self._cluster.server.address.database(self._name).url

    def begin(self) -> Database:
        """Return the pristine database for a test."""
        self._begun_at = self._cluster.position()
        server = self._cluster.server
        return Database(server.address.database(self._name), server.admin.database(self._name))

    def end(self, database: Database) -> Outcome:
        """Put the database back after a test, whatever the test did to it.

        Raises:
            IsolationError: It cannot be replaced.
        """
        database.close()
        if self._cluster.is_untouched(self._name, self._begun_at):
            return Outcome("clean")
        return self.replace(Outcome("replaced"))

    def give_away(self, database: Database, name: str) -> Outcome:
        """Leave the database as the test left it under a name of its own, and replace it.

        Raises:
            IsolationError: Somebody stays connected.
        """
        database.close()
        self._cluster.give_away(self._name, name)
        self._cluster.clone(self._template, self._name)
        return Outcome("replaced", FAILED)

    def differences(self, database: Database) -> list[str]:
        """Return what open transactions wrote to; the pristine rows are not at hand.

        Raises:
            psycopg.Error: The server does not answer.
        """
        from swe_db.isolation.differences import uncompared  # noqa: PLC0415 - imports psycopg

        return uncompared(database)

    def replace(self, outcome: Outcome) -> Outcome:
        """Replace the database by a fresh clone."""
        self._cluster.drop(self._name)
        self._cluster.clone(self._template, self._name)
        return dataclasses.replace(outcome, kind="replaced", reason=ASKED)

    def switch(self, template: str) -> None:
        """Give the database's name to a fresh copy of another template; sessions connected to it are ended."""
        if template != self._template:
            self._template = template
            self._cluster.drop(self._name)
            self._cluster.clone(template, self._name)

    def rebase(self, template: str) -> None:
        """Make a template the base of all tests to come."""
        self.switch(template)
        self.base = template

    def keep(self, template: str | None = None) -> None:
        """Make the present content of the database the base of all tests to come.

        Args:
            template: The name of the template to make of it, None where it is this run's alone.
        """
        layer = names.scratch_name(self._cluster.run)
        self._cluster.rewind_sequences(self._name)
        self._cluster.disconnect(self._name)
        self._cluster.clone(self._name, layer)
        self._drop_layer()
        if template is None:
            self._layer = layer
        else:
            self._cluster.publish(layer, template)
        self.base = self._template = template or layer

    def disconnect(self) -> None:
        """Hold no session."""

    def close(self) -> None:
        """Drop what this worker made."""
        self._cluster.drop(self._name)
        self._drop_layer()

    def _drop_layer(self) -> None:
        if self._layer is not None:
            self._cluster.drop(self._layer)
            self._layer = None
