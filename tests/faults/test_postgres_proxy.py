"""The proxy before a Postgres does what it says, to psycopg, sync and async, on all ways of the protocol."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from swe_db.errors import ConfigError
from swe_db.faults import Fault, PostgresProxy
from swe_db.faults.fault import Then
from swe_db.servers.server import PostgresServer

Connect = Callable[..., psycopg.Connection[Any]]

LOST = psycopg.OperationalError
SLEEP = "SELECT pg_sleep(20)"


@pytest.fixture(scope="module")
def direct(postgres: PostgresServer) -> Iterator[psycopg.Connection[Any]]:
    """A connection that does not lead through the proxy, to a table of the tests' own."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE faults (n int)")
        yield connection
        connection.execute("DROP TABLE faults")


@pytest.fixture
def proxy(postgres: PostgresServer, direct: psycopg.Connection[Any]) -> Iterator[PostgresProxy]:
    """A proxy before a Postgres with an empty table."""
    direct.execute("TRUNCATE faults")
    with PostgresProxy(postgres.address) as proxy:
        yield proxy


@pytest.fixture
def connect(proxy: PostgresProxy) -> Iterator[Connect]:
    """Opens connections through the proxy."""
    made: list[psycopg.Connection[Any]] = []

    def connect(**options: Any) -> psycopg.Connection[Any]:
        made.append(psycopg.connect(proxy.url, connect_timeout=30, **options))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def rows(direct: psycopg.Connection[Any]) -> list[int]:
    """What is committed."""
    return [n for (n,) in direct.execute("SELECT n FROM faults ORDER BY n").fetchall()]


@pytest.mark.parametrize("prepare", [None, True])
def test_a_lost_commit_is_done(
    proxy: PostgresProxy, connect: Connect, direct: psycopg.Connection[Any], prepare: bool | None
) -> None:
    """The client learns nothing, the server has committed, and the next transaction goes well."""
    fault = proxy.drop_replies("COMMIT")
    connection = connect()
    connection.execute("INSERT INTO faults VALUES (%s)", [1], prepare=prepare)
    with pytest.raises(LOST):
        connection.commit()
    fault.wait()
    assert rows(direct) == [1]
    with connect() as other:
        other.execute("INSERT INTO faults VALUES (2)")
    assert rows(direct) == [1, 2]
    assert proxy.count("insert into faults") == 2
    assert proxy.count("COMMIT") == 2


@pytest.mark.parametrize("parameters", [None, [1]])
def test_the_nth_statement_that_holds_the_text(
    proxy: PostgresProxy, connect: Connect, direct: psycopg.Connection[Any], parameters: list[int] | None
) -> None:
    """Only the reply to the one that is meant is lost, by the simple and by the extended protocol."""
    value = "%s" if parameters else "1"
    connection = connect(autocommit=True)
    proxy.drop_replies("faults values", nth=3)
    for _ in range(2):
        connection.execute(f"INSERT INTO faults VALUES ({value})".encode(), parameters)
        connection.execute("SELECT 1")
    with pytest.raises(LOST):
        connection.execute(f"INSERT INTO faults VALUES ({value})".encode(), parameters)
    assert rows(direct) == [1, 1, 1]


def test_a_named_prepared_statement_is_known_by_its_text(proxy: PostgresProxy, connect: Connect) -> None:
    """What was prepared before the fault was asked for is found when it is executed."""
    connection = connect(autocommit=True)
    for turn in range(2):
        connection.execute("INSERT INTO faults VALUES (%s)", [turn], prepare=True)
    fault = proxy.drop_replies("INTO faults")
    with pytest.raises(LOST):
        connection.execute("INSERT INTO faults VALUES (%s)", [2], prepare=True)
    assert fault.has_happened


def test_chores_of_drivers_are_not_any_statement(proxy: PostgresProxy, connect: Connect) -> None:
    """A fault that names no statement passes over BEGIN, SET and the like."""
    connection = connect()
    fault = proxy.drop_replies(times=2)
    connection.execute("SET application_name = 'x'")
    connection.execute("SELECT 1")
    connection.rollback()
    for _ in range(2):
        assert not fault.has_happened
        with pytest.raises(LOST):
            connection.execute("SELECT 2")
        connection = connect()
    assert fault.has_happened
    connection.execute("SELECT 2")


