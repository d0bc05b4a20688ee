"""Sessions: what goes in comes back, is changed as a whole, and is gone when it was ended."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

import pytest

from swe_db.errors import CacheTypeError, ConfigError, RedisServiceError, SessionGoneError
from swe_db.redis.sessions import (
    AsyncSessionManager,
    Session,
    SessionManager,
    aget_session_manager,
    get_session_manager,
)
from swe_db.servers.server import RedisServer

DOCUMENTATION: Final = Path(__file__).parents[2] / "docs" / "redis.md"
HERE: Final = pytest.mark.places("local", reason="no Redis has to do with it")
PLAIN: Final[dict[str, Any]] = {
    "text": "Grüße 🎉 \0",
    "": "no name",
    "bytes": b"\xff\x00",
    "no": False,
    "zero": 0,
    "small": -(2**63),
    "large": 2**64 - 1,
    "half": 0.5,
    "whole": 1.0,
    "list": [1, None, "a", [], {"b": [b""]}],
    "dictionary": {"none": None, "nested": {"true": True}},
    "when": datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC),
    "first": datetime.min.replace(tzinfo=UTC),
    "last": datetime.max.replace(tzinfo=UTC),
}


class Text(str):
    """Text that is not only text."""

    __slots__ = ()


HOLDS_ITSELF: list[Any] = []
HOLDS_ITSELF.append(HOLDS_ITSELF)
OTHER: dict[str, Any] = {
    "tuple": (1, 2),
    "set": {1},
    "complex": 1j,
    "naive": datetime(2024, 1, 1),  # noqa: DTZ001 - what is refused
    "elsewhere": datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2))),
    "date": datetime(2024, 1, 1, tzinfo=UTC).date(),
    "duration": timedelta(1),
    "huge": 2**64,
    "subclass": Text("a"),
    "bytearray": bytearray(b"a"),
    "key": {1: "a"},
    "below": [{"a": [object()]}],
    "surrogate": "\ud800",
    "itself": HOLDS_ITSELF,
}


@pytest.fixture
def sessions(place: Any) -> Any:
    """A manager with the defaults."""
    return place.make(SessionManager, AsyncSessionManager)


def test_what_goes_in_comes_back(sessions: Any) -> None:
    """A session has its user and data, with the types that they had, for whoever has its token."""
    token, session = sessions.create("ada", PLAIN)
    found = sessions.get(token)
    assert isinstance(found, Session)
    assert (found.id, found.user_id, found.data, found.version) == (session.id, "ada", PLAIN, 1)
    assert [type(value) for value in found.data.values()] == [type(PLAIN[name]) for name in found.data]
    assert session.data == PLAIN
    assert token.startswith(session.id)


@HERE
def test_what_would_come_back_otherwise_is_refused(sessions: Any, place: Any) -> None:
    """A value that msgpack would change is an error at once, in create and in update, and nothing is kept of it."""
    token, session = sessions.create("ada", {"a": 1})
    keys = place.client.dbsize()
    for name, value in OTHER.items():
        with pytest.raises(CacheTypeError, match=name):
            sessions.create("ada", {"good": 1, name: value})
        with pytest.raises(CacheTypeError, match=name):
            sessions.update(token, {"a": 2, name: value})
    assert place.client.dbsize() == keys
    assert sessions.get(token).data == session.data


@HERE
def test_data_is_a_dictionary_with_text_as_keys(sessions: Any, place: Any) -> None:
    """Anything else is refused."""
    for data in ([("a", 1)], "a", 1, [], {1: "a"}, {"\ud800": "a"}, {Text("a"): 1}):
        with pytest.raises(CacheTypeError, match="the session's data"):
            sessions.create("ada", data)
    assert place.client.dbsize() == 0


@HERE
def test_a_session_is_one_moment(sessions: Any) -> None:
    """A session that was read cannot be assigned to, and says nothing of its data when it is printed."""
    _, session = sessions.create("ada", {"password": "hunter2"})
    with pytest.raises(dataclasses.FrozenInstanceError):
        session.user_id = "eve"
    assert "hunter2" not in repr(session)


def test_a_patch_is_merged(sessions: Any) -> None:
    """Names that a patch does not have stay, None removes one, and dictionaries below the top are replaced."""
    token, _ = sessions.create("ada", {"a": 1, "b": {"c": 1}, "never": None})
    assert sessions.update(token, {"b": {"d": 2}, "e": 3}) is True
    assert sessions.update(token, {"a": None, "f": None, "g": [None]}) is True
    session = sessions.get(token)
    assert (session.data, session.version) == ({"b": {"d": 2}, "e": 3, "g": [None]}, 3)


def test_names_of_data_are_not_those_of_the_session(sessions: Any) -> None:
    """Data may be called like what the session keeps of itself, and changes nothing of that."""
    names = ("user", "hash", "version", "created", "seen", "last", "idle", "replaced", "nonce", "repeatable", "changes")
    token, _ = sessions.create("ada", dict.fromkeys(names, "mine"))
    assert sessions.update(token, dict.fromkeys(names, "again"))
    session = sessions.get(token)
    assert (session.user_id, session.version, session.data) == ("ada", 2, dict.fromkeys(names, "again"))


def test_an_update_of_another_version_is_refused(sessions: Any) -> None:
    """Of two that change what they both read, the second is told so and changes nothing."""
    token, session = sessions.create("ada", {"count": 0})
    assert sessions.update(token, {"count": 1}, expected_version=session.version) is True
    assert sessions.update(token, {"count": 9, "b": 1}, expected_version=session.version) is False
    assert sessions.get(token).data == {"count": 1}
    assert sessions.update(token, {"count": 2}, expected_version=2) is True


@HERE
def test_a_version_is_an_integer(sessions: Any) -> None:
    """Anything else is a mistake in the call."""
    token, _ = sessions.create("ada")
    for version in (True, "1", 1.0):
        with pytest.raises(ConfigError, match="expected_version"):
            sessions.update(token, {}, expected_version=version)


def test_a_deleted_session_is_gone(sessions: Any, place: Any) -> None:
    """After a logout nothing brings the session back, a second logout is no error, and no key is left."""
    token, _ = sessions.create("ada", {"a": 1})
    sessions.delete(token)
    sessions.delete(token)
    assert sessions.get(token) is None
    assert sessions.update(token, {"a": 2}) is False
    with pytest.raises(SessionGoneError, match="log in again"):
        sessions.rotate(token)
    assert place.client.dbsize() == 0


@HERE
def test_a_user_is_text(sessions: Any) -> None:
    """Anything else is a mistake in the call, so that user 7 and user "7" are never mixed up."""
    for call in (sessions.create, sessions.list, sessions.revoke_all):
        for user in (None, "", 7, b"ada", "\ud800"):
            with pytest.raises(ConfigError, match="the user is"):
                call(user)


@HERE
def test_settings_that_make_no_sense_are_refused(place: Any) -> None:
    """A manager is not made with them."""
    wrong: list[tuple[str, Any]] = [("idle", 0), ("absolute", -1), ("rotation_grace", 0), ("idle", "1"), ("prefix", "")]
    wrong += [("absolute", 1e300), ("idle", timedelta(days=40_000))]
    for name, value in wrong:
        with pytest.raises(ConfigError, match=name):
            place.make(SessionManager, AsyncSessionManager, **{name: value})


def test_a_user_sees_all_sessions(sessions: Any, place: Any) -> None:
    """The list has what each session holds, the newest first, and those of nobody else."""
    made = [sessions.create("ada", {"device": device})[1] for device in ("phone", "laptop")]
    for number, session in enumerate(made):
        place.client.hincrby(f"swe:session:{session.id}", "created", number)
    sessions.create("adam")
    sessions.create("ada:session")
    assert [session.data["device"] for session in sessions.list("ada")] == ["laptop", "phone"]
    assert sessions.list("eve") == ()


def test_all_sessions_of_a_user_end(sessions: Any, place: Any) -> None:
    """After a change of the password all others end, and nobody else's."""
    kept, other, bystander = (sessions.create(user)[0] for user in ("ada", "ada", "eve"))
    sessions.revoke_all("ada", except_token=kept)
    assert [sessions.get(token) is not None for token in (kept, other, bystander)] == [True, False, True]
    sessions.revoke_all("ada", except_token=bystander)
    assert [sessions.get(token) is not None for token in (kept, other, bystander)] == [False, False, True]
    sessions.revoke_all("ada")
    sessions.revoke_all("eve")
    assert place.client.dbsize() == 0


