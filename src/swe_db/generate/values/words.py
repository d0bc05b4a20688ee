"""The words that texts are put together from. Their order is part of the values: add at the end, and raise VERSION."""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = tuple(
    """Ada Adrian Agnes Ahmed Aisha Akira Alan Alba Aleksander Alice Alina Amara Amelie Amir Ana Anders Andrea Andrzej
    Anika Anna Antoine Anton Aoife Aria Arjun Artur Astrid Aurora Barbara Beatriz Ben Bianca Bjorn Bruno Camila Carla
    Carlos Carmen Caroline Cecilia Chen Chiara Chidi Chloe Clara Claire Connor Dagmar Daniel Daria David Deborah Diego
    Dmitri Dorota Edith Eduardo Elena Eli Elif Elisa Emeka Emil Emily Emma Enrique Erik Esther Eva Fatima Felix Fiona
    Florian Frank Freya Gabriel Georg Giulia Grace Greta Guido Hana Hannah Hans Harriet Hassan Heidi Helena Henrik Hugo
    Ibrahim Ida Ines Ingrid Irene Isaac Isabel Ivan Jack Jakub James Jana Jasmine Javier Jean Joanna Johan Jonas Jorge
    Josef Joy Juan Julia Juliet Jun Kai Karen Karim Karin Katarina Kei Keiko Kenji Kofi Lara Lars Laura Lea Leila Leo
    Liam Lin Linda Lionel Lucas Lucia Luis Luna Magnus Maja Malik Manuel Mara Marco Maria Marta Martin Mateo Matthias
    Maya Mehmet Mei Mia Michal Miguel Mila Mina Mohammed Monica Nadia Naomi Natalia Nathan Neha Niamh Nicolas Nils Nina
    Noah Nora Nuria Olga Oliver Omar Oscar Otto Pablo Paolo Patricia Paul Paula Pedro Petra Philip Pierre Pilar Priya
    Rachel Rafael Rahul Ravi Rebecca Rita Robert Rosa Ruth Ryan Salma Samuel Sana Sandra Sara Sergio Seth Sigrid Silvia
    Simon Sofia Sonia Stefan Stella Sven Tamara Tariq Teresa Theo Thomas Tiago Tomas Tove Uma Ursula Valeria Vera Victor
    Vikram Viola Walter Wei Yara Yasmin Yuki Yusuf Zara Zofia Zoltan""".split()
)
LAST_NAMES: Final = tuple(
    """Abbott Adeyemi Ahmed Alvarez Andersen Aoki Arslan Baker Banerjee Baptiste Barros Bauer Becker Bell Bennett Berg
    Bergman Bianchi Blanc Bosch Boyd Brandt Braun Brennan Brown Bruno Burke Byrne Campos Cardoso Carlsen Castillo Castro
    Chan Chatterjee Chavez Chen Cho Clark Cohen Cole Collins Conti Cooper Costa Cruz Dahl Dalton Das Davies Delgado
    Demir Desai Diaz Dietrich Dixon Dubois Duarte Dumont Eklund Ellis Engel Eriksen Esposito Evans Farah Farkas Faure
    Fernandez Ferrari Fischer Flores Foster Fox Franco Frank Fraser Fujita Gallo Garcia Gauthier Gomez Gonzalez Graham
    Gray Greco Green Grant Gruber Guerra Gupta Haas Hall Hamilton Hansen Harris Hartmann Hayashi Herrera Hill Hoffmann
    Holm Horvath Huang Hughes Hussain Ibarra Ibrahim Ito Ivanov Jackson Jain Jansen Jensen Johansson Johnson Jones Joshi
    Kaiser Kang Kapoor Kato Kaya Keller Kelly Khan Kim King Klein Koch Kovacs Kowalski Kramer Kumar Lambert Lang Larsen
    Laurent Le Lee Lehmann Leone Levy Lewis Li Lima Lind Lopez Lorenz Lund Ma Machado Maier Marino Martin Mason Medina
    Mehta Meier Mendes Mendoza Meyer Miller Mishra Mitchell Molina Moore Morales Moreau Morgan Mori Moretti Mueller
    Murphy Murray Nair Nakamura Navarro Nelson Nguyen Nielsen Nilsson Novak Nunez Nwosu Obi Okafor Olsen Omar Ortega
    Ortiz Osei Ozturk Palmer Pappas Park Parker Patel Pavlov Pereira Perez Peters Petrov Pinto Popescu Powell Price
    Quinn Ramirez Ramos Rao Reed Reyes Ricci Richter Rivera Roberts Rocha Rodriguez Romano Romero Rossi Roth Roy Ruiz
    Russo Ryan Saito Salazar Sanchez Santos Sato Schmidt Schneider Schulz Schwarz Scott Serrano Shah Sharma Silva Simon
    Singh Smith Soto Souza Stein Stewart Suzuki Svensson Szabo Takahashi Tan Tanaka Taylor Thapa Torres Tran Tremblay
    Turner Ueda Vargas Vasquez Vega Verma Vidal Vogel Volkov Wagner Walker Walsh Wang Ward Watanabe Weber Weiss White
    Williams Wilson Winter Wolf Wong Wood Wright Wu Yamada Yang Yilmaz Young Yusuf Zhang Zhao Zimmermann""".split()
)
DOMAINS: Final = ("northwind.example", "bluebird.example", "openloop.example", "acme.example", "contractor.example")
TEAMS: Final = (
    "Platform", "Routing", "Frontend", "Data", "Security", "Developer Experience", "Payments", "Search", "Mobile",
    "Infrastructure", "Machine Learning", "Quality", "Support Engineering",
)  # fmt: skip
TITLES: Final = (
    ("junior", "Junior engineer"), ("mid", "Engineer"), ("senior", "Senior engineer"), ("staff", "Staff engineer"),
    ("principal", "Principal engineer"), ("lead", "Engineering manager"), ("product", "Product manager"),
    ("design", "Designer"),
)  # fmt: skip
PRODUCTS: Final = (
    "Billing", "Search", "Identity", "Notification", "Workflow", "Telemetry", "Review", "Deployment", "Catalogue",
    "Knowledge", "Scheduling", "Evaluation", "Pricing", "Inventory", "Checkout", "Onboarding", "Reporting", "Feature Flag",
    "Secrets", "Messaging", "Streaming", "Export", "Import", "Metering", "Compliance", "Consent", "Profile", "Session",
    "Recommendation", "Ranking", "Translation", "Document", "Media", "Upload", "Geo", "Fraud", "Ledger", "Payout", "Tax",
    "Partner", "Webhook", "Sandbox", "Prompt", "Embedding", "Retrieval", "Guardrail", "Annotation", "Dataset",
)  # fmt: skip
PRODUCT_KINDS: Final = (
    "API", "Service", "Gateway", "Console", "Toolkit", "Pipeline", "Engine", "Worker", "SDK", "Dashboard", "Store",
    "Proxy", "Scheduler", "Registry", "Bridge", "Collector", "Portal", "Operator", "Index", "Cache", "Library", "Monitor",
)  # fmt: skip
PURPOSES: Final = (
    "keeps its promises when a dependency does not", "is the one place that knows who may do what",
    "turns raw events into numbers that people trust", "lets a team ship ten times a day",
    "finds the answer before the question is finished", "connects what the other services only know in part",
    "moves large files without anybody waiting", "makes every change visible to those who are affected",
    "replaces four scripts and a spreadsheet", "is owned by one team and used by all of them",
)  # fmt: skip
TAGS: Final = (
    "python", "typescript", "go", "rust", "postgresql", "redis", "kubernetes", "grpc", "machine-learning", "frontend",
    "backend", "infrastructure", "customer-facing", "internal",
)  # fmt: skip
COMPONENTS: Final = (
    "the router", "the scheduler", "the evidence store", "the audit trail", "the task board", "the agent registry",
    "the review queue", "the webhook receiver", "the token budget", "the rate limiter", "the session store",
    "the deployment pipeline", "the search index", "the notification service", "the migration runner", "the sandbox",
    "the login page", "the export job", "the billing adapter", "the cache layer", "the retry policy", "the nightly import",
    "the permission check", "the activity feed", "the onboarding flow", "the public API", "the admin console",
    "the metrics endpoint", "the prompt templates", "the embedding worker", "the file upload", "the command line",
)  # fmt: skip
DEFECTS: Final = (
    "times out under load", "returns 500 for an empty body", "loses updates when two workers write",
    "leaks connections after a retry", "counts cancelled runs twice", "ignores the time zone of the user",
    "drops the last page of results", "accepts an expired token", "deadlocks on shutdown", "reports stale metrics",
    "shows the wrong total after a refund", "fails for names with an apostrophe", "sorts versions as text",
    "needs 4 GB for a 10 MB file", "retries requests that must not run twice", "swallows the original error",
)  # fmt: skip
CHANGES: Final = (
    "Add pagination to", "Cache the hot path of", "Split the configuration of", "Add retries with back-off to",
    "Measure the latency of", "Document the interface of", "Remove the global state from", "Validate the input of",
    "Stream the results of", "Cover with property tests:", "Move to asyncio:", "Put behind a feature flag:",
    "Rename the settings of", "Drop the old format from", "Add an index for", "Rate-limit", "Add tracing to",
    "Make idempotent:", "Upgrade the dependencies of", "Reduce the memory use of",
)  # fmt: skip
CIRCUMSTANCES: Final = (
    "", "", "", "", " on Windows", " after the last release", " for large projects", " with SSO accounts",
    " in the staging environment", " when Redis restarts", " for read-only users", " behind a proxy",
)  # fmt: skip
REASONS: Final = (
    "Seen in production since the last release.", "Two customers asked for it this month.",
    "Found by the nightly load test.", "It blocks the work on the next milestone.",
    "The on-call engineer was paged for it twice.", "A reviewer noticed it in another change.",
    "It makes the next three tasks much smaller.", "Support gets a ticket about it every week.",
)  # fmt: skip
STEPS: Final = (
    "Start two workers against one database.", "Send the same request twice within a second.",
    "Let the upstream answer after 30 seconds.", "Restart the service while a job is running.",
    "Import a repository with more than 10,000 files.", "Set the clock of the client an hour ahead.",
    "Open the board of a project with 5,000 tasks.", "Revoke the token while a request is on its way.",
)  # fmt: skip
ACCEPTANCE: Final = (
    "A regression test fails before the change and passes after it.", "The p95 latency stays below 200 ms.",
    "No migration locks a table for more than a second.", "The dashboard shows the new metric.",
    "The documentation names the new setting and its default.", "Old clients keep working.",
    "The error message says what to do.", "The feature can be switched off without a release.",
)  # fmt: skip
LABELS: Final = (
    "bug", "backend", "frontend", "performance", "security", "tech-debt", "docs", "good-first-issue", "regression",
    "customer", "api", "infrastructure", "flaky-test", "accessibility",
)  # fmt: skip
REMARKS: Final = (
    "I can reproduce this on the main branch; the trace is attached.",
    "The cause is the missing lock around the counter. A fix is on its way.",
    "Could we cover the empty case as well? Otherwise this looks good to me.",
    "CI is green after the rebase. Ready for review.",
    "This needs a decision: keep the old format, or migrate all rows at once?",
    "Measured before and after: 340 ms to 85 ms at the 95th percentile.",
    "Blocked until the new index has been built in production.",
    "Let us split this: the refactoring first, the new behaviour after it.",
    "Thanks, merged into my branch. I will add the test for the second case tomorrow.",
    "Does this also happen with an empty cache? I only see it after a restart.",
    "The customer confirmed that the work-around holds until the release.",
    "Reverted for now; the deployment showed a higher error rate within minutes.",
    "I would rather not add another setting for this. Can we find a good default?",
    "Same here since yesterday, three times in a row.",
    "Moved to the next milestone after today's planning.",
    "Nice catch. That explains the gap in the metrics last week as well.",
)
AGENT_REMARKS: Final = (
    "Analysis finished: one file is concerned, the risk is low. Proposed patch below.",
    "Tests pass locally (1204 passed, 3 skipped). Opening a pull request.",
    "The first attempt ran out of memory in the sandbox; retrying with a smaller batch.",
    "Found two similar places; fixed them in the same change.",
    "Review summary: no blocker, two suggestions, coverage unchanged.",
    "Reproduced the failure with a minimal script. Root cause: a shared mutable default.",
    "No license or secret problems found in this change.",
    "Documentation updated; the example was run against the current main branch.",
)
FILES: Final = (
    ("trace", "log", "text/plain"), ("screenshot", "png", "image/png"), ("profile", "svg", "image/svg+xml"),
    ("fix", "patch", "text/x-diff"), ("report", "pdf", "application/pdf"), ("dump", "json", "application/json"),
    ("heap", "tar.gz", "application/gzip"), ("results", "csv", "text/csv"),
)  # fmt: skip
# Type, title, share of a hundred, model, capabilities.
AGENT_KINDS: Final = (
    ("orchestrator", "Orchestrator", 4, ("task_decomposition", "agent_selection", "delegation", "progress_tracking", "budget_control")),
    ("architect", "Architect", 6, ("system_design", "api_design", "data_modeling", "technology_selection", "decision_records")),
    ("planner", "Planner", 7, ("requirement_analysis", "task_breakdown", "estimation", "dependency_mapping", "risk_assessment")),
    ("codegen", "Code Generator", 30, ("code_generation", "refactoring", "api_implementation", "database_migration", "dependency_update")),
    ("reviewer", "Reviewer", 14, ("code_review", "bug_detection", "style_check", "complexity_analysis", "review_summary")),
    ("tester", "Tester", 14, ("test_planning", "unit_test_generation", "property_based_testing", "test_execution", "coverage_analysis")),
    ("security", "Security Analyst", 6, ("vulnerability_scanning", "static_analysis", "dependency_audit", "secret_detection", "threat_modeling")),
    ("deployer", "Deployer", 4, ("build_automation", "release_management", "canary_deployment", "rollback", "health_verification")),
    ("debugger", "Debugger", 8, ("failure_reproduction", "root_cause_analysis", "log_analysis", "bisection", "fix_verification")),
    ("documentation", "Documentation Writer", 5, ("api_documentation", "user_guides", "changelog_generation", "freshness_check", "translation")),
    ("custom", "Helper", 2, ("custom_workflow", "data_cleanup", "report_generation", "ticket_triage", "notification")),
)  # fmt: skip
# Provider, name, price of a million tokens read and written, in US dollars.
MODELS: Final = (
    ("moe-router", "reasoning-large", 3, 15),
    ("moe-router", "code-large", 2, 8),
    ("moe-router", "general-small", 1, 2),
    ("self-hosted", "code-medium", 0, 1),
)
FAILURES: Final = (
    ("ToolError", "The sandbox ended with exit code 137: out of memory."),
    ("BudgetExceeded", "The run would cost more than the limit of 5.00 USD."),
    ("InvalidOutput", "The patch does not apply to the current main branch."),
    ("UpstreamError", "The model provider answered 503 three times in a row."),
    ("TestFailure", "12 tests fail after the change that passed before it."),
)
# Source type, title around a number, content, host, author or tool, lowest and highest score in ten-thousandths, method.
SOURCES: Final = (
    ("code", "The retry loop gives up after ", " attempts", "for attempt in range(limit): send(request)", "git", "Repository", 8000, 9900, "cross_reference"),
    ("commit", "Commit ", " made the pool bounded", "Bound the pool: 20 connections, wait at most 5 s for one.", "git", "Repository", 8000, 9900, "cross_reference"),
    ("pull_request", "Pull request ", " was merged with two approvals", "Adds back-off with jitter. Load test attached.", "git", "Repository", 5500, 8500, "peer_review"),
    ("issue", "Issue ", " describes the same deadlock", "Two workers wait for each other on shutdown; stack traces below.", "git", "Repository", 5500, 8500, "reproduction"),
    ("code_review", "The review found ", " places without a lock", "counter += 1 is not atomic here.", "git", "Reviewer", 5500, 8500, "peer_review"),
    ("test_result", "All of ", " tests pass", "1204 passed, 3 skipped in 61.22s", "ci", "pytest", 8000, 9900, "reproduction"),
    ("benchmark", "p95 latency fell to ", " ms", "before 340 ms, after 85 ms, 10 runs each, same host", "bench", "pytest-benchmark", 8000, 9900, "reproduction"),
    ("static_analysis", "mypy reports ", " errors", "router/pool.py:88: error: Incompatible return value type", "ci", "mypy", 8000, 9900, "automated_check"),
    ("security_scan", "The scan found ", " advisories of medium severity", "Regular expression denial of service in a dependency.", "scan", "Dependency scanner", 8000, 9900, "automated_check"),
    ("build_log", "Build ", " failed at the link step", "ld: cannot find -lpq: No such file or directory", "ci", "CI", 8000, 9900, "automated_check"),
    ("runtime_log", "The worker was restarted ", " times in a night", "WARN pool exhausted, waited 5001 ms for a connection", "logs", "Log search", 5500, 8500, "cross_reference"),
    ("metric", "The error rate rose to ", " per mille", "http_requests_total by status, rate over 5 minutes", "metrics", "Metrics", 8000, 9900, "cross_reference"),
    ("trace", "A wait of ", " ms for a lock in one request", "span acquire_lock 212 ms, span query 9 ms", "traces", "Tracing", 8000, 9900, "automated_check"),
    ("documentation", "The manual allows ", " connections", "The maximum number of concurrent connections to the server.", "docs", "Documentation", 8000, 9900, "manual_review"),
    ("specification", "RFC ", " makes the header optional", "A server MAY send the field; a client MUST NOT rely on it.", "docs", "RFC Editor", 8000, 9900, "manual_review"),
    ("research_paper", "Routing by confidence saves ", " per cent of the cost", "We evaluate a mixture of experts on six benchmarks.", "papers", "Conference proceedings", 5500, 8500, "peer_review"),
    ("web_page", "A blog post reports the same after ", " hours of load", "Our pool ran dry every night until we bounded it.", "web", "Engineering blog", 2000, 6000, "cross_reference"),
    ("standard", "The standard asks for a review of ", " controls", "Changes to production shall be approved by a second person.", "docs", "Standards body", 8000, 9900, "manual_review"),
    ("expert_opinion", "An expert expects ", " days for the migration", "I have done this twice; the index build is the long part.", "notes", "Staff engineer", 5500, 8500, "peer_review"),
    ("user_feedback", "Pagination is wanted by ", " users", "The list takes forever once there are a few thousand tasks.", "support", "Support", 2000, 6000, "manual_review"),
    ("incident_report", "Incident ", " was caused by a full disk", "Timeline, impact, root cause and five follow-up tasks.", "incidents", "On-call", 8000, 9900, "manual_review"),
    ("dataset", "The evaluation set has ", " thousand cases", "Sampled from six months of requests, personal data removed.", "data", "Evaluation team", 5500, 8500, "reproduction"),
    ("conversation", "The team agreed on ", " retries", "A: three is too many for writes. B: agreed, one and then the queue.", "chat", "Team chat", 2000, 6000, "manual_review"),
    ("agent_output", "An agent proposes ", " changes", "1. Bound the pool. 2. Add a time-out. 3. Measure the wait.", "agents", "Agent", 2000, 6000, "cross_reference"),
)  # fmt: skip
RELATIONS: Final = (
    ("supports", 46), ("derives_from", 22), ("refines", 10), ("cites", 8), ("explains", 6), ("contradicts", 5),
    ("supersedes", 2), ("duplicates", 1),
)  # fmt: skip
USER_AGENTS: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Firefox/141.0", "Mozilla/5.0 (X11; Linux x86_64) Firefox/141.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/138.0", "Mozilla/5.0 (Macintosh) Safari/18.5", "swe-cli/1.8.2",
    "swe-vscode/2.3.0",
)  # fmt: skip
