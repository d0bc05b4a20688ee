-- The platform's own five projects. Their owners are people: the service account may be deleted.

INSERT INTO public.projects (
  external_id, owner_id, name, slug, description, status, visibility, repository_provider, repository_url,
  default_branch, github_id, github_full_name, settings, tags, metrics, created_at, updated_at
)
SELECT
  seed.external_id::uuid, users.id, seed.name, seed.slug, seed.description, seed.status, seed.visibility, 'github',
  'https://github.com/swe-example/' || seed.slug, 'main', seed.github_id, 'swe-example/' || seed.slug,
  seed.settings::jsonb, seed.tags::text[], seed.metrics::jsonb, '2025-01-06 10:00:00+00', '2025-01-06 10:00:00+00'
FROM (
  VALUES
    (
      '00000000-0000-4000-8000-000000000201', '00000000-0000-4000-8000-000000000001', 'AI Engineering Platform',
      'ai-engineering-platform',
      'The platform itself: plans, writes, reviews and ships software with people and agents in one process.',
      'active', 'internal', 9100000201,
      '{"auto_assign": true, "require_review": true, "required_approvals": 2, "agents": ["orchestrator", "architect", "reviewer", "security"]}',
      '{platform,python,postgresql}',
      '{"velocity_points": 42, "cycle_time_hours": 31.5, "test_coverage": 0.91, "deployments_per_week": 12}'
    ),
    (
      '00000000-0000-4000-8000-000000000202', '00000000-0000-4000-8000-000000000004', 'MoE Router', 'moe-router',
      'Sends each request to the language model that answers it best for the money: a mixture of experts with live feedback.',
      'active', 'internal', 9100000202,
      '{"auto_assign": true, "require_review": true, "required_approvals": 1, "agents": ["codegen", "tester", "reviewer"]}',
      '{routing,inference,redis}',
      '{"velocity_points": 28, "cycle_time_hours": 22.0, "test_coverage": 0.87, "deployments_per_week": 20}'
    ),
    (
      '00000000-0000-4000-8000-000000000203', '00000000-0000-4000-8000-000000000005', 'Frontend UI', 'frontend-ui',
      'What people see of the platform: boards, reviews, evidence and the activity feed.',
      'active', 'public', 9100000203,
      '{"auto_assign": false, "require_review": true, "required_approvals": 1, "agents": ["codegen", "tester", "documentation"]}',
      '{frontend,typescript,react}',
      '{"velocity_points": 19, "cycle_time_hours": 40.2, "test_coverage": 0.78, "deployments_per_week": 8}'
    ),
    (
      '00000000-0000-4000-8000-000000000204', '00000000-0000-4000-8000-000000000003', 'Agent Library', 'agent-library',
      'The agents, their prompts, tools and evaluations, versioned and released together.',
      'active', 'internal', 9100000204,
      '{"auto_assign": true, "require_review": true, "required_approvals": 2, "agents": ["architect", "codegen", "tester", "reviewer"]}',
      '{agents,prompts,evaluation}',
      '{"velocity_points": 33, "cycle_time_hours": 27.8, "test_coverage": 0.94, "deployments_per_week": 5}'
    ),
    (
      '00000000-0000-4000-8000-000000000205', '00000000-0000-4000-8000-000000000003', 'Integration Hub',
      'integration-hub',
      'Connects the platform with GitHub, chat, single sign-on and continuous integration.',
      'planning', 'private', 9100000205,
      '{"auto_assign": false, "require_review": true, "required_approvals": 1, "agents": ["planner", "security", "deployer"]}',
      '{integrations,github,webhooks}',
      '{}'
    )
) AS seed (
  external_id, owner, name, slug, description, status, visibility, github_id, settings, tags, metrics
)
INNER JOIN public.users ON users.external_id = seed.owner::uuid
WHERE NOT EXISTS (SELECT FROM public.projects WHERE projects.external_id = seed.external_id::uuid)
ORDER BY seed.external_id
ON CONFLICT (external_id) DO NOTHING;
