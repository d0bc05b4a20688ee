"""The backend `fake`: a Redis in the process, by name only, that never pretends to be reachable from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

FAKE = "--swe-db-redis-backend=fake"
SUITE = """
import threading

import pytest

@pytest.mark.parametrize("turn", range(4))
def test_it_is_empty(swe_redis, swe_redis_server, turn):
    assert swe_redis.keys() == []
    thread = threading.Thread(target=swe_redis.set, args=("made", turn))
    thread.start()
    thread.join()
    assert swe_redis.get("made") == str(turn).encode()
    with swe_redis_server.connect(db=3) as other:
        assert other.keys() == []
        other.set("elsewhere", 1)
    assert swe_redis.eval("return redis.call('get', KEYS[1])", 1, "made") == str(turn).encode()

@pytest.mark.asyncio
async def test_async_sees_the_same(swe_redis, swe_async_redis):
    swe_redis.set("key", 1)
    assert await swe_async_redis.get("key") == b"1"
"""


@pytest.mark.parametrize("workers", [[], ["-n2"]])
def test_each_test_begins_empty(pytester: pytest.Pytester, run: RunPytest, workers: list[str]) -> None:
    """Clients of a test, sync and async, in threads and in other logical databases, share one Redis, empty before."""
    pytester.makepyfile(SUITE)
    result = run("--swe-db", FAKE, *workers)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["swe-db: postgres *, redis 7 (fake, in this process only, no REDIS_URL); *"])


def test_there_is_no_redis_url(pytester: pytest.Pytester, run: RunPytest, monkeypatch: pytest.MonkeyPatch) -> None:
    """swe_env takes a REDIS_URL of the shell away, and whoever asks for the URL is told what to do."""
    monkeypatch.setenv("REDIS_URL", "redis://production:6379/0")
    pytester.makepyfile(
        """
        import os
        import pytest
        from swe_db.errors import ServerError

        def test_environment(swe_env):
            assert "REDIS_URL" not in swe_env
            assert "REDIS_URL" not in os.environ
            assert swe_env["DATABASE_URL"] == os.environ["DATABASE_URL"]

        def test_url(swe_worker, swe_redis_server):
            for owner, name in ((swe_worker, "redis_url"), (swe_redis_server, "url")):
                with pytest.raises(ServerError, match="no URL.*--swe-db-redis-backend=auto"):
                    getattr(owner, name)
        """
    )
    run("--swe-db", FAKE).assert_outcomes(passed=2)


def test_there_is_no_fake_postgres(run: RunPytest) -> None:
    """There is no Postgres of that kind."""
    result = run("--swe-db", "--swe-db-backend=fake")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--swe-db-backend: invalid choice: 'fake'*"])


def test_without_fakeredis_the_package_is_named(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A broken installation is one message and exit code 4."""
    pytester.makepyfile(fakeredis="raise ImportError('broken')", test_it="def test_it(swe_redis): pass")
    pytester.syspathinsert()
    result = run("--swe-db", FAKE)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*fake: fakeredis cannot be imported: broken", "*pip install 'fakeredis?lua?'"])
