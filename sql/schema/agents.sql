-- The registry of AI agents, and each run of one.
--
-- agents have no owner, so grants alone decide: swe_admin and swe_manager read and change the registry, swe_service reads
-- it and keeps status, heartbeat and counters, swe_user reads it.
-- agent_executions: swe_admin writes all rows; swe_manager reads all and may queue and cancel; swe_service records
-- them; swe_user queues runs in its own name, cancels those, and reads them and those of the projects it sees.

CREATE TABLE IF NOT EXISTS public.agents (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text NOT NULL,
  slug text NOT NULL,
  description text NOT NULL DEFAULT '',
  agent_type text NOT NULL,
  version text NOT NULL DEFAULT '1.0.0',
  model_provider text,
  model_name text,
  status text NOT NULL DEFAULT 'active',
  capabilities jsonb NOT NULL DEFAULT '[]',
  configuration jsonb NOT NULL DEFAULT '{}',
  max_concurrency bigint NOT NULL DEFAULT 1,
  total_executions bigint NOT NULL DEFAULT 0,
  successful_executions bigint NOT NULL DEFAULT 0,
  failed_executions bigint NOT NULL DEFAULT 0,
  success_rate numeric(5, 4) GENERATED ALWAYS AS (
    round(successful_executions::numeric / NULLIF(successful_executions::numeric + failed_executions, 0), 4)
  ) STORED,
  average_duration_ms bigint,
  total_tokens bigint NOT NULL DEFAULT 0,
  total_cost_usd numeric(16, 6) NOT NULL DEFAULT 0,
  last_execution_at timestamptz,
  last_heartbeat_at timestamptz,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  deleted_at timestamptz,
  CONSTRAINT agents_pkey PRIMARY KEY (id),
  CONSTRAINT agents_external_id_key UNIQUE (external_id),
  CONSTRAINT agents_name_check CHECK (length(btrim(name)) BETWEEN 1 AND 200),
  CONSTRAINT agents_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 100),
  CONSTRAINT agents_agent_type_check CHECK (agent_type IN ('orchestrator', 'architect', 'planner', 'codegen', 'reviewer',
    'tester', 'security', 'deployer', 'debugger', 'documentation', 'custom')),
  CONSTRAINT agents_version_check CHECK (version ~ '^[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$'),
  CONSTRAINT agents_model_check CHECK ((model_provider IS NULL) = (model_name IS NULL)),
  CONSTRAINT agents_status_check CHECK (status IN ('active', 'paused', 'maintenance', 'failed', 'retired')),
  CONSTRAINT agents_capabilities_check CHECK (jsonb_typeof(capabilities) = 'array'
    AND NOT jsonb_path_exists(capabilities, 'strict $[*] ? (@.type() != "string")', '{}', true)),
  CONSTRAINT agents_configuration_check CHECK (jsonb_typeof(configuration) = 'object'),
  CONSTRAINT agents_max_concurrency_check CHECK (max_concurrency BETWEEN 1 AND 1000),
  CONSTRAINT agents_successful_executions_check CHECK (successful_executions >= 0),
  CONSTRAINT agents_failed_executions_check CHECK (failed_executions >= 0),
  CONSTRAINT agents_total_executions_check CHECK (total_executions - successful_executions >= failed_executions),
  CONSTRAINT agents_average_duration_ms_check CHECK (average_duration_ms >= 0),
  CONSTRAINT agents_total_tokens_check CHECK (total_tokens >= 0),
  CONSTRAINT agents_total_cost_usd_check CHECK (total_cost_usd >= 0),
  CONSTRAINT agents_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT agents_deleted_at_check CHECK (deleted_at >= created_at)
);

CREATE UNIQUE INDEX IF NOT EXISTS agents_slug_living_key ON public.agents (slug) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS agents_agent_type_status_idx ON public.agents (agent_type, status) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS agents_agent_type_success_rate_idx ON public.agents (agent_type, success_rate DESC NULLS LAST)
  WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS agents_status_success_rate_idx ON public.agents (status, success_rate DESC NULLS LAST, id)
  WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS agents_model_idx ON public.agents (model_provider, model_name) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS agents_status_last_heartbeat_at_idx ON public.agents (status, last_heartbeat_at) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS agents_capabilities_idx ON public.agents USING gin (capabilities);

