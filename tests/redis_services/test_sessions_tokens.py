"""Whoever has a token has its session; whatever else is sent finds nothing and makes nothing (fixation, guessing)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from swe_db.errors import ConfigError, SessionGoneError
from swe_db.redis.sessions import AsyncSessionManager, SessionManager

HERE: Final = pytest.mark.places("local", reason="no Redis has to do with it")
NO_TOKENS = [
    None,
    "",
    ".",
    "a.b",
    f"{'a' * 22}.{'b' * 42}",
    f"{'a' * 22}.{'b' * 44}",
    f"{'a' * 21}.{'b' * 43}",
    f"{'a' * 22}.{'b' * 43}\n",
    f"{'a' * 22}.{'é' * 43}",
    f"{'a' * 22}.{'٣' * 43}",
    f"{'*' * 22}.{'b' * 43}",
    f"{'a' * 22}.{'b' * 42}\ud800",
    "a" * 1_000_000,
]


@pytest.fixture
def sessions(place: Any) -> Any:
    """A manager with the defaults."""
    return place.make(SessionManager, AsyncSessionManager)


@HERE
def test_text_that_is_no_token_is_that_of_no_session(sessions: Any, place: Any) -> None:
    """Whatever a browser sends finds nothing, raises nothing strange and leaves nothing in Redis."""
    for token in NO_TOKENS:
        assert sessions.get(token) is None
        assert sessions.update(token, {"a": 1}) is False
        assert sessions.delete(token) is None
        with pytest.raises(SessionGoneError):
            sessions.rotate(token)
        sessions.revoke_all("ada", except_token=token)
    assert place.client.dbsize() == 0


def test_what_only_begins_like_a_token_is_none(sessions: Any) -> None:
    """There is one way to write a token."""
    token, _ = sessions.create("ada")
    for other in (
        f"{token}\n",
        f"{token} ",
        f" {token}",
        f"{token}=",
        token.upper(),
        token[:-1],
        token.replace(".", ""),
    ):
        assert sessions.get(other) is None


@HERE
def test_what_is_not_even_text_is_a_mistake_in_the_call(sessions: Any) -> None:
    """It is an error in every method alike, which does not repeat what was given."""
    for call in (
        sessions.get,
        sessions.rotate,
        sessions.delete,
        lambda token: sessions.update(token, {}),
        lambda token: sessions.revoke_all("ada", except_token=token),
    ):
        for token in (b"secretsecret", ["secretsecret"], 5_3_3_7):
            with pytest.raises(ConfigError, match="the token is a") as caught:
                call(token)
            assert "secret" not in str(caught.value)
            assert "5337" not in str(caught.value)


def test_an_unknown_session_is_never_adopted(sessions: Any, place: Any) -> None:
    """A well-formed token that we did not make finds nothing and makes nothing, with any method."""
    planted = f"{'a' * 22}.{'b' * 43}"
    assert sessions.get(planted) is None
    assert sessions.update(planted, {"user": "eve"}) is False
    sessions.delete(planted)
    with pytest.raises(SessionGoneError):
        sessions.rotate(planted)
    assert place.client.dbsize() == 0
    token, session = sessions.create("ada")
    assert session.id not in planted
    assert token != planted


def test_who_knows_the_id_alone_can_do_nothing(sessions: Any, place: Any) -> None:
    """A guessed secret finds nothing, changes nothing, ends nothing, and does not keep the session alive."""
    token, session = sessions.create("ada", {"a": 1})
    key = f"swe:session:{session.id}"
    place.client.pexpire(key, 500_000)
    before = place.client.hgetall(key)
    guessed = f"{session.id}.{'b' * 43}"
    assert sessions.get(guessed) is None
    assert sessions.update(guessed, {"a": 2}) is False
    sessions.delete(guessed)
    with pytest.raises(SessionGoneError):
        sessions.rotate(guessed)
    assert place.client.hgetall(key) == before
    assert place.client.pttl(key) <= 500_000
    sessions.revoke_all("ada", except_token=guessed)
    assert sessions.get(token) is None


def test_the_hash_is_no_secret(sessions: Any, place: Any) -> None:
    """What is kept in Redis does not open the session when it is sent as a secret."""
    token, session = sessions.create("ada")
    key = f"swe:session:{session.id}"
    kept = place.client.hget(key, "hash").decode()
    for secret in (kept, kept[:43], kept[-43:]):
        assert sessions.get(f"{session.id}.{secret}") is None
    assert sessions.get(token) is not None


@HERE
def test_each_token_is_its_own(sessions: Any) -> None:
    """No two sessions share an id or a secret, and each has 128 and 256 bits of them."""
    parts = [sessions.create("ada")[0].split(".") for _ in range(20)]
    assert {(len(name), len(secret)) for name, secret in parts} == {(22, 43)}
    assert len({name for name, _ in parts} | {secret for _, secret in parts}) == 40
