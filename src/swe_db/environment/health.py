"""What `swe-db doctor` tells of local environments: where they listen, and who else does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from swe_db.environment.environment import Environment, find, names
from swe_db.environment.places import place_of_environments
from swe_db.environment.ports import holder, is_free
from swe_db.environment.record import SERVICES, Kind
from swe_db.errors import SweDBError
from swe_db.servers.room import shown_size
from swe_db.servers.survey import Fact

__all__ = ["survey_environments"]

HOME: Final = "set XDG_DATA_HOME to another directory"
ENOUGH: Final = 1 << 30  # bytes: the seeded databases take a twentieth of that


def survey_environments() -> Iterator[Fact]:
    """Tell of each environment of this user which ports it has, and of the disk that their data lie on."""
    try:
        found = names()
        yield _disk(place_of_environments())
    except SweDBError as error:
        yield Fact("environments", str(error))
        return
    if not found:
        yield Fact("environments", "none", "`swe-db up` makes one")
    for name in found:
        yield from _environment(name)


def _environment(name: str) -> Iterator[Fact]:
    try:
        environment = find(name)
    except SweDBError as error:
        yield Fact(name, str(error), "no command can use it")
        return
    yield from (_service(environment, kind) for kind in SERVICES)


def _service(environment: Environment, kind: Kind) -> Fact:
    service = environment.record.service(kind)
    name, place = f"{environment.name} {kind}", f"port {service.port}"
    try:
        if environment.lives(kind):
            return Fact(name, f"{service.version} ({service.backend}) runs on {place}")
    except SweDBError as error:
        return Fact(name, f"{place}; whether it runs cannot be found out: {error}")
    if is_free(service.port):
        return Fact(name, f"stopped; its {place} is free")
    meaning = "`swe-db up` takes another port, and URLs that were written down are no longer right"
    return Fact(name, f"stopped; its {place} is taken by {holder(service.port)}", meaning, "end that, then `swe-db up`")


def _disk(place: Path) -> Fact:
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    try:
        usage = shutil.disk_usage(there)
    except OSError as error:
        return Fact("disk", f"{place} cannot be used: {error.strerror}")
    if not os.access(there, os.W_OK):
        return Fact("disk", f"{place} cannot be made or written to by this user", "no environment can be made", HOME)
    text = f"{shown_size(usage.free)} free of {shown_size(usage.total)} at {place}"
    if usage.free >= ENOUGH:
        return Fact("disk", text)
    meaning = "a full disk ends a Postgres; nothing committed is lost, and nothing more can be written"
    return Fact("disk", text, meaning, f"free some of it, or {HOME}")
