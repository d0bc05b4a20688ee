"""Sessions of users who have logged in."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, Final

from swe_db.redis.client import aconnected, connected
from swe_db.redis.durations import Duration
from swe_db.redis.sessions.core import Session, SessionCore
from swe_db.redis.steps import arun, run

__all__ = ["AsyncSessionManager", "Session", "SessionManager", "aget_session_manager", "get_session_manager"]

KEPT: Final = 64  # managers that `get_session_manager` keeps


class SessionManager:
    """Sessions on Redis, for sync code.

    A token that is None, or text that is no token, is one of no session. What it can hold, what is promised and what is
    not, is in docs/redis.md.

    Args:
        client: A RedisClient or a client of redis-py; without one, the process's default.
        prefix: What the names of its keys begin with.
        idle: After this time without use a session ends; seconds or a timedelta.
        absolute: After this time it ends in any case; seconds or a timedelta. A session keeps both as they were when it
            was created, whichever manager with its prefix uses it.
        rotation_grace: How long a rotation can be repeated, as long as its new token has not been used; seconds or a
            timedelta.

    Raises:
        ConfigError: A duration is not above 0, or above 100 years; the prefix is no text.
    """

    def __init__(
        self,
        client: Any = None,  # noqa: ANN401 - clients of redis-py have no common type
        *,
        prefix: str = "swe",
        idle: Duration = 1800,
        absolute: Duration = 28800,
        rotation_grace: Duration = 30,
    ) -> None:
        self._core = SessionCore.configured(prefix, idle, absolute, rotation_grace)
        self._connected = connected(client)

    def create(self, user_id: str, data: Mapping[str, Any] | None = None) -> tuple[str, Session]:
        """Create a session and return its token and what it holds.

        Args:
            user_id: Whose session it is; text that is not empty.
            data: What it holds: None, booleans, numbers, text, bytes, datetimes in UTC, and lists and dictionaries of
                them. A name whose value is None is left out.

        Raises:
            ConfigError: There is no such user.
            CacheTypeError: The data would not come back as it went in.
            RedisServiceError: Redis does not answer, or refuses.
        """
        return run(self._connected, self._core.create(user_id, data))

    def get(self, token: str | None) -> Session | None:
        """Return the token's session, which counts as its use; None if there is none.

        Raises:
            ConfigError: The token is neither text nor None.
            RedisServiceError: Redis does not answer, or refuses.
        """
        return run(self._connected, self._core.get(token))

    def update(self, token: str | None, patch: Mapping[str, Any], *, expected_version: int | None = None) -> bool:
        """Change the token's session at once, or not at all.

        Args:
            token: The token.
            patch: What is to be put into its data, as in `create`. Other names stay; a name whose value is None is
                removed. Dictionaries below the top are replaced, not merged.
            expected_version: The version of the session that the patch was made from. Needed where the patch depends on
                what was there before, as in counting.

        Returns:
            Whether it is done. False: the session has ended, or its version is another.

        Raises:
            ConfigError: The token is neither text nor None, the version is none.
            CacheTypeError: The data would not come back as it went in.
            RedisServiceError: Redis does not answer, or refuses.
        """
        return run(self._connected, self._core.update(token, patch, expected_version))

    def rotate(self, token: str | None) -> str:
        """Replace the token by a new one and return that; the old one is dead at once.

        If the reply was lost, repeat the call with the old token: until the new one is used, for `rotation_grace`, it
        returns the same new token.

        Raises:
            SessionGoneError: The token is that of no session, or was replaced.
            ConfigError: The token is neither text nor None.
            RedisServiceError: Redis does not answer, or refuses.
        """
        return run(self._connected, self._core.rotate(token))

    def delete(self, token: str | None) -> None:
        """End the token's session for good; the token that was replaced last does so too.

        Raises:
            ConfigError: The token is neither text nor None.
            RedisServiceError: Redis does not answer, or refuses.
        """
        run(self._connected, self._core.delete(token))

    def list(self, user_id: str) -> tuple[Session, ...]:
        """Return a user's sessions, the newest first; that counts as use of none of them.

        Raises:
            ConfigError: There is no such user.
            RedisServiceError: Redis does not answer, or refuses.
        """
        return run(self._connected, self._core.list(user_id))

    def revoke_all(self, user_id: str, *, except_token: str | None = None) -> None:
        """End all sessions of a user.

        Args:
            user_id: The user.
            except_token: The token of a session that stays. One that is not valid any more keeps nothing.

        Raises:
            ConfigError: There is no such user, or the token is neither text nor None.
            RedisServiceError: Redis does not answer, or refuses: some sessions may have ended, call it again.
        """
        run(self._connected, self._core.revoke_all(user_id, except_token))


class AsyncSessionManager:
    """Sessions on Redis, for asyncio; the rest is as in `SessionManager`."""

    def __init__(
        self,
        client: Any = None,  # noqa: ANN401
        *,
        prefix: str = "swe",
        idle: Duration = 1800,
        absolute: Duration = 28800,
        rotation_grace: Duration = 30,
    ) -> None:
        self._core = SessionCore.configured(prefix, idle, absolute, rotation_grace)
        self._connected = aconnected(client)

    async def create(self, user_id: str, data: Mapping[str, Any] | None = None) -> tuple[str, Session]:
        """Create a session and return its token and what it holds; see `SessionManager.create`."""
        return await arun(self._connected, self._core.create(user_id, data))

    async def get(self, token: str | None) -> Session | None:
        """Return the token's session; see `SessionManager.get`."""
        return await arun(self._connected, self._core.get(token))

    async def update(self, token: str | None, patch: Mapping[str, Any], *, expected_version: int | None = None) -> bool:
        """Change the token's session at once, or not at all; see `SessionManager.update`."""
        return await arun(self._connected, self._core.update(token, patch, expected_version))

    async def rotate(self, token: str | None) -> str:
        """Replace the token by a new one and return that; see `SessionManager.rotate`."""
        return await arun(self._connected, self._core.rotate(token))

    async def delete(self, token: str | None) -> None:
        """End the token's session for good; see `SessionManager.delete`."""
        await arun(self._connected, self._core.delete(token))

    async def list(self, user_id: str) -> tuple[Session, ...]:
        """Return a user's sessions; see `SessionManager.list`."""
        return await arun(self._connected, self._core.list(user_id))

    async def revoke_all(self, user_id: str, *, except_token: str | None = None) -> None:
        """End all sessions of a user; see `SessionManager.revoke_all`."""
        await arun(self._connected, self._core.revoke_all(user_id, except_token))


