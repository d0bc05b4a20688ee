"""What agents of each type can do and are configured with, and what their runs take in and put out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["FAILURES", "KINDS", "MODELS", "Kind"]


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A type of agent.

    Attributes:
        title: Its name.
        purpose: What it does, as a sentence without a subject.
        capabilities: What it can do.
        tools: What it works with.
        behaviour: Settings that only this type has.
    """

    title: str
    purpose: str
    capabilities: tuple[str, ...]
    tools: tuple[str, ...]
    behaviour: Mapping[str, Any]


KINDS: Final[Mapping[str, Kind]] = {
    "orchestrator": Kind(
        "Orchestrator",
        "Splits a goal into work and hands it to other agents",
        ("task_decomposition", "agent_selection", "delegation", "progress_tracking", "budget_control", "escalation"),
        ("task_board", "agent_registry", "event_bus"),
        {"max_parallel_agents": 8, "max_delegation_depth": 4},
    ),
    "architect": Kind(
        "Architect",
        "Designs components, interfaces and data models",
        ("system_design", "api_design", "data_modeling", "technology_selection", "decision_records"),
        ("repository_read", "code_search", "diagram", "evidence_store"),
        {"decision_record_format": "adr", "min_evidence_credibility": 0.7},
    ),
    "planner": Kind(
        "Planner",
        "Turns requirements into tasks with estimates and an order",
        ("requirement_analysis", "task_breakdown", "estimation", "dependency_mapping", "risk_assessment"),
        ("task_board", "repository_read", "calendar"),
        {"estimate_unit": "points", "max_task_points": 8},
    ),
    "codegen": Kind(
        "Code Generator",
        "Writes and changes code, with tests, in the style of the repository",
        ("code_generation", "refactoring", "api_implementation", "database_migration", "dependency_update"),
        ("repository_read", "repository_write", "code_search", "sandbox"),
        {"languages": ["python", "typescript", "go", "sql"], "run_tests_before_commit": True},
    ),
    "reviewer": Kind(
        "Reviewer",
        "Reads changes for correctness, clarity and tests",
        ("code_review", "bug_detection", "style_check", "complexity_analysis", "review_summary"),
        ("repository_read", "code_search", "linter", "pull_request_comment"),
        {"block_on": "error", "max_comments": 30},
    ),
    "tester": Kind(
        "Tester",
        "Plans, writes and runs tests",
        ("test_planning", "unit_test_generation", "property_based_testing", "coverage_analysis"),
        ("repository_read", "repository_write", "sandbox", "coverage"),
        {"frameworks": ["pytest", "vitest"], "min_coverage": 0.85},
    ),
    "security": Kind(
        "Security Analyst",
        "Looks for weaknesses in code and dependencies",
        ("vulnerability_scanning", "static_analysis", "dependency_audit", "secret_detection", "threat_modeling"),
        ("repository_read", "advisory_database", "secret_scanner"),
        {"standards": ["OWASP ASVS", "CWE Top 25"], "fail_on": "high"},
    ),
    "deployer": Kind(
        "Deployer",
        "Builds, releases and rolls back",
        ("build_automation", "release_management", "canary_deployment", "rollback", "health_verification"),
        ("pipeline", "container_registry", "cluster", "metrics"),
        {"strategy": "canary", "canary_steps": [5, 25, 100]},
    ),
    "debugger": Kind(
        "Debugger",
        "Reproduces a failure, finds its cause and proves the repair",
        ("failure_reproduction", "root_cause_analysis", "log_analysis", "bisection", "fix_verification"),
        ("repository_read", "sandbox", "log_search", "profiler"),
        {"max_hypotheses": 5, "reproduce_first": True},
    ),
    "documentation": Kind(
        "Documentation Writer",
        "Keeps reference, guides and change logs true to the code",
        ("api_documentation", "user_guides", "changelog_generation", "freshness_check"),
        ("repository_read", "repository_write", "code_search"),
        {"formats": ["markdown", "openapi"], "style_guide": "plain"},
    ),
    "custom": Kind(
        "Helper",
        "Does one thing that a team has written it for",
        ("custom_workflow",),
        ("repository_read",),
        {"entry_point": "main"},
    ),
}
MODELS: Final = ("reasoning-large", "code-large", "general-small")
FAILURES: Final = (
    ("ToolError", "The sandbox ended with exit code 137: out of memory."),
    ("BudgetExceeded", "The run would cost more than the limit of 5.00 USD."),
    ("InvalidOutput", "The patch does not apply to the current main branch."),
    ("UpstreamError", "The model provider answered 503 three times in a row."),
)
