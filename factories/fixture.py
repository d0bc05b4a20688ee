"""What the fixture `swe_factories` is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg

from swe_db import factories

if TYPE_CHECKING:
    from swe_db.factories import (
        ActivityFeedFactory,
        AgentExecutionFactory,
        AgentFactory,
        AuditLogFactory,
        EvidenceChainFactory,
        EvidenceCredibilityHistoryFactory,
        EvidenceFactory,
        ProjectFactory,
        SchemaMigrationFactory,
        TaskAttachmentFactory,
        TaskCommentFactory,
        TaskFactory,
        UserFactory,
    )

__all__ = ["Factories"]


class Factories:
    """The factories of a test, which insert through its connection.

    Args:
        connection: The test's connection.

    Attributes:
        connection: The same.
    """

    if TYPE_CHECKING:
        UserFactory: type[UserFactory]
        ProjectFactory: type[ProjectFactory]
        AgentFactory: type[AgentFactory]
        AgentExecutionFactory: type[AgentExecutionFactory]
        TaskFactory: type[TaskFactory]
        TaskCommentFactory: type[TaskCommentFactory]
        TaskAttachmentFactory: type[TaskAttachmentFactory]
        EvidenceFactory: type[EvidenceFactory]
        EvidenceCredibilityHistoryFactory: type[EvidenceCredibilityHistoryFactory]
        EvidenceChainFactory: type[EvidenceChainFactory]
        AuditLogFactory: type[AuditLogFactory]
        ActivityFeedFactory: type[ActivityFeedFactory]
        SchemaMigrationFactory: type[SchemaMigrationFactory]

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name not in factories.__all__:
                raise AttributeError(f"there is no factory {name!r}")
            return getattr(factories, name)

    def commit(self) -> None:
        """Commit what the test's connection did, so that other connections see the rows."""
        self.connection.commit()