def get_session_manager(
    client: Any = None,  # noqa: ANN401
    *,
    prefix: str = "swe",
    idle: Duration = 1800,
    absolute: Duration = 28800,
    rotation_grace: Duration = 30,
) -> SessionManager:
    """Return the manager of this process for these arguments, which are those of `SessionManager`."""
    through: Any = connected(client)
    return _kept(through, prefix=prefix, idle=idle, absolute=absolute, rotation_grace=rotation_grace)


def aget_session_manager(
    client: Any = None,  # noqa: ANN401
    *,
    prefix: str = "swe",
    idle: Duration = 1800,
    absolute: Duration = 28800,
    rotation_grace: Duration = 30,
) -> AsyncSessionManager:
    """The same for asyncio; no coroutine, so that it can be called where no loop runs yet."""
    through: Any = aconnected(client)
    return _akept(through, prefix=prefix, idle=idle, absolute=absolute, rotation_grace=rotation_grace)


@functools.lru_cache(maxsize=KEPT)
def _kept(client: Any, **options: Any) -> SessionManager:  # noqa: ANN401
    return SessionManager(client, **options)


@functools.lru_cache(maxsize=KEPT)
def _akept(client: Any, **options: Any) -> AsyncSessionManager:  # noqa: ANN401
    return AsyncSessionManager(client, **options)
