"""Realistic data at any scale: a data set is a function of its plan, made in parts, loaded or written, and verified."""

from typing import TYPE_CHECKING

from swe_db.lazy import loader

if TYPE_CHECKING:
    from swe_db.generate.load.loading import Report, generate
    from swe_db.generate.plan import Plan
    from swe_db.generate.run import Progress, Shard

__all__ = ["Plan", "Progress", "Report", "Shard", "generate"]

__getattr__ = loader(__name__, {"load.loading": {"Report", "generate"}, "plan": {"Plan"}, "run": {"Progress", "Shard"}})