CREATE OR REPLACE TRIGGER agents_touch_updated_at BEFORE UPDATE ON public.agents
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at('success_rate');

COMMENT ON TABLE public.agents IS 'Registry of AI agents';
COMMENT ON COLUMN public.agents.id IS 'Key inside the database';
COMMENT ON COLUMN public.agents.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.agents.name IS 'Name that people see';
COMMENT ON COLUMN public.agents.slug IS 'Name in URLs and configuration; unique among the living';
COMMENT ON COLUMN public.agents.description IS 'What the agent does';
COMMENT ON COLUMN public.agents.agent_type IS 'The part it plays in the platform; custom for those that others add';
COMMENT ON COLUMN public.agents.version IS 'Version of the agent, semantic versioning';
COMMENT ON COLUMN public.agents.model_provider IS 'Who serves the language model';
COMMENT ON COLUMN public.agents.model_name IS 'Name of the language model at that provider';
COMMENT ON COLUMN public.agents.status IS 'active, paused, maintenance, failed or retired';
COMMENT ON COLUMN public.agents.capabilities IS 'What it can do: an array of names, searched with @>';
COMMENT ON COLUMN public.agents.configuration IS 'Parameters of the model, tools, limits';
COMMENT ON COLUMN public.agents.max_concurrency IS 'How many runs at once it takes';
COMMENT ON COLUMN public.agents.total_executions IS 'Runs begun, whatever became of them';
COMMENT ON COLUMN public.agents.successful_executions IS 'Runs that succeeded';
COMMENT ON COLUMN public.agents.failed_executions IS 'Runs that failed or timed out';
COMMENT ON COLUMN public.agents.success_rate IS 'Succeeded among those that succeeded or failed, 0 to 1; NULL before the first';
COMMENT ON COLUMN public.agents.average_duration_ms IS 'Mean duration of its runs, in milliseconds';
COMMENT ON COLUMN public.agents.total_tokens IS 'Tokens of all its runs';
COMMENT ON COLUMN public.agents.total_cost_usd IS 'Cost of all its runs, in US dollars';
COMMENT ON COLUMN public.agents.last_execution_at IS 'When its last run began';
COMMENT ON COLUMN public.agents.last_heartbeat_at IS 'When it was last heard of';
COMMENT ON COLUMN public.agents.metadata IS 'Anything else';
COMMENT ON COLUMN public.agents.created_at IS 'When the row was made';
COMMENT ON COLUMN public.agents.updated_at IS 'When the row last changed';
COMMENT ON COLUMN public.agents.deleted_at IS 'When the agent was removed from the registry; NULL while it lives';

CREATE TABLE IF NOT EXISTS public.agent_executions (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  agent_id bigint NOT NULL,
  -- Its foreign key follows in issues.sql, after tasks.
  task_id bigint,
  project_id bigint,
  parent_execution_id bigint,
  trigger_type text NOT NULL DEFAULT 'manual',
  triggered_by_user_id bigint DEFAULT public.swe_current_user_id(),
  status text NOT NULL DEFAULT 'queued',
  attempt bigint NOT NULL DEFAULT 1,
  input jsonb NOT NULL DEFAULT '{}',
  output jsonb,
  error_type text,
  error_message text,
  model_name text,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  total_tokens bigint GENERATED ALWAYS AS (input_tokens + output_tokens) STORED,
  cost_usd numeric(14, 6) NOT NULL DEFAULT 0,
  queued_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  started_at timestamptz,
  completed_at timestamptz,
  duration_ms bigint GENERATED ALWAYS AS (round(extract(epoch FROM completed_at - started_at) * 1000)::bigint) STORED,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT agent_executions_pkey PRIMARY KEY (id),
  CONSTRAINT agent_executions_external_id_key UNIQUE (external_id),
  CONSTRAINT agent_executions_agent_id_fkey FOREIGN KEY (agent_id) REFERENCES public.agents (id) ON DELETE CASCADE,
  CONSTRAINT agent_executions_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects (id) ON DELETE CASCADE,
  CONSTRAINT agent_executions_parent_execution_id_fkey FOREIGN KEY (parent_execution_id)
    REFERENCES public.agent_executions (id) ON DELETE SET NULL,
  CONSTRAINT agent_executions_triggered_by_user_id_fkey FOREIGN KEY (triggered_by_user_id)
    REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT agent_executions_parent_execution_id_check CHECK (parent_execution_id <> id),
  CONSTRAINT agent_executions_trigger_type_check
    CHECK (trigger_type IN ('manual', 'schedule', 'webhook', 'event', 'agent', 'api', 'retry')),
  CONSTRAINT agent_executions_status_check
    CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'timed_out')),
  CONSTRAINT agent_executions_attempt_check CHECK (attempt >= 1),
  CONSTRAINT agent_executions_input_check CHECK (jsonb_typeof(input) = 'object'),
  CONSTRAINT agent_executions_output_check CHECK (jsonb_typeof(output) = 'object'),
  CONSTRAINT agent_executions_error_check
    CHECK (status <> 'succeeded' OR (error_type IS NULL AND error_message IS NULL)),
  CONSTRAINT agent_executions_input_tokens_check CHECK (input_tokens >= 0),
  CONSTRAINT agent_executions_output_tokens_check CHECK (output_tokens >= 0),
  CONSTRAINT agent_executions_cost_usd_check CHECK (cost_usd >= 0),
  CONSTRAINT agent_executions_completed_at_check CHECK (completed_at >= started_at),
  CONSTRAINT agent_executions_open_check CHECK (completed_at IS NULL OR status NOT IN ('queued', 'running')),
  CONSTRAINT agent_executions_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX IF NOT EXISTS agent_executions_agent_id_created_at_idx ON public.agent_executions (agent_id, created_at DESC);
