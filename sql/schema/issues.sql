-- The work itself: tasks, issues and pull requests, what is said about them, and the files that belong to them.
--
-- swe_admin writes all rows; swe_manager reads all, makes and changes tasks, and may remove comments and attachments;
-- swe_service reads all, makes and changes tasks, comments as an agent, and attaches files; swe_user works on the tasks
-- of the projects it sees, on those assigned to it and on those it made: it makes tasks there in its own name, changes
-- those that it made, that are assigned to it or that belong to its own projects, and comments and attaches files,
-- which only it can change or remove.

CREATE TABLE IF NOT EXISTS public.tasks (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  project_id bigint NOT NULL,
  parent_task_id bigint,
  task_type text NOT NULL DEFAULT 'task',
  title text NOT NULL,
  description text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'todo',
  priority text NOT NULL DEFAULT 'medium',
  labels text[] NOT NULL DEFAULT '{}',
  created_by_user_id bigint DEFAULT public.swe_current_user_id(),
  assigned_user_id bigint,
  assigned_agent_id bigint,
  estimate_points bigint,
  github_issue_id bigint,
  github_issue_number bigint,
  github_issue_node_id text,
  github_pull_request_id bigint,
  github_pull_request_number bigint,
  github_pull_request_node_id text,
  ai_analysis jsonb,
  ai_suggestions jsonb NOT NULL DEFAULT '[]',
  metadata jsonb NOT NULL DEFAULT '{}',
  planned_start_at timestamptz,
  due_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  deleted_at timestamptz,
  CONSTRAINT tasks_pkey PRIMARY KEY (id),
  CONSTRAINT tasks_external_id_key UNIQUE (external_id),
  CONSTRAINT tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects (id) ON DELETE CASCADE,
  CONSTRAINT tasks_parent_task_id_fkey FOREIGN KEY (parent_task_id) REFERENCES public.tasks (id) ON DELETE SET NULL,
  CONSTRAINT tasks_created_by_user_id_fkey FOREIGN KEY (created_by_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT tasks_assigned_user_id_fkey FOREIGN KEY (assigned_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT tasks_assigned_agent_id_fkey FOREIGN KEY (assigned_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT tasks_parent_task_id_check CHECK (parent_task_id <> id),
  CONSTRAINT tasks_task_type_check CHECK (task_type IN ('task', 'issue', 'pull_request')),
  CONSTRAINT tasks_title_check CHECK (length(btrim(title)) BETWEEN 1 AND 500),
  CONSTRAINT tasks_status_check
    CHECK (status IN ('backlog', 'todo', 'in_progress', 'in_review', 'blocked', 'done', 'cancelled')),
  CONSTRAINT tasks_priority_check CHECK (priority IN ('low', 'medium', 'high', 'critical')),
  CONSTRAINT tasks_labels_check CHECK (array_position(labels, NULL) IS NULL AND array_position(labels, '') IS NULL),
  CONSTRAINT tasks_assignee_check CHECK (num_nonnulls(assigned_user_id, assigned_agent_id) <= 1),
  CONSTRAINT tasks_estimate_points_check CHECK (estimate_points BETWEEN 0 AND 100),
  CONSTRAINT tasks_github_issue_number_check CHECK (github_issue_number > 0),
  CONSTRAINT tasks_github_issue_check
    CHECK (num_nonnulls(github_issue_id, github_issue_node_id) = 0 OR github_issue_number IS NOT NULL),
  CONSTRAINT tasks_github_pull_request_number_check CHECK (github_pull_request_number > 0),
  CONSTRAINT tasks_github_pull_request_check
    CHECK (num_nonnulls(github_pull_request_id, github_pull_request_node_id) = 0 OR github_pull_request_number IS NOT NULL),
  CONSTRAINT tasks_ai_analysis_check CHECK (jsonb_typeof(ai_analysis) = 'object'),
  CONSTRAINT tasks_ai_suggestions_check CHECK (jsonb_typeof(ai_suggestions) = 'array'),
  CONSTRAINT tasks_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT tasks_due_at_check CHECK (due_at >= planned_start_at),
  CONSTRAINT tasks_completed_at_check CHECK (completed_at >= started_at),
  CONSTRAINT tasks_deleted_at_check CHECK (deleted_at >= created_at)
);

CREATE INDEX IF NOT EXISTS tasks_project_board_idx ON public.tasks (project_id, status, created_at DESC, id DESC)
  INCLUDE (deleted_at);
CREATE INDEX IF NOT EXISTS tasks_project_id_updated_at_idx ON public.tasks (project_id, updated_at DESC) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS tasks_assigned_user_id_idx ON public.tasks (assigned_user_id, status, due_at)
  WHERE assigned_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_assigned_agent_id_idx ON public.tasks (assigned_agent_id, status, due_at)
  WHERE assigned_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_created_by_user_id_idx ON public.tasks (created_by_user_id, created_at DESC)
  WHERE created_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_parent_task_id_idx ON public.tasks (parent_task_id) WHERE parent_task_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS tasks_github_issue_number_key ON public.tasks (project_id, github_issue_number)
  WHERE github_issue_number IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS tasks_github_pull_request_number_key ON public.tasks (project_id, github_pull_request_number)
  WHERE github_pull_request_number IS NOT NULL AND deleted_at IS NULL;
-- Webhooks name an issue by its node; two projects on one repository both have it.
CREATE INDEX IF NOT EXISTS tasks_github_issue_node_id_idx ON public.tasks (github_issue_node_id)
  WHERE github_issue_node_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_github_pull_request_node_id_idx ON public.tasks (github_pull_request_node_id)
  WHERE github_pull_request_node_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_open_due_at_idx ON public.tasks (due_at)
  WHERE due_at IS NOT NULL AND deleted_at IS NULL AND status NOT IN ('done', 'cancelled');
CREATE INDEX IF NOT EXISTS tasks_project_id_open_due_at_idx ON public.tasks (project_id, due_at, id)
  WHERE due_at IS NOT NULL AND deleted_at IS NULL AND status NOT IN ('done', 'cancelled');
CREATE INDEX IF NOT EXISTS tasks_project_id_done_at_idx ON public.tasks (project_id, completed_at)
  WHERE status = 'done' AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS tasks_labels_idx ON public.tasks USING gin (labels);
CREATE INDEX IF NOT EXISTS tasks_ai_analysis_idx ON public.tasks USING gin (ai_analysis jsonb_path_ops);

CREATE OR REPLACE TRIGGER tasks_touch_updated_at BEFORE UPDATE ON public.tasks
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

-- Runs are older than tasks in the order of these files.
DO $executions$
BEGIN
  IF NOT EXISTS (
    SELECT FROM pg_catalog.pg_constraint
    WHERE conname = 'agent_executions_task_id_fkey' AND conrelid = 'public.agent_executions'::regclass
  ) THEN
    ALTER TABLE public.agent_executions ADD CONSTRAINT agent_executions_task_id_fkey
      FOREIGN KEY (task_id) REFERENCES public.tasks (id) ON DELETE SET NULL;
  END IF;
END
$executions$;

COMMENT ON TABLE public.tasks IS 'Tasks, issues and pull requests';
COMMENT ON COLUMN public.tasks.id IS 'Key inside the database';
COMMENT ON COLUMN public.tasks.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.tasks.project_id IS 'Project; its tasks go with it';
COMMENT ON COLUMN public.tasks.parent_task_id IS 'Task that this one is a part of';
COMMENT ON COLUMN public.tasks.task_type IS 'task, issue or pull_request';
COMMENT ON COLUMN public.tasks.title IS 'Title';
COMMENT ON COLUMN public.tasks.description IS 'Text, Markdown';
COMMENT ON COLUMN public.tasks.status IS 'State: backlog, todo, in_progress, in_review, blocked, done or cancelled';
COMMENT ON COLUMN public.tasks.priority IS 'low, medium, high or critical';
COMMENT ON COLUMN public.tasks.labels IS 'Labels, searched with @>';
COMMENT ON COLUMN public.tasks.created_by_user_id IS 'User who made it; by default the one in swe.user_id';
COMMENT ON COLUMN public.tasks.assigned_user_id IS 'User who works on it; never together with an agent';
COMMENT ON COLUMN public.tasks.assigned_agent_id IS 'Agent that works on it; never together with a user';
COMMENT ON COLUMN public.tasks.estimate_points IS 'Estimated size, in points';
COMMENT ON COLUMN public.tasks.github_issue_id IS 'GitHub issue: id';
COMMENT ON COLUMN public.tasks.github_issue_number IS 'GitHub issue: number';
COMMENT ON COLUMN public.tasks.github_issue_node_id IS 'GitHub issue: node_id';
COMMENT ON COLUMN public.tasks.github_pull_request_id IS 'GitHub pull request: id';
COMMENT ON COLUMN public.tasks.github_pull_request_number IS 'GitHub pull request: number';
COMMENT ON COLUMN public.tasks.github_pull_request_node_id IS 'GitHub pull request: node_id';
COMMENT ON COLUMN public.tasks.ai_analysis IS 'What an agent found out about it: complexity, risks, files concerned; NULL until then';
COMMENT ON COLUMN public.tasks.ai_suggestions IS 'What agents suggest: an array';
COMMENT ON COLUMN public.tasks.metadata IS 'Anything else';
COMMENT ON COLUMN public.tasks.planned_start_at IS 'When work should begin';
COMMENT ON COLUMN public.tasks.due_at IS 'When it should be done';
COMMENT ON COLUMN public.tasks.started_at IS 'When work began';
COMMENT ON COLUMN public.tasks.completed_at IS 'When it was done or cancelled';
COMMENT ON COLUMN public.tasks.created_at IS 'When the row was made';
COMMENT ON COLUMN public.tasks.updated_at IS 'When the row last changed';
COMMENT ON COLUMN public.tasks.deleted_at IS 'When it was deleted; NULL while it lives';

CREATE TABLE IF NOT EXISTS public.task_comments (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  task_id bigint NOT NULL,
  parent_comment_id bigint,
  author_user_id bigint,
  author_agent_id bigint,
  body text NOT NULL,
  github_comment_id bigint,
  github_node_id text,
  metadata jsonb NOT NULL DEFAULT '{}',
  edited_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT task_comments_pkey PRIMARY KEY (id),
  CONSTRAINT task_comments_external_id_key UNIQUE (external_id),
  -- Lists a task's comments, and lets a reply point at its task and parent at once.
  CONSTRAINT task_comments_task_id_id_key UNIQUE (task_id, id),
  CONSTRAINT task_comments_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.tasks (id) ON DELETE CASCADE,
  CONSTRAINT task_comments_parent_comment_id_fkey FOREIGN KEY (parent_comment_id, task_id)
    REFERENCES public.task_comments (id, task_id) ON DELETE SET NULL (parent_comment_id),
  CONSTRAINT task_comments_author_user_id_fkey FOREIGN KEY (author_user_id) REFERENCES public.users (id) ON DELETE RESTRICT,
  CONSTRAINT task_comments_author_agent_id_fkey FOREIGN KEY (author_agent_id) REFERENCES public.agents (id) ON DELETE RESTRICT,
  CONSTRAINT task_comments_parent_comment_id_check CHECK (parent_comment_id <> id),
  CONSTRAINT task_comments_author_check CHECK (num_nonnulls(author_user_id, author_agent_id) = 1),
  CONSTRAINT task_comments_body_check CHECK (length(body) <= 65536 AND length(btrim(body)) > 0),
  CONSTRAINT task_comments_github_check CHECK (github_node_id IS NULL OR github_comment_id IS NOT NULL),
  CONSTRAINT task_comments_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT task_comments_edited_at_check CHECK (edited_at >= created_at)
);

CREATE INDEX IF NOT EXISTS task_comments_parent_comment_id_idx ON public.task_comments (parent_comment_id, task_id)
  WHERE parent_comment_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_comments_author_user_id_idx ON public.task_comments (author_user_id, created_at DESC)
  WHERE author_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_comments_author_agent_id_idx ON public.task_comments (author_agent_id, created_at DESC)
  WHERE author_agent_id IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS task_comments_github_comment_id_key ON public.task_comments (github_comment_id, task_id)
  WHERE github_comment_id IS NOT NULL;

CREATE OR REPLACE TRIGGER task_comments_touch_updated_at BEFORE UPDATE ON public.task_comments
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.task_comments IS 'What users and agents say about tasks, in threads';
COMMENT ON COLUMN public.task_comments.id IS 'Key inside the database';
COMMENT ON COLUMN public.task_comments.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.task_comments.task_id IS 'Task; its comments go with it';
COMMENT ON COLUMN public.task_comments.parent_comment_id IS 'Comment on the same task that this one answers; its answers outlive it';
COMMENT ON COLUMN public.task_comments.author_user_id IS 'User who wrote it, or else an agent did; may not be deleted while it stands';
COMMENT ON COLUMN public.task_comments.author_agent_id IS 'Agent that wrote it, or else a user did; may not be deleted while it stands';
COMMENT ON COLUMN public.task_comments.body IS 'Text, Markdown; 65,536 characters at most, as on GitHub';
COMMENT ON COLUMN public.task_comments.github_comment_id IS 'GitHub comment: id';
COMMENT ON COLUMN public.task_comments.github_node_id IS 'GitHub comment: node_id';
COMMENT ON COLUMN public.task_comments.metadata IS 'Anything else';
COMMENT ON COLUMN public.task_comments.edited_at IS 'When its author last changed the text; NULL if never';
COMMENT ON COLUMN public.task_comments.created_at IS 'When the row was made';
COMMENT ON COLUMN public.task_comments.updated_at IS 'When the row last changed';

CREATE TABLE IF NOT EXISTS public.task_attachments (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  task_id bigint NOT NULL,
  uploaded_by_user_id bigint DEFAULT public.swe_current_user_id(),
  file_name text NOT NULL,
  media_type text NOT NULL DEFAULT 'application/octet-stream',
  size_bytes bigint NOT NULL,
  storage_url text NOT NULL,
  sha256 text NOT NULL,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT task_attachments_pkey PRIMARY KEY (id),
  CONSTRAINT task_attachments_external_id_key UNIQUE (external_id),
  CONSTRAINT task_attachments_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.tasks (id) ON DELETE CASCADE,
  CONSTRAINT task_attachments_uploaded_by_user_id_fkey FOREIGN KEY (uploaded_by_user_id)
    REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT task_attachments_file_name_check
    CHECK (length(file_name) BETWEEN 1 AND 255 AND file_name !~ '[/\\[:cntrl:]]' AND file_name NOT IN ('.', '..')),
  CONSTRAINT task_attachments_media_type_check
    CHECK (media_type ~ '^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]*(;.*)?$'),
  CONSTRAINT task_attachments_size_bytes_check CHECK (size_bytes >= 0),
  CONSTRAINT task_attachments_storage_url_check CHECK (storage_url ~ '^[a-z][a-z0-9+.-]*://[^[:space:]]+$'),
  CONSTRAINT task_attachments_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  CONSTRAINT task_attachments_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX IF NOT EXISTS task_attachments_task_id_created_at_idx ON public.task_attachments (task_id, created_at);
CREATE INDEX IF NOT EXISTS task_attachments_uploaded_by_user_id_idx ON public.task_attachments (uploaded_by_user_id)
  WHERE uploaded_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS task_attachments_sha256_idx ON public.task_attachments (sha256);

CREATE OR REPLACE TRIGGER task_attachments_touch_updated_at BEFORE UPDATE ON public.task_attachments
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.task_attachments IS 'Files that belong to tasks; their content is elsewhere';
COMMENT ON COLUMN public.task_attachments.id IS 'Key inside the database';
COMMENT ON COLUMN public.task_attachments.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.task_attachments.task_id IS 'Task; its attachments go with it';
COMMENT ON COLUMN public.task_attachments.uploaded_by_user_id IS 'User who added it; by default the one in swe.user_id';
COMMENT ON COLUMN public.task_attachments.file_name IS 'Name of the file, without a directory';
COMMENT ON COLUMN public.task_attachments.media_type IS 'Media type, as in the header Content-Type';
COMMENT ON COLUMN public.task_attachments.size_bytes IS 'Size, in bytes';
COMMENT ON COLUMN public.task_attachments.storage_url IS 'Where the content is';
COMMENT ON COLUMN public.task_attachments.sha256 IS 'SHA-256 of the content, lower-case hex digits';
COMMENT ON COLUMN public.task_attachments.metadata IS 'Anything else';
COMMENT ON COLUMN public.task_attachments.created_at IS 'When the row was made';
COMMENT ON COLUMN public.task_attachments.updated_at IS 'When the row last changed';

ALTER TABLE public.tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.task_comments ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.task_attachments ENABLE ROW LEVEL SECURITY;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.tasks, public.task_comments, public.task_attachments TO swe_admin;
    DROP POLICY IF EXISTS tasks_admin ON public.tasks;
    CREATE POLICY tasks_admin ON public.tasks TO swe_admin USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS task_comments_admin ON public.task_comments;
    CREATE POLICY task_comments_admin ON public.task_comments TO swe_admin USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS task_attachments_admin ON public.task_attachments;
    CREATE POLICY task_attachments_admin ON public.task_attachments TO swe_admin USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    GRANT SELECT, INSERT, UPDATE ON public.tasks TO swe_manager;
    GRANT SELECT, INSERT, DELETE ON public.task_comments, public.task_attachments TO swe_manager;
    GRANT UPDATE (body, edited_at, metadata) ON public.task_comments TO swe_manager;
    DROP POLICY IF EXISTS tasks_manager ON public.tasks;
    CREATE POLICY tasks_manager ON public.tasks TO swe_manager USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS task_comments_manager_read ON public.task_comments;
    CREATE POLICY task_comments_manager_read ON public.task_comments FOR SELECT TO swe_manager USING (true);
    DROP POLICY IF EXISTS task_comments_manager_write ON public.task_comments;
    CREATE POLICY task_comments_manager_write ON public.task_comments FOR INSERT TO swe_manager
      WITH CHECK (author_user_id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS task_comments_manager_edit ON public.task_comments;
    CREATE POLICY task_comments_manager_edit ON public.task_comments FOR UPDATE TO swe_manager
      USING (author_user_id = (SELECT public.swe_current_user_id()))
      WITH CHECK (author_user_id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS task_comments_manager_remove ON public.task_comments;
    CREATE POLICY task_comments_manager_remove ON public.task_comments FOR DELETE TO swe_manager USING (true);
    DROP POLICY IF EXISTS task_attachments_manager ON public.task_attachments;
    CREATE POLICY task_attachments_manager ON public.task_attachments TO swe_manager USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT SELECT, INSERT, UPDATE ON public.tasks TO swe_service;
    GRANT SELECT, INSERT ON public.task_comments, public.task_attachments TO swe_service;
    GRANT UPDATE (body, edited_at, metadata) ON public.task_comments TO swe_service;
    DROP POLICY IF EXISTS tasks_service ON public.tasks;
    CREATE POLICY tasks_service ON public.tasks TO swe_service USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS task_comments_service_read ON public.task_comments;
    CREATE POLICY task_comments_service_read ON public.task_comments FOR SELECT TO swe_service USING (true);
    DROP POLICY IF EXISTS task_comments_service_write ON public.task_comments;
    CREATE POLICY task_comments_service_write ON public.task_comments FOR INSERT TO swe_service
      WITH CHECK (author_agent_id IS NOT NULL);
    DROP POLICY IF EXISTS task_comments_service_edit ON public.task_comments;
    CREATE POLICY task_comments_service_edit ON public.task_comments FOR UPDATE TO swe_service
      USING (author_agent_id IS NOT NULL) WITH CHECK (author_agent_id IS NOT NULL);
    DROP POLICY IF EXISTS task_attachments_service ON public.task_attachments;
    CREATE POLICY task_attachments_service ON public.task_attachments TO swe_service USING (true) WITH CHECK (true);
  END IF;
END
$access$;

-- What swe_user sees of a project's work follows from what it sees of the project: the subqueries below run under the
-- policies of the tables that they read.
DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    GRANT SELECT, INSERT ON public.tasks TO swe_user;
    GRANT UPDATE (parent_task_id, task_type, title, description, status, priority, labels, assigned_user_id,
      assigned_agent_id, estimate_points, metadata, planned_start_at, due_at, started_at, completed_at, deleted_at)
      ON public.tasks TO swe_user;
    GRANT SELECT, INSERT, DELETE ON public.task_comments, public.task_attachments TO swe_user;
    GRANT UPDATE (body, edited_at, metadata) ON public.task_comments TO swe_user;
    DROP POLICY IF EXISTS tasks_user_read ON public.tasks;
    CREATE POLICY tasks_user_read ON public.tasks FOR SELECT TO swe_user
      USING (assigned_user_id = (SELECT public.swe_current_user_id())
        OR created_by_user_id = (SELECT public.swe_current_user_id())
        OR EXISTS (
          SELECT FROM public.projects
          WHERE projects.id = tasks.project_id
            AND (tasks.deleted_at IS NULL OR projects.owner_id = (SELECT public.swe_current_user_id()))
        ));
    DROP POLICY IF EXISTS tasks_user_insert ON public.tasks;
    CREATE POLICY tasks_user_insert ON public.tasks FOR INSERT TO swe_user
      WITH CHECK (created_by_user_id = (SELECT public.swe_current_user_id())
        AND EXISTS (SELECT FROM public.projects WHERE projects.id = tasks.project_id));
    DROP POLICY IF EXISTS tasks_user_update ON public.tasks;
    -- Without a check of its own for the new row, an assignee may hand the task on: reading it is enough.
    CREATE POLICY tasks_user_update ON public.tasks FOR UPDATE TO swe_user
      USING (assigned_user_id = (SELECT public.swe_current_user_id())
        OR created_by_user_id = (SELECT public.swe_current_user_id())
        OR EXISTS (
          SELECT FROM public.projects
          WHERE projects.id = tasks.project_id AND projects.owner_id = (SELECT public.swe_current_user_id())
        ))
      WITH CHECK (true);
    DROP POLICY IF EXISTS task_comments_user_read ON public.task_comments;
    CREATE POLICY task_comments_user_read ON public.task_comments FOR SELECT TO swe_user
      USING (EXISTS (SELECT FROM public.tasks WHERE tasks.id = task_comments.task_id));
    DROP POLICY IF EXISTS task_comments_user_insert ON public.task_comments;
    CREATE POLICY task_comments_user_insert ON public.task_comments FOR INSERT TO swe_user
      WITH CHECK (author_user_id = (SELECT public.swe_current_user_id())
        AND EXISTS (SELECT FROM public.tasks WHERE tasks.id = task_comments.task_id));
    DROP POLICY IF EXISTS task_comments_user_update ON public.task_comments;
    CREATE POLICY task_comments_user_update ON public.task_comments FOR UPDATE TO swe_user
      USING (author_user_id = (SELECT public.swe_current_user_id()))
      WITH CHECK (author_user_id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS task_comments_user_delete ON public.task_comments;
    CREATE POLICY task_comments_user_delete ON public.task_comments FOR DELETE TO swe_user
      USING (author_user_id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS task_attachments_user_read ON public.task_attachments;
    CREATE POLICY task_attachments_user_read ON public.task_attachments FOR SELECT TO swe_user
      USING (EXISTS (SELECT FROM public.tasks WHERE tasks.id = task_attachments.task_id));
    DROP POLICY IF EXISTS task_attachments_user_insert ON public.task_attachments;
    CREATE POLICY task_attachments_user_insert ON public.task_attachments FOR INSERT TO swe_user
      WITH CHECK (uploaded_by_user_id = (SELECT public.swe_current_user_id())
        AND EXISTS (SELECT FROM public.tasks WHERE tasks.id = task_attachments.task_id));
    DROP POLICY IF EXISTS task_attachments_user_delete ON public.task_attachments;
    CREATE POLICY task_attachments_user_delete ON public.task_attachments FOR DELETE TO swe_user
      USING (uploaded_by_user_id = (SELECT public.swe_current_user_id()));
    -- Restrictive: nobody sends an agent to a task that is hidden from them.
    DROP POLICY IF EXISTS agent_executions_user_task ON public.agent_executions;
    CREATE POLICY agent_executions_user_task ON public.agent_executions AS RESTRICTIVE FOR INSERT TO swe_user
      WITH CHECK (task_id IS NULL OR EXISTS (SELECT FROM public.tasks WHERE tasks.id = agent_executions.task_id));
  END IF;
END
$access$;
