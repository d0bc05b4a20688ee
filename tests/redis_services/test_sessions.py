"""Sessions: what goes in comes back, for whoever has the token and nobody else, and ends in time."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from support.twins import Twin
from swe_db.errors import CacheTypeError, ConfigError, RedisServiceError, SessionGoneError
from swe_db.redis.sessions import AsyncSessionManager, Session, SessionManager

PLAIN: dict[str, Any] = {
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


def test_what_goes_in_comes_back(sessions: Any) -> None:
    """A session has its user and data, with the types that they had, for whoever has its token."""
    token, session = sessions.create("ada", PLAIN)
    found = sessions.get(token)
    assert isinstance(found, Session)
    assert (found.id, found.user_id, found.data, found.version) == (session.id, "ada", PLAIN, 1)
    assert [type(value) for value in found.data.values()] == [type(PLAIN[name]) for name in found.data]
    assert session.data == PLAIN
    assert token.startswith(session.id)


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


def test_data_is_a_dictionary_with_text_as_keys(sessions: Any, place: Any) -> None:
    """Anything else is refused."""
    for data in ([("a", 1)], "a", 1, [], {1: "a"}, {"\ud800": "a"}, {Text("a"): 1}):
        with pytest.raises(CacheTypeError, match="the session's data"):
            sessions.create("ada", data)
    assert place.client.dbsize() == 0


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


def test_a_user_is_text(sessions: Any) -> None:
    """Anything else is a mistake in the call, so that user 7 and user "7" are never mixed up."""
    for call in (sessions.create, sessions.list, sessions.revoke_all):
        for user in (None, "", 7, b"ada", "\ud800"):
            with pytest.raises(ConfigError, match="the user is"):
                call(user)


def test_settings_that_make_no_sense_are_refused(place: Any) -> None:
    """A manager is not made with them."""
    wrong: list[tuple[str, Any]] = [("idle", 0), ("absolute", -1), ("rotation_grace", 0), ("idle", "1"), ("prefix", "")]
    for name, value in wrong:
        with pytest.raises(ConfigError, match=name):
            place.make(SessionManager, AsyncSessionManager, **{name: value})


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
    [key] = place.client.keys("swe:session:*")
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
    [key] = place.client.keys("swe:session:*")
    kept = place.client.hget(key, "hash").decode()
    for secret in (kept, kept[:43], kept[-43:]):
        assert sessions.get(f"{session.id}.{secret}") is None
    assert sessions.get(token) is not None


def test_each_token_is_its_own(sessions: Any) -> None:
    """No two sessions share an id or a secret, and each has 128 and 256 bits of them."""
    parts = [sessions.create("ada")[0].split(".") for _ in range(20)]
    assert {(len(name), len(secret)) for name, secret in parts} == {(22, 43)}
    assert len({name for name, _ in parts} | {secret for _, secret in parts}) == 40


def test_use_keeps_a_session_alive(sessions: Any, place: Any) -> None:
    """Get, update and rotate each set the idle time-out anew; a list of sessions does not."""
    token, _ = sessions.create("ada")
    [key] = place.client.keys("swe:session:*")

    def renews(call: Any) -> bool:
        place.client.pexpire(key, 500_000)
        call()
        return bool(place.client.pttl(key) > 1_790_000)

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


def test_a_user_sees_all_sessions(sessions: Any, place: Any) -> None:
    """The list has what each session holds, the newest first, and those of nobody else."""
    made = [sessions.create("ada", {"device": device})[1] for device in ("phone", "laptop")]
    for number, session in enumerate(made):
        place.client.hincrby(f"swe:session:{session.id}", "created", number)
    sessions.create("adam")
    sessions.create("ada:session")
    assert [session.data["device"] for session in sessions.list("ada")] == ["laptop", "phone"]
    assert sessions.list("eve") == ()


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


def test_a_client_that_decodes_replies_will_do(place: Any, loop: Any) -> None:
    """With decode_responses=True, which an application may have chosen for itself, all is the same."""
    if place.twin == "sync":
        with place.server.connect(decode_responses=True) as client:
            check_all(SessionManager(client))
    else:
        aclient = loop.call(place.server.connect_async, decode_responses=True)
        check_all(Twin(loop.call(AsyncSessionManager, aclient), loop))
        loop.call(aclient.aclose)


def check_all(sessions: Any) -> None:
    """Use every method once."""
    token, _ = sessions.create("ada", PLAIN)
    assert sessions.update(token, {"half": None})
    token = sessions.rotate(sessions.rotate(token))
    assert sessions.get(token).data.keys() == PLAIN.keys() - {"half"}
    sessions.revoke_all("ada", except_token=token)
    assert [session.user_id for session in sessions.list("ada")] == ["ada"]
    sessions.delete(token)
    assert sessions.get(token) is None


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
