"""Statements are read from a server's log as they were sent."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
from pathlib import Path
from typing import Final

import psycopg
import pytest

from swe_db.servers import statement_log
from swe_db.servers.server import PostgresServer
from swe_db.servers.statement_log import LoggedStatement, StatementLog

PREFIX: Final = "2026-11-24 04:43:59.212 UTC [{pid}] MARK {database} {application} MARK "
LOG: Final = """\
LOG:  database system is ready to accept connections
a words a b [7] OTHER one MARK LOG:  statement: SELECT 'of another test'
{one}LOG:  statement: SELECT 1,
\t\t2
{one}ERROR:  division by zero
{one}STATEMENT:  SELECT 1 / 0
{other}LOG:  statement: SELECT 'in another database'
{two}LOG:  execute <unnamed>: SELECT $1
{two}DETAIL:  parameters: $1 = 'a
\tMARK LOG:  statement: b'
{own}LOG:  statement: SELECT 'ours'
{two}LOG:  execute s: 1/portal 2: SELECT $1
{two}DETAIL:  Parameters: $1 = '1'
{two}LOG:  execute fetch from s: 1/portal 2: SELECT $1
{two}DETAIL:  Parameters: $1 = '1'
{one}LOG:  duration: 0.1 ms
{one}LOG:  statement: \n"""


def prefix(pid: int, application: str, database: str = "tests") -> str:
    """Return what stands before each message of a session."""
    return PREFIX.format(pid=pid, application=application, database=database)


@pytest.fixture
def log(tmp_path: Path, postgres: PostgresServer) -> StatementLog:
    """A log with the statements of several sessions."""
    sessions = {
        "one": prefix(1, "[unknown]"),
        "two": prefix(2, "two LOG:  x"),
        "own": prefix(3, "swe-db"),
        "other": prefix(4, "[unknown]", "others"),
    }
    path = tmp_path / "log"
    path.write_text(LOG.format(**sessions), encoding="utf-8")
    log = StatementLog(path, postgres.admin)
    log._mark = "MARK"
    return log


def test_statements(log: StatementLog) -> None:
    """Each execution is one, with its lines and parameters; other databases and our own sessions are left out."""
    found = [(each.pid, each.application, each.sql, each.parameters) for each in log.statements("tests", 0)]
    assert found == [
        (1, "", "SELECT 1,\n\t2", None),
        (2, "two LOG:  x", "SELECT $1", "$1 = 'a\nMARK LOG:  statement: b'"),
        (2, "two LOG:  x", "1/portal 2: SELECT $1", "$1 = '1'"),
        (1, "", "", None),
    ]


def test_positions(log: StatementLog) -> None:
    """A part of the log holds the statements that began in it."""
    first, second, *_ = log.statements("tests", 0)
    assert log.statements("tests", 0, second.position) == [first]
    assert log.statements("tests", second.position)[0] == second
    assert log.statements("tests", log.position()) == []


def test_a_log_that_has_gone(log: StatementLog, tmp_path: Path) -> None:
    """A server that has ended has taken its log with it, which is told elsewhere."""
    (tmp_path / "log").unlink()
    assert (log.position(), log.statements("tests", 0)) == (0, [])


def test_sessions_that_were_idle_are_logged_at_once(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first statement of each session that was open before is in the log, also if the server is slow to react."""
    monkeypatch.setattr(statement_log, "TIMEOUT", 60.0)
    assert postgres.log is not None
    directory = postgres.log.parent
    postmaster = int((directory / "data/postmaster.pid").read_text(encoding="utf-8").split()[0])
    with contextlib.ExitStack() as ends:
        log = ends.enter_context(contextlib.closing(StatementLog(postgres.log, postgres.admin)))
        log.start()
        log.stop()
        connect = functools.partial(psycopg.connect, postgres.url, autocommit=True)
        sessions = [ends.enter_context(contextlib.closing(connect())) for _ in range(20)]
        os.kill(postmaster, signal.SIGSTOP)
        timer = threading.Timer(0.3, os.kill, (postmaster, signal.SIGCONT))
        timer.start()
        log.start()
        for session in sessions:
            session.execute("SELECT 'noted'")
        timer.join()
        found: list[LoggedStatement] = log.statements("postgres", 0)
        log.stop()
        assert [each.pid for each in found] == [session.info.backend_pid for session in sessions]
