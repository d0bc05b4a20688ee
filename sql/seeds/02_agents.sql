-- The ten agents that the platform brings, one of each type, before their first run.

INSERT INTO public.agents (
  external_id, name, slug, description, agent_type, version, model_provider, model_name, max_concurrency, capabilities,
  configuration, created_at, updated_at
)
SELECT
  seed.external_id::uuid, seed.name, seed.slug, seed.description, seed.slug, '1.0.0', 'moe-router', seed.model_name,
  seed.max_concurrency, seed.capabilities::jsonb, seed.configuration::jsonb,
  '2025-01-06 09:30:00+00', '2025-01-06 09:30:00+00'
FROM (
  VALUES
    (
      '00000000-0000-4000-8000-000000000101', 'Orchestrator', 'orchestrator',
      'Takes in a goal, splits the work among the other agents, watches over it and puts the results together.',
      'reasoning-large', 20,
      '[
        "task_decomposition", "agent_selection", "delegation", "progress_tracking", "conflict_resolution",
        "result_aggregation", "budget_control", "escalation"
      ]',
      '{
        "model": {"temperature": 0.2, "max_output_tokens": 8192},
        "tools": ["task_board", "agent_registry", "event_bus", "message_user"],
        "limits": {"timeout_seconds": 1800, "max_retries": 3, "max_cost_usd": 5.00},
        "behaviour": {"max_parallel_agents": 8, "max_delegation_depth": 4, "escalate_to": "manager"}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000102', 'Architect', 'architect',
      'Designs systems: components, interfaces, data models, and the decisions behind them with their evidence.',
      'reasoning-large', 4,
      '[
        "system_design", "api_design", "data_modeling", "technology_selection", "decision_records",
        "scalability_analysis", "dependency_analysis"
      ]',
      '{
        "model": {"temperature": 0.3, "max_output_tokens": 16384},
        "tools": ["repository_read", "code_search", "diagram", "evidence_store"],
        "limits": {"timeout_seconds": 1800, "max_retries": 2, "max_cost_usd": 4.00},
        "behaviour": {"decision_record_format": "adr", "evidence_required": true, "min_evidence_credibility": 0.7}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000103', 'Planner', 'planner',
      'Turns requirements into tasks with estimates, dependencies and an order in which they can be done.',
      'reasoning-large', 6,
      '[
        "requirement_analysis", "task_breakdown", "estimation", "dependency_mapping", "prioritization",
        "milestone_planning", "risk_assessment"
      ]',
      '{
        "model": {"temperature": 0.3, "max_output_tokens": 8192},
        "tools": ["task_board", "repository_read", "calendar"],
        "limits": {"timeout_seconds": 900, "max_retries": 2, "max_cost_usd": 2.00},
        "behaviour": {"estimate_unit": "points", "max_task_points": 8, "sprint_days": 10}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000104', 'Code Generator', 'codegen',
      'Writes and changes code for a task, with tests, in the style of the repository.',
      'code-large', 16,
      '[
        "code_generation", "code_completion", "refactoring", "api_implementation", "database_migration",
        "test_scaffolding", "dependency_update"
      ]',
      '{
        "model": {"temperature": 0.1, "max_output_tokens": 32768},
        "tools": ["repository_read", "repository_write", "code_search", "sandbox", "package_registry"],
        "limits": {"timeout_seconds": 2400, "max_retries": 3, "max_cost_usd": 6.00},
        "behaviour": {"languages": ["python", "typescript", "go", "sql"], "max_files_per_change": 25, "run_tests_before_commit": true}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000105', 'Reviewer', 'reviewer',
      'Reads changes as a colleague would: correctness, clarity, tests, fitting in with the design.',
      'code-large', 12,
      '[
        "code_review", "bug_detection", "style_check", "complexity_analysis", "performance_review",
        "api_compatibility_check", "review_summary"
      ]',
      '{
        "model": {"temperature": 0.1, "max_output_tokens": 8192},
        "tools": ["repository_read", "code_search", "linter", "pull_request_comment"],
        "limits": {"timeout_seconds": 900, "max_retries": 2, "max_cost_usd": 2.00},
        "behaviour": {"severity_levels": ["note", "warning", "error", "blocker"], "block_on": "error", "max_comments": 30}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000106', 'Tester', 'tester',
      'Plans and writes tests, runs them, and says what the failures mean.',
      'code-large', 12,
      '[
        "test_planning", "unit_test_generation", "integration_test_generation", "property_based_testing",
        "test_execution", "coverage_analysis", "flaky_test_detection"
      ]',
      '{
        "model": {"temperature": 0.1, "max_output_tokens": 16384},
        "tools": ["repository_read", "repository_write", "sandbox", "coverage"],
        "limits": {"timeout_seconds": 2400, "max_retries": 3, "max_cost_usd": 4.00},
        "behaviour": {"frameworks": ["pytest", "vitest", "go test"], "min_coverage": 0.85, "rerun_failures": 2}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000107', 'Security Analyst', 'security',
      'Looks for weaknesses in code, dependencies and configuration, and proposes the smallest repair.',
      'reasoning-large', 6,
      '[
        "vulnerability_scanning", "static_analysis", "dependency_audit", "secret_detection", "threat_modeling",
        "license_compliance", "remediation_advice"
      ]',
      '{
        "model": {"temperature": 0.0, "max_output_tokens": 8192},
        "tools": ["repository_read", "code_search", "advisory_database", "secret_scanner"],
        "limits": {"timeout_seconds": 1800, "max_retries": 2, "max_cost_usd": 3.00},
        "behaviour": {"standards": ["OWASP ASVS", "CWE Top 25"], "fail_on": "high", "sbom_format": "cyclonedx"}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000108', 'Deployer', 'deployer',
      'Builds, releases and rolls back; watches a release until it is known to be good.',
      'general-small', 4,
      '[
        "build_automation", "release_management", "canary_deployment", "rollback",
        "infrastructure_provisioning", "configuration_management", "health_verification"
      ]',
      '{
        "model": {"temperature": 0.0, "max_output_tokens": 4096},
        "tools": ["pipeline", "container_registry", "cluster", "metrics"],
        "limits": {"timeout_seconds": 3600, "max_retries": 1, "max_cost_usd": 1.50},
        "behaviour": {"environments": ["staging", "production"], "strategy": "canary", "canary_steps": [5, 25, 100], "approval_required": ["production"]}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000109', 'Debugger', 'debugger',
      'Reproduces a failure, finds its cause and proves the repair.',
      'reasoning-large', 8,
      '[
        "failure_reproduction", "root_cause_analysis", "log_analysis", "stack_trace_analysis",
        "performance_profiling", "bisection", "fix_verification"
      ]',
      '{
        "model": {"temperature": 0.1, "max_output_tokens": 16384},
        "tools": ["repository_read", "sandbox", "log_search", "profiler", "tracing"],
        "limits": {"timeout_seconds": 2400, "max_retries": 3, "max_cost_usd": 5.00},
        "behaviour": {"max_hypotheses": 5, "reproduce_first": true, "keep_artifacts_days": 14}
      }'
    ),
    (
      '00000000-0000-4000-8000-000000000110', 'Documentation Writer', 'documentation',
      'Keeps reference, guides and change logs true to the code.',
      'general-small', 6,
      '[
        "api_documentation", "user_guides", "changelog_generation", "docstring_generation",
        "diagram_generation", "translation", "freshness_check"
      ]',
      '{
        "model": {"temperature": 0.4, "max_output_tokens": 16384},
        "tools": ["repository_read", "repository_write", "code_search", "diagram"],
        "limits": {"timeout_seconds": 900, "max_retries": 2, "max_cost_usd": 1.00},
        "behaviour": {"formats": ["markdown", "openapi"], "languages": ["en"], "style_guide": "plain"}
      }'
    )
) AS seed (
  external_id, name, slug, description, model_name, max_concurrency, capabilities, configuration
)
WHERE NOT EXISTS (SELECT FROM public.agents WHERE agents.external_id = seed.external_id::uuid)
ORDER BY seed.external_id
ON CONFLICT (external_id) DO NOTHING;
