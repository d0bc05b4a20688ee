"""Hundreds of tests in random order, each with acts of its own, and the same fingerprint before each of them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from support.acts import Leftovers, all_acts, seed_of
from support.backends import own_backend
from support.fingerprint import differences, fingerprint
from support.redis_acts import ACTS
from swe_db.config import Config
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.database import Database
from swe_db.isolation.reset import ResetIsolation
from swe_db.isolation.template import ensure_template
from swe_db.servers.ladder import start_postgres_server

MIGRATIONS: Final = Path(__file__).parent.parent / "support" / "torture"
TESTS: Final = int(os.environ.get("TESTS_TORTURE", "200"))
IN_PLACE: Final = (
    "insert",
    "update seeds",
    "delete seeds",
    "audit",
    "truncate",
    "sequences",
    "temporary table",
    "unlogged rows",
    "few rows of many",
    "new rows among many",
    "many rows rolled back",
)
WORKERS: Final = os.environ.get("TESTS_TORTURE_WORKERS", "2").split(",")  # 0 is a run without xdist


@pytest.fixture
def isolation() -> Iterator[ResetIsolation]:
    """The engine on a server of this test's own, since it changes what belongs to the whole server."""
    config = Config(backend=own_backend(), migrations=(MIGRATIONS,))
    server = start_postgres_server(config)
    cluster = Cluster(server, locale="C", timezone="UTC")
    isolation = ResetIsolation(cluster, ensure_template(cluster, config), "main")
    yield isolation
    isolation.close()
    cluster.close()
    server.stop()


# Acts on both servers in tests of the plugin, which run in any order and in two processes.
THROUGH_THE_PLUGIN: Final = """
import random
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, {tests!r})

import psycopg
import pytest
import redis
from support.acts import Leftovers, all_acts
from support.fingerprint import differences, fingerprint
from support.redis_acts import ACTS, Redises, redis_fingerprint

LEFTOVERS = Leftovers()
POSTGRES = all_acts(LEFTOVERS)
PRISTINE = {{}}
REDISES = {{}}
DONE = []


def compare(kind, found):
    assert not differences(PRISTINE.setdefault(kind, found), found), DONE[-6:]


def try_all(kind, acts, names, *arguments):
    for name in names:
        try:
            acts[name](*arguments)
        except (psycopg.Error, redis.exceptions.RedisError, subprocess.SubprocessError):
            continue  # two acts may exclude each other
        with Path("succeeded", f"{{kind}} {{name}}").open("a") as count:
            count.write(".")
        DONE.append(name)


@pytest.mark.parametrize("number", random.Random({seed}).sample(range({count}), {count}))
def test_it(swe_database, swe_redis, swe_redis_server, number):
    with psycopg.connect(swe_database.url, autocommit=True) as connection:
        compare("postgres", fingerprint(connection))
    compare("redis", redis_fingerprint(swe_redis_server))
    chance = random.Random(number + {seed})
    redises = REDISES.setdefault(None, Redises(swe_redis_server))
    for kind, acts, subject in (("postgres", POSTGRES, swe_database), ("redis", ACTS, redises)):
        names = [list(acts)[number % len(acts)], *chance.sample(sorted(acts), chance.randrange(2))]
        try_all(kind, acts, names, subject, chance)
"""


def look(database: Database) -> dict[str, object]:
    """The fingerprint."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        return fingerprint(connection)


def test_every_act_alone(isolation: ResetIsolation) -> None:
    """After each kind of act the fingerprint is what it was, and each kind of act succeeds."""
    leftovers = Leftovers()
    pristine = look(isolation.begin())
    for name, act in all_acts(leftovers).items():
        database = isolation.begin()
        act(database, random.Random(0))
        isolation.end(database)
        assert not differences(pristine, look(isolation.begin())), name
    leftovers.close()


@pytest.mark.parametrize("first", ["database", "slot", "tablespace", "alter system", "role"])
def test_the_session_ended_after_it(isolation: ResetIsolation, first: str) -> None:
    """What a test leaves on the server is undone even though it then ended the sessions that would tell of it."""
    acts = all_acts(Leftovers())
    pristine = look(isolation.begin())
    database = isolation.begin()
    for name in (first, "end everybody"):
        acts[name](database, random.Random(0))
    isolation.end(database)
    assert not differences(pristine, look(isolation.begin()))


def test_a_catalogue_of_the_server_that_moved(isolation: ResetIsolation) -> None:
    """What a test changes in a catalogue that an earlier one rewrote is seen by a clone that was made before that."""
    acts = all_acts(Leftovers())
    pristine = look(isolation.begin())
    for name in ("new table", "vacuum and change roles", "role rights"):
        database = isolation.begin()
        acts[name](database, random.Random(0))
        isolation.end(database)
        assert not differences(pristine, look(isolation.begin())), name


def test_statistics_of_rows_in_other_places(isolation: ResetIsolation) -> None:
    """What is analyzed anew when its rows were put back has the statistics that it had."""
    acts = all_acts(Leftovers())
    pristine = look(isolation.begin())
    database = isolation.begin()
    for name in ("few rows of many", "analyze"):
        acts[name](database, random.Random(0))
    isolation.end(database)
    assert not differences(pristine, look(isolation.begin()))


def test_what_is_common_costs_no_clone(isolation: ResetIsolation) -> None:
    """What most tests do is put back in place, the second time too; so is what touches few rows of many."""
    acts = all_acts(Leftovers())
    for name in [name for name in IN_PLACE for _ in range(2)]:
        database = isolation.begin()
        acts[name](database, random.Random(0))
        outcome = isolation.end(database)
        assert (outcome.kind, outcome.reason) == ("restored", ""), name


@pytest.mark.parametrize("workers", WORKERS)
def test_through_the_plugin(pytester: pytest.Pytester, run: Callable[..., pytest.RunResult], workers: str) -> None:
    """Tests of a project, on the Postgres and the Redis of their worker, begin with the same fingerprint each."""
    seed = seed_of("TESTS_TORTURE_SEED")
    names = {f"postgres {name}" for name in all_acts(Leftovers())} | {f"redis {name}" for name in ACTS}
    count = max(len(all_acts(Leftovers())), TESTS)
    pytester.makepyfile(THROUGH_THE_PLUGIN.format(tests=str(Path(__file__).parent.parent), seed=seed, count=count))
    succeeded = pytester.mkdir("succeeded")
    flags = ("--swe-db", f"--swe-db-backend={own_backend()}", f"--swe-db-migrations={MIGRATIONS}")
    result = run(*flags, "-W", "ignore", "-x", "-q", f"-n{workers}")
    result.assert_outcomes(passed=count)
    counted = {path.name: path.stat().st_size for path in succeeded.iterdir()}
    print(*(f"{times:6} times {name}" for name, times in sorted(counted.items())), sep="\n")  # noqa: T201 - for -s
    assert counted.keys() == names, f"never succeeded: {sorted(names - counted.keys())}, seed {seed}"
