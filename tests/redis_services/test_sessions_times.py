"""A session ends when it is idle and when its time is over, by the clock of the server."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from swe_db.errors import SessionGoneError
from swe_db.redis.sessions import AsyncSessionManager, SessionManager


@pytest.fixture
def sessions(place: Any) -> Any:
    """A manager with the defaults."""
    return place.make(SessionManager, AsyncSessionManager)


def test_use_keeps_a_session_alive(sessions: Any, place: Any) -> None:
    """Get, update and rotate each set the idle time-out anew; a list of sessions does not."""
    token, session = sessions.create("ada")
    key = f"swe:session:{session.id}"

    def renews(call: Any) -> bool:
        place.client.pexpire(key, 500_000)
        call()
        return bool(place.client.pttl(key) > 1_000_000)

    assert not renews(lambda: sessions.list("ada"))
    assert renews(lambda: sessions.get(token))
    assert renews(lambda: sessions.update(token, {}))
    assert renews(lambda: sessions.rotate(token))


def test_use_does_not_outlast_the_absolute_end(sessions: Any, place: Any) -> None:
    """However busy it is, a session's key ends when the absolute time-out is over."""
    for act in (sessions.get, sessions.rotate, lambda token: sessions.update(token, {})):
        token, session = sessions.create("ada")
        assert session.ends_at - session.created_at == timedelta(hours=8)
        assert session.expires_at - session.created_at == timedelta(minutes=30)
        key = f"swe:session:{session.id}"
        place.client.hset(key, "last", int(place.client.hget(key, "created")) + 600_000)
        act(token)
        assert place.client.pttl(key) <= 600_000
        [session] = sessions.list("ada")
        assert session.expires_at == session.ends_at == session.created_at + timedelta(minutes=10)
        sessions.revoke_all("ada")


def test_an_idle_session_ends(place: Any) -> None:
    """Nothing can be done with it after that, and it takes no place in Redis or in a list."""
    sessions = place.make(SessionManager, AsyncSessionManager, idle=0.05)
    token, _ = sessions.create("ada")
    time.sleep(0.1)
    assert sessions.list("ada") == ()
    assert sessions.update(token, {}) is False
    assert sessions.get(token) is None
    with pytest.raises(SessionGoneError):
        sessions.rotate(token)
    assert place.client.dbsize() == 0


def test_a_busy_session_ends_too(place: Any) -> None:
    """It is used all the time, and ends by its absolute time-out."""
    sessions = place.make(SessionManager, AsyncSessionManager, idle=60, absolute=timedelta(seconds=0.2))
    token, _ = sessions.create("ada")
    deadline = time.monotonic() + 30
    while sessions.get(token) is not None:
        assert time.monotonic() < deadline
    assert sessions.list("ada") == ()


def test_a_session_keeps_its_time_outs(place: Any) -> None:
    """A manager with other time-outs, "remember me" say, may use it and does not change them."""
    remembered = place.make(SessionManager, AsyncSessionManager, idle=86400, absolute=2592000)
    usual = place.make(SessionManager, AsyncSessionManager)
    token, session = remembered.create("ada")
    found = usual.get(token)
    assert found.ends_at == session.ends_at
    assert found.expires_at - found.last_seen == timedelta(days=1)


def test_times_are_those_of_the_server(sessions: Any, place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client whose clock is a day ahead makes the same sessions as any other."""
    if place.name != "fake":  # its server has the clock of this process
        ahead = time.time() + 86400
        monkeypatch.setattr(time, "time", lambda: ahead)
    seconds, _ = place.client.time()
    _, session = sessions.create("ada")
    assert 0 <= session.created_at.timestamp() - seconds < 60
    assert session.last_seen == session.created_at


def test_the_index_is_cleaned_up(sessions: Any, place: Any) -> None:
    """What has ended leaves it with the next list, what is over in any case with the next login, and it ends itself."""
    short = place.make(SessionManager, AsyncSessionManager, absolute=60)
    ended, session = sessions.create("ada")[1], sessions.create("ada")[1]
    place.client.delete(f"swe:session:{ended.id}")
    assert [each.id for each in sessions.list("ada")] == [session.id]
    assert place.client.zrange("swe:sessions:ada", 0, -1) == [session.id.encode()]
    place.client.zadd("swe:sessions:ada", {session.id: 1})
    _, new = short.create("ada")
    assert place.client.zrange("swe:sessions:ada", 0, -1) == [new.id.encode()]
    assert 60_000 < place.client.pttl("swe:sessions:ada") <= 120_000
    sessions.create("ada")
    _, new = short.create("ada")
    assert place.client.pttl(f"swe:session:{new.id}") <= 60_000
    assert place.client.pttl("swe:sessions:ada") > 28_800_000
