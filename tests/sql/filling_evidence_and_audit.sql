-- Thousands of rows beside the base rows, spread so that each query of test_evidence_and_audit_queries.py has few.

INSERT INTO public.evidence (source_type, title, content_sha256, credibility_score, verification_status, verified_at,
  verified_by_user_id, verified_by_agent_id, project_id, task_id, agent_execution_id, collected_by_user_id,
  collected_by_agent_id, collected_at, tags, metadata)
SELECT
  (ARRAY['code', 'commit', 'metric', 'trace', 'dataset', 'standard', 'benchmark', 'issue'])[1 + n % 8],
  'Evidence ' || n,
  CASE WHEN n % 10 = 0 THEN lpad(to_hex(n), 64, '0') END,
  (n % 1000) / 1000.0,
  CASE WHEN n % 50 = 0 THEN 'unverified' ELSE 'verified' END,
  CASE WHEN n % 50 > 0 THEN timestamptz '2026-01-01' + n * interval '1 minute' END,
  CASE WHEN n % 100 = 1 THEN 1 END,
  CASE WHEN n % 100 = 2 THEN 1 END,
  CASE WHEN n % 100 = 3 THEN 1 END,
  CASE WHEN n % 100 = 4 THEN 1 END,
  CASE WHEN n % 100 = 5 THEN 1 END,
  CASE WHEN n % 100 = 6 THEN 1 END,
  CASE WHEN n % 100 = 7 THEN 1 END,
  timestamptz '2026-01-01' + n * interval '1 minute',
  ARRAY['tag-' || n % 500],
  jsonb_build_object('run', n % 500)
FROM generate_series(1, 10000) AS n;

-- As autovacuum does: a query reads all that is still pending.
SELECT gin_clean_pending_list('public.evidence_tags_idx'), gin_clean_pending_list('public.evidence_metadata_idx');

INSERT INTO public.evidence_credibility_history (evidence_id, previous_score, new_score)
SELECT 1 + n % 1000, 0.1, 0.9 FROM generate_series(1, 5000) AS n;

INSERT INTO public.evidence_chains (from_evidence_id, to_evidence_id, relation, created_by_user_id, created_by_agent_id)
SELECT 2 * n, 2 * n + 1, 'supports', CASE WHEN n % 100 = 1 THEN 1 END, CASE WHEN n % 100 = 2 THEN 1 END
FROM generate_series(2, 4000) AS n;

INSERT INTO public.audit_logs (event_type, outcome, actor_user_id, actor_agent_id, resource_type, resource_id, project_id,
  request_id, created_at)
SELECT
  CASE WHEN n % 1000 = 0 THEN 'data.exported' ELSE (ARRAY['task.created', 'task.updated', 'task.completed'])[1 + n % 3] END,
  CASE WHEN n % 200 = 0 THEN 'denied' ELSE 'success' END,
  CASE WHEN n % 2 = 0 THEN n % 500 END,
  CASE WHEN n % 2 = 1 THEN n % 500 END,
  'task',
  (n % 1000)::text,
  n % 300,
  CASE WHEN n % 4 = 0 THEN 'request-' || n END,
  timestamptz '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, 30000) AS n;

INSERT INTO public.projects (owner_id, name, slug)
SELECT 1, 'Project ' || n, 'project-' || n FROM generate_series(1, 200) AS n;

INSERT INTO public.activity_feed (project_id, task_id, actor_user_id, actor_agent_id, verb, object_type, object_id,
  visibility, created_at)
SELECT
  1 + n % 200,
  CASE WHEN n % 200 = 1 THEN 1 END,
  CASE WHEN n % 200 = 2 THEN 1 END,
  CASE WHEN n % 200 = 3 THEN 1 END,
  'completed',
  'task',
  (n % 1000)::text,
  CASE WHEN n % 100 = 0 THEN 'public' ELSE 'project' END,
  timestamptz '2026-01-01' + n * interval '1 minute'
FROM generate_series(1, 10000) AS n;
