"""All factories by the name of their table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from swe_db.factories.agents import AgentExecutionFactory, AgentFactory
from swe_db.factories.audit import ActivityFeedFactory, AuditLogFactory
from swe_db.factories.base import RowFactory
from swe_db.factories.evidence import EvidenceChainFactory, EvidenceCredibilityHistoryFactory, EvidenceFactory
from swe_db.factories.migrations import SchemaMigrationFactory
from swe_db.factories.projects import ProjectFactory
from swe_db.factories.tasks import TaskAttachmentFactory, TaskCommentFactory, TaskFactory
from swe_db.factories.users import UserFactory

__all__ = ["ALL"]

ALL: Final[Mapping[str, type[RowFactory[Any]]]] = {
    "users": UserFactory,
    "projects": ProjectFactory,
    "agents": AgentFactory,
    "agent_executions": AgentExecutionFactory,
    "tasks": TaskFactory,
    "task_comments": TaskCommentFactory,
    "task_attachments": TaskAttachmentFactory,
    "evidence": EvidenceFactory,
    "evidence_credibility_history": EvidenceCredibilityHistoryFactory,
    "evidence_chains": EvidenceChainFactory,
    "audit_logs": AuditLogFactory,
    "activity_feed": ActivityFeedFactory,
    "schema_migrations": SchemaMigrationFactory,
}
