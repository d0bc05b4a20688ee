"""A reply that is lost, and a command that is sent again, do not change what a session's method does (pitfall 1)."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.backoff import NoBackoff
from redis.retry import Retry

from support.proxy import proxy_before
from support.twins import Loop, Twin
from swe_db.errors import RedisUnavailableError
from swe_db.faults import RedisProxy
from swe_db.redis.sessions import AsyncSessionManager, SessionManager
from swe_db.redis.sessions import core as module
from swe_db.redis.steps import Script, ScriptCall
from swe_db.servers.server import RedisServer

# fakeredis is no server that a proxy could stand before, so that this is about real ones only.


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Any]:
    """A client of the test's own, past the proxy, on an empty Redis that knows all scripts."""
    with redis_server.connect() as client:
        client.flushall()
        for script in vars(module).values():
            if isinstance(script, Script):
                client.script_load(script.text)
        yield client


@pytest.fixture
def proxy(client: Any, redis_server: RedisServer) -> Iterator[RedisProxy]:
    """What stands before it."""
    with proxy_before(redis_server.url) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def manager(request: pytest.FixtureRequest, proxy: RedisProxy, loop: Loop) -> Iterator[Callable[..., Any]]:
    """Makes a manager whose commands go through the proxy, `retries` times more if their replies are lost."""
    ends: list[Callable[[], object]] = []

    def make(retries: int) -> Any:
        if request.param == "sync":
            client = redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), retries))
            ends.append(client.close)
            return SessionManager(client)
        retry = redis.asyncio.retry.Retry(NoBackoff(), retries)
        aclient = redis.asyncio.Redis.from_url(proxy.url, retry=retry)
        ends.append(lambda: loop.call(aclient.aclose))
        return Twin(AsyncSessionManager(aclient), loop)

    yield make
    for end in ends:
        end()


@pytest.fixture
def sessions(manager: Callable[..., Any]) -> Any:
    """A manager that sends again what may have been lost."""
    return manager(3)


def test_create(sessions: Any, proxy: RedisProxy, client: Any) -> None:
    """One session comes of it, whichever reply was lost."""
    for script in (module.CREATE, module.INDEX_ADD):
        fault = proxy.drop_replies(script.digest)
        token, session = sessions.create("ada", {"a": 1})
        fault.wait()
        assert proxy.count(script.digest) == 2
        assert sessions.get(token).data == {"a": 1}
        assert [each.id for each in sessions.list("ada")] == [session.id]
        assert session.version == 1
        sessions.delete(token)
        proxy.commands.clear()
    assert client.dbsize() == 0


def test_a_create_that_comes_twice_undoes_nothing(client: Any) -> None:
    """The same command that arrives once more, later, finds its session and leaves it as others have changed it."""
    sessions = SessionManager(client)
    steps = sessions._core.create("ada", {"a": 1})
    call = next(steps)
    assert isinstance(call, ScriptCall)
    send = functools.partial(client.evalsha, call.script.digest, len(call.keys), *call.keys, *call.arguments)
    answer = send()
    steps.send(answer)
    with pytest.raises(StopIteration) as end:
        steps.send(1)
    token, session = end.value.value
    assert sessions.update(token, {"a": 2})
    time.sleep(0.01)
    send()
    found = sessions.get(token)
    assert found is not None
    assert (found.data, found.version, found.created_at) == ({"a": 2}, 2, session.created_at)


def test_get(sessions: Any, proxy: RedisProxy) -> None:
    """It returns the session."""
    token, session = sessions.create("ada", {"a": 1})
    proxy.drop_replies(module.GET.digest)
    assert sessions.get(token).data == session.data
    assert proxy.count(module.GET.digest) == 2


@pytest.mark.parametrize("expected", [None, 1])
def test_update(expected: int | None, sessions: Any, proxy: RedisProxy) -> None:
    """It is done once, and says so: the repeat is not taken for somebody else's change."""
    token, _ = sessions.create("ada", {"count": 0})
    proxy.drop_replies(module.UPDATE.digest)
    assert sessions.update(token, {"count": 1}, expected_version=expected) is True
    assert proxy.count(module.UPDATE.digest) == 2
    session = sessions.get(token)
    assert (session.data, session.version) == ({"count": 1}, 2)


