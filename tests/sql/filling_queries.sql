-- Rows of every table, as many as the setting filling.tasks has it, for the queries of docs/queries.md. A few projects,
-- agents and people are busy, many things happen at the same time, and the audit trail covers the year 2026.

CREATE TEMP TABLE amount AS
  SELECT tasks, GREATEST(tasks / 1000, 400) AS projects, GREATEST(tasks / 100, 1000) AS agents,
    GREATEST(tasks / 10, 1000) AS users
  FROM (SELECT current_setting('filling.tasks')::int AS tasks) AS given;

-- From 0 to 1, other for each row and each purpose; its square and its cube favour the first.
CREATE FUNCTION pg_temp.spread(n bigint, purpose int) RETURNS float8 LANGUAGE sql IMMUTABLE
  RETURN (hashint8extended(n, purpose) & 1048575) / 1048576.0::float8;

SELECT public.swe_create_audit_partitions('2026-01-01', 12);

INSERT INTO public.users (username, email, display_name)
  SELECT 'user' || n, 'user' || n || '@swe.example', 'User ' || n FROM amount, generate_series(1, users) AS n;

INSERT INTO public.projects (owner_id, name, slug, status, tags, updated_at)
  SELECT 1 + floor(pg_temp.spread(n, 1) * users), 'Project ' || n, 'project-' || n,
    CASE WHEN n % 5 = 0 THEN 'archived' ELSE 'active' END, ARRAY['tag' || n % 7, 'kind' || n % 40],
    timestamptz '2026-12-31' - n * interval '1 hour'
  FROM amount, generate_series(1, projects) AS n;

INSERT INTO public.agents (name, slug, agent_type, status, capabilities, total_executions, successful_executions,
    failed_executions, last_heartbeat_at)
  SELECT 'Agent ' || n, 'agent-' || n, 'custom', CASE WHEN n % 6 = 0 THEN 'paused' ELSE 'active' END,
    jsonb_build_array('skill' || n % 8, 'craft' || n % 100), 100, n % 89, 100 - n % 89,
    timestamptz '2026-12-31' - (n % 12) * interval '1 minute'
  FROM amount, generate_series(1, agents) AS n;

INSERT INTO public.tasks (project_id, parent_task_id, title, status, labels, assigned_user_id, assigned_agent_id, github_issue_number,
    due_at, completed_at, created_at, updated_at, deleted_at)
  SELECT 1 + floor(pg_temp.spread(n, 2) ^ 3 * projects), CASE WHEN n % 10 IN (2, 3, 4) THEN n - n % 10 + 1 END, 'Task ' || n, status,
    ARRAY['label' || n % 9, 'topic' || n % 400],
    CASE WHEN n % 2 = 0 THEN 1 + floor(pg_temp.spread(n, 3) ^ 2 * users) END,
    CASE WHEN n % 2 = 1 THEN 1 + floor(pg_temp.spread(n, 4) ^ 2 * agents) END,
    n, CASE WHEN n % 3 > 0 THEN created_at + 12 * interval '1 day' END,
    CASE WHEN status IN ('done', 'cancelled') THEN created_at + n % 20 * interval '1 day' END,
    created_at, created_at, CASE WHEN n % 40 = 0 THEN created_at END
  FROM amount, generate_series(1, tasks) AS n, LATERAL (
    SELECT timestamptz '2026-01-01' + n / tasks::float8 * interval '364 days' AS created_at,
      CASE WHEN pg_temp.spread(n, 5) < 0.7 THEN CASE WHEN n % 10 = 0 THEN 'cancelled' ELSE 'done' END
        ELSE (ARRAY['backlog', 'todo', 'in_progress', 'in_review', 'blocked'])[n % 5 + 1] END AS status
  ) AS made;

