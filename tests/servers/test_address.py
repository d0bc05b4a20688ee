"""Reading and writing the URLs of servers."""

from __future__ import annotations

from urllib.parse import urlsplit

import psycopg.conninfo
import pytest
from redis.connection import parse_url

from swe_db.errors import ConfigError
from swe_db.servers.address import PostgresAddress, RedisAddress

AWKWARD = "p@ss/w:rd?#[%20] ü"


def address(**changes: object) -> PostgresAddress:
    """An address with an awkward password."""
    facts = {"host": "db.example", "port": 5433, "user": "me", "password": AWKWARD, "name": "my db"}
    return PostgresAddress(**{**facts, **changes})  # type: ignore[arg-type]


def test_a_postgres_url_is_read_back_as_it_was() -> None:
    """Whatever stands in user, password and name survives the way to a URL and back."""
    given = address(user="us/er", options=(("sslmode", "require"),))
    assert PostgresAddress.parse(given.url, "a test") == given


def test_libpq_reads_the_url_as_we_mean_it() -> None:
    """The parser of libpq itself finds the same parts in the URL."""
    parts = psycopg.conninfo.conninfo_to_dict(address().url)
    assert parts == {"host": "db.example", "port": "5433", "user": "me", "password": AWKWARD, "dbname": "my db"}


def test_urlparse_reads_the_url() -> None:
    """The standard library finds host and port, so that asyncpg and the like do."""
    parts = urlsplit(address(host="::1").url)
    assert (parts.hostname, parts.port) == ("::1", 5433)


def test_sqlalchemy_gets_its_driver() -> None:
    """The SQLAlchemy form differs in the scheme only."""
    assert address().sqlalchemy_url("asyncpg") == address().url.replace("postgresql://", "postgresql+asyncpg://")


def test_missing_parts_have_libpqs_defaults() -> None:
    """Port and database may be left out."""
    parsed = PostgresAddress.parse("postgres://me@h", "a test")
    assert (parsed.port, parsed.name, parsed.password) == (5432, "postgres", "")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h",
        "mysql://me@h",
        "postgresql:///x",
        "postgresql://h/x",
        "postgresql://me@h:x/x",
        "postgresql://[me@h",
        "postgresql://me@h/x?dbname=prod",
        "postgresql://me@h/x?host=prod&port=abc",
    ],
)
def test_what_is_no_postgres_url_is_refused(url: str) -> None:
    """The error names where the URL came from and shows the form."""
    with pytest.raises(ConfigError, match=r"^--flag .*"):
        PostgresAddress.parse(url, "--flag")


def test_a_password_is_in_no_message_and_no_repr() -> None:
    """Neither repr nor the shown form nor an error has the password."""
    given = address(password="geheim")
    with pytest.raises(ConfigError) as caught:
        PostgresAddress.parse("postgresql://me:geheim@h:port/x", "--flag")
    assert "geheim" not in f"{given!r} {given.shown} {caught.value}"


def test_a_redis_url_is_read_back_as_it_was() -> None:
    """Whatever stands in user and password survives, and redis-py reads the same."""
    given = RedisAddress(host="h", port=7000, username="us:er", password=AWKWARD, tls=True)
    assert RedisAddress.parse(given.url, "a test") == given
    parts = parse_url(given.url)  # type: ignore[no-untyped-call]
    assert (parts["username"], parts["password"], parts["db"]) == ("us:er", AWKWARD, 0)


def test_the_logical_database_of_a_redis_url_is_not_taken() -> None:
    """A database number in the user's URL has no meaning: one is leased."""
    assert RedisAddress.parse("redis://h/7?db=8", "a test").db == 0


def test_a_socket_is_the_shortest_way() -> None:
    """Where there is a socket our own connections use it, and everybody else TCP."""
    given = RedisAddress(host="127.0.0.1", port=1, password=AWKWARD, socket="/run/a b.sock", db=3)
    parts = parse_url(given.connection_url)  # type: ignore[no-untyped-call]
    assert (parts["path"], parts["password"], parts["db"]) == ("/run/a b.sock", AWKWARD, 3)
    assert given.url.startswith("redis://")
