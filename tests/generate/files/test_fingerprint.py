"""Checksums of tables: the same in the database, in CSV and in Parquet."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from support.bundled import PLACE, as_json, columns_of, seeds_of
from support.data_sets import DataSet
from support.file_sets import run_script
from support.migrations import rows
from swe_db.cli import run
from swe_db.errors import ConfigError, GenerateError
from swe_db.generate.files.columns import seeded_tables
from swe_db.generate.files.fingerprint import fingerprint_of_files
from swe_db.generate.verify.fingerprint import Fingerprint, fingerprint_of_database
from swe_db.generate.verify.lines import Sums, array_literals, sums_of
from swe_db.migrations import migrate, seed
from swe_db.servers.server import PostgresServer

NASTY = [
    ["a", "b c"],
    [],
    ["", "NULL", "null", "nullable"],
    ['"', "\\", "{", "}", ","],
    ["\t", "\n", "\v", "ü"],
    [None],
]
SETTINGS = {
    "TimeZone": "Asia/Kolkata",
    "DateStyle": "SQL, DMY",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "-5",
    "bytea_output": "escape",
    "search_path": "swe_elsewhere",
}


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer, csv_files: Path) -> Iterator[str]:
    """A database that was migrated, and filled from the CSV files."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = postgres.address.database(name).url
        migrate(url)
        run_script(url, csv_files)
        yield url
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def changed(url: str, statement: str) -> list[str]:
    """Return the tables whose checksums a statement changes; it is undone."""
    before = fingerprint_of_database(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
    return before.differences(fingerprint_of_database(url))


def test_files_and_database_agree(filled: str, csv_files: Path, parquet_files: Path, small: DataSet) -> None:
    """What the script loads from CSV has the checksums of the CSV files, of the Parquet files, and of the rows made."""
    loaded = fingerprint_of_database(filled)
    assert loaded == fingerprint_of_files(csv_files)
    assert loaded.tables == fingerprint_of_files(parquet_files).tables
    assert {name: table.rows for name, table in loaded.tables.items() if name in small.plan.counts} == small.plan.counts
    made = {name: sums_of(table) for name, table in small.tables.items()}
    for name, table in seeded_tables().items():
        made[name] += sums_of(table)
    assert {name: (sums.rows, sums.checksum) for name, sums in made.items()} == {
        name: (table.rows, table.checksum) for name, table in loaded.tables.items()
    }


def test_the_next_row_gets_the_next_id(filled: str, small: DataSet) -> None:
    """The script sets the sequences, and makes a partition for each month."""
    with psycopg.connect(filled) as connection:
        statement = "INSERT INTO projects (owner_id, name, slug) VALUES (1, 'Next', 'next') RETURNING id"
        assert connection.execute(statement).fetchone() == (small.plan.counts["projects"] + 1,)
        connection.rollback()
        assert connection.execute("SELECT count(*) FROM audit_logs_default").fetchone() == (0,)


def test_settings_do_not_matter(filled: str) -> None:
    """Whatever the session, the user or the database sets, the checksums are the same."""
    expected = fingerprint_of_database(filled)
    with psycopg.connect(filled, autocommit=True) as connection:
        for name, value in SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        assert fingerprint_of_database(connection) == expected
        assert connection.execute("SHOW TimeZone").fetchone() == ("Asia/Kolkata",)


def test_the_order_of_rows_and_columns_does_not_matter(new_database: Callable[[], str]) -> None:
    """Rows are added up, and columns are taken by name; generated ones are left out."""
    first, second = new_database(), new_database()
    rows(first, "CREATE TABLE t (a int, b text, c text); INSERT INTO t VALUES (1, 'x', NULL), (2, NULL, 'y')")
    rows(second, "CREATE TABLE t (c text, d int GENERATED ALWAYS AS (7) STORED, b text, a bigint)")
    rows(second, "INSERT INTO t (a, b, c) VALUES (2, NULL, 'y'), (1, 'x', NULL); CREATE TABLE nothing (id int)")
    one, two = fingerprint_of_database(first), fingerprint_of_database(second)
    assert (one.differences(two), one.whole == two.whole) == ([], True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE t SET b = '' WHERE a = 2",
        "UPDATE t SET b = NULL, c = 'x' WHERE a = 1",
        "DELETE FROM t WHERE a = 1",
        "INSERT INTO t VALUES (1, 'x', NULL)",
        "UPDATE t SET a = 3 - a",
    ],
)
def test_what_changes_a_row_changes_its_table(new_database: Callable[[], str], statement: str) -> None:
    """A null is no empty text, a value belongs to its column, and rows count as often as they are there."""
    url = new_database()
    rows(url, "CREATE TABLE t (a int, b text, c text); INSERT INTO t VALUES (1, 'x', NULL), (2, NULL, 'y')")
    rows(url, "CREATE TABLE u (id int); INSERT INTO u VALUES (1)")
    assert changed(url, statement) == ["t"]


