"""The async fixtures live on the loop of the test, whoever runs it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

RunPytest = Callable[..., pytest.RunResult]

BODY = """
    import asyncio

    assert swe_async_db.opened_on is asyncio.get_running_loop()
    await swe_async_db.execute("CREATE TABLE made ()")
    await swe_async_db.commit()
    assert await swe_async_redis.get("key") is None
    await swe_async_redis.set("key", "value")
    assert await swe_async_redis.get("key") == b"value"
"""
# Says on which loop the connection was opened, and that it was closed on the same one.
CONFTEST = """
import asyncio

import psycopg
import pytest

opened = psycopg.AsyncConnection.connect
closed = psycopg.AsyncConnection.close


@classmethod
async def connect(cls, *args, **kwargs):
    connection = await opened(*args, **kwargs)
    connection.opened_on = asyncio.get_running_loop()
    return connection


async def close(self):
    assert self.opened_on is asyncio.get_running_loop()
    await closed(self)
    print("closed on the same loop")


psycopg.AsyncConnection.connect = connect
psycopg.AsyncConnection.close = close
"""
SCOPES = ("function", "class", "module", "package", "session")


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_pytest_asyncio_with_any_loop_scope(pytester: pytest.Pytester, run: RunPytest, mode: str) -> None:
    """With pytest-asyncio, strict or auto, a connection is opened and closed on the test's loop, whatever its scope."""
    pytester.makeconftest(CONFTEST)
    tests = [
        f"class Test{scope.title()}:\n"
        f"    @pytest.mark.asyncio(loop_scope='{scope}')\n"
        f"    async def test_it(self, swe_async_db, swe_async_redis):{BODY.replace(chr(10), chr(10) + '    ')}\n"
        for scope in SCOPES
    ]
    marker = "@pytest.mark.asyncio\n" if mode == "strict" else ""
    plain = f"{marker}async def test_plain(swe_async_db, swe_async_redis):{BODY}\n"
    package = pytester.mkpydir("package")
    (package / "test_scopes.py").write_text("import pytest\n\n" + "".join(tests) + plain, encoding="utf-8")
    result = run("--swe-db", "-o", f"asyncio_mode={mode}", "-rP")
    result.assert_outcomes(passed=6)
    assert result.stdout.str().count("closed on the same loop") == 6


def test_pytest_asyncio_default_loop_scope(pytester: pytest.Pytester, run: RunPytest) -> None:
    """The loop scope that the ini file gives to all tests is respected."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(f"import pytest\n@pytest.mark.asyncio\nasync def test_it(swe_async_db, swe_async_redis):{BODY}")
    run("--swe-db", "-o", "asyncio_default_test_loop_scope=session").assert_outcomes(passed=1)


def test_anyio(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A test of anyio gets a connection on its loop."""
    pytester.makeconftest(CONFTEST + "\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n")
    pytester.makepyfile(f"import pytest\n@pytest.mark.anyio\nasync def test_it(swe_async_db, swe_async_redis):{BODY}")
    result = run("--swe-db", "-rP")
    result.assert_outcomes(passed=1)
    assert "closed on the same loop" in result.stdout.str()


def test_trio_is_refused(pytester: pytest.Pytester, run: RunPytest) -> None:
    """On trio the error says what to do: psycopg and redis-py cannot run there."""
    pytester.makepyfile(
        "import pytest\n@pytest.fixture\ndef anyio_backend(): return 'trio'\n"
        "@pytest.mark.anyio\nasync def test_it(swe_async_db): pass"
    )
    result = run("--swe-db")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*psycopg and redis-py run on asyncio only; make the fixture anyio_backend return*"])


def test_a_sync_test_is_told(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A sync test that asks for an async fixture learns why it cannot have it."""
    pytester.makepyfile("def test_it(swe_async_db): pass")
    result = run("--swe-db")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*test_it asks for swe_async_db but runs on no event loop*"])


def test_an_async_fixture_of_the_project_builds_on_ours(pytester: pytest.Pytester, run: RunPytest) -> None:
    """A project's own async fixture gets an open connection on the same loop."""
    pytester.makepyfile(
        """
        import pytest
        import pytest_asyncio

        @pytest_asyncio.fixture
        async def made(swe_async_db):
            await swe_async_db.execute("CREATE TABLE made (n int)")
            await swe_async_db.commit()

        @pytest.mark.asyncio
        async def test_it(made, swe_async_db):
            await swe_async_db.execute("INSERT INTO made VALUES (1)")
        """
    )
    run("--swe-db").assert_outcomes(passed=1)
