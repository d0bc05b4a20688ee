"""Hundreds of tests in random order, each with acts of its own, and the same fingerprint before each of them."""

from __future__ import annotations

import collections
import os
import random
import subprocess
from collections.abc import Iterator
from typing import Final

import psycopg
import pytest

from support.acts import Leftovers, all_acts, seed_of
from support.backends import own_backend
from support.fingerprint import differences, fingerprint
from swe_db.config import Config
from swe_db.isolation.cluster import Cluster
from swe_db.isolation.database import Database
from swe_db.isolation.reset import ResetIsolation
from swe_db.isolation.template import ensure_template
from swe_db.servers.ladder import start_postgres_server

TESTS: Final = int(os.environ.get("TESTS_TORTURE", "200"))
# Acts that this version of the test's server cannot do are none that "never succeeded".
MOST_ACTS: Final = 3


@pytest.fixture
def isolation() -> Iterator[ResetIsolation]:
    """The engine on a server of this test's own, since it changes what belongs to the whole server."""
    config = Config(backend=own_backend())
    server = start_postgres_server(config)
    cluster = Cluster(server, locale="C", timezone="UTC")
    isolation = ResetIsolation(cluster, ensure_template(cluster, config), "main")
    yield isolation
    isolation.close()
    cluster.close()
    server.stop()


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


def test_tests_in_random_order(isolation: ResetIsolation) -> None:
    """Each test does some acts; each begins with the same fingerprint; each act succeeds at least once."""
    seed = seed_of("TESTS_TORTURE_SEED")
    chance = random.Random(seed)
    leftovers = Leftovers()
    acts = all_acts(leftovers)
    succeeded: collections.Counter[str] = collections.Counter()
    order = [name for name in acts for _ in range(max(1, TESTS // len(acts)))]
    chance.shuffle(order)
    pristine = look(isolation.begin())
    done: list[str] = []
    for name in order:
        database = isolation.begin()
        found = differences(pristine, look(database))
        assert not found, (seed, done)
        done = [name, *chance.sample(sorted(acts), chance.randrange(MOST_ACTS))]
        for each in done:
            try:
                acts[each](database, chance)
            except (psycopg.Error, subprocess.SubprocessError):
                continue  # two acts may exclude each other
            succeeded[each] += 1
        isolation.end(database)
    leftovers.close()
    assert acts.keys() == succeeded.keys(), f"never succeeded: {sorted(acts.keys() - succeeded.keys())}, seed {seed}"