CREATE INDEX IF NOT EXISTS agent_executions_task_id_created_at_idx ON public.agent_executions (task_id, created_at DESC)
  WHERE task_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS agent_executions_project_id_created_at_idx ON public.agent_executions (project_id, created_at DESC)
  WHERE project_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS agent_executions_parent_execution_id_idx ON public.agent_executions (parent_execution_id)
  WHERE parent_execution_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS agent_executions_triggered_by_user_id_idx
  ON public.agent_executions (triggered_by_user_id, created_at DESC) WHERE triggered_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS agent_executions_open_idx ON public.agent_executions (status, queued_at)
  WHERE status IN ('queued', 'running');

CREATE OR REPLACE TRIGGER agent_executions_touch_updated_at BEFORE UPDATE ON public.agent_executions
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at('total_tokens', 'duration_ms');

COMMENT ON TABLE public.agent_executions IS 'Runs of agents';
COMMENT ON COLUMN public.agent_executions.id IS 'Key inside the database';
COMMENT ON COLUMN public.agent_executions.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.agent_executions.agent_id IS 'Agent that runs; its runs go with it';
COMMENT ON COLUMN public.agent_executions.task_id IS 'Task it works on';
COMMENT ON COLUMN public.agent_executions.project_id IS 'Project it works in; its runs go with it, and who sees it sees them';
COMMENT ON COLUMN public.agent_executions.parent_execution_id IS 'Run that delegated this one';
COMMENT ON COLUMN public.agent_executions.trigger_type IS 'manual, schedule, webhook, event, agent, api or retry';
COMMENT ON COLUMN public.agent_executions.triggered_by_user_id IS 'User who wanted it; by default the one in swe.user_id';
COMMENT ON COLUMN public.agent_executions.status IS 'queued, running, succeeded, failed, cancelled or timed_out';
COMMENT ON COLUMN public.agent_executions.attempt IS 'Which attempt this is, from 1';
COMMENT ON COLUMN public.agent_executions.input IS 'What the agent was given';
COMMENT ON COLUMN public.agent_executions.output IS 'What it made; NULL until then';
COMMENT ON COLUMN public.agent_executions.error_type IS 'Kind of error, for counting';
COMMENT ON COLUMN public.agent_executions.error_message IS 'What the error said';
COMMENT ON COLUMN public.agent_executions.model_name IS 'Language model that was used';
COMMENT ON COLUMN public.agent_executions.input_tokens IS 'Tokens read';
COMMENT ON COLUMN public.agent_executions.output_tokens IS 'Tokens written';
COMMENT ON COLUMN public.agent_executions.total_tokens IS 'Tokens read and written';
COMMENT ON COLUMN public.agent_executions.cost_usd IS 'Cost, in US dollars';
COMMENT ON COLUMN public.agent_executions.queued_at IS 'When it was queued';
COMMENT ON COLUMN public.agent_executions.started_at IS 'When it began to run';
COMMENT ON COLUMN public.agent_executions.completed_at IS 'When it ended, whatever the result; NULL while open';
COMMENT ON COLUMN public.agent_executions.duration_ms IS 'From started_at to completed_at, in milliseconds';
COMMENT ON COLUMN public.agent_executions.metadata IS 'Anything else';
COMMENT ON COLUMN public.agent_executions.created_at IS 'When the row was made';
COMMENT ON COLUMN public.agent_executions.updated_at IS 'When the row last changed';