def test_an_update_that_comes_in_between_stays(client: Any) -> None:
    """The repeat of an update does not write over what others, up to seven, have changed since it was done."""
    sessions = SessionManager(client)
    token, _ = sessions.create("ada")
    slow = next(sessions._core.update(token, {"a": "slow"}, None))
    assert isinstance(slow, ScriptCall)
    assert client.evalsha(slow.script.digest, len(slow.keys), *slow.keys, *slow.arguments) == 1
    for number in range(7):
        assert sessions.update(token, {"a": number})
    assert client.evalsha(slow.script.digest, len(slow.keys), *slow.keys, *slow.arguments) == 1
    session = sessions.get(token)
    assert session is not None
    assert (session.data, session.version) == ({"a": 6}, 9)


def test_rotate(sessions: Any, proxy: RedisProxy, client: Any) -> None:
    """The new token is good, the old one dead."""
    old, session = sessions.create("ada", {"a": 1})
    proxy.drop_replies(module.ROTATE.digest)
    new = sessions.rotate(old)
    assert proxy.count(module.ROTATE.digest) == 2
    assert sessions.get(new).data == session.data
    assert sessions.get(old) is None
    assert len(client.keys("swe:session:*")) == 1


def test_a_rotation_that_failed_is_called_again(manager: Callable[..., Any], proxy: RedisProxy, client: Any) -> None:
    """Without retries the caller, or the next process, repeats it with the old token: one good token comes of it."""
    sessions = manager(0)
    old, session = sessions.create("ada", {"a": 1})
    fault = proxy.drop_replies(module.ROTATE.digest)
    with pytest.raises(RedisUnavailableError) as caught:
        sessions.rotate(old)
    fault.wait()
    assert old.split(".")[1] not in str(caught.value)
    new = SessionManager(client).rotate(old)
    assert sessions.get(new).data == session.data
    assert sessions.get(old) is None


def test_delete(sessions: Any, proxy: RedisProxy, client: Any) -> None:
    """The session is gone. Its entry in the index may stay, until the next list."""
    token, _ = sessions.create("ada")
    proxy.drop_replies(module.DELETE.digest)
    sessions.delete(token)
    assert proxy.count(module.DELETE.digest) == 2
    assert sessions.get(token) is None
    assert sessions.list("ada") == ()
    assert client.dbsize() == 0


@pytest.mark.parametrize("word", [module.INDEX.digest, "EVAL", "ZREM"])
def test_list(word: str, sessions: Any, proxy: RedisProxy, client: Any) -> None:
    """It has all sessions, whichever reply was lost."""
    client.delete(f"swe:session:{sessions.create('ada')[1].id}")
    token, session = sessions.create("ada")
    fault = proxy.drop_replies(word)
    assert [each.id for each in sessions.list("ada")] == [session.id]
    assert fault.has_happened
    assert sessions.get(token) is not None


@pytest.mark.parametrize("word", [module.LOOK.digest, module.INDEX.digest, "DEL", "ZREM"])
def test_revoke_all(word: str, sessions: Any, proxy: RedisProxy) -> None:
    """All are gone but the one that stays, whichever reply was lost."""
    kept, *ended = (sessions.create("ada")[0] for _ in range(3))
    fault = proxy.drop_replies(word)
    sessions.revoke_all("ada", except_token=kept)
    assert fault.has_happened
    assert [sessions.get(token) is None for token in ended] == [True, True]
    assert sessions.get(kept) is not None


def test_what_failed_on_its_way_is_called_again(manager: Callable[..., Any], proxy: RedisProxy, client: Any) -> None:
    """A revocation of which a part failed says so, and a second call does the rest."""
    sessions = manager(0)
    for _ in range(3):
        sessions.create("ada")
    proxy.drop_replies("DEL", nth=2)
    with pytest.raises(RedisUnavailableError):
        sessions.revoke_all("ada")
    sessions.revoke_all("ada")
    assert client.dbsize() == 0


def test_each_command_has_one_key(sessions: Any, proxy: RedisProxy) -> None:
    """So that all of it runs on a cluster."""
    token, _ = sessions.create("ada", {"a": 1})
    sessions.update(token, {"a": 2})
    token = sessions.rotate(token)
    sessions.get(token)
    sessions.list("ada")
    sessions.create("ada")
    sessions.revoke_all("ada", except_token=token)
    sessions.delete(token)
    scripts = [command for command in list(proxy.commands) if command[0].upper().startswith(b"EVAL")]
    assert {command[2] for command in scripts} == {b"1"}
    digests = {script.digest for script in vars(module).values() if isinstance(script, Script)}
    assert digests - {module.LOOK.digest} <= {command[1].decode() for command in scripts}
