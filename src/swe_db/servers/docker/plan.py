"""Images, and what is to be made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["SHARED_MEMORY", "START_TIMEOUT", "Image", "Plan"]

START_TIMEOUT: Final = 60.0  # seconds
SHARED_MEMORY: Final = "256m"  # for data that stay: Docker's own 64 MB are too few for a query with parallel workers


@dataclasses.dataclass(frozen=True)
class Image:
    """An image that the daemon has.

    Attributes:
        name: Name and tag.
        id: What it contains, as a hash.
        environment: The variables that it sets.
        volumes: The directories that it declares as volumes.
    """

    name: str
    id: str
    environment: Mapping[str, str]
    volumes: Sequence[str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """A container to be made.

    Attributes:
        image: What it runs.
        command: The arguments of its entrypoint.
        environment: Variables.
        port: The port that the server listens on inside.
        data: The directory of the server's data.
        labels: The marks by which it is found.
        name: What it is called, None for a name of the daemon's choice.
        host_port: Where the port is published, None for a port of the daemon's choice.
        volume: The named volume that keeps the data, None for data in memory.
        patience: For how many seconds its server is waited for.
    """

    image: Image
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    data: str
    labels: Mapping[str, str]
    name: str | None = None
    host_port: int | None = None
    volume: str | None = None
    patience: float = START_TIMEOUT
