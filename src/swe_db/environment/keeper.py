"""What keeps one of the two servers of an environment running, whichever backend it comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from swe_db.environment.record import Service
from swe_db.errors import LocalEnvironmentError

__all__ = ["Keeper", "Tell", "data_gone"]

Tell: TypeAlias = Callable[[str], None]


def data_gone(what: str, place: str, name: str) -> LocalEnvironmentError:
    """Return the error that the data of a server, which has served before, are not there: it must not begin anew."""
    return LocalEnvironmentError(
        f"The {place} with the {what} data of environment {name} is gone. Bring it back, or give the rest up as well: "
        f"`swe-db down --volumes --name {name}`."
    )


class Keeper(Protocol):
    """One server of one environment."""

    def lives(self) -> bool:
        """Tell whether it runs, or begins or ends to.

        Raises:
            ServerError: That cannot be found out.
        """

    def start(self, service: Service, tell: Tell) -> Service:
        """Start it, unless it runs, and wait until it can be used.

        Args:
            service: What is known of it.
            tell: Called with a sentence about what takes long.

        Returns:
            What is known of it now.

        Raises:
            PortTakenError: Somebody else listens on its port.
            ServerError: It cannot be started.
        """

    def stop(self) -> None:
        """End it in an orderly way; its data stay. One that does not run is left alone.

        Raises:
            ServerError: It does not end.
        """

    def discard(self) -> None:
        """End it, and remove its data.

        Raises:
            ServerError: Something stays.
        """
