"""Leasing a logical database of a Redis that others use too."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from swe_db.errors import BackendUnavailable, IsolationError
from swe_db.servers import lease
from swe_db.servers.address import RedisAddress
from swe_db.servers.lease import lease_database
from swe_db.servers.server import RedisServer

DATABASES = 16


@pytest.fixture
def shared(redis_server: RedisServer) -> Iterator[RedisAddress]:
    """A Redis that others use too, empty at first."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    yield redis_server.address
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()


def client(address: RedisAddress, db: int | None = None) -> redis.Redis:
    """A client of one logical database."""
    return redis.Redis.from_url(address.database(address.db if db is None else db).url, decode_responses=True)


def test_leases_never_meet(shared: RedisAddress) -> None:
    """Many at once get different databases, and one too many is told so."""
    with ThreadPoolExecutor(8) as pool:
        leases = list(pool.map(lambda _: lease_database(shared), range(DATABASES - 1)))
    assert len({each.address.db for each in leases}) == DATABASES - 1
    with pytest.raises(BackendUnavailable, match="no free logical database: each of the 16 is leased"):
        lease_database(shared)
    leases[0].release()
    again = lease_database(shared)
    assert again.address.db == leases[0].address.db
    for each in [*leases[1:], again]:
        each.release()


def test_a_released_server_is_as_it_was(shared: RedisAddress) -> None:
    """After the last release no key of ours is anywhere."""
    leases = [lease_database(shared) for _ in range(3)]
    for each in leases:
        with client(each.address) as own:
            own.set("made", 1)
        each.release()
        each.release()
    with client(shared) as any_db:
        assert any_db.info("keyspace") == {}


def test_foreign_keys_are_not_touched(shared: RedisAddress) -> None:
    """A database with somebody's keys is neither leased nor written to, wherever it lies."""
    foreign = {0, 3, 14, 15}
    for number in foreign:
        with client(shared, number) as somebody:
            somebody.set("precious", number)
    leases = [lease_database(shared) for _ in range(DATABASES - len(foreign) - 1)]
    assert not foreign & {each.address.db for each in leases}
    with pytest.raises(BackendUnavailable, match="somebody else"):
        lease_database(shared)
    for each in leases:
        each.release()
    for number in foreign:
        with client(shared, number) as somebody:
            assert somebody.keys() == ["precious"]


def test_a_full_server_is_said_to_be_full(shared: RedisAddress) -> None:
    """Where every database holds keys, nothing is written and the message says what to do."""
    for number in range(DATABASES):
        with client(shared, number) as somebody:
            somebody.set("precious", 1)
    with pytest.raises(BackendUnavailable) as caught:
        lease_database(shared)
    assert "use a server with more" in caught.value.remedy
    with client(shared) as any_db:
        assert {keys["keys"] for keys in any_db.info("keyspace").values()} == {1}


def test_what_a_dead_run_left_is_used_again(shared: RedisAddress) -> None:
    """A database whose holder died is flushed and leased once its lease has ended, not before."""
    code = (
        "import os, redis, sys; from swe_db.servers.address import RedisAddress;"
        "from swe_db.servers.lease import lease_database;"
        "held = lease_database(RedisAddress.parse(sys.stdin.read(), 'a test'));"
        "redis.Redis.from_url(held.address.url).set('left', 1); print(held.address.db, flush=True); os._exit(9)"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    dead = int(subprocess.run(command, input=shared.url, capture_output=True, text=True, check=False).stdout)
    alive = lease_database(shared)
    assert alive.address.db != dead
    with client(shared, 15) as registry:
        assert 0 < registry.ttl(f"swe_db:lease:{dead}") <= lease.TTL
        registry.delete(f"swe_db:lease:{dead}")  # as its TTL will
    again = lease_database(shared)
    assert again.address.db == dead
    with client(again.address) as own:
        assert own.dbsize() == 0
    again.release()
    alive.release()


def test_a_test_cannot_flush_its_lease_away(shared: RedisAddress) -> None:
    """FLUSHDB in the leased database does not give it to somebody else."""
    held = lease_database(shared)
    with client(held.address) as own:
        own.flushdb()
    other = lease_database(shared)
    assert other.address.db != held.address.db
    held.release()
    other.release()


def test_a_lease_is_renewed(shared: RedisAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder keeps its lease for as long as it lives, even if the server forgot it."""
    monkeypatch.setattr(lease, "RENEWAL", 0.05)
    held = lease_database(shared)
    with client(shared, 15) as registry:
        key = f"swe_db:lease:{held.address.db}"
        registry.delete(key)
        while not registry.exists(key):
            pass
    held.release()


def test_a_lost_lease_is_noticed(shared: RedisAddress) -> None:
    """Who slept past the end of its lease touches nothing any more, and the other holder's keys stay."""
    held = lease_database(shared)
    with client(shared, 15) as registry, client(held.address) as other:
        registry.set(f"swe_db:lease:{held.address.db}", "another run")
        other.set("precious", 1)
        with pytest.raises(IsolationError, match="another run holds it"):
            held.claim()
        held.release()
        assert other.get("precious") == "1"


def test_what_a_dead_run_left_is_ours_for_a_while_only(shared: RedisAddress) -> None:
    """The mark that lets a later run flush a database ends an hour after its holder."""
    held = lease_database(shared)
    with client(shared, 15) as registry:
        assert 0 < registry.ttl(f"swe_db:used:{held.address.db}") <= lease.USED_TTL
    held.release()
