-- Thousands of people and tasks, spread as a planner would meet them.

INSERT INTO public.users (username, email, display_name, role, github_id, github_login, sso_provider, sso_subject,
    preferences)
  SELECT 'user' || n, 'user' || n || '@swe.example', 'User ' || n, CASE WHEN n % 50 = 0 THEN 'manager' ELSE 'user' END,
    n, 'user' || n, 'idp' || n % 3, n::text, jsonb_build_object('notifications', jsonb_build_object('digest', n % 40))
  FROM generate_series(1, 4000) AS n;
INSERT INTO public.projects (owner_id, name, slug, status, repository_provider, repository_url, github_id,
    github_full_name, settings, tags, updated_at)
  SELECT n % 300 + 1, 'Project ' || n, 'project-' || n, (ARRAY['active', 'paused', 'planning', 'archived'])[n % 4 + 1],
    'github', 'https://github.com/o/p' || n, n, 'o/p' || n, jsonb_build_object('sprint', n % 50),
    ARRAY['tag' || n % 40], CURRENT_TIMESTAMP - n * interval '1 hour'
  FROM generate_series(1, 2000) AS n;
INSERT INTO public.agents (name, slug, agent_type, model_provider, model_name, status, capabilities, total_executions,
    successful_executions, failed_executions, last_heartbeat_at)
  SELECT 'Agent ' || n, 'agent-' || n, (ARRAY['codegen', 'tester', 'reviewer', 'planner', 'custom'])[n % 5 + 1],
    'provider' || n % 7, 'model' || n % 11, (ARRAY['active', 'paused', 'failed', 'retired'])[n % 4 + 1],
    jsonb_build_array('skill' || n % 60), 100, n % 100, 100 - n % 100, CURRENT_TIMESTAMP - n * interval '1 minute'
  FROM generate_series(1, 3000) AS n;
INSERT INTO public.tasks (project_id, title, status, labels, created_by_user_id, assigned_user_id, assigned_agent_id,
    github_issue_number, github_issue_node_id, github_pull_request_number, github_pull_request_node_id, ai_analysis,
    due_at, created_at, updated_at)
  SELECT n % 200 + 1, 'Task ' || n, (ARRAY['todo', 'in_progress', 'done', 'done', 'done'])[n % 5 + 1],
    ARRAY['label' || n % 90], n % 400 + 1, CASE WHEN n % 2 = 0 THEN n % 700 + 1 END,
    CASE WHEN n % 2 = 1 THEN n % 600 + 1 END, n, 'I_' || n, n, 'PR_' || n, jsonb_build_object('files', n % 100),
    CURRENT_TIMESTAMP + n * interval '1 minute', CURRENT_TIMESTAMP - n * interval '1 minute',
    CURRENT_TIMESTAMP - n * interval '1 second'
  FROM generate_series(1, 20000) AS n;
UPDATE public.tasks SET parent_task_id = id / 10 + 1 WHERE id % 3 = 0;
INSERT INTO public.agent_executions (agent_id, task_id, project_id, triggered_by_user_id, status, queued_at, created_at)
  SELECT n % 500 + 1, n, n % 200 + 1, n % 300 + 1, CASE WHEN n % 100 = 0 THEN 'queued' ELSE 'succeeded' END,
    CURRENT_TIMESTAMP - n * interval '1 minute', CURRENT_TIMESTAMP - n * interval '1 minute'
  FROM generate_series(1, 10000) AS n;
UPDATE public.agent_executions SET parent_execution_id = id / 10 + 1 WHERE id % 4 = 0;
INSERT INTO public.task_comments (task_id, author_user_id, author_agent_id, body, github_comment_id, created_at)
  SELECT n % 3000 + 1, CASE WHEN n % 2 = 0 THEN n % 300 + 1 END, CASE WHEN n % 2 = 1 THEN n % 300 + 1 END, 'Comment', n,
    CURRENT_TIMESTAMP - n * interval '1 minute'
  FROM generate_series(1, 12000) AS n;
UPDATE public.task_comments SET parent_comment_id = id - 3000 WHERE id > 3000 AND id % 3 = 0;
INSERT INTO public.task_attachments (task_id, uploaded_by_user_id, file_name, size_bytes, storage_url, sha256)
  SELECT n % 1500 + 1, n % 300 + 1, 'file', n, 's3://bucket/' || n, encode(sha256(n::text::bytea), 'hex')
  FROM generate_series(1, 6000) AS n;
