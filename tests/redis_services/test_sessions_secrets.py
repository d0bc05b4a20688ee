"""A token is nowhere but with whom it was given to: not in Redis, in its own logs, in ours, in what is printed."""

from __future__ import annotations

import logging
import pickle
import traceback
from typing import Any

import pytest

from swe_db.errors import SweDBError
from swe_db.redis.sessions import AsyncSessionManager, SessionManager
from swe_db.redis.sessions import core as module

pytestmark = pytest.mark.places(
    "local", "client", "fake", "cluster", reason="what is kept and shown is the same elsewhere"
)


@pytest.fixture
def sessions(place: Any) -> Any:
    """A manager with the defaults."""
    return place.make(SessionManager, AsyncSessionManager)


def everything(client: Any) -> bytes:
    """Return all keys and values of a Redis."""
    parts: list[bytes] = []
    for key in client.scan_iter():
        parts.append(key)
        if client.type(key) == b"hash":
            parts += (part for pair in client.hgetall(key).items() for part in pair)
        else:
            parts += client.zrange(key, 0, -1)
    return b"\n".join(parts)


def lived(sessions: Any) -> list[str]:
    """Use every method, and return all secrets that there were."""
    first, _ = sessions.create("ada", {"a": 1})
    second = sessions.rotate(first)
    sessions.get(second)
    sessions.update(second, {"a": 2})
    third = sessions.rotate(second)
    sessions.list("ada")
    sessions.revoke_all("ada", except_token=third)
    other, _ = sessions.create("ada")
    return [token.split(".")[1] for token in (first, second, third, other)]


def test_no_secret_is_in_redis(sessions: Any, place: Any) -> None:
    """No key and no value has one, or a half of one."""
    secrets = lived(sessions)
    kept = everything(place.client)
    assert kept.count(b"swe:session:") == 2
    for secret in secrets:
        assert secret[:20].encode() not in kept
        assert secret[-20:].encode() not in kept


@pytest.mark.places("local", "client", reason="one slow log is enough to see what is sent")
def test_no_secret_is_sent_to_redis(place: Any, sessions: Any) -> None:
    """Not even its slow log or its monitor could tell one."""
    place.client.config_set("slowlog-log-slower-than", 0)
    place.client.slowlog_reset()
    secrets = lived(sessions)
    place.client.config_set("slowlog-log-slower-than", 10_000)
    sent = b"\n".join(each["command"] for each in place.client.slowlog_get(1000))
    assert b"swe:session:" in sent
    assert not [secret for secret in secrets if secret[:20].encode() in sent]


def test_no_secret_is_logged_or_printed(sessions: Any, place: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level is on, and whatever is made of a session or a manager as text."""
    caplog.set_level(logging.DEBUG)
    secrets = lived(sessions)
    token, session = sessions.create("ada")
    secrets.append(token.split(".")[1])
    manager = getattr(sessions, "twin", sessions)
    shown = caplog.text + repr(session) + repr(manager) + repr(manager._core) + repr(module.Token.read(token))
    shown += pickle.dumps(session).decode("latin-1")
    assert session.id in shown
    assert not [secret for secret in secrets if secret[:20] in shown]


def test_no_secret_is_in_an_error(sessions: Any, place: Any) -> None:
    """Errors, those of Redis and their causes too, name the session and not its secret."""
    token, session = sessions.create("ada")
    place.client.set(f"swe:session:{session.id}", "not ours")
    calls = (sessions.get, sessions.rotate, sessions.delete, lambda token: sessions.update(token, {}))
    for call in calls:
        with pytest.raises(SweDBError) as caught:
            call(token)
        text = "".join(traceback.format_exception(caught.value))
        assert token[30:50] not in text
    for wrong in (token.encode(), [token]):
        with pytest.raises(SweDBError) as caught:
            sessions.get(wrong)
        assert token[30:50] not in str(caught.value)


def test_nothing_that_can_run_code_is_read(sessions: Any, place: Any) -> None:
    """A pickle that somebody put into a session is not opened (pitfall 16)."""
    _, session = sessions.create("ada")
    place.client.hset(f"swe:session:{session.id}", "data:a", pickle.dumps(Bomb()))
    with pytest.raises(SweDBError, match=session.id):
        sessions.list("ada")


class Bomb:
    """What fails when it is read as a pickle."""

    def __reduce__(self) -> Any:
        return pytest.fail, ("a pickle was read",)