def test_silence_ends_with_its_block(proxy: PostgresProxy, connect: Connect, direct: psycopg.Connection[Any]) -> None:
    """The client waits with its connection open; when the fault is undone the connection ends."""
    connection = connect(autocommit=True)
    errors: list[Exception] = []

    def insert() -> None:
        try:
            connection.execute("INSERT INTO faults VALUES (1)")
        except LOST as error:
            errors.append(error)

    with proxy.drop_replies("INSERT", times=None, then="silence") as fault:
        waiting = threading.Thread(target=insert)
        waiting.start()
        fault.wait()
        assert waiting.is_alive()
        assert proxy.connections == 1
    waiting.join(30)
    assert len(errors) == 1
    assert rows(direct) == [1]


def test_a_reply_is_cut_in_its_middle(proxy: PostgresProxy, connect: Connect) -> None:
    """The client has begun to read rows when its connection ends."""
    connection = connect(autocommit=True)
    proxy.cut("generate_series", after=20_000)
    read: list[int] = []
    with pytest.raises(LOST):
        read += [n for (n,) in connection.cursor().stream("SELECT generate_series(1, 100000)")]
    with connect() as other:
        assert other.execute("SELECT count(*) FROM generate_series(1, 100000)").fetchone() == (100_000,)


def test_a_cut_after_so_many_bytes(proxy: PostgresProxy, connect: Connect) -> None:
    """It may come while the connection is being opened, and comes once."""
    fault = proxy.cut(after=10)
    with pytest.raises(LOST):
        connect()
    assert fault.has_happened
    connect().execute("SELECT 1")


def test_cut_ends_every_connection(proxy: PostgresProxy, connect: Connect, direct: psycopg.Connection[Any]) -> None:
    """Who is connected loses the connection, in the middle of a statement too, and may connect again."""
    idle, busy = connect(), connect(autocommit=True)
    threading.Thread(target=_cut_when_busy, args=(proxy, direct), daemon=True).start()
    with pytest.raises(LOST):
        busy.execute(SLEEP)
    with pytest.raises(LOST):
        idle.execute("SELECT 1")
    assert connect().execute("SELECT 1").fetchone() == (1,)


def _cut_when_busy(proxy: PostgresProxy, direct: psycopg.Connection[Any]) -> None:
    while not _is_busy(direct):
        time.sleep(0.002)
    proxy.cut()


def _is_busy(direct: psycopg.Connection[Any]) -> bool:
    return bool(
        direct.execute("SELECT FROM pg_stat_activity WHERE state = 'active' AND query = %s", [SLEEP]).fetchall()
    )


