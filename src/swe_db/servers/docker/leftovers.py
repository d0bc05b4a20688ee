"""What dead runs have left of the backend docker: places where their workers met, and containers.

A run lives as long as somebody holds the lock of its place (see `share`) or, where the place was swept away, as long as
one of the processes that can be seen from here has to do with it.
"""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from swe_db.errors import BackendUnavailable, ServerError
from swe_db.servers.docker.daemon import HOST, KEPT, PLACE, RUN, SPACE, daemon
from swe_db.servers.docker.share import LABEL, MEMBERS, MUTEX, remove_directory
from swe_db.servers.leftovers import Finding, Kept, Leftover, Note, State, in_place, owned_state, remove_empty
from swe_db.servers.liveness import is_mentioned, locked_if_free, process_space

if TYPE_CHECKING:
    from docker.models.containers import Container

__all__ = ["find_containers", "find_runs"]

PLACE_NAME: Final = r"swe-db-docker-(\d+)-[0-9a-f]{24}(-[0-9a-f]{8})?"
KNOWN: Final = {MEMBERS, MUTEX, LABEL, "facts", "label.new", "facts.new"}


def find_runs() -> Finding:
    """Find places of runs that have no worker any more; their containers go with them."""
    return in_place(Path(tempfile.gettempdir()), PLACE_NAME, _state, _dead_run)


def _state(place: Path) -> State:
    names = {path.name for path in place.iterdir()}
    if not names:
        return State.EMPTY
    if not names <= KNOWN:
        return State.STRANGE
    with locked_if_free(*_locks(place)) as free:
        return State.DEAD if free else State.LIVING


def _locks(place: Path) -> list[Path]:
    """Return the files whose locks tell, in the order in which the guard takes them; the second comes later."""
    return [place / name for name in (MEMBERS, MUTEX) if name == MEMBERS or (place / name).exists()]


def _dead_run(place: Path) -> Leftover:
    return Leftover(
        kind="run",
        name=str(place),
        about="place where the workers of a run met, none of which lives",
        fix="removes it, and the containers of the run",
        remove=partial(_remove_run, place),
    )


def _remove_run(place: Path) -> bool:
    state = owned_state(place, _state)
    if state is State.EMPTY:
        return remove_empty(place)
    if state is not State.DEAD:
        return False
    with locked_if_free(*_locks(place)) as free:
        if not free:
            return False
        label = _label_of(place)
        if label:
            _remove_containers(place, label)
        remove_directory(place)
    return True


def _label_of(place: Path) -> str:
    """Return the mark of what was made by those who met at a place, empty if there is none."""
    try:
        return (place / LABEL).read_text(encoding="utf-8")
    except OSError:
        return ""


def _remove_containers(place: Path, label: str) -> None:
    try:
        with daemon() as docker:
            docker.remove(RUN, label)
    except BackendUnavailable as error:
        raise ServerError(
            f"{place} stays as long as the daemon cannot say whether the run has containers: {error.reason}"
        ) from None


def find_containers() -> Finding:
    """Find containers whose run is dead, those kept on purpose, and those of other machines.

    Raises:
        BackendUnavailable: There is no daemon for us.
    """
    with daemon() as docker:
        found = [_judged(container) for container in docker.find(RUN)]
        kept = tuple(_kept(container) for container in docker.find(KEPT))
    whole = sum(found, Finding(kept=kept))
    return dataclasses.replace(whole, leftovers=tuple(dict.fromkeys(whole.leftovers)))  # containers share a place


def _judged(container: Container) -> Finding:
    labels = container.labels
    place = Path(labels.get(PLACE, ""))
    has_place = _label_of(place) == labels[RUN]
    reason = _why_left_alone(labels, place, has_place=has_place)
    if reason:
        return Finding(notes=(Note(str(container.name), reason, _command(container)),))
    if has_place:
        return _judged_by_place(place)
    if is_mentioned(place):
        return Finding(living=1)
    leftover = Leftover(
        kind="container",
        name=str(container.name),
        about=f"container of a run without a living process, whose place {place} has gone",
        fix="removes it",
        remove=partial(_remove_container, str(container.name), labels[RUN], place),
    )
    return Finding((leftover,))


def _why_left_alone(labels: Mapping[str, str], place: Path, *, has_place: bool) -> str:
    """Return why nothing can or may be said about a container's run, empty if it can."""
    match = re.fullmatch(PLACE_NAME, place.name)
    if labels.get(HOST) != socket.gethostname():
        return f"container of a run on another machine, {labels.get(HOST, 'which it does not name')}"
    if match is None:
        return "container with our label that does not say where its run meets"
    if os.geteuid() not in (0, int(match[1])):
        return f"container of a run of the user {match[1]}"
    if not has_place and not (process_space() and labels.get(SPACE) == process_space()):
        return "container whose run cannot be looked for from here: it began before a restart, or in a container"
    return ""


def _judged_by_place(place: Path) -> Finding:
    """Judge a run by its place; those in the usual directory are found there."""
    if place.parent == Path(tempfile.gettempdir()):
        return Finding()
    state = owned_state(place, _state)
    if state is State.DEAD:
        return Finding((_dead_run(place),))
    return Finding(living=1)


def _kept(container: Container) -> Kept:
    return Kept(
        name=str(container.name),
        image=str(container.attrs["Config"]["Image"]),
        created=str(container.attrs["Created"]),
        state=str(container.status),
        host=str(container.labels.get(HOST, "")),
        command=_command(container),
    )


def _command(container: Container) -> str:
    return f"docker rm -fv {container.name}"


def _remove_container(name: str, label: str, place: Path) -> bool:
    if place.exists() or is_mentioned(place):
        return False
    try:
        with daemon() as docker:
            found = [container for container in docker.find(RUN, label) if container.name == name]
            for container in found:
                docker.discard(container)
    except BackendUnavailable as error:
        raise ServerError(str(error)) from None
    return bool(found)