def test_managers_with_other_prefixes_do_not_meet(place: Any) -> None:
    """A token of one is none of the other's, and neither ends what is the other's."""
    one, other = (place.make(SessionManager, AsyncSessionManager, prefix=prefix) for prefix in ("a", "a:session"))
    token, _ = one.create("ada")
    assert other.get(token) is None
    assert other.list("ada") == ()
    other.revoke_all("ada")
    assert one.get(token) is not None


def test_content_that_is_not_ours_is_named(sessions: Any, place: Any) -> None:
    """What somebody else wrote under a session's key is an error of ours that names the session."""
    spoilt = [(b"data:a", b"\xc1"), (b"data:\xff", b"\1"), (b"seen", b"x"), (b"last", b"9" * 30), (b"user", b"\xff")]
    for field, value in spoilt:
        _, session = sessions.create("ada")
        place.client.hset(f"swe:session:{session.id}", field, value)
        with pytest.raises(RedisServiceError, match=session.id):
            sessions.list("ada")
        sessions.revoke_all("ada")
    assert place.client.dbsize() == 0


def test_a_key_of_another_kind_is_named(sessions: Any, place: Any) -> None:
    """Redis refuses, and its words reach the caller."""
    token, session = sessions.create("ada")
    place.client.set(f"swe:session:{session.id}", "not ours")
    with pytest.raises(RedisServiceError, match="WRONGTYPE"):
        sessions.get(token)


def test_a_process_shares_its_managers(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one on each default client for the same options, whatever REDIS_URL says later."""
    for get in (get_session_manager, aget_session_manager):
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
        first: Any = get()
        assert get() is first
        assert get(idle=60) is get(idle=60)
        assert get(idle=60) is not first
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:2")
        assert get() is not first
        monkeypatch.delenv("REDIS_URL")
        with pytest.raises(ConfigError, match="REDIS_URL"):
            get()


def test_the_example_in_the_documentation_runs(redis_server: RedisServer) -> None:
    """The first one of its section in docs/redis.md, line by line."""
    section = DOCUMENTATION.read_text(encoding="utf-8").partition("## Sessions\n")[2]
    example = section.partition("```python\n")[2].partition("```")[0]
    with redis_server.connect() as client:
        exec(example, {"client": client})
        assert SessionManager(client).list("ada") == ()
    assert "rotate" in example