def test_what_was_cut_off_ends_with_the_proxy(
    proxy: PostgresProxy, connect: Connect, direct: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement goes on in the server after the cut, and no longer than the proxy."""
    monkeypatch.setattr("swe_db.faults.proxy.ENDING", 9)
    test_cut_ends_every_connection(proxy, connect, direct)
    assert _is_busy(direct)
    proxy.close()
    assert not _is_busy(direct)


def test_refused_connections(proxy: PostgresProxy, connect: Connect) -> None:
    """While connections are refused those that are there work; a block inside another one ends only its own refusal."""
    connection = connect()
    with proxy.refuse():
        connection.execute("SELECT 1")
        with proxy.outage(), pytest.raises(LOST):
            connection.execute("SELECT 1")
        with pytest.raises(LOST, match="refused"):
            connect()
    connect().execute("SELECT 1")
    proxy.refuse()
    proxy.accept()
    connect().execute("SELECT 1")


def test_restore_undoes_everything(proxy: PostgresProxy, connect: Connect) -> None:
    """After it the network is as good as at first."""
    connection = connect()
    proxy.refuse()
    proxy.latency(60)
    proxy.drop_replies("SELECT", times=None)
    proxy.cut(after=0)
    proxy.restore()
    connection.execute("SELECT 1")
    connect().execute("SELECT 1")


def test_latency_adds_to_each_round_trip(proxy: PostgresProxy, connect: Connect) -> None:
    """A reply is late by the latency, however many pieces it has; without it, it is not."""
    connection = connect(autocommit=True)
    with proxy.latency(0.1, jitter=0.01):
        begun = time.monotonic()
        connection.execute("SELECT repeat('x', 1000000)")
        assert time.monotonic() - begun >= 0.1
    assert proxy.delay() == 0


def test_copy_passes_and_is_lost(proxy: PostgresProxy, connect: Connect, direct: psycopg.Connection[Any]) -> None:
    """COPY in both directions goes through; where its reply is lost the rows are there."""
    connection = connect(autocommit=True)
    for _ in range(2):
        with connection.cursor().copy("COPY faults FROM STDIN") as copy:
            copy.write_row([7])
    with connection.cursor().copy("COPY faults TO STDOUT") as copy:
        assert list(copy.rows()) == [("7",), ("7",)]
    proxy.drop_replies("COPY faults FROM")
    with pytest.raises(LOST), connection.cursor().copy("COPY faults FROM STDIN") as copy:
        copy.write_row([8])
    assert rows(direct) == [7, 7, 8]


@pytest.mark.parametrize("then", ["cut", "silence"])
def test_a_pipeline(proxy: PostgresProxy, connect: Connect, direct: psycopg.Connection[Any], then: Then) -> None:
    """In a pipeline the replies before the one that is lost arrive."""
    connection = connect(autocommit=True)
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int", [n]) for n in range(3)]
        assert [cursor.fetchone() for cursor in cursors] == [(0,), (1,), (2,)]
    fault = proxy.drop_replies("INSERT", then=then)
    cutting = threading.Thread(target=_cut_when_lost, args=(proxy, fault))
    cutting.start()
    with pytest.raises(LOST):
        _two_statements(connection)
    cutting.join()
    assert rows(direct) == [9]


def _two_statements(connection: psycopg.Connection[Any]) -> None:
    with connection.pipeline():
        connection.execute("SELECT %s::int", [5])
        connection.execute("INSERT INTO faults VALUES (%s)", [9])


def _cut_when_lost(proxy: PostgresProxy, fault: Fault) -> None:
    fault.wait()
    proxy.cut()


def test_async_connections(proxy: PostgresProxy, direct: psycopg.Connection[Any]) -> None:
    """Psycopg's other kind of connection sees the same; the proxy's own thread serves it."""

    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(proxy.url, autocommit=True) as connection:
            proxy.drop_replies("INSERT")
            with pytest.raises(LOST):
                await connection.execute("INSERT INTO faults VALUES (1)")

    asyncio.run(main())
    assert rows(direct) == [1]


def test_a_query_can_be_cancelled_through_it(connect: Connect, direct: psycopg.Connection[Any]) -> None:
    """A cancel request, which is a connection of its own, arrives."""
    connection = connect(autocommit=True)
    cancelling = threading.Thread(target=_cancel_when_busy, args=(connection, direct))
    cancelling.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(SLEEP)
    cancelling.join()


def _cancel_when_busy(connection: psycopg.Connection[Any], direct: psycopg.Connection[Any]) -> None:
    while not _is_busy(direct):
        time.sleep(0.002)
    connection.cancel_safe()  # the older `cancel` holds Python's lock, which the proxy needs


@pytest.mark.parametrize("options", [{"sslmode": "prefer"}, {"sslmode": "disable"}, {"gssencmode": "prefer"}])
def test_questions_for_encryption_pass(proxy: PostgresProxy, connect: Connect, options: dict[str, str]) -> None:
    """Libpq may ask for TLS or GSS first; the server says no and all goes on."""
    connection = connect(autocommit=True, **options)
    proxy.drop_replies("SELECT 5")
    with pytest.raises(LOST):
        connection.execute("SELECT 5")


@pytest.mark.parametrize(
    "arguments", [{"to": ""}, {"nth": 0}, {"times": 0}, {"then": "hang"}], ids=lambda arguments: next(iter(arguments))
)
def test_what_makes_no_fault_is_refused(proxy: PostgresProxy, arguments: dict[str, Any]) -> None:
    """An argument that would never do anything is an error at once, and nothing is in effect."""
    with pytest.raises(ConfigError, match="make no fault"):
        proxy.drop_replies(**arguments)
    for call in (lambda: proxy.latency(-1), lambda: proxy.cut(after=-1), proxy.restart_server):
        with pytest.raises(ConfigError):
            call()