ALTER TABLE public.agent_executions ENABLE ROW LEVEL SECURITY;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.agents, public.agent_executions TO swe_admin;
    DROP POLICY IF EXISTS agent_executions_admin ON public.agent_executions;
    CREATE POLICY agent_executions_admin ON public.agent_executions TO swe_admin USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    GRANT SELECT, INSERT, UPDATE ON public.agents TO swe_manager;
    GRANT SELECT, INSERT ON public.agent_executions TO swe_manager;
    GRANT UPDATE (status, completed_at) ON public.agent_executions TO swe_manager;
    DROP POLICY IF EXISTS agent_executions_manager_read ON public.agent_executions;
    CREATE POLICY agent_executions_manager_read ON public.agent_executions FOR SELECT TO swe_manager USING (true);
    DROP POLICY IF EXISTS agent_executions_manager_queue ON public.agent_executions;
    CREATE POLICY agent_executions_manager_queue ON public.agent_executions FOR INSERT TO swe_manager
      WITH CHECK (status = 'queued');
    DROP POLICY IF EXISTS agent_executions_manager_cancel ON public.agent_executions;
    CREATE POLICY agent_executions_manager_cancel ON public.agent_executions FOR UPDATE TO swe_manager
      USING (status IN ('queued', 'running')) WITH CHECK (status = 'cancelled');
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT SELECT ON public.agents TO swe_service;
    GRANT UPDATE (status, total_executions, successful_executions, failed_executions, average_duration_ms, total_tokens,
      total_cost_usd, last_execution_at, last_heartbeat_at, metadata) ON public.agents TO swe_service;
    GRANT SELECT, INSERT, UPDATE ON public.agent_executions TO swe_service;
    DROP POLICY IF EXISTS agent_executions_service ON public.agent_executions;
    CREATE POLICY agent_executions_service ON public.agent_executions TO swe_service USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    GRANT SELECT ON public.agents TO swe_user;
    GRANT SELECT ON public.agent_executions TO swe_user;
    GRANT INSERT (agent_id, task_id, project_id, trigger_type, triggered_by_user_id, status, input, metadata)
      ON public.agent_executions TO swe_user;
    GRANT UPDATE (status, completed_at) ON public.agent_executions TO swe_user;
    DROP POLICY IF EXISTS agent_executions_user_read ON public.agent_executions;
    CREATE POLICY agent_executions_user_read ON public.agent_executions FOR SELECT TO swe_user
      USING (triggered_by_user_id = (SELECT public.swe_current_user_id())
        OR EXISTS (SELECT FROM public.projects WHERE projects.id = agent_executions.project_id));
    DROP POLICY IF EXISTS agent_executions_user_queue ON public.agent_executions;
    CREATE POLICY agent_executions_user_queue ON public.agent_executions FOR INSERT TO swe_user
      WITH CHECK (triggered_by_user_id = (SELECT public.swe_current_user_id()) AND status = 'queued'
        AND (project_id IS NULL
          OR EXISTS (SELECT FROM public.projects WHERE projects.id = agent_executions.project_id)));
    DROP POLICY IF EXISTS agent_executions_user_cancel ON public.agent_executions;
    CREATE POLICY agent_executions_user_cancel ON public.agent_executions FOR UPDATE TO swe_user
      USING (triggered_by_user_id = (SELECT public.swe_current_user_id()) AND status IN ('queued', 'running'))
      WITH CHECK (triggered_by_user_id = (SELECT public.swe_current_user_id()) AND status = 'cancelled');
  END IF;
END
$access$;
