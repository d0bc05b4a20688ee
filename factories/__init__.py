"""Factories for the rows of the schema: `UserFactory.create()` in the database, `UserFactory.build()` without one.

`create` inserts through the connection of the test's fixture `swe_db`, or of a block: `with bound(connection):`. To
import this package loads neither factory-boy nor psycopg, which take longer than most tests; the first use does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from swe_db.factories.scope import seeded
from swe_db.lazy import loader

if TYPE_CHECKING:
    from swe_db.factories.agents import AgentExecutionFactory, AgentFactory
    from swe_db.factories.audit import ActivityFeedFactory, AuditLogFactory
    from swe_db.factories.base import KeyedFactory, RowFactory
    from swe_db.factories.binding import bound
    from swe_db.factories.declarations import children, related, value
    from swe_db.factories.draw import Draw
    from swe_db.factories.evidence import EvidenceChainFactory, EvidenceCredibilityHistoryFactory, EvidenceFactory
    from swe_db.factories.migrations import SchemaMigrationFactory
    from swe_db.factories.projects import ProjectFactory
    from swe_db.factories.registry import ALL
    from swe_db.factories.rows import (
        GENERATED,
        JSONB,
        ActivityFeed,
        Agent,
        AgentExecution,
        AuditLog,
        Evidence,
        EvidenceChain,
        EvidenceCredibilityHistory,
        KeyedRow,
        Project,
        References,
        Row,
        SchemaMigration,
        Task,
        TaskAttachment,
        TaskComment,
        User,
    )
    from swe_db.factories.strategies import strategy
    from swe_db.factories.tasks import TaskAttachmentFactory, TaskCommentFactory, TaskFactory
    from swe_db.factories.users import UserFactory

HOMES: Final = {
    "agents": ("AgentExecutionFactory", "AgentFactory"),
    "audit": ("ActivityFeedFactory", "AuditLogFactory"),
    "base": ("KeyedFactory", "RowFactory"),
    "binding": ("bound",),
    "declarations": ("children", "related", "value"),
    "draw": ("Draw",),
    "evidence": ("EvidenceChainFactory", "EvidenceCredibilityHistoryFactory", "EvidenceFactory"),
    "migrations": ("SchemaMigrationFactory",),
    "projects": ("ProjectFactory",),
    "registry": ("ALL",),
    "rows": (
        "GENERATED", "JSONB", "ActivityFeed", "Agent", "AgentExecution", "AuditLog", "Evidence", "EvidenceChain",
        "EvidenceCredibilityHistory", "KeyedRow", "Project", "References", "Row", "SchemaMigration", "Task",
        "TaskAttachment", "TaskComment", "User",
    ),
    "strategies": ("strategy",),
    "tasks": ("TaskAttachmentFactory", "TaskCommentFactory", "TaskFactory"),
    "users": ("UserFactory",),
}  # fmt: skip

__all__ = [
    "ALL",
    "GENERATED",
    "JSONB",
    "ActivityFeed",
    "ActivityFeedFactory",
    "Agent",
    "AgentExecution",
    "AgentExecutionFactory",
    "AgentFactory",
    "AuditLog",
    "AuditLogFactory",
    "Draw",
    "Evidence",
    "EvidenceChain",
    "EvidenceChainFactory",
    "EvidenceCredibilityHistory",
    "EvidenceCredibilityHistoryFactory",
    "EvidenceFactory",
    "KeyedFactory",
    "KeyedRow",
    "Project",
    "ProjectFactory",
    "References",
    "Row",
    "RowFactory",
    "SchemaMigration",
    "SchemaMigrationFactory",
    "Task",
    "TaskAttachment",
    "TaskAttachmentFactory",
    "TaskComment",
    "TaskCommentFactory",
    "TaskFactory",
    "User",
    "UserFactory",
    "bound",
    "children",
    "related",
    "seeded",
    "strategy",
    "value",
]

if not TYPE_CHECKING:  # a type checker would take any name for one that is there
    __getattr__ = loader(__name__, HOMES)


def __dir__() -> list[str]:
    return sorted(__all__)
