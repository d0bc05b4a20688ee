"""A local environment as its user sees it: up, status, url, env, psql, redis-cli, down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.environments import called, called_for_json, data_home, new_name, query, removed_in_the_end


@pytest.fixture(scope="module")
def name(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An environment of servers from this machine, or from wheels, that was started with its usual ports."""
    with data_home(tmp_path_factory.mktemp("data")), removed_in_the_end(new_name()) as made:
        done = called("up", "--name", made, variables={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
        assert done.returncode == 0, done.stderr
        yield made


def test_what_is_committed_is_there_after_down_and_up(name: str) -> None:
    """Rows and keys survive down and up, on the same ports; a second up finds what runs."""
    before = called_for_json("up", "--json", "--name", name)
    query(name, "CREATE TABLE kept AS SELECT 1 AS number")
    assert called("redis-cli", "--name", name, "--", "set", "kept", "1").stdout == "OK\n"
    assert called("down", "--name", name).stdout.startswith(f"{name}: postgres and redis stopped; the data stay")
    (stopped,) = called_for_json("status", "--json", "--name", name)["environments"]
    assert (stopped["running"], stopped["postgres"]["running"], stopped["redis"]["running"]) == (False, False, False)
    assert called_for_json("up", "--json", "--name", name)["postgres"] == before["postgres"]
    assert query(name, "TABLE kept") == [(1,)]
    assert called("redis-cli", "--name", name, "--", "get", "kept").stdout == "1\n"
    (running,) = called_for_json("status", "--json", "--name", name)["environments"]
    assert (running["running"], running["migrations"]) == (True, {"applied": 1})
    assert called_for_json("env", "--json", "--name", name)["SWE_DB_NAME"] == name
