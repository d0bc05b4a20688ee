"""The words of engineering work, from which titles, bodies and names are put together."""

from __future__ import annotations

from typing import Final

COMPONENTS: Final = (
    "the router", "the scheduler", "the evidence store", "the audit trail", "the task board", "the agent registry",
    "the review queue", "the webhook receiver", "the token budget", "the rate limiter", "the session store",
    "the deployment pipeline", "the search index", "the notification service", "the migration runner", "the sandbox",
)  # fmt: skip
DEFECTS: Final = (
    "times out under load", "returns 500 for an empty body", "loses updates when two workers write",
    "leaks connections after a retry", "counts cancelled runs twice", "ignores the time zone of the user",
    "drops the last page of results", "accepts an expired token", "deadlocks on shutdown", "reports stale metrics",
)  # fmt: skip
CHANGES: Final = (
    "Add pagination to", "Cache the hot path of", "Split the configuration of", "Add retries with back-off to",
    "Measure the latency of", "Document the interface of", "Remove the global state from", "Validate the input of",
    "Stream the results of", "Cover with property tests", "Move to asyncio:", "Put behind a feature flag:",
)  # fmt: skip
REASONS: Final = (
    "Seen in production since the last release.", "Two customers asked for it this month.",
    "Found by the nightly load test.", "It blocks the work on the next milestone.",
    "The on-call engineer was paged for it twice.", "A reviewer noticed it in another change.",
)  # fmt: skip
STEPS: Final = (
    "Start two workers against one database.", "Send the same request twice within a second.",
    "Let the upstream answer after 30 seconds.", "Restart the service while a job is running.",
    "Import a repository with more than 10,000 files.", "Set the clock of the client an hour ahead.",
)  # fmt: skip
ACCEPTANCE: Final = (
    "A regression test fails before the change and passes after it.", "The p95 latency stays below 200 ms.",
    "No migration locks a table for more than a second.", "The dashboard shows the new metric.",
    "The documentation names the new setting and its default.", "Old clients keep working.",
)  # fmt: skip
LABELS: Final = ("bug", "backend", "frontend", "performance", "security", "tech-debt", "docs", "good first issue")
REMARKS: Final = (
    "I can reproduce this on the main branch; the trace is attached.",
    "The cause is the missing lock around the counter. A fix is on its way.",
    "Could we cover the empty case as well? Otherwise this looks good to me.",
    "CI is green after the rebase. Ready for review.",
    "This needs a decision: keep the old format, or migrate all rows at once?",
    "Measured before and after: 340 ms to 85 ms at the 95th percentile.",
    "Blocked until the new index has been built in production.",
    "Let us split this: the refactoring first, the new behaviour after it.",
)
PROJECTS: Final = (
    "Billing", "Search", "Identity", "Notifications", "Workflow", "Telemetry", "Review", "Deployment", "Catalogue",
    "Knowledge", "Scheduling", "Evaluation",
)  # fmt: skip
KINDS: Final = ("API", "Service", "Gateway", "Console", "Toolkit", "Pipeline", "Engine")
PURPOSES: Final = (
    "keeps its promises when a dependency does not", "is the one place that knows who may do what",
    "turns raw events into numbers that people trust", "lets a team ship ten times a day",
    "finds the answer before the question is finished", "connects what the other services only know in part",
)  # fmt: skip
TAGS: Final = ("python", "typescript", "go", "rust", "postgresql", "redis", "kubernetes", "grpc", "machine-learning")
ORGANISATIONS: Final = ("northwind-labs", "bluebird-io", "acme-platform", "openloop-dev")
TIMEZONES: Final = ("UTC", "Europe/London", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Asia/Tokyo")
TEAMS: Final = ("Platform", "Routing", "Frontend", "Data", "Security", "Developer Experience")
LEVELS: Final = ("junior", "mid", "senior", "senior", "staff", "principal")
FILES: Final = (
    ("trace.log", "text/plain"), ("screenshot.png", "image/png"), ("profile.svg", "image/svg+xml"),
    ("fix.patch", "text/x-diff"), ("report.pdf", "application/pdf"), ("dump.json", "application/json"),
    ("heap.tar.gz", "application/gzip"), ("results.csv", "text/csv"),
)  # fmt: skip
