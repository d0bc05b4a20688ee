"""TCP proxies before Postgres and Redis that lose replies, cut connections, refuse them, make them slow."""

from __future__ import annotations

from swe_db.faults.fault import ByteFault, Fault, ReplyFault
from swe_db.faults.faults import Faults
from swe_db.faults.postgres_proxy import PostgresProxy
from swe_db.faults.redis_proxy import RedisProxy

__all__ = ["ByteFault", "Fault", "Faults", "PostgresProxy", "RedisProxy", "ReplyFault"]
