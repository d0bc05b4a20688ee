"""The command generate as a program calls it."""

from __future__ import annotations

import json

import pytest

from swe_db.cli import run


def test_with_json_stdout_is_one_document(target: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json what was loaded is one object on stdout; how far it has come is told on stderr only."""
    sizes = {"users": 20, "projects": 10, "agents": 20, "tasks": 100, "audit_logs": 1000}
    given = [word for table, count in sizes.items() for word in ("--rows", f"{table}={count}")]
    assert run(["generate", "--json", "--jobs", "1", "--no-profile", "--postgres-url", target, *given]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {table: found["rows"][table] for table in sizes} == sizes
    assert (found["finished"], found["missing"]) == (True, {})
