"""Seeds by name: only marked tests see them, and each begins with them pristine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RunPytest = Callable[..., pytest.RunResult]

ORDERS = "CREATE TABLE IF NOT EXISTS orders (id int); INSERT INTO orders SELECT generate_series(1, 3);"
ITEMS = "CREATE TABLE IF NOT EXISTS items (id int); INSERT INTO items VALUES (1);"
FLAGS = ("--swe-db", "--swe-db-seeds=seeds")

SWITCHES = """
import psycopg
import pytest

seen = set()
ORDERED = pytest.mark.swe_db(seeds="orders")
BOTH = pytest.mark.swe_db(seeds=["orders", "items"])
PARAMETERS = [
    case
    for turn in range(3)
    for case in (
        pytest.param("orders", None, marks=ORDERED),
        pytest.param(None, None),
        pytest.param("orders", "items", marks=BOTH),
        pytest.param("orders", None, marks=ORDERED),
        pytest.param("orders", None, marks=ORDERED),
    )
]


@pytest.mark.swe_db(isolation="ISOLATION")
@pytest.mark.parametrize(("orders", "items"), PARAMETERS)
def test_it(swe_database, swe_worker, orders, items):
    seen.add((swe_database.url, swe_worker.url))
    assert len(seen) == 1
    with swe_database.connect() as connection:
        query = "SELECT to_regclass('orders')::text, to_regclass('items')::text, (SELECT count(*) FROM users)"
        assert connection.execute(query).fetchone() == (orders, items, 5)
        connection.execute("INSERT INTO users (username, email, display_name) VALUES ('k', 'k@example.org', 'K')")
        if orders:
            assert connection.execute("SELECT sum(id) FROM orders").fetchone() == (6,)
            connection.execute("UPDATE orders SET id = 7")


def test_no_seeds_of_a_name_in_the_database(swe_db):
    assert swe_db.execute("SELECT to_regclass('orders')").fetchone() == (None,)
"""


@pytest.fixture(autouse=True)
def seeds(pytester: pytest.Pytester) -> Path:
    """A directory of seeds that has none for every database, and two sets."""
    directory = pytester.mkdir("seeds")
    for name, text in (("orders", ORDERS), ("items", ITEMS)):
        directory.joinpath(name).mkdir()
        directory.joinpath(name, "10_rows.sql").write_text(text, encoding="utf-8")
    return directory


@pytest.mark.parametrize("isolation", ["reset", "clone"])
@pytest.mark.parametrize("backend", ["local", "docker"])
def test_marked_tests_begin_with_their_seeds(
    pytester: pytest.Pytester, run: RunPytest, backend: str, isolation: str
) -> None:
    """Switching to and fro keeps the URL, commits reach no other test, and only the marked see the rows."""
    pytester.makepyfile(SWITCHES.replace("ISOLATION", isolation))
    run(*FLAGS, f"--swe-db-backend={backend}").assert_outcomes(passed=16)


def test_workers_have_seeds_each(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Under xdist every worker gives its tests their seeds."""
    pytester.makepyfile(SWITCHES.replace("ISOLATION", "reset"))
    run(*FLAGS, "-n2").assert_outcomes(passed=16)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        (
            "seeds='order'",
            "*no seeds named 'order': a seed set is a sub-directory of *seeds, and there are items, orders",
        ),
        ("seeds=7", "*seeds is 7: give the name of a seed set*"),
        ("seeds=[]", "*seeds is []*"),
        ("seed='orders'", "*takes isolation=* and seeds=*"),
    ],
)
def test_an_unknown_name_is_told(pytester: pytest.Pytester, run: RunPytest, marker: str, message: str) -> None:
    """A name that is no seed set ends the run at collection; the message has the names that there are."""
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.swe_db({marker})\ndef test_it(): pass")
    result = run(*FLAGS)
    result.stderr.fnmatch_lines([message])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_name_without_a_directory_says_which_option(pytester: pytest.Pytester, run: RunPytest) -> None:
    """Where no directory of seeds is given, the message says how to give one."""
    pytester.makepyfile("import pytest\n\n@pytest.mark.swe_db(seeds='orders')\ndef test_it(): pass")
    run("--swe-db").stderr.fnmatch_lines(["*no seeds named 'orders'*use --swe-db-seeds DIR"])


