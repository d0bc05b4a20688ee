"""Factories in the tests of a project: bound without a line of set-up."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from swe_db.factories import bound
from swe_db.factories.fixture import Factories

RunPytest = Callable[..., pytest.RunResult]


def test_in_a_project(pytester: pytest.Pytester, run: RunPytest) -> None:
    """`swe_db`, `swe_factories` and `swe_async_db` bind; others see the rows after a commit; unbound says how."""
    pytester.makepyfile(
        """
        import psycopg, pytest
        from swe_db.errors import FactoryError
        from swe_db.factories import TaskFactory, UserFactory

        def seen(url, id):
            with psycopg.connect(url) as other:
                return other.execute("SELECT count(*) FROM users WHERE id = %s", (id,)).fetchone() == (1,)

        def test_bound(swe_db, swe_database):
            user = UserFactory()
            assert not seen(swe_database.url, user.id)
            swe_db.commit()
            assert seen(swe_database.url, user.id)

        def test_explicit(swe_factories, swe_database):
            user = swe_factories.UserFactory(admin=True)
            swe_factories.commit()
            assert seen(swe_database.url, user.id)

        @pytest.mark.parametrize("number", range(2))
        def test_beside_the_seeds(swe_db, number):
            for _ in range(3):
                TaskFactory(agent_assigned=True, done=True)
            swe_db.commit()

        @pytest.mark.asyncio
        async def test_async(swe_async_db, swe_database):
            user = await UserFactory.create_async()
            assert not seen(swe_database.url, user.id)
            await swe_async_db.commit()
            assert seen(swe_database.url, user.id)

        @pytest.mark.asyncio(loop_scope="module")
        @pytest.mark.parametrize("number", range(2))
        async def test_on_a_loop_that_others_use(swe_async_db, swe_db, number):
            assert (await UserFactory.create_async()).username != UserFactory().username

        @pytest.mark.anyio
        async def test_anyio(swe_async_db):
            await TaskFactory.create_batch_async(2)

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        def test_unbound():
            with pytest.raises(FactoryError, match="ask for the fixture swe_db"):
                UserFactory()
        """
    )
    run("--swe-db", "--swe-db-backend=local").assert_outcomes(passed=9)


def test_names_that_are_no_factory(connection: psycopg.Connection[object]) -> None:
    """A misspelt factory is an AttributeError that gives the name."""
    with bound(connection), pytest.raises(AttributeError, match="no factory 'UsersFactory'"):
        Factories(connection).UsersFactory  # type: ignore[attr-defined] # noqa: B018