def test_all_tables_of_users_count(new_database: Callable[[], str]) -> None:
    """Tables of other schemas and of many columns count; the ledger, the history of migrations and partitions not."""
    url = new_database()
    columns = ", ".join(f"column_{number} int DEFAULT {number}" for number in range(240))
    rows(url, f"CREATE SCHEMA own; CREATE TABLE own.wide ({columns}); INSERT INTO own.wide DEFAULT VALUES")
    rows(url, "CREATE SCHEMA swe_load; CREATE TABLE swe_load.run (id int); CREATE TABLE schema_migrations (id int)")
    rows(url, "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1)")
    found = fingerprint_of_database(url)
    assert {name: table.rows for name, table in found.tables.items()} == {"p": 0, "own.wide": 1}
    assert changed(url, "UPDATE own.wide SET column_239 = NULL") == ["own.wide"]


def test_hidden_rows_are_an_error(filled: str, ordinary_url: str) -> None:
    """A user who may not see every row gets an error that says so, and no checksum of the others."""
    role = str(psycopg.conninfo.conninfo_to_dict(ordinary_url)["user"])
    with psycopg.connect(filled, autocommit=True) as connection:
        connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(role)))
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        with pytest.raises(GenerateError, match="may not read all rows of activity_feed"):
            fingerprint_of_database(connection)
        connection.execute("RESET ROLE")
        connection.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(sql.Identifier(role)))


def test_arrays_are_written_as_postgres_writes_them(postgres: PostgresServer) -> None:
    """Quotes, backslashes, white space, empty texts and nulls in arrays of texts."""
    import pyarrow as pa  # noqa: PLC0415

    with psycopg.connect(postgres.url) as connection:
        expected = [connection.execute("SELECT %s::text[]::text", [value]).fetchone() for value in NASTY]
    assert [(text,) for text in array_literals(pa.array([*NASTY, None], pa.list_(pa.string()))).to_pylist()] == [
        *expected,
        (None,),
    ]


def test_sums_wrap_around() -> None:
    """Sums are modulo 2**64, whichever way they are grouped."""
    whole = Sums(1, (1 << 64) - 1, 5) + Sums(1, 3, -6)
    assert (whole.rows, whole.checksum) == (2, f"{2:016x}{(1 << 64) - 1:016x}")


def test_the_columns_and_seeds_are_those_of_the_database(new_database: Callable[[], str]) -> None:
    """What the generator knows by heart is what migrations and seeds make; tests/support/bundled.py writes it anew."""
    url = new_database()
    migrate(url)
    seed(url)
    assert (PLACE / "columns.json").read_text(encoding="utf-8") == as_json(columns_of(url))
    assert (PLACE / "seeds.json").read_text(encoding="utf-8") == as_json(seeds_of(url))
    loaded = fingerprint_of_database(url)
    assert Fingerprint({}).differences(loaded) == sorted(seeded_tables())
    assert {name: sums_of(table).checksum for name, table in seeded_tables().items()} == {
        name: loaded.tables[name].checksum for name in seeded_tables()
    }


def test_the_command_compares(filled: str, csv_files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that is named is compared with the files; without one the files are shown by themselves."""
    whole = fingerprint_of_files(csv_files).whole
    assert run(["fingerprint", "--files", str(csv_files)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith(whole)
    arguments = ["fingerprint", "--postgres-url", filled, "--files", str(csv_files)]
    assert run([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert (f'"fingerprint": "{whole}"' in captured.out, captured.err) == (True, "the files hold the same rows\n")
    rows(filled, "INSERT INTO users (username, email, display_name) VALUES ('more', 'more@swe.example', 'One more')")
    assert run(arguments) == 1
    assert "differ in users." in capsys.readouterr().err
    rows(filled, "DELETE FROM users WHERE username = 'more'")


def test_a_directory_without_a_data_set(tmp_path: Path) -> None:
    """A directory that holds no complete data set is refused."""
    with pytest.raises(ConfigError, match=r"manifest\.json is missing"):
        fingerprint_of_files(tmp_path)