def test_a_wrong_statement_ends_the_run(pytester: pytest.Pytester, run: RunPytest, seeds: Path) -> None:
    """A seed that the server refuses is named with file and line, and no traceback."""
    seeds.joinpath("orders", "20_wrong.sql").write_text("SELECT 1;\nINSERT INTO nowhere VALUES (1);", encoding="utf-8")
    pytester.makepyfile("import pytest\n\n@pytest.mark.swe_db(seeds='orders')\ndef test_it(): pass")
    result = run(*FLAGS)
    result.stderr.fnmatch_lines(["*20_wrong.sql:2:*"])
    result.stderr.no_fnmatch_line("*Traceback*")
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_a_load_stands_below_the_seeds(pytester: pytest.Pytester, run: RunPytest) -> None:
    """What is loaded is in the base, so that tests with seeds and tests without have it, whenever it is loaded."""
    pytester.makepyfile(
        """
        import pytest

        ordered = pytest.mark.swe_db(seeds="orders")

        @ordered
        def test_before(swe_db):
            assert swe_db.execute("SELECT to_regclass('one'), count(*) FROM orders").fetchone() == (None, 3)

        @pytest.fixture(scope="session")
        def one(swe_worker):
            swe_worker.load("CREATE TABLE one (n int)")

        @pytest.fixture(scope="session")
        def two(one, swe_worker):
            swe_worker.load(lambda connection: connection.execute("CREATE TABLE two (n int)"))

        QUERY = "SELECT to_regclass('one')::text, to_regclass('two')::text, to_regclass('orders')::text"

        @ordered
        def test_one(one, swe_db):
            assert swe_db.execute(QUERY).fetchone() == ("one", None, "orders")
            swe_db.execute("DELETE FROM orders")
            swe_db.commit()

        @pytest.mark.parametrize("turn", range(2))
        @ordered
        def test_two(two, swe_db, turn):
            assert swe_db.execute("SELECT count(*) FROM orders, pg_class WHERE relname = 'two'").fetchone() == (3,)
            swe_db.execute("DELETE FROM orders")
            swe_db.commit()

        def test_without(two, swe_db):
            assert swe_db.execute(QUERY).fetchone() == ("one", "two", None)
        """
    )
    run(*FLAGS).assert_outcomes(passed=5)


def test_an_engine_made_at_import_goes_on(pytester: pytest.Pytester, run: RunPytest) -> None:
    """With `swe_db_env` an application's URL leads to the seeds of the test, and its idle sessions are ended."""
    pytester.makepyfile(
        """
        import os

        import psycopg
        import pytest

        ENGINE = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

        def test_base():
            assert ENGINE.execute("SELECT to_regclass('orders')").fetchone() == (None,)

        @pytest.mark.swe_db(seeds="orders")
        def test_orders():
            with pytest.raises(psycopg.OperationalError):
                ENGINE.execute("SELECT 1")
            with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
                assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)
        """
    )
    run(*FLAGS, "-o", "swe_db_env=true").assert_outcomes(passed=2)


def test_class_and_test_say_one_thing_each(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The seeds of a class hold for a test whose own marker says something else; the test's own seeds win."""
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.swe_db(seeds="orders")
        class TestIt:
            @pytest.mark.swe_db(isolation="clone")
            def test_orders(self, swe_db):
                assert swe_db.execute("SELECT count(*) FROM orders").fetchone() == (3,)

            @pytest.mark.swe_db(seeds="items")
            def test_items(self, swe_db):
                assert swe_db.execute("SELECT to_regclass('orders'), count(*) FROM items").fetchone() == (None, 1)
        """
    )
    run(*FLAGS).assert_outcomes(passed=2)
