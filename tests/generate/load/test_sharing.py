"""Several runs that share a load: shards, runs at the same time, executors of others."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from support.loads import Steps, catalogue, content, run_script
from swe_db.errors import ConfigError
from swe_db.generate.load.loading import generate
from swe_db.generate.plan import Plan
from swe_db.generate.run import Shard

# Two parts of tasks.
SHARED = Plan.of("small", rows={"tasks": 2_000})
SMALL = Plan.of("small")

ON_DASK = """
import json, sys, warnings
from distributed import Client, LocalCluster
from swe_db.generate import Plan, generate

if __name__ == "__main__":
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
        client.get_executor() as executor,
    ):
        report = generate(sys.argv[1], Plan.of("small"), executor=executor, jobs=2)
    print(json.dumps([report.finished, report.parts]))
"""


def test_shards_load_their_parts_and_the_last_one_finishes(target: str) -> None:
    """Shards in any order have all parts between them; each says whose are missing; repeating one changes nothing."""
    third = generate(target, SHARED, shard=Shard(3, 3), jobs=1, indexes="rebuild")
    assert not third.finished
    assert third.missing == {"1/3": 1, "2/3": 1}
    assert generate(target, SHARED, shard=Shard(3, 3), jobs=1).loaded == 0
    first = generate(target, SHARED, shard=Shard(1, 3), jobs=1)
    assert first.missing == {"2/3": 1}
    second = generate(target, SHARED, shard=Shard(2, 3), jobs=1)
    assert second.finished
    assert sum(report.loaded for report in (first, second, third)) == sum(second.rows.values()) - 20
    assert generate(target, resume=True).rows == second.rows


def test_runs_at_the_same_time_do_the_work_once(target: str, small_content: Mapping[str, Any]) -> None:
    """Of two runs that meet at every step, each part is loaded by one, and both find the load finished."""
    before, steps = catalogue(target), Steps()
    generate(target, SMALL, shard=Shard(3, 3), jobs=1, indexes="rebuild")
    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(generate, target, resume=True, jobs=1, on_progress=steps) for _ in range(2)]
        reports = [run.result() for run in runs]
    assert [report.finished for report in reports] == [True, True]
    assert content(target) == small_content
    assert [row for row in catalogue(target) if "audit_logs" not in str(row)] == [
        row for row in before if "audit_logs" not in str(row)
    ]


def test_a_cluster_of_dask_is_an_executor(target: str, small_content: Mapping[str, Any]) -> None:
    """Loaded by processes of a dask cluster, the rows are the same."""
    run = run_script(ON_DASK, target)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout.splitlines()[-1]) == [True, 4]
    assert content(target) == small_content


class Logging(ThreadPoolExecutor):
    """Threads, and what a scheduler may write into its log."""

    def __init__(self) -> None:
        super().__init__(2)
        self.log: list[str] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function after its arguments were sent and logged."""
        args = pickle.loads(pickle.dumps(args))
        self.log.append(repr(args))
        return super().submit(fn, *args, **kwargs)


def test_threads_are_an_executor(target: str, small_content: Mapping[str, Any]) -> None:
    """So is a pool of threads; what it is given can be logged, for it does not show how to connect."""
    with Logging() as threads:
        assert generate(target, SMALL, executor=threads, jobs=2).finished
    assert content(target) == small_content
    assert any("<connection>" in line for line in threads.log)
    assert [line for line in threads.log if "dbname" in line or "password" in line] == []


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "a/b", "1/0", "-1/2"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    """Only I/N with I from 1 to N is a shard."""
    with pytest.raises(ConfigError, match="shard"):
        Shard.parse(text)