INSERT INTO public.task_comments (task_id, author_user_id, author_agent_id, body)
  SELECT 1 + floor(pg_temp.spread(n, 6) ^ 2 * tasks), CASE WHEN n % 2 = 0 THEN 1 + n % users END,
    CASE WHEN n % 2 = 1 THEN 1 + n % agents END, 'Comment'
  FROM amount, generate_series(1, tasks) AS n;
INSERT INTO public.task_attachments (task_id, file_name, size_bytes, storage_url, sha256)
  SELECT 1 + n * 7 % tasks, 'file', n, 's3://bucket/' || n, encode(sha256(n::text::bytea), 'hex')
  FROM amount, generate_series(1, tasks / 5) AS n;

INSERT INTO public.agent_executions (agent_id, task_id, project_id, status, queued_at, started_at, created_at)
  SELECT 1 + floor(pg_temp.spread(n, 4) ^ 2 * agents), tasks.id, tasks.project_id,
    CASE WHEN n % 100 = 0 THEN 'running' WHEN n % 9 = 0 THEN 'failed' ELSE 'succeeded' END, date_trunc('day', tasks.created_at),
    tasks.created_at, date_trunc('day', tasks.created_at)
  FROM amount, generate_series(1, tasks) AS n, public.tasks WHERE tasks.id = n;

INSERT INTO public.evidence (source_type, title, credibility_score, verification_status, verified_at, task_id,
    project_id, collected_at)
  SELECT (ARRAY['code', 'commit', 'metric', 'trace', 'dataset', 'standard', 'benchmark', 'issue'])[1 + n % 8],
    'Evidence ' || n, n % 1000 / 1000.0, CASE WHEN n % 3 = 0 THEN 'unverified' ELSE 'verified' END,
    CASE WHEN n % 3 > 0 THEN collected_at END, tasks.id, tasks.project_id, collected_at
  FROM amount, generate_series(1, tasks / 2) AS n, public.tasks,
    LATERAL (SELECT timestamptz '2026-01-01' + n / 20 * interval '1 hour' AS collected_at) AS made
  WHERE tasks.id = 1 + n * 3 % tasks;
UPDATE public.evidence SET credibility_score = 0.3 WHERE id % 4 = 0;
INSERT INTO public.evidence_chains (from_evidence_id, to_evidence_id, relation)
  SELECT n, n - 1 - floor(pg_temp.spread(n, 7) * 4)::int, 'supports'
  FROM amount, generate_series(10, tasks / 5) AS n WHERE n % 8 > 4;

INSERT INTO public.audit_logs (event_type, outcome, actor_user_id, resource_type, resource_id, project_id, request_id,
    created_at)
  SELECT
    CASE WHEN n % 100 = 0 THEN (ARRAY['security.permission_denied', 'security.token_created', 'user.login_failed'])[1 + n / 100 % 3]
      ELSE (ARRAY['task.created', 'task.updated', 'task.completed'])[1 + n % 3] END,
    CASE WHEN n % 200 = 0 THEN 'denied' ELSE 'success' END,
    CASE WHEN n % 2 = 0 THEN 1 + floor(pg_temp.spread(n, 3) ^ 3 * users) END, 'task',
    (1 + floor(pg_temp.spread(n, 8) ^ 2 * tasks))::text, 1 + floor(pg_temp.spread(n, 2) ^ 3 * projects),
    'request-' || n / 3, date_trunc('hour', timestamptz '2026-01-01' + n / (tasks * 3)::float8 * interval '364 days')
  FROM amount, generate_series(1, tasks * 3) AS n;

INSERT INTO public.activity_feed (project_id, task_id, actor_user_id, verb, object_type, object_id, visibility, created_at)
  SELECT tasks.project_id, tasks.id, 1 + n % users, 'completed', 'task', tasks.id::text,
    (ARRAY['public', 'private', 'project', 'project', 'project'])[1 + n % 5], date_trunc('day', tasks.created_at)
  FROM amount, generate_series(1, tasks) AS n, public.tasks WHERE tasks.id = 1 + n % tasks;
