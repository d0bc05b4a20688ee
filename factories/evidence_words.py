"""What evidence of each source type says, where it comes from and how far it is believed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final

__all__ = ["SOURCES", "Source"]

CODE: Final = "https://github.com/northwind-labs/router"


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """A kind of source.

    Attributes:
        title: What it says, in one line; `{n}` is a number.
        content: The part that matters.
        url: Where it is found; `{n}` is a number.
        name: Author, tool or publisher.
        credibility: The lowest and the highest score of such evidence.
        method: How it is verified.
    """

    title: str
    content: str
    url: str
    name: str
    credibility: tuple[str, str]
    method: str


HIGH: Final = ("0.8000", "0.9900")
MIDDLE: Final = ("0.5500", "0.8500")
LOW: Final = ("0.2000", "0.6000")

SOURCES: Final[Mapping[str, Source]] = {
    "code": Source(
        "The retry loop gives up after {n} attempts", "for attempt in range(limit):\n    if send(request): break",
        f"{CODE}/blob/main/router/retry.py#L{{n}}", "northwind-labs/router", HIGH, "cross_reference",
    ),
    "commit": Source(
        "Commit {n} made the pool bounded", "Bound the pool: 20 connections, wait at most 5 s for one",
        f"{CODE}/commit/4b825dc{{n}}", "northwind-labs/router", HIGH, "cross_reference",
    ),
    "pull_request": Source(
        "Pull request {n} was merged with two approvals", "Adds back-off with jitter. Load test attached.",
        f"{CODE}/pull/{{n}}", "northwind-labs/router", MIDDLE, "peer_review",
    ),
    "issue": Source(
        "Issue {n} describes the same deadlock", "Two workers wait for each other on shutdown; stack traces below.",
        f"{CODE}/issues/{{n}}", "northwind-labs/router", MIDDLE, "reproduction",
    ),
    "code_review": Source(
        "The review found {n} places without a lock", "counter += 1 is not atomic here; see the comment on line 40.",
        f"{CODE}/pull/{{n}}#pullrequestreview", "Reviewer", MIDDLE, "peer_review",
    ),
    "test_result": Source(
        "{n} tests pass, none fails", "1204 passed, 3 skipped in 61.22s",
        "https://ci.people.example/builds/{n}/tests", "pytest", HIGH, "reproduction",
    ),
    "benchmark": Source(
        "p95 latency fell to {n} ms", "before 340 ms, after 85 ms, 10 runs each, same host",
        "https://bench.people.example/runs/{n}", "pytest-benchmark", HIGH, "reproduction",
    ),
    "static_analysis": Source(
        "mypy reports {n} errors", "router/pool.py:88: error: Incompatible return value type",
        "https://ci.people.example/builds/{n}/types", "mypy", HIGH, "automated_check",
    ),
    "security_scan": Source(
        "The scan found {n} advisories of medium severity", "Regular expression denial of service in a dependency",
        "https://scan.people.example/reports/{n}", "Dependency scanner", HIGH, "automated_check",
    ),
    "build_log": Source(
        "Build {n} failed at the link step", "ld: cannot find -lpq: No such file or directory",
        "https://ci.people.example/builds/{n}/log", "CI", HIGH, "automated_check",
    ),
    "runtime_log": Source(
        "The worker was restarted {n} times in a night", "WARN pool exhausted, waited 5001 ms for a connection",
        "https://logs.people.example/query/{n}", "Log search", MIDDLE, "cross_reference",
    ),
    "metric": Source(
        "The error rate rose to {n} per mille", 'http_requests_total{status="500"} / http_requests_total',
        "https://metrics.people.example/panel/{n}", "Metrics", HIGH, "cross_reference",
    ),
    "trace": Source(
        "{n} ms of the request are spent waiting for a lock", "span acquire_lock 212 ms, span query 9 ms",
        "https://traces.people.example/trace/{n}", "Tracing", HIGH, "automated_check",
    ),
    "documentation": Source(
        "The manual allows {n} connections", "max_connections (integer): the maximum number of concurrent connections",
        "https://www.postgresql.org/docs/15/runtime-config-connection.html", "PostgreSQL documentation", HIGH,
        "manual_review",
    ),
    "specification": Source(
        "RFC {n} makes the header optional", "A server MAY send the field; a client MUST NOT rely on it.",
        "https://www.rfc-editor.org/rfc/rfc{n}", "RFC Editor", HIGH, "manual_review",
    ),
    "research_paper": Source(
        "Routing by confidence saves {n} per cent of the cost", "We evaluate a mixture of experts on six benchmarks.",
        "https://papers.people.example/{n}", "Conference proceedings", MIDDLE, "peer_review",
    ),
    "web_page": Source(
        "A blog post reports the same after {n} hours of load", "Our pool ran dry every night until we bounded it.",
        "https://blog.people.example/posts/{n}", "Engineering blog", LOW, "cross_reference",
    ),
    "standard": Source(
        "The standard asks for a review of {n} controls", "Changes to production shall be approved by a second person.",
        "https://standards.people.example/{n}", "Standards body", HIGH, "manual_review",
    ),
    "expert_opinion": Source(
        "An expert expects {n} days for the migration", "I have done this twice; the index build is the long part.",
        "https://notes.people.example/interviews/{n}", "Staff engineer", MIDDLE, "peer_review",
    ),
    "user_feedback": Source(
        "{n} users ask for pagination", "The list takes forever once there are a few thousand tasks.",
        "https://feedback.people.example/tickets/{n}", "Support", LOW, "manual_review",
    ),
    "incident_report": Source(
        "Incident {n} was caused by a full disk", "Timeline, impact, root cause and five follow-up tasks.",
        "https://incidents.people.example/{n}", "On-call", HIGH, "manual_review",
    ),
    "dataset": Source(
        "The evaluation set has {n} thousand cases", "Sampled from six months of requests, personal data removed.",
        "https://data.people.example/sets/{n}", "Evaluation team", MIDDLE, "reproduction",
    ),
    "conversation": Source(
        "The team agreed on {n} retries", "A: three is too many for writes. B: agreed, one and then the queue.",
        "https://chat.people.example/threads/{n}", "Team chat", LOW, "manual_review",
    ),
    "agent_output": Source(
        "An agent proposes {n} changes", "1. Bound the pool. 2. Add a time-out. 3. Measure the wait.",
        "https://platform.people.example/executions/{n}", "Architect agent", LOW, "cross_reference",
    ),
}  # fmt: skip
