-- An admin, the orchestrator's service account and three engineers. Rows that are there stay as they are, and since they
-- are left out beforehand, their sequence does not move either.

INSERT INTO public.users (
  external_id, username, email, display_name, role, locale, timezone, github_id, github_login, preferences, metadata,
  created_at, updated_at
)
SELECT
  seed.external_id::uuid, seed.username, seed.email, seed.display_name, seed.role, seed.locale, seed.timezone,
  seed.github_id, seed.github_login, seed.preferences::jsonb, seed.metadata::jsonb,
  '2025-01-06 09:00:00+00', '2025-01-06 09:00:00+00'
FROM (
  VALUES
    (
      '00000000-0000-4000-8000-000000000001', 'admin', 'admin@swe.example', 'Ada Admin', 'admin', 'en', 'UTC',
      9000000001, 'ada-admin',
      '{"theme": "dark", "notifications": {"email": true, "web": true, "digest": "daily"}}',
      '{"title": "Platform administrator", "team": "Platform"}'
    ),
    (
      '00000000-0000-4000-8000-000000000002', 'orchestrator', 'orchestrator@swe.example', 'Orchestrator', 'service',
      'en', 'UTC', NULL, NULL,
      '{"notifications": {"email": false, "web": false}}',
      '{"title": "Service account of the orchestrator agent", "team": "Platform", "agent": "orchestrator"}'
    ),
    (
      '00000000-0000-4000-8000-000000000003', 'grace', 'grace@swe.example', 'Grace Okafor', 'manager', 'en-GB',
      'Europe/London', 9000000003, 'grace-okafor',
      '{"theme": "light", "notifications": {"email": true, "web": true, "digest": "daily"}, "default_view": "board"}',
      '{"title": "Staff engineer", "level": "staff", "team": "Platform", "skills": ["architecture", "python", "postgresql"]}'
    ),
    (
      '00000000-0000-4000-8000-000000000004', 'mateo', 'mateo@swe.example', 'Mateo Silva', 'user', 'pt-BR',
      'America/Sao_Paulo', 9000000004, 'mateo-silva',
      '{"theme": "dark", "notifications": {"email": true, "web": true, "digest": "weekly"}, "default_view": "list"}',
      '{"title": "Senior engineer", "level": "senior", "team": "Routing", "skills": ["go", "redis", "distributed systems"]}'
    ),
    (
      '00000000-0000-4000-8000-000000000005', 'yuki', 'yuki@swe.example', 'Yuki Tanaka', 'user', 'ja',
      'Asia/Tokyo', 9000000005, 'yuki-tanaka',
      '{"theme": "system", "notifications": {"email": false, "web": true, "digest": "never"}, "default_view": "board"}',
      '{"title": "Junior engineer", "level": "junior", "team": "Frontend", "skills": ["typescript", "react"]}'
    )
) AS seed (
  external_id, username, email, display_name, role, locale, timezone, github_id, github_login, preferences, metadata
)
WHERE NOT EXISTS (SELECT FROM public.users WHERE users.external_id = seed.external_id::uuid)
ORDER BY seed.external_id
ON CONFLICT (external_id) DO NOTHING;
