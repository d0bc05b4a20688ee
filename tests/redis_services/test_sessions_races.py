"""Sessions that many use at once: nothing is lost, and a logout stays one (pitfall 18)."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from support.twins import Twin
from swe_db.errors import SessionGoneError
from swe_db.redis.sessions import AsyncSessionManager, SessionManager

MANY: Final = 8
pytestmark = pytest.mark.places(
    "local", "client", "fake", "cluster", reason="scripts run one by one in the same way elsewhere"
)


@pytest.fixture
def sessions(place: Any) -> Any:
    """A manager with the defaults."""
    return place.make(SessionManager, AsyncSessionManager)


def at_once(sessions: Any, work: Callable[[Any, int], Any], many: int = MANY) -> list[Any]:
    """Call `work(manager, number)` in as many threads, which begin together."""
    gate = threading.Barrier(many)

    def begin(number: int) -> Any:
        gate.wait(30)
        return work(sessions, number)

    with ThreadPoolExecutor(many) as pool:
        return list(pool.map(begin, range(many)))


def test_updates_of_different_names_all_count(sessions: Any) -> None:
    """Of requests that change different things at once each change stays, without a version and without a retry."""
    token, _ = sessions.create("ada")
    assert all(at_once(sessions, lambda sessions, number: sessions.update(token, {f"name {number}": number})))
    session = sessions.get(token)
    assert session.data == {f"name {number}": number for number in range(MANY)}
    assert session.version == 1 + MANY


def test_counting_with_versions_loses_nothing(sessions: Any) -> None:
    """Who counts with the version that was read, and reads again when told that it moved, counts right."""
    token, _ = sessions.create("ada", {"count": 0})

    def count(sessions: Any, _: int) -> None:
        done = False
        while not done:
            session = sessions.get(token)
            patch = {"count": session.data["count"] + 1}
            done = sessions.update(token, patch, expected_version=session.version)

    at_once(sessions, count)
    assert sessions.get(token).data == {"count": MANY}


def test_of_updates_with_one_version_one_is_done(sessions: Any) -> None:
    """All others are told so."""
    token, _ = sessions.create("ada")
    done = at_once(sessions, lambda sessions, number: sessions.update(token, {"by": number}, expected_version=1))
    assert done.count(True) == 1
    assert sessions.get(token).data == {"by": done.index(True)}


def test_rotations_at_once_make_one_token(sessions: Any, place: Any) -> None:
    """Requests of one browser that all rotate the same token all get the same new one."""
    token, session = sessions.create("ada")
    new = at_once(sessions, lambda sessions, _: sessions.rotate(token))
    assert len(set(new)) == 1
    assert sessions.get(new[0]).id == session.id
    assert list(place.client.scan_iter("swe:session:*")) == [f"swe:session:{session.id}".encode()]


def test_a_logout_is_not_undone_by_what_is_slower(sessions: Any, place: Any) -> None:
    """An update and a rotation that were on their way when the user logged out bring nothing back."""
    token, session = sessions.create("ada", {"cart": []})
    sessions.delete(token)
    assert sessions.update(token, {"cart": ["late"]}) is False
    assert sessions.update(token, {"cart": ["late"]}, expected_version=session.version) is False
    with pytest.raises(SessionGoneError):
        sessions.rotate(token)
    assert place.client.dbsize() == 0


def test_a_logout_among_others_wins(sessions: Any, place: Any) -> None:
    """Whatever comes at the same time, before or after it, nothing of the session is left."""
    for _ in range(5):
        token, _ = sessions.create("ada")

        def act(sessions: Any, number: int, token: str = token) -> None:
            if number == 0:
                sessions.delete(token)
            elif number == 1:
                try_to_rotate(sessions, token)
            else:
                sessions.update(token, {"by": number})

        at_once(sessions, act, 4)
        assert sessions.get(token) is None
        assert list(place.client.scan_iter("swe:session:*")) == []


def try_to_rotate(sessions: Any, token: str) -> None:
    """Rotate, which may be too late."""
    with contextlib.suppress(SessionGoneError):
        sessions.rotate(token)


def test_logins_at_once_are_all_listed_and_end_together(sessions: Any, place: Any) -> None:
    """No session that was handed out is missing in the list, and none outlives a revocation."""
    made = at_once(sessions, lambda sessions, _: sessions.create("ada")[1].id)
    assert {session.id for session in sessions.list("ada")} == set(made)
    sessions.revoke_all("ada")
    assert place.client.dbsize() == 0


def test_lists_at_once_with_logins_forget_nobody(sessions: Any) -> None:
    """A list cleans up what has ended, and never a session that is just being made."""

    def act(sessions: Any, number: int) -> str | None:
        if number % 2:
            sessions.list("ada")
            return None
        return str(sessions.create("ada")[1].id)

    made = {made for _ in range(5) for made in at_once(sessions, act) if made}
    assert {session.id for session in sessions.list("ada")} == made


def test_tasks_of_one_loop_share_a_manager(place: Any, loop: Any) -> None:
    """Fifty tasks that use one manager each see their own session."""
    manager = place.make(SessionManager, AsyncSessionManager)
    if not isinstance(manager, Twin):
        assert at_once(manager, lambda manager, number: whose(manager, str(number))) == [str(n) for n in range(MANY)]
        return

    async def whose_is_it(user: str) -> str:
        token, _ = await manager.twin.create(user)
        session = await manager.twin.get(token)
        return str(session.user_id)

    async def all_of_them() -> list[str]:
        return await asyncio.gather(*(whose_is_it(str(number)) for number in range(50)))

    assert loop.run(all_of_them()) == [str(number) for number in range(50)]


def whose(manager: Any, user: str) -> str:
    """Return the user of a session that was made for one."""
    token, _ = manager.create(user)
    return str(manager.get(token).user_id)
