"""The shipped proxy before a Redis, for a server that is known by its URL."""

from __future__ import annotations

from swe_db.faults import RedisProxy
from swe_db.servers.address import RedisAddress

__all__ = ["proxy_before"]


def proxy_before(url: str) -> RedisProxy:
    """Return a proxy before the server of a URL, `redis://…`, logical database 0."""
    return RedisProxy(RedisAddress.parse(url, "the server's URL"))
