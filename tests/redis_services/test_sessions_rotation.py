"""A rotation kills the old token at once, can be repeated if its reply is lost, and leaves no back door."""

from __future__ import annotations

import base64
import hmac
import time
from typing import Any

import pytest

from swe_db.errors import SessionGoneError
from swe_db.redis.sessions import AsyncSessionManager, SessionManager


@pytest.fixture
def sessions(place: Any) -> Any:
    """A manager with the defaults."""
    return place.make(SessionManager, AsyncSessionManager)


def test_the_old_token_is_dead(sessions: Any) -> None:
    """The session is what it was, under a new secret and the same id; with the old one nothing can be seen or done."""
    old, before = sessions.create("ada", {"a": 1})
    new = sessions.rotate(old)
    assert sessions.get(old) is None
    assert sessions.update(old, {"a": 2}) is False
    after = sessions.get(new)
    assert (after.id, after.user_id, after.data, after.version) == (before.id, "ada", {"a": 1}, before.version)
    assert (after.created_at, after.ends_at) == (before.created_at, before.ends_at)
    assert new.split(".")[1] != old.split(".")[1]


def test_a_rotation_can_be_repeated(sessions: Any) -> None:
    """Whoever did not hear of the new token asks again with the old one and gets it; there is one, and no third."""
    old, _ = sessions.create("ada")
    new = sessions.rotate(old)
    assert [sessions.rotate(old) for _ in range(3)] == [new] * 3
    assert sessions.get(new) is not None
    assert sessions.get(old) is None


@pytest.mark.parametrize("use", ["get", "update", "rotate"])
def test_the_use_of_the_new_token_ends_the_repeat(use: str, sessions: Any, place: Any) -> None:
    """Who uses the new token has got it: from then on the old one opens nothing and keeps nothing alive."""
    old, session = sessions.create("ada")
    new = sessions.rotate(old)
    {"get": sessions.get, "update": lambda token: sessions.update(token, {}), "rotate": sessions.rotate}[use](new)
    place.client.pexpire(f"swe:session:{session.id}", 500_000)
    with pytest.raises(SessionGoneError):
        sessions.rotate(old)
    assert place.client.pttl(f"swe:session:{session.id}") <= 500_000


def test_the_grace_ends(place: Any) -> None:
    """By the server's clock, though nobody has used the new token, and a repeat does not prolong it."""
    sessions = place.make(SessionManager, AsyncSessionManager, rotation_grace=0.1)
    old, session = sessions.create("ada")
    new = sessions.rotate(old)
    until = place.client.hget(f"swe:session:{session.id}", "repeatable")
    place.client.hset(f"swe:session:{session.id}", "repeatable", int(until) + 60_000)
    assert sessions.rotate(old) == new
    assert int(place.client.hget(f"swe:session:{session.id}", "repeatable")) == int(until) + 60_000
    place.client.hset(f"swe:session:{session.id}", "repeatable", until)
    time.sleep(0.15)
    with pytest.raises(SessionGoneError):
        sessions.rotate(old)
    assert sessions.get(new) is not None


def test_only_the_last_rotation_can_be_repeated(sessions: Any) -> None:
    """A token that was replaced before that is good for nothing."""
    first, _ = sessions.create("ada")
    second = sessions.rotate(first)
    third = sessions.rotate(second)
    for dead in (first, second[:-1] + ("A" if second[-1] != "A" else "B")):
        with pytest.raises(SessionGoneError):
            sessions.rotate(dead)
        sessions.delete(dead)
    assert sessions.rotate(second) == third


def test_the_new_secret_is_not_to_be_told_from_what_redis_has(sessions: Any, place: Any) -> None:
    """It is made of the nonce, which Redis has, and of the old secret, which it has not: no hash does instead."""
    old, session = sessions.create("ada")
    new = sessions.rotate(old)
    fields = place.client.hgetall(f"swe:session:{session.id}")

    def successor(secret: bytes) -> str:
        made = hmac.digest(secret, fields[b"nonce"], "sha256")
        return f"{session.id}.{base64.urlsafe_b64encode(made).decode().rstrip('=')}"

    assert successor(old.split(".")[1].encode()) == new
    assert new not in {successor(fields[name]) for name in (b"replaced", b"hash", b"nonce")}


def test_a_logout_with_the_replaced_token_counts(sessions: Any, place: Any) -> None:
    """A logout that was overtaken by a rotation ends the session all the same, and no repeat brings it back."""
    old, _ = sessions.create("ada")
    new = sessions.rotate(old)
    assert sessions.get(new) is not None
    sessions.delete(old)
    assert sessions.get(new) is None
    with pytest.raises(SessionGoneError):
        sessions.rotate(old)
    assert place.client.dbsize() == 0


def test_revoke_all_keeps_the_new_token_only(sessions: Any) -> None:
    """The replaced token keeps nothing when all others are to end."""
    old, _ = sessions.create("ada")
    new = sessions.rotate(old)
    sessions.revoke_all("ada", except_token=new)
    assert sessions.get(new) is not None
    sessions.revoke_all("ada", except_token=old)
    assert sessions.get(new) is None


def test_an_update_may_come_after_a_rotation(sessions: Any) -> None:
    """A rotation is no update: the version that was read before it is good after it, with the new token."""
    old, session = sessions.create("ada", {"sudo": False})
    new = sessions.rotate(old)
    assert sessions.update(new, {"sudo": True}, expected_version=session.version) is True
    assert sessions.get(new).data == {"sudo": True}
