"""What the data depend on: the test's id and the seed, and nothing else."""

from __future__ import annotations

import json
import multiprocessing
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from support.elsewhere import made_elsewhere
from swe_db import factories
from swe_db.factories import AgentFactory, TaskFactory, UserFactory
from swe_db.factories.declarations import value
from swe_db.factories.draw import Draw, column_key
from swe_db.factories.rows import User
from swe_db.factories.scope import Scope, current_scope, inside

RunPytest = Callable[..., pytest.RunResult]

# Each test writes down what it made, for the test outside to compare.
SUITE = """
import dataclasses, json, pathlib
import factory, pytest
from swe_db.factories import TaskFactory, UserFactory, bound

class NamedFactory(UserFactory):
    display_name = factory.Faker("name")

def note(request, *rows):
    name = request.node.nodeid.replace("/", "_").replace("@group", "")
    text = json.dumps([dataclasses.asdict(row) for row in rows], default=str, sort_keys=True)
    (pathlib.Path(__file__).parent / "made" / name).write_text(text)

@pytest.fixture(scope="session")
def team(swe_worker):
    made = []
    def hire(connection):
        with bound(connection):
            made.extend(UserFactory.create_batch(2))
    swe_worker.load(hire)
    return made

@pytest.mark.parametrize("number", range(3))
def test_stored(request, swe_db, team, number):
    note(request, TaskFactory(issue=True), *UserFactory.create_batch(number), *team)

@pytest.mark.xdist_group("group")
def test_built(request):
    note(request, *TaskFactory.build_batch(2), UserFactory.build())

def test_faker(request):
    note(request, *NamedFactory.build_batch(2))

def test_alone(request, swe_db):
    note(request, UserFactory())
"""


FILE = "test_made.py"


@pytest.fixture
def suite(pytester: pytest.Pytester, run: RunPytest) -> Callable[..., dict[str, str]]:
    """Runs the suite and returns what each of its tests made."""
    (pytester.path / FILE).write_text(SUITE, encoding="utf-8")
    made = pytester.path / "made"

    def data(*arguments: str) -> dict[str, str]:
        made.mkdir(exist_ok=True)
        run("--swe-db", "--swe-db-backend=local", *arguments).assert_outcomes(passed=6)
        found = {path.name: path.read_text(encoding="utf-8") for path in made.iterdir()}
        for path in made.iterdir():
            path.unlink()
        return found

    return data


def test_order_worker_and_other_tests_change_nothing(suite: Callable[..., dict[str, str]]) -> None:
    """The same tests have the same data backwards and on two workers; no two tests have the same."""
    data = suite()
    backwards = [f"{FILE}::{name.partition('::')[2]}" for name in sorted(data, reverse=True)]
    assert suite("-n2", "--dist=loadgroup", *backwards) == data
    assert len({row["external_id"] for text in data.values() for row in json.loads(text)[:1]}) == len(data)


def test_seed_and_locale(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Both options change the data; the report of a failed test has the seed, if the test used factories."""
    pytester.makepyfile(
        "from swe_db.factories import UserFactory\n"
        "def test_one(): raise AssertionError(UserFactory.build())\n"
        "def test_two(): assert False\n"
        "def test_three(): UserFactory.build()\n"
    )
    plain = run().stdout.str()
    other = run("--swe-db-random-seed=7", "--swe-db-factory-locale=de_DE").stdout.str()
    ids = [report.partition("external_id=UUID('")[2].partition("'")[0] for report in (plain, other)]
    assert ids[0] != ids[1]
    assert ("locale='en-US'" in plain, "locale='de-DE'" in other) == (True, True)
    assert [report.count("Captured swe-db factories call") for report in (plain, other)] == [1, 1]
    assert ("--swe-db-random-seed=0" in plain, "--swe-db-random-seed=7" in other) == (True, True)


@pytest.mark.parametrize("locale", ["ja_JP", "de_DE", "ru_RU"])
def test_people_of_other_countries(bound: psycopg.Connection[Any], locale: str) -> None:
    """People have names of their country, and logins such as the schema allows."""
    with factories.seeded(1, locale=locale):
        users = UserFactory.create_batch(20)
    assert {user.locale for user in users} == {locale.replace("_", "-")}
    assert not all(user.display_name.isascii() for user in users)


def test_a_block_has_its_own_data() -> None:
    """Two blocks with one seed make the same rows, and do not move those outside."""
    with factories.seeded(5):
        first = TaskFactory.build()
    with factories.seeded(5):
        assert TaskFactory.build() == first
    with factories.seeded(6):
        assert TaskFactory.build().external_id != first.external_id


def test_a_new_column_changes_no_other() -> None:
    """A column has random values of its own: another one beside it does not move them."""

    class WithMore(UserFactory):
        avatar_url = value(lambda row, draw: f"https://example.org/{draw.hex(8)}")

    with factories.seeded(5):
        user = UserFactory.build()
    with factories.seeded(5):
        more: User = WithMore.build()
    assert (more.display_name, more.preferences, more.external_id) == (
        user.display_name,
        user.preferences,
        user.external_id,
    )
    assert more.avatar_url != user.avatar_url


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_never_meet(method: str) -> None:
    """What a test's subprocesses make collides neither with the test's rows nor with each other's."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        theirs = list(pool.map(made_elsewhere, range(6)))
    ours = [made_elsewhere(0) for _ in range(6)]
    assert len({*theirs, *ours}) == 12


def test_threads_never_meet() -> None:
    """A thread has numbers of its own, and two threads share theirs without giving one twice."""
    with ThreadPoolExecutor(4) as pool:
        theirs = [
            user.username for users in pool.map(lambda _: UserFactory.build_batch(50), range(8)) for user in users
        ]
    assert len({*theirs, *(user.username for user in UserFactory.build_batch(50))}) == 450


def test_seeds_have_lower_numbers() -> None:
    """No unique number or name of a factory can be one of a seed or of a migration file."""
    draw = Draw(Scope("any"), 0, 0, {})
    assert 2**62 <= draw.unique < 2**63
    assert draw.unique > 99_999_999_999_999
    assert AgentFactory.build(agent_type="orchestrator").slug != "orchestrator"
    files = [path.read_text(encoding="utf-8") for path in (Path(__file__).parents[2] / "sql/seeds").glob("*.sql")]
    assert not any(UserFactory.build().username in text for text in files)


def test_the_scope_of_a_test_ends_with_it() -> None:
    """What is made in an inner scope does not count in the outer one."""
    before = current_scope()
    with inside(Scope("inner")) as inner:
        assert current_scope() is inner
    assert current_scope() is before


@pytest.mark.parametrize("size", [2, 3, 7, 50])
def test_values_look_random(size: int) -> None:
    """Rows, columns and draws are independent of each other as far as counting pairs can tell."""
    scope, rows = Scope("any"), 4000
    keys = [column_key("users", "a"), column_key("users", "b")]

    def place(key: int, number: int) -> int:
        return Draw(scope, key, number, {}).integer(0, size - 1)

    pairs = [
        [(place(keys[0], number), place(keys[1], number)) for number in range(rows)],
        [(place(keys[0], number), place(keys[0], number + 1)) for number in range(rows)],
        [(place(keys[0], number), random.Random(number).randrange(size)) for number in range(rows)],
    ]
    expected = rows / size**2
    for each in pairs:
        counts = [each.count(pair) for pair in set(each)]
        squares = sum((count - expected) ** 2 / expected for count in counts) + (size**2 - len(counts)) * expected
        assert squares < size**2 + 6 * (2 * size**2) ** 0.5
