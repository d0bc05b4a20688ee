-- The whole schema: every file of sql/schema/, in the order in which they need each other. Each statement can be
-- repeated, and the file runs in one transaction. A database is changed by further numbered files, never by an edit of
-- this one; sql/schema/ always shows the result, and a test compares the two.

-- What every area uses. Runs before the other files of this folder.

CREATE OR REPLACE FUNCTION public.swe_current_user_id() RETURNS bigint
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN NULLIF(pg_catalog.current_setting('swe.user_id', true), '')::bigint;
COMMENT ON FUNCTION public.swe_current_user_id() IS
  'The id of the user on whose behalf the session works, from the setting swe.user_id; NULL if it is not set';

-- A trigger's WHEN clause may not look at generated columns, so the comparison is made here; their names are the
-- trigger's arguments. Without arguments TG_ARGV is NULL, not empty.
CREATE OR REPLACE FUNCTION public.swe_touch_updated_at() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  generated text[] := COALESCE(TG_ARGV, '{}');
BEGIN
  IF to_jsonb(NEW) - generated IS DISTINCT FROM to_jsonb(OLD) - generated THEN
    NEW.updated_at := CURRENT_TIMESTAMP;
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION public.swe_touch_updated_at() IS
  'Sets updated_at when an UPDATE changes something; arguments: the table''s generated columns';

-- The roles of the platform. They belong to the cluster, so another migrator may be making them in another database at
-- this very moment; and a user without CREATEROLE goes on without them.
--
--   swe_admin    reads and changes everything; the audit trail it can only read and add to
--   swe_manager  reads everything; runs projects, tasks and agents
--   swe_user     works on what is its own, by row-level security and the setting swe.user_id
--   swe_service  agents and other machinery: records executions, evidence and events

DO $roles$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['swe_admin', 'swe_manager', 'swe_user', 'swe_service'] LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN
          NULL;
        WHEN insufficient_privilege THEN
          RAISE NOTICE 'role % is not created: % may not create roles; its grants and policies are left out',
            wanted, CURRENT_USER;
      END;
    END IF;
  END LOOP;
END
$roles$;

-- Whoever migrates may act as each role. A superuser may anyway; who makes a role is its member from 16 on, yet may not
-- act as it without a grant.
DO $membership$
DECLARE
  acting text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
  wanted text;
BEGIN
  FOR wanted IN
    SELECT rolname FROM pg_catalog.pg_roles
    WHERE rolname IN ('swe_admin', 'swe_manager', 'swe_user', 'swe_service')
      AND NOT pg_catalog.pg_has_role(CURRENT_USER, oid, acting)
  LOOP
    BEGIN
      EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
    EXCEPTION
      WHEN unique_violation OR internal_error THEN
        -- Another migrator of the same user granted it at this moment.
        NULL;
      WHEN insufficient_privilege THEN
        RAISE NOTICE '% is not a member of % and cannot SET ROLE to it', CURRENT_USER, wanted;
    END;
  END LOOP;
END
$membership$;

DO $grants$
DECLARE
  wanted text;
BEGIN
  FOR wanted IN
    SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('swe_admin', 'swe_manager', 'swe_user', 'swe_service')
  LOOP
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', wanted);
  END LOOP;
END
$grants$;

-- What the migration runner has applied. The runner executes this file before anything else.

CREATE TABLE IF NOT EXISTS public.schema_migrations (
  version bigint NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  status text NOT NULL DEFAULT 'applied',
  transactional boolean NOT NULL DEFAULT true,
  applied_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  applied_by text NOT NULL DEFAULT CURRENT_USER,
  execution_ms bigint NOT NULL DEFAULT 0,
  runner_version text,
  error text,
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (version),
  CONSTRAINT schema_migrations_version_check CHECK (version > 0),
  CONSTRAINT schema_migrations_checksum_check CHECK (checksum ~ '^[0-9a-f]{64}$'),
  CONSTRAINT schema_migrations_status_check CHECK (status IN ('running', 'applied', 'failed')),
  CONSTRAINT schema_migrations_execution_ms_check CHECK (execution_ms >= 0)
);

COMMENT ON TABLE public.schema_migrations IS 'Migration files applied to this database';
COMMENT ON COLUMN public.schema_migrations.version IS 'Number at the beginning of the file''s name';
COMMENT ON COLUMN public.schema_migrations.name IS 'Rest of the file''s name';
COMMENT ON COLUMN public.schema_migrations.checksum IS 'SHA-256 of the file, line ends folded to LF and without a byte order mark';
COMMENT ON COLUMN public.schema_migrations.status IS 'running and failed occur only for files that run outside a transaction';
COMMENT ON COLUMN public.schema_migrations.transactional IS 'Whether the file ran in one transaction with this row';
COMMENT ON COLUMN public.schema_migrations.applied_at IS 'When it was applied';
COMMENT ON COLUMN public.schema_migrations.applied_by IS 'Database user that applied it';
COMMENT ON COLUMN public.schema_migrations.execution_ms IS 'How long it took, in milliseconds';
COMMENT ON COLUMN public.schema_migrations.runner_version IS 'Version of swe-db that applied it';
COMMENT ON COLUMN public.schema_migrations.error IS 'What PostgreSQL said, for a file that failed';

-- People and service accounts.
--
-- swe_admin reads and writes all rows; swe_manager and swe_service read all; swe_user reads the living and changes
-- its own row, but not its role. Rows are hidden by row-level security; the owner of the table sees all.

CREATE TABLE IF NOT EXISTS public.users (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  username text NOT NULL,
  email text NOT NULL,
  display_name text NOT NULL,
  role text NOT NULL DEFAULT 'user',
  status text NOT NULL DEFAULT 'active',
  avatar_url text,
  locale text NOT NULL DEFAULT 'en',
  timezone text NOT NULL DEFAULT 'UTC',
  github_id bigint,
  github_login text,
  github_node_id text,
  sso_provider text,
  sso_subject text,
  preferences jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  last_login_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  deleted_at timestamptz,
  CONSTRAINT users_pkey PRIMARY KEY (id),
  CONSTRAINT users_external_id_key UNIQUE (external_id),
  CONSTRAINT users_username_check CHECK (username ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  CONSTRAINT users_email_check CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$' AND length(email) <= 254),
  CONSTRAINT users_display_name_check CHECK (length(btrim(display_name)) BETWEEN 1 AND 200),
  CONSTRAINT users_role_check CHECK (role IN ('admin', 'manager', 'user', 'service')),
  CONSTRAINT users_status_check CHECK (status IN ('active', 'invited', 'suspended')),
  CONSTRAINT users_github_check CHECK ((github_id IS NULL) = (github_login IS NULL)),
  CONSTRAINT users_sso_check CHECK ((sso_provider IS NULL) = (sso_subject IS NULL)),
  CONSTRAINT users_preferences_check CHECK (jsonb_typeof(preferences) = 'object'),
  CONSTRAINT users_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT users_deleted_at_check CHECK (deleted_at >= created_at)
);

CREATE UNIQUE INDEX IF NOT EXISTS users_email_living_key ON public.users (lower(email)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS users_username_living_key ON public.users (lower(username)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS users_github_id_key ON public.users (github_id) WHERE github_id IS NOT NULL AND deleted_at IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS users_sso_key ON public.users (sso_provider, sso_subject) WHERE sso_provider IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS users_role_idx ON public.users (role, id) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS users_preferences_idx ON public.users USING gin (preferences jsonb_path_ops);

CREATE OR REPLACE TRIGGER users_touch_updated_at BEFORE UPDATE ON public.users
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.users IS 'People and service accounts';
COMMENT ON COLUMN public.users.id IS 'Key inside the database';
COMMENT ON COLUMN public.users.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.users.username IS 'Login name; unique among the living whatever its case';
COMMENT ON COLUMN public.users.email IS 'E-mail address; unique among the living whatever its case';
COMMENT ON COLUMN public.users.display_name IS 'Name that people see';
COMMENT ON COLUMN public.users.role IS 'admin, manager, user, or service for a machine account';
COMMENT ON COLUMN public.users.status IS 'active, invited or suspended';
COMMENT ON COLUMN public.users.avatar_url IS 'Picture';
COMMENT ON COLUMN public.users.locale IS 'Language tag, BCP 47';
COMMENT ON COLUMN public.users.timezone IS 'Time zone, IANA name';
COMMENT ON COLUMN public.users.github_id IS 'GitHub user: id';
COMMENT ON COLUMN public.users.github_login IS 'GitHub user: login';
COMMENT ON COLUMN public.users.github_node_id IS 'GitHub user: node_id';
COMMENT ON COLUMN public.users.sso_provider IS 'Issuer of the single sign-on identity';
COMMENT ON COLUMN public.users.sso_subject IS 'Subject at that issuer';
COMMENT ON COLUMN public.users.preferences IS 'Settings of the user interface and of notifications';
COMMENT ON COLUMN public.users.metadata IS 'Anything else';
COMMENT ON COLUMN public.users.last_login_at IS 'Last login';
COMMENT ON COLUMN public.users.created_at IS 'When the row was made';
COMMENT ON COLUMN public.users.updated_at IS 'When the row last changed';
COMMENT ON COLUMN public.users.deleted_at IS 'When the account was closed; NULL while it lives';

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.users TO swe_admin;
    DROP POLICY IF EXISTS users_admin ON public.users;
    CREATE POLICY users_admin ON public.users TO swe_admin USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    GRANT SELECT ON public.users TO swe_manager;
    DROP POLICY IF EXISTS users_manager ON public.users;
    CREATE POLICY users_manager ON public.users FOR SELECT TO swe_manager USING (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT SELECT ON public.users TO swe_service;
    DROP POLICY IF EXISTS users_service ON public.users;
    CREATE POLICY users_service ON public.users FOR SELECT TO swe_service USING (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    GRANT SELECT ON public.users TO swe_user;
    GRANT UPDATE (display_name, avatar_url, locale, timezone, preferences, last_login_at) ON public.users TO swe_user;
    DROP POLICY IF EXISTS users_user_read ON public.users;
    CREATE POLICY users_user_read ON public.users FOR SELECT TO swe_user
      USING (deleted_at IS NULL OR id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS users_user_write ON public.users;
    CREATE POLICY users_user_write ON public.users FOR UPDATE TO swe_user
      USING (id = (SELECT public.swe_current_user_id())) WITH CHECK (id = (SELECT public.swe_current_user_id()));
  END IF;
END
$access$;

-- Projects and the repositories behind them.
--
-- swe_admin reads and writes all rows; swe_manager reads all, makes and changes them; swe_service reads all and writes
-- what it measures; swe_user makes, reads and changes its own, and reads the living that are public or, if swe.user_id
-- says who it is, internal.

CREATE TABLE IF NOT EXISTS public.projects (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  owner_id bigint NOT NULL,
  name text NOT NULL,
  slug text NOT NULL,
  description text NOT NULL DEFAULT '',
  status text NOT NULL DEFAULT 'active',
  visibility text NOT NULL DEFAULT 'internal',
  repository_provider text,
  repository_url text,
  default_branch text NOT NULL DEFAULT 'main',
  github_id bigint,
  github_node_id text,
  github_full_name text,
  github_installation_id bigint,
  settings jsonb NOT NULL DEFAULT '{}',
  tags text[] NOT NULL DEFAULT '{}',
  metrics jsonb NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  deleted_at timestamptz,
  CONSTRAINT projects_pkey PRIMARY KEY (id),
  CONSTRAINT projects_external_id_key UNIQUE (external_id),
  CONSTRAINT projects_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES public.users (id) ON DELETE RESTRICT,
  CONSTRAINT projects_name_check CHECK (length(btrim(name)) BETWEEN 1 AND 200),
  CONSTRAINT projects_slug_check CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 100),
  CONSTRAINT projects_status_check CHECK (status IN ('planning', 'active', 'paused', 'completed', 'archived')),
  CONSTRAINT projects_visibility_check CHECK (visibility IN ('private', 'internal', 'public')),
  CONSTRAINT projects_repository_provider_check
    CHECK (repository_provider IN ('github', 'gitlab', 'bitbucket', 'azure_devops', 'other')),
  CONSTRAINT projects_repository_url_check CHECK (repository_url ~ '^(https?|ssh|git)://[^[:space:]]+$'),
  CONSTRAINT projects_repository_check CHECK ((repository_provider IS NULL) = (repository_url IS NULL)),
  CONSTRAINT projects_github_check
    CHECK (num_nonnulls(github_id, github_node_id, github_full_name, github_installation_id) = 0
      OR (repository_provider IS NOT NULL AND repository_provider = 'github')),
  CONSTRAINT projects_github_full_name_check CHECK (github_full_name ~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$'),
  CONSTRAINT projects_default_branch_check CHECK (default_branch ~ '^[^[:space:]]+$' AND length(default_branch) <= 255),
  CONSTRAINT projects_settings_check CHECK (jsonb_typeof(settings) = 'object'),
  CONSTRAINT projects_tags_check CHECK (array_position(tags, NULL) IS NULL AND array_position(tags, '') IS NULL),
  CONSTRAINT projects_metrics_check CHECK (jsonb_typeof(metrics) = 'object'),
  CONSTRAINT projects_metadata_check CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT projects_deleted_at_check CHECK (deleted_at >= created_at)
);

CREATE UNIQUE INDEX IF NOT EXISTS projects_slug_living_key ON public.projects (slug) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS projects_owner_id_status_idx ON public.projects (owner_id, status);
CREATE INDEX IF NOT EXISTS projects_status_updated_at_idx ON public.projects (status, updated_at DESC) WHERE deleted_at IS NULL;
-- Several projects may live in one repository, so these are not unique.
CREATE INDEX IF NOT EXISTS projects_github_id_idx ON public.projects (github_id) WHERE github_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS projects_github_full_name_idx ON public.projects (lower(github_full_name)) WHERE github_full_name IS NOT NULL;
CREATE INDEX IF NOT EXISTS projects_tags_idx ON public.projects USING gin (tags);
CREATE INDEX IF NOT EXISTS projects_settings_idx ON public.projects USING gin (settings jsonb_path_ops);

CREATE OR REPLACE TRIGGER projects_touch_updated_at BEFORE UPDATE ON public.projects
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.projects IS 'Projects and the repositories behind them';
COMMENT ON COLUMN public.projects.id IS 'Key inside the database';
COMMENT ON COLUMN public.projects.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.projects.owner_id IS 'User who answers for the project; may not be deleted while owning it';
COMMENT ON COLUMN public.projects.name IS 'Name that people see';
COMMENT ON COLUMN public.projects.slug IS 'Name in URLs; unique among the living';
COMMENT ON COLUMN public.projects.description IS 'What the project is about';
COMMENT ON COLUMN public.projects.status IS 'planning, active, paused, completed or archived';
COMMENT ON COLUMN public.projects.visibility IS 'private to its owner, internal to all users, or public';
COMMENT ON COLUMN public.projects.repository_provider IS 'Where the repository is hosted; NULL without a repository';
COMMENT ON COLUMN public.projects.repository_url IS 'URL to clone from';
COMMENT ON COLUMN public.projects.default_branch IS 'Branch that changes are merged into; GitHub repository: default_branch';
COMMENT ON COLUMN public.projects.github_id IS 'GitHub repository: id';
COMMENT ON COLUMN public.projects.github_node_id IS 'GitHub repository: node_id';
COMMENT ON COLUMN public.projects.github_full_name IS 'GitHub repository: full_name';
COMMENT ON COLUMN public.projects.github_installation_id IS 'GitHub App installation: id';
COMMENT ON COLUMN public.projects.settings IS 'How agents and reviews work in this project';
COMMENT ON COLUMN public.projects.tags IS 'Key words';
COMMENT ON COLUMN public.projects.metrics IS 'Measured performance: velocity, cycle time, test coverage and the like';
COMMENT ON COLUMN public.projects.metadata IS 'Anything else';
COMMENT ON COLUMN public.projects.created_at IS 'When the row was made';
COMMENT ON COLUMN public.projects.updated_at IS 'When the row last changed';
COMMENT ON COLUMN public.projects.deleted_at IS 'When the project was deleted; NULL while it lives';

ALTER TABLE public.projects ENABLE ROW LEVEL SECURITY;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.projects TO swe_admin;
    DROP POLICY IF EXISTS projects_admin ON public.projects;
    CREATE POLICY projects_admin ON public.projects TO swe_admin USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    GRANT SELECT, INSERT, UPDATE ON public.projects TO swe_manager;
    DROP POLICY IF EXISTS projects_manager ON public.projects;
    CREATE POLICY projects_manager ON public.projects TO swe_manager USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT SELECT ON public.projects TO swe_service;
    GRANT UPDATE (metrics, metadata) ON public.projects TO swe_service;
    DROP POLICY IF EXISTS projects_service ON public.projects;
    CREATE POLICY projects_service ON public.projects TO swe_service USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    GRANT SELECT, INSERT ON public.projects TO swe_user;
    GRANT UPDATE (name, slug, description, status, visibility, repository_provider, repository_url, default_branch,
      github_id, github_node_id, github_full_name, github_installation_id, settings, tags, deleted_at)
      ON public.projects TO swe_user;
    DROP POLICY IF EXISTS projects_user_read ON public.projects;
    CREATE POLICY projects_user_read ON public.projects FOR SELECT TO swe_user
      USING (owner_id = (SELECT public.swe_current_user_id())
        OR (deleted_at IS NULL
          AND (visibility = 'public'
            OR (visibility = 'internal' AND (SELECT public.swe_current_user_id()) IS NOT NULL))));
    DROP POLICY IF EXISTS projects_user_insert ON public.projects;
    CREATE POLICY projects_user_insert ON public.projects FOR INSERT TO swe_user
      WITH CHECK (owner_id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS projects_user_update ON public.projects;
    CREATE POLICY projects_user_update ON public.projects FOR UPDATE TO swe_user
      USING (owner_id = (SELECT public.swe_current_user_id()))
      WITH CHECK (owner_id = (SELECT public.swe_current_user_id()));
  END IF;
END
$access$;

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

CREATE INDEX IF NOT EXISTS tasks_board_idx ON public.tasks (project_id, status, created_at DESC);
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

-- What decisions rest on: evidence, how its credibility changed, and how one piece leads to another.
--
-- evidence and evidence_chains: swe_admin writes all rows; swe_manager and swe_service read all, add and change;
-- swe_user reads what belongs to a project it may see and what it collected itself, by the setting swe.user_id, and adds
-- and changes in its own name, but neither verifies nor attests.
-- evidence_credibility_history: written by a trigger at every change of a score; all roles read what they see of the
-- evidence, none writes. Nobody updates a row, and a row is deleted only together with its evidence; TRUNCATE is left to
-- the owner of the tables.

CREATE TABLE IF NOT EXISTS public.evidence (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  source_type text NOT NULL,
  title text NOT NULL,
  content text NOT NULL DEFAULT '',
  content_sha256 text,
  source_url text,
  source_name text,
  source_published_at timestamptz,
  credibility_score numeric(5, 4) NOT NULL DEFAULT 0.5,
  credibility_reason text,
  verification_status text NOT NULL DEFAULT 'unverified',
  verification_method text,
  verification_notes text,
  verified_at timestamptz,
  verified_by_user_id bigint,
  verified_by_agent_id bigint,
  attestation_type text,
  attestation_issuer text,
  attestation_signature text,
  attested_at timestamptz,
  project_id bigint,
  task_id bigint,
  agent_execution_id bigint,
  collected_by_user_id bigint,
  collected_by_agent_id bigint,
  collected_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz,
  tags text[] NOT NULL DEFAULT '{}',
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT evidence_pkey PRIMARY KEY (id),
  CONSTRAINT evidence_external_id_key UNIQUE (external_id),
  CONSTRAINT evidence_verified_by_user_id_fkey FOREIGN KEY (verified_by_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT evidence_verified_by_agent_id_fkey FOREIGN KEY (verified_by_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT evidence_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects (id) ON DELETE SET NULL,
  CONSTRAINT evidence_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.tasks (id) ON DELETE SET NULL,
  CONSTRAINT evidence_agent_execution_id_fkey FOREIGN KEY (agent_execution_id) REFERENCES public.agent_executions (id) ON DELETE SET NULL,
  CONSTRAINT evidence_collected_by_user_id_fkey FOREIGN KEY (collected_by_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT evidence_collected_by_agent_id_fkey FOREIGN KEY (collected_by_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT evidence_source_type_check CHECK (source_type IN (
    'code', 'commit', 'pull_request', 'issue', 'code_review', 'test_result', 'benchmark', 'static_analysis',
    'security_scan', 'build_log', 'runtime_log', 'metric', 'trace', 'documentation', 'specification',
    'research_paper', 'web_page', 'standard', 'expert_opinion', 'user_feedback', 'incident_report', 'dataset',
    'conversation', 'agent_output'
  )),
  CONSTRAINT evidence_title_check CHECK (length(btrim(title)) BETWEEN 1 AND 500),
  CONSTRAINT evidence_content_sha256_check CHECK (content_sha256 ~ '^[0-9a-f]{64}$'),
  CONSTRAINT evidence_source_url_check CHECK (source_url ~ '^[A-Za-z][A-Za-z0-9+.-]*://[^[:space:]]+$'),
  CONSTRAINT evidence_source_name_check CHECK (length(btrim(source_name)) BETWEEN 1 AND 200),
  CONSTRAINT evidence_credibility_score_check CHECK (credibility_score BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_verification_status_check
    CHECK (verification_status IN ('unverified', 'verified', 'disputed', 'refuted')),
  CONSTRAINT evidence_verification_method_check CHECK (verification_method IN (
    'manual_review', 'peer_review', 'automated_check', 'reproduction', 'cross_reference', 'formal_proof'
  )),
  CONSTRAINT evidence_verified_at_check CHECK ((verified_at IS NOT NULL) = (verification_status <> 'unverified')),
  CONSTRAINT evidence_verified_after_collected_check CHECK (verified_at >= collected_at),
  CONSTRAINT evidence_verified_by_check CHECK (
    num_nonnulls(verified_by_user_id, verified_by_agent_id)
      <= CASE WHEN verification_status = 'unverified' THEN 0 ELSE 1 END
  ),
  CONSTRAINT evidence_attestation_type_check
    CHECK (attestation_type IN ('signature', 'in_toto', 'slsa_provenance', 'sigstore', 'timestamp', 'witness')),
  CONSTRAINT evidence_attestation_check
    CHECK (num_nonnulls(attestation_type, attestation_issuer, attestation_signature, attested_at) IN (0, 4)),
  CONSTRAINT evidence_collected_by_check CHECK (num_nonnulls(collected_by_user_id, collected_by_agent_id) <= 1),
  CONSTRAINT evidence_expires_at_check CHECK (expires_at > collected_at),
  CONSTRAINT evidence_tags_check CHECK (array_position(tags, NULL) IS NULL AND array_position(tags, '') IS NULL),
  CONSTRAINT evidence_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX IF NOT EXISTS evidence_project_id_idx ON public.evidence (project_id, created_at DESC);
CREATE INDEX IF NOT EXISTS evidence_task_id_idx ON public.evidence (task_id, credibility_score DESC) WHERE task_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_agent_execution_id_idx ON public.evidence (agent_execution_id) WHERE agent_execution_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_verified_by_user_id_idx ON public.evidence (verified_by_user_id) WHERE verified_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_verified_by_agent_id_idx ON public.evidence (verified_by_agent_id) WHERE verified_by_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_collected_by_user_id_idx ON public.evidence (collected_by_user_id) WHERE collected_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_collected_by_agent_id_idx ON public.evidence (collected_by_agent_id) WHERE collected_by_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_source_type_idx ON public.evidence (source_type, credibility_score DESC);
CREATE INDEX IF NOT EXISTS evidence_unverified_idx ON public.evidence (collected_at) WHERE verification_status = 'unverified';
CREATE INDEX IF NOT EXISTS evidence_content_sha256_idx ON public.evidence (content_sha256) WHERE content_sha256 IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_tags_idx ON public.evidence USING gin (tags);
CREATE INDEX IF NOT EXISTS evidence_metadata_idx ON public.evidence USING gin (metadata jsonb_path_ops);

CREATE OR REPLACE TRIGGER evidence_touch_updated_at BEFORE UPDATE ON public.evidence
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.evidence IS 'What decisions rest on, and how far it can be believed';
COMMENT ON COLUMN public.evidence.id IS 'Key inside the database';
COMMENT ON COLUMN public.evidence.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.evidence.source_type IS 'Kind of source';
COMMENT ON COLUMN public.evidence.title IS 'What it says, in one line';
COMMENT ON COLUMN public.evidence.content IS 'The evidence itself, or the part that matters';
COMMENT ON COLUMN public.evidence.content_sha256 IS 'SHA-256 of the whole content, in hexadecimal; finds duplicates';
COMMENT ON COLUMN public.evidence.source_url IS 'Where it was found';
COMMENT ON COLUMN public.evidence.source_name IS 'Author, tool or publisher';
COMMENT ON COLUMN public.evidence.source_published_at IS 'When the source was published';
COMMENT ON COLUMN public.evidence.credibility_score IS 'From 0.0, not to be believed, to 1.0, certain';
COMMENT ON COLUMN public.evidence.credibility_reason IS 'Why the score is what it is; goes into the history with every change';
COMMENT ON COLUMN public.evidence.verification_status IS 'unverified, verified, disputed or refuted';
COMMENT ON COLUMN public.evidence.verification_method IS 'How it was or is to be verified';
COMMENT ON COLUMN public.evidence.verification_notes IS 'What the verification found';
COMMENT ON COLUMN public.evidence.verified_at IS 'When the verification ended, whatever its result; NULL while unverified';
COMMENT ON COLUMN public.evidence.verified_by_user_id IS 'User who verified it; NULL if an agent did, or somebody deleted since';
COMMENT ON COLUMN public.evidence.verified_by_agent_id IS 'Agent that verified it';
COMMENT ON COLUMN public.evidence.attestation_type IS 'Kind of the attestation that the content is genuine; NULL without one';
COMMENT ON COLUMN public.evidence.attestation_issuer IS 'Who attests: key, certificate subject or service';
COMMENT ON COLUMN public.evidence.attestation_signature IS 'The signature, in the encoding of the attestation type';
COMMENT ON COLUMN public.evidence.attested_at IS 'When it was attested';
COMMENT ON COLUMN public.evidence.project_id IS 'Project that it concerns, if any';
COMMENT ON COLUMN public.evidence.task_id IS 'Task that it concerns, if any';
COMMENT ON COLUMN public.evidence.agent_execution_id IS 'Execution that produced or used it, if any';
COMMENT ON COLUMN public.evidence.collected_by_user_id IS 'User who collected it; neither user nor agent: the system, or somebody deleted since';
COMMENT ON COLUMN public.evidence.collected_by_agent_id IS 'Agent that collected it';
COMMENT ON COLUMN public.evidence.collected_at IS 'When it was collected';
COMMENT ON COLUMN public.evidence.expires_at IS 'From when on it is to be collected anew';
COMMENT ON COLUMN public.evidence.tags IS 'Key words';
COMMENT ON COLUMN public.evidence.metadata IS 'Anything else, by source type';
COMMENT ON COLUMN public.evidence.created_at IS 'When the row was made';
COMMENT ON COLUMN public.evidence.updated_at IS 'When the row last changed';

CREATE TABLE IF NOT EXISTS public.evidence_credibility_history (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  evidence_id bigint NOT NULL,
  previous_score numeric(5, 4) NOT NULL,
  new_score numeric(5, 4) NOT NULL,
  score_change numeric(5, 4) NOT NULL GENERATED ALWAYS AS (new_score - previous_score) STORED,
  reason text,
  changed_by_user_id bigint DEFAULT public.swe_current_user_id(),
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL GENERATED ALWAYS AS (created_at) STORED,
  CONSTRAINT evidence_credibility_history_pkey PRIMARY KEY (id),
  CONSTRAINT evidence_credibility_history_external_id_key UNIQUE (external_id),
  CONSTRAINT evidence_credibility_history_evidence_id_fkey
    FOREIGN KEY (evidence_id) REFERENCES public.evidence (id) ON DELETE CASCADE,
  CONSTRAINT evidence_credibility_history_previous_score_check CHECK (previous_score BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_credibility_history_new_score_check CHECK (new_score BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_credibility_history_score_change_check CHECK (new_score <> previous_score)
);

CREATE INDEX IF NOT EXISTS evidence_credibility_history_evidence_id_idx
  ON public.evidence_credibility_history (evidence_id, created_at DESC);

COMMENT ON TABLE public.evidence_credibility_history IS 'How the credibility of evidence changed; written by a trigger';
COMMENT ON COLUMN public.evidence_credibility_history.id IS 'Key inside the database';
COMMENT ON COLUMN public.evidence_credibility_history.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.evidence_credibility_history.evidence_id IS 'Evidence whose score changed';
COMMENT ON COLUMN public.evidence_credibility_history.previous_score IS 'Score before';
COMMENT ON COLUMN public.evidence_credibility_history.new_score IS 'Score after';
COMMENT ON COLUMN public.evidence_credibility_history.score_change IS 'Score after minus score before';
COMMENT ON COLUMN public.evidence_credibility_history.reason IS 'Why: credibility_reason of the evidence after the change';
COMMENT ON COLUMN public.evidence_credibility_history.changed_by_user_id IS 'User of the setting swe.user_id at that time; may be gone since';
COMMENT ON COLUMN public.evidence_credibility_history.created_at IS 'When the score changed';
COMMENT ON COLUMN public.evidence_credibility_history.updated_at IS 'Equal to created_at: the row never changes';

-- SECURITY DEFINER: who may change a score need not, and cannot, write the history.
CREATE OR REPLACE FUNCTION public.swe_record_credibility() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  INSERT INTO public.evidence_credibility_history (evidence_id, previous_score, new_score, reason)
  VALUES (NEW.id, OLD.credibility_score, NEW.credibility_score, NEW.credibility_reason);
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION public.swe_record_credibility() IS 'Records a changed credibility score in the history';

CREATE OR REPLACE TRIGGER evidence_record_credibility AFTER UPDATE ON public.evidence
  FOR EACH ROW WHEN (NEW.credibility_score IS DISTINCT FROM OLD.credibility_score)
  EXECUTE FUNCTION public.swe_record_credibility();

-- A cascade from evidence comes here after the evidence itself is gone.
CREATE OR REPLACE FUNCTION public.swe_refuse_history_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF TG_OP = 'DELETE' AND NOT EXISTS (SELECT FROM public.evidence WHERE id = OLD.evidence_id) THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION USING
    ERRCODE = 'integrity_constraint_violation',
    MESSAGE = format('%s of %I is refused: history is only added to', TG_OP, TG_TABLE_NAME),
    HINT = 'It is deleted together with its evidence.',
    SCHEMA = TG_TABLE_SCHEMA,
    TABLE = TG_TABLE_NAME,
    CONSTRAINT = TG_NAME;
END
$function$;
COMMENT ON FUNCTION public.swe_refuse_history_change() IS
  'Refuses every UPDATE of the credibility history, and a DELETE that does not come from the deletion of its evidence';

CREATE OR REPLACE TRIGGER evidence_credibility_history_immutable
  BEFORE UPDATE OR DELETE ON public.evidence_credibility_history
  FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_history_change();

CREATE TABLE IF NOT EXISTS public.evidence_chains (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  from_evidence_id bigint NOT NULL,
  to_evidence_id bigint NOT NULL,
  relation text NOT NULL,
  strength numeric(5, 4) NOT NULL DEFAULT 1.0,
  rationale text,
  created_by_user_id bigint,
  created_by_agent_id bigint,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT evidence_chains_pkey PRIMARY KEY (id),
  CONSTRAINT evidence_chains_external_id_key UNIQUE (external_id),
  CONSTRAINT evidence_chains_edge_key UNIQUE (from_evidence_id, to_evidence_id, relation),
  CONSTRAINT evidence_chains_from_evidence_id_fkey
    FOREIGN KEY (from_evidence_id) REFERENCES public.evidence (id) ON DELETE CASCADE,
  CONSTRAINT evidence_chains_to_evidence_id_fkey
    FOREIGN KEY (to_evidence_id) REFERENCES public.evidence (id) ON DELETE CASCADE,
  CONSTRAINT evidence_chains_created_by_user_id_fkey
    FOREIGN KEY (created_by_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT evidence_chains_created_by_agent_id_fkey
    FOREIGN KEY (created_by_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT evidence_chains_self_check CHECK (from_evidence_id <> to_evidence_id),
  CONSTRAINT evidence_chains_relation_check CHECK (relation IN (
    'supports', 'contradicts', 'derives_from', 'refines', 'supersedes', 'duplicates', 'cites', 'explains'
  )),
  CONSTRAINT evidence_chains_strength_check CHECK (strength BETWEEN 0.0 AND 1.0),
  CONSTRAINT evidence_chains_created_by_check CHECK (num_nonnulls(created_by_user_id, created_by_agent_id) <= 1),
  CONSTRAINT evidence_chains_metadata_check CHECK (jsonb_typeof(metadata) = 'object')
);

CREATE INDEX IF NOT EXISTS evidence_chains_to_evidence_id_idx ON public.evidence_chains (to_evidence_id, relation);
CREATE INDEX IF NOT EXISTS evidence_chains_created_by_user_id_idx ON public.evidence_chains (created_by_user_id) WHERE created_by_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS evidence_chains_created_by_agent_id_idx ON public.evidence_chains (created_by_agent_id) WHERE created_by_agent_id IS NOT NULL;

CREATE OR REPLACE TRIGGER evidence_chains_touch_updated_at BEFORE UPDATE ON public.evidence_chains
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.evidence_chains IS 'Lineage of decisions: edges from evidence to evidence, without cycles';
COMMENT ON COLUMN public.evidence_chains.id IS 'Key inside the database';
COMMENT ON COLUMN public.evidence_chains.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.evidence_chains.from_evidence_id IS 'Subject of the relation: this one supports, contradicts, ...';
COMMENT ON COLUMN public.evidence_chains.to_evidence_id IS 'Object of the relation';
COMMENT ON COLUMN public.evidence_chains.relation IS 'What the one is to the other';
COMMENT ON COLUMN public.evidence_chains.strength IS 'How strong the relation is, from 0.0 to 1.0';
COMMENT ON COLUMN public.evidence_chains.rationale IS 'Why they are related';
COMMENT ON COLUMN public.evidence_chains.created_by_user_id IS 'User who made the edge; neither user nor agent: the system, or somebody deleted since';
COMMENT ON COLUMN public.evidence_chains.created_by_agent_id IS 'Agent that made the edge';
COMMENT ON COLUMN public.evidence_chains.metadata IS 'Anything else';
COMMENT ON COLUMN public.evidence_chains.created_at IS 'When the row was made';
COMMENT ON COLUMN public.evidence_chains.updated_at IS 'When the row last changed';

-- Two transactions could close a cycle of which each sees one half, so that writers of edges wait for each other. That
-- helps only if what the other one wrote is seen afterwards, which a snapshot of the whole transaction prevents.
CREATE OR REPLACE FUNCTION public.swe_lock_evidence_chains() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = format('%s of %I is refused at isolation level %s: a cycle might go unseen',
        TG_OP, TG_TABLE_NAME, current_setting('transaction_isolation')),
      HINT = 'Write edges in a READ COMMITTED transaction.',
      SCHEMA = TG_TABLE_SCHEMA,
      TABLE = TG_TABLE_NAME,
      CONSTRAINT = TG_NAME;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('public.evidence_chains', 0));
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION public.swe_lock_evidence_chains() IS
  'Lets one transaction at a time write edges, by an advisory lock that ends with the transaction';

-- SECURITY DEFINER: a cycle counts also where the writer does not see all of its edges.
CREATE OR REPLACE FUNCTION public.swe_refuse_evidence_cycle() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  IF EXISTS (
    WITH RECURSIVE reached (id) AS (
      SELECT NEW.to_evidence_id
      UNION
      SELECT edge.to_evidence_id FROM public.evidence_chains AS edge JOIN reached ON edge.from_evidence_id = reached.id
    )
    SELECT FROM reached WHERE id = NEW.from_evidence_id
  ) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'integrity_constraint_violation',
      MESSAGE = format('the edge from evidence %s to evidence %s closes a cycle', NEW.from_evidence_id, NEW.to_evidence_id),
      HINT = 'Evidence may not rest on itself. Turn the edge round, or remove another edge of the cycle first.',
      SCHEMA = TG_TABLE_SCHEMA,
      TABLE = TG_TABLE_NAME,
      CONSTRAINT = TG_NAME;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION public.swe_refuse_evidence_cycle() IS 'Refuses an edge that closes a cycle';

CREATE OR REPLACE TRIGGER evidence_chains_serial BEFORE INSERT OR UPDATE OF from_evidence_id, to_evidence_id
  ON public.evidence_chains
  FOR EACH STATEMENT EXECUTE FUNCTION public.swe_lock_evidence_chains();
-- After the statement, so that it is judged by its result as a whole.
CREATE OR REPLACE TRIGGER evidence_chains_acyclic AFTER INSERT OR UPDATE OF from_evidence_id, to_evidence_id
  ON public.evidence_chains
  FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_evidence_cycle();

-- Or anybody could make them triggers of a temporary table and write history through it.
REVOKE ALL ON FUNCTION public.swe_record_credibility(), public.swe_refuse_evidence_cycle() FROM PUBLIC;

ALTER TABLE public.evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.evidence_credibility_history ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.evidence_chains ENABLE ROW LEVEL SECURITY;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.evidence, public.evidence_chains TO swe_admin;
    GRANT SELECT ON public.evidence_credibility_history TO swe_admin;
    DROP POLICY IF EXISTS evidence_admin ON public.evidence;
    CREATE POLICY evidence_admin ON public.evidence TO swe_admin USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_chains_admin ON public.evidence_chains;
    CREATE POLICY evidence_chains_admin ON public.evidence_chains TO swe_admin USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_credibility_history_admin ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_admin ON public.evidence_credibility_history FOR SELECT TO swe_admin USING (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    GRANT SELECT, INSERT, UPDATE ON public.evidence, public.evidence_chains TO swe_manager;
    GRANT SELECT ON public.evidence_credibility_history TO swe_manager;
    DROP POLICY IF EXISTS evidence_manager ON public.evidence;
    CREATE POLICY evidence_manager ON public.evidence TO swe_manager USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_chains_manager ON public.evidence_chains;
    CREATE POLICY evidence_chains_manager ON public.evidence_chains TO swe_manager USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_credibility_history_manager ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_manager ON public.evidence_credibility_history FOR SELECT TO swe_manager USING (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT SELECT, INSERT, UPDATE ON public.evidence, public.evidence_chains TO swe_service;
    GRANT SELECT ON public.evidence_credibility_history TO swe_service;
    DROP POLICY IF EXISTS evidence_service ON public.evidence;
    CREATE POLICY evidence_service ON public.evidence TO swe_service USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_chains_service ON public.evidence_chains;
    CREATE POLICY evidence_chains_service ON public.evidence_chains TO swe_service USING (true) WITH CHECK (true);
    DROP POLICY IF EXISTS evidence_credibility_history_service ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_service ON public.evidence_credibility_history FOR SELECT TO swe_service USING (true);
  END IF;
END
$access$;

-- What swe_user sees of evidence follows from what it sees of the project, and what it sees of history and edges from
-- what it sees of the evidence: the subqueries below run under the policies of the tables that they read.
DO $user$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    GRANT SELECT ON public.evidence, public.evidence_chains, public.evidence_credibility_history TO swe_user;
    GRANT INSERT (source_type, title, content, content_sha256, source_url, source_name, source_published_at,
      credibility_score, credibility_reason, project_id, task_id, agent_execution_id, collected_by_user_id,
      collected_at, expires_at, tags, metadata) ON public.evidence TO swe_user;
    GRANT UPDATE (source_type, title, content, content_sha256, source_url, source_name, source_published_at,
      credibility_score, credibility_reason, project_id, task_id, agent_execution_id, expires_at, tags, metadata)
      ON public.evidence TO swe_user;
    GRANT INSERT (from_evidence_id, to_evidence_id, relation, strength, rationale, created_by_user_id, metadata)
      ON public.evidence_chains TO swe_user;
    DROP POLICY IF EXISTS evidence_user_read ON public.evidence;
    CREATE POLICY evidence_user_read ON public.evidence FOR SELECT TO swe_user
      USING (collected_by_user_id = (SELECT public.swe_current_user_id())
        OR EXISTS (SELECT FROM public.projects WHERE projects.id = evidence.project_id));
    DROP POLICY IF EXISTS evidence_user_insert ON public.evidence;
    CREATE POLICY evidence_user_insert ON public.evidence FOR INSERT TO swe_user
      WITH CHECK (collected_by_user_id = (SELECT public.swe_current_user_id())
        AND (project_id IS NULL OR EXISTS (SELECT FROM public.projects WHERE projects.id = evidence.project_id)));
    DROP POLICY IF EXISTS evidence_user_update ON public.evidence;
    CREATE POLICY evidence_user_update ON public.evidence FOR UPDATE TO swe_user
      USING (collected_by_user_id = (SELECT public.swe_current_user_id()))
      WITH CHECK (collected_by_user_id = (SELECT public.swe_current_user_id())
        AND (project_id IS NULL OR EXISTS (SELECT FROM public.projects WHERE projects.id = evidence.project_id)));
    DROP POLICY IF EXISTS evidence_credibility_history_user ON public.evidence_credibility_history;
    CREATE POLICY evidence_credibility_history_user ON public.evidence_credibility_history FOR SELECT TO swe_user
      USING (EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_credibility_history.evidence_id));
    DROP POLICY IF EXISTS evidence_chains_user_read ON public.evidence_chains;
    CREATE POLICY evidence_chains_user_read ON public.evidence_chains FOR SELECT TO swe_user
      USING (EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.from_evidence_id)
        AND EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.to_evidence_id));
    DROP POLICY IF EXISTS evidence_chains_user_insert ON public.evidence_chains;
    CREATE POLICY evidence_chains_user_insert ON public.evidence_chains FOR INSERT TO swe_user
      WITH CHECK (created_by_user_id = (SELECT public.swe_current_user_id())
        AND EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.from_evidence_id)
        AND EXISTS (SELECT FROM public.evidence WHERE evidence.id = evidence_chains.to_evidence_id));
  END IF;
END
$user$;

-- The audit trail, and the feed that people see.
--
-- audit_logs: nobody changes, deletes or truncates a row, whatever the role and also while session_replication_role is
-- replica: the guards are ENABLE ALWAYS, on the parent and on every partition. No foreign key leaves the table, so that
-- it outlives what it describes. swe_admin and swe_manager read all rows; swe_user reads what it did itself, by the
-- setting swe.user_id; swe_service reads all. Everybody adds rows: swe_user and swe_manager in their own name only, and
-- nobody but the owner of the table chooses created_at.
--
-- The trail is partitioned by month (UTC). This file makes only the partition DEFAULT, which takes every row:
--   SELECT public.swe_create_audit_partitions('2026-01-01', 12)  makes months; rows that DEFAULT holds for them move
--   SELECT public.swe_detach_audit_partition('2026-01-01')       takes a month out, for archives; it stays read-only
-- The first is for the owner, swe_admin and swe_service; the second for the owner only. Insert through audit_logs, not
-- into a partition: before PostgreSQL 17 partitions have no identity of their own. A partition that is made without
-- these functions gets its guard against TRUNCATE from public.swe_guard_audit_partition().
--
-- activity_feed: swe_admin writes all rows; swe_manager and swe_service read all and add; swe_user adds in its own name
-- and reads what is public, what belongs to a project it may see, and what it did itself.

CREATE TABLE IF NOT EXISTS public.audit_logs (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  event_type text NOT NULL,
  event_category text NOT NULL GENERATED ALWAYS AS (split_part(event_type, '.', 1)) STORED,
  severity text NOT NULL DEFAULT 'info',
  outcome text NOT NULL DEFAULT 'success',
  actor_type text NOT NULL GENERATED ALWAYS AS (
    CASE WHEN actor_agent_id IS NOT NULL THEN 'agent' WHEN actor_user_id IS NOT NULL THEN 'user' ELSE 'system' END
  ) STORED,
  actor_user_id bigint DEFAULT public.swe_current_user_id(),
  actor_agent_id bigint,
  actor_name text,
  resource_type text NOT NULL,
  resource_id text NOT NULL,
  project_id bigint,
  message text,
  old_values jsonb,
  new_values jsonb,
  ip_address inet,
  user_agent text,
  request_id text,
  session_id text,
  context jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL GENERATED ALWAYS AS (created_at) STORED,
  CONSTRAINT audit_logs_pkey PRIMARY KEY (id, created_at),
  CONSTRAINT audit_logs_external_id_key UNIQUE (external_id, created_at),
  CONSTRAINT audit_logs_event_type_check CHECK (event_type IN (
    'user.created', 'user.updated', 'user.deleted', 'user.restored', 'user.suspended', 'user.role_changed',
    'user.login', 'user.login_failed', 'user.logout', 'user.password_changed',
    'project.created', 'project.updated', 'project.archived', 'project.deleted', 'project.restored',
    'project.owner_changed',
    'repository.connected', 'repository.synchronized', 'repository.disconnected',
    'task.created', 'task.updated', 'task.assigned', 'task.unassigned', 'task.status_changed',
    'task.priority_changed', 'task.completed', 'task.reopened', 'task.deleted', 'task.restored',
    'comment.created', 'comment.updated', 'comment.deleted',
    'attachment.created', 'attachment.downloaded', 'attachment.deleted',
    'pull_request.opened', 'pull_request.reviewed', 'pull_request.merged', 'pull_request.closed',
    'agent.registered', 'agent.updated', 'agent.activated', 'agent.deactivated', 'agent.deleted',
    'execution.started', 'execution.completed', 'execution.failed', 'execution.cancelled', 'execution.timed_out',
    'evidence.created', 'evidence.updated', 'evidence.verified', 'evidence.disputed', 'evidence.linked',
    'evidence.credibility_changed', 'evidence.deleted',
    'deployment.started', 'deployment.succeeded', 'deployment.failed', 'deployment.rolled_back',
    'security.permission_denied', 'security.token_created', 'security.token_revoked', 'security.secret_rotated',
    'security.scan_failed',
    'data.exported', 'data.imported', 'data.purged',
    'system.started', 'system.stopped', 'system.migrated', 'system.configuration_changed'
  )),
  CONSTRAINT audit_logs_severity_check CHECK (severity IN ('debug', 'info', 'notice', 'warning', 'critical')),
  CONSTRAINT audit_logs_outcome_check CHECK (outcome IN ('success', 'failure', 'denied')),
  CONSTRAINT audit_logs_actor_name_check CHECK (length(btrim(actor_name)) BETWEEN 1 AND 200),
  CONSTRAINT audit_logs_resource_type_check CHECK (resource_type ~ '^[a-z][a-z0-9_]{0,62}$'),
  CONSTRAINT audit_logs_resource_id_check CHECK (length(resource_id) BETWEEN 1 AND 255),
  CONSTRAINT audit_logs_old_values_check CHECK (jsonb_typeof(old_values) = 'object'),
  CONSTRAINT audit_logs_new_values_check CHECK (jsonb_typeof(new_values) = 'object'),
  CONSTRAINT audit_logs_request_id_check CHECK (length(request_id) BETWEEN 1 AND 255),
  CONSTRAINT audit_logs_session_id_check CHECK (length(session_id) BETWEEN 1 AND 255),
  CONSTRAINT audit_logs_context_check CHECK (jsonb_typeof(context) = 'object')
) PARTITION BY RANGE (created_at);

CREATE TABLE IF NOT EXISTS public.audit_logs_default PARTITION OF public.audit_logs DEFAULT;

CREATE INDEX IF NOT EXISTS audit_logs_created_at_idx ON public.audit_logs (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS audit_logs_resource_idx ON public.audit_logs (resource_type, resource_id, created_at DESC);
CREATE INDEX IF NOT EXISTS audit_logs_event_type_idx ON public.audit_logs (event_type, created_at DESC);
CREATE INDEX IF NOT EXISTS audit_logs_actor_user_id_idx ON public.audit_logs (actor_user_id, created_at DESC) WHERE actor_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_actor_agent_id_idx ON public.audit_logs (actor_agent_id, created_at DESC) WHERE actor_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_project_id_idx ON public.audit_logs (project_id, created_at DESC) WHERE project_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_request_id_idx ON public.audit_logs (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_logs_failures_idx ON public.audit_logs (created_at DESC) WHERE outcome <> 'success';

COMMENT ON TABLE public.audit_logs IS 'What happened, who did it, to what; append-only, partitioned by month';
COMMENT ON COLUMN public.audit_logs.id IS 'Key inside the database, together with created_at';
COMMENT ON COLUMN public.audit_logs.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.audit_logs.event_type IS 'What happened: category, a dot, and a verb in the past tense';
COMMENT ON COLUMN public.audit_logs.event_category IS 'Category of the event: what stands before the dot of event_type';
COMMENT ON COLUMN public.audit_logs.severity IS 'debug, info, notice, warning or critical';
COMMENT ON COLUMN public.audit_logs.outcome IS 'success, failure, or denied for want of permission';
COMMENT ON COLUMN public.audit_logs.actor_type IS 'Who did it: agent, user, or system if neither is known';
COMMENT ON COLUMN public.audit_logs.actor_user_id IS 'User who did it, or on whose behalf an agent did; by default the one of the setting swe.user_id; may be gone since';
COMMENT ON COLUMN public.audit_logs.actor_agent_id IS 'Agent that did it; may be gone since';
COMMENT ON COLUMN public.audit_logs.actor_name IS 'Name of the actor at that time';
COMMENT ON COLUMN public.audit_logs.resource_type IS 'Kind of thing it was done to, such as task';
COMMENT ON COLUMN public.audit_logs.resource_id IS 'Which one: its key as text; may be gone since';
COMMENT ON COLUMN public.audit_logs.project_id IS 'Project it belongs to; may be gone since';
COMMENT ON COLUMN public.audit_logs.message IS 'One sentence for people';
COMMENT ON COLUMN public.audit_logs.old_values IS 'Changed fields, as they were before';
COMMENT ON COLUMN public.audit_logs.new_values IS 'Changed fields, as they are after';
COMMENT ON COLUMN public.audit_logs.ip_address IS 'Address that the request came from';
COMMENT ON COLUMN public.audit_logs.user_agent IS 'User-Agent header of the request';
COMMENT ON COLUMN public.audit_logs.request_id IS 'Request, to find all events of one';
COMMENT ON COLUMN public.audit_logs.session_id IS 'Session of the request, in a form that nobody can use to log in';
COMMENT ON COLUMN public.audit_logs.context IS 'Anything else about the circumstances';
COMMENT ON COLUMN public.audit_logs.created_at IS 'When it happened; decides the partition';
COMMENT ON COLUMN public.audit_logs.updated_at IS 'Equal to created_at: the row never changes';
COMMENT ON TABLE public.audit_logs_default IS 'Events of months that have no partition of their own';

CREATE OR REPLACE FUNCTION public.swe_refuse_audit_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'integrity_constraint_violation',
    MESSAGE = format('%s of %I is refused: the audit trail only grows', TG_OP, TG_TABLE_NAME),
    HINT = 'Add a row that corrects. A whole month is taken out by public.swe_detach_audit_partition().',
    SCHEMA = TG_TABLE_SCHEMA,
    TABLE = TG_TABLE_NAME,
    CONSTRAINT = TG_NAME;
END
$function$;
COMMENT ON FUNCTION public.swe_refuse_audit_change() IS 'Refuses every UPDATE, DELETE and TRUNCATE of the audit trail';

CREATE OR REPLACE TRIGGER audit_logs_immutable BEFORE UPDATE OR DELETE ON public.audit_logs
  FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_audit_change();
ALTER TABLE public.audit_logs ENABLE ALWAYS TRIGGER audit_logs_immutable;
CREATE OR REPLACE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON public.audit_logs
  FOR EACH STATEMENT EXECUTE FUNCTION public.swe_refuse_audit_change();
ALTER TABLE public.audit_logs ENABLE ALWAYS TRIGGER audit_logs_no_truncate;

-- Partitions inherit row triggers, but neither triggers on TRUNCATE nor row-level security.
CREATE OR REPLACE FUNCTION public.swe_guard_audit_partition(audit_partition regclass) RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER audit_logs_no_truncate BEFORE TRUNCATE ON %s '
    'FOR EACH STATEMENT EXECUTE FUNCTION public.swe_refuse_audit_change()', audit_partition);
  EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER audit_logs_no_truncate', audit_partition);
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', audit_partition);
END
$function$;
COMMENT ON FUNCTION public.swe_guard_audit_partition(regclass) IS
  'Gives a partition of audit_logs what it does not inherit: the guard against TRUNCATE, and row-level security';

-- Attached after it is filled: a new partition is refused as long as DEFAULT holds rows that belong to it. Nobody else
-- sees the moment without a guard, since the parent is locked until the end of the transaction.
CREATE OR REPLACE FUNCTION public.swe_make_audit_partition(audit_partition text, lower_bound timestamptz, upper_bound timestamptz)
  RETURNS void
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  stored text := (
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = 'public.audit_logs'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  );
BEGIN
  IF to_regclass(format('public.%I', audit_partition)) IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'duplicate_table',
      MESSAGE = format('table public.%I exists, but is no partition of audit_logs', audit_partition),
      HINT = 'If it was detached: attach it again, rename it or drop it.';
  END IF;
  EXECUTE format('CREATE TABLE public.%I (LIKE public.audit_logs INCLUDING DEFAULTS INCLUDING GENERATED '
    'INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING COMMENTS)', audit_partition);
  EXECUTE format('INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM public.audit_logs_default '
    'WHERE created_at >= $1 AND created_at < $2', audit_partition, stored) USING lower_bound, upper_bound;
  ALTER TABLE public.audit_logs_default DISABLE TRIGGER audit_logs_immutable;
  DELETE FROM public.audit_logs_default WHERE created_at >= lower_bound AND created_at < upper_bound;
  ALTER TABLE public.audit_logs_default ENABLE ALWAYS TRIGGER audit_logs_immutable;
  EXECUTE format('ALTER TABLE public.audit_logs ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
    audit_partition, lower_bound, upper_bound);
  EXECUTE format('COMMENT ON TABLE public.%I IS %L', audit_partition,
    'Events from ' || lower_bound || ' to before ' || upper_bound);
  PERFORM public.swe_guard_audit_partition(format('public.%I', audit_partition)::regclass);
END
$function$;
COMMENT ON FUNCTION public.swe_make_audit_partition(text, timestamptz, timestamptz) IS
  'Makes one partition of audit_logs and moves into it what DEFAULT holds for it; the caller holds a lock on audit_logs';

CREATE OR REPLACE FUNCTION public.swe_has_audit_partition(audit_partition text) RETURNS boolean
  LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT EXISTS (
    SELECT FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'public.audit_logs'::regclass AND relname = audit_partition
      AND relnamespace = 'public'::regnamespace
  )
$function$;
COMMENT ON FUNCTION public.swe_has_audit_partition(text) IS 'Whether audit_logs has a partition of this name';

CREATE OR REPLACE FUNCTION public.swe_create_audit_partitions(
  first_month date DEFAULT (CURRENT_TIMESTAMP AT TIME ZONE 'UTC')::date,
  months integer DEFAULT 12
) RETURNS SETOF text
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $function$
DECLARE
  lower_bound timestamptz;
  audit_partition text;
BEGIN
  IF (first_month BETWEEN date '2000-01-01' AND date '9900-01-01' AND months BETWEEN 1 AND 240) IS NOT TRUE THEN
    RAISE EXCEPTION USING
      ERRCODE = 'invalid_parameter_value',
      MESSAGE = format('no partitions for %s months from %s on', months, first_month),
      HINT = 'The first month is a day of the years 2000 to 9900; the months are 1 to 240.';
  END IF;
  FOR step IN 0 .. months - 1 LOOP
    lower_bound := date_trunc('month', first_month::timestamp) + make_interval(months => step);
    audit_partition := 'audit_logs_' || to_char(lower_bound, 'YYYY_MM');
    CONTINUE WHEN public.swe_has_audit_partition(audit_partition);
    LOCK TABLE public.audit_logs IN ACCESS EXCLUSIVE MODE;
    -- Another session may have made it while this one waited.
    CONTINUE WHEN public.swe_has_audit_partition(audit_partition);
    PERFORM public.swe_make_audit_partition(audit_partition, lower_bound, lower_bound + interval '1 month');
    RETURN NEXT audit_partition;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION public.swe_create_audit_partitions(date, integer) IS
  'Makes the partitions of audit_logs for so many months (UTC) from that of a day on, and returns the names of those that were missing';

CREATE OR REPLACE FUNCTION public.swe_detach_audit_partition(month_of date) RETURNS text
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
  audit_partition text := 'audit_logs_' || to_char(month_of, 'YYYY_MM');
BEGIN
  LOCK TABLE public.audit_logs IN ACCESS EXCLUSIVE MODE;
  IF NOT public.swe_has_audit_partition(audit_partition) THEN
    RAISE EXCEPTION USING
      ERRCODE = 'undefined_table',
      MESSAGE = format('audit_logs has no partition for the month of %s', month_of),
      HINT = 'Months without a partition of their own are in audit_logs_default: make the partition first.';
  END IF;
  EXECUTE format('ALTER TABLE public.audit_logs DETACH PARTITION public.%I', audit_partition);
  -- Detaching takes the inherited guard away.
  EXECUTE format('CREATE TRIGGER audit_logs_immutable BEFORE UPDATE OR DELETE ON public.%I '
    'FOR EACH ROW EXECUTE FUNCTION public.swe_refuse_audit_change()', audit_partition);
  EXECUTE format('ALTER TABLE public.%I ENABLE ALWAYS TRIGGER audit_logs_immutable', audit_partition);
  RETURN audit_partition;
END
$function$;
COMMENT ON FUNCTION public.swe_detach_audit_partition(date) IS
  'Takes the month (UTC) of a day out of audit_logs and returns the name of its table, which stays read-only until it is dropped';

CREATE TABLE IF NOT EXISTS public.activity_feed (
  id bigint GENERATED ALWAYS AS IDENTITY,
  external_id uuid NOT NULL DEFAULT gen_random_uuid(),
  project_id bigint NOT NULL,
  task_id bigint,
  actor_user_id bigint,
  actor_agent_id bigint,
  actor_name text,
  verb text NOT NULL,
  object_type text NOT NULL DEFAULT 'project',
  object_id text,
  object_title text,
  visibility text NOT NULL DEFAULT 'project',
  payload jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT activity_feed_pkey PRIMARY KEY (id),
  CONSTRAINT activity_feed_external_id_key UNIQUE (external_id),
  CONSTRAINT activity_feed_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.projects (id) ON DELETE CASCADE,
  CONSTRAINT activity_feed_task_id_fkey FOREIGN KEY (task_id) REFERENCES public.tasks (id) ON DELETE SET NULL,
  CONSTRAINT activity_feed_actor_user_id_fkey FOREIGN KEY (actor_user_id) REFERENCES public.users (id) ON DELETE SET NULL,
  CONSTRAINT activity_feed_actor_agent_id_fkey FOREIGN KEY (actor_agent_id) REFERENCES public.agents (id) ON DELETE SET NULL,
  CONSTRAINT activity_feed_actor_check CHECK (num_nonnulls(actor_user_id, actor_agent_id) <= 1),
  CONSTRAINT activity_feed_actor_name_check CHECK (length(btrim(actor_name)) BETWEEN 1 AND 200),
  CONSTRAINT activity_feed_verb_check CHECK (verb IN (
    'created', 'updated', 'deleted', 'restored', 'assigned', 'unassigned', 'started', 'completed', 'failed', 'reopened',
    'closed', 'commented', 'mentioned', 'attached', 'opened', 'reviewed', 'approved', 'merged', 'deployed',
    'rolled_back', 'released', 'verified', 'disputed', 'archived'
  )),
  CONSTRAINT activity_feed_object_type_check CHECK (object_type IN (
    'project', 'repository', 'task', 'comment', 'attachment', 'pull_request', 'agent', 'execution', 'evidence',
    'deployment', 'release', 'user'
  )),
  CONSTRAINT activity_feed_object_id_check CHECK (length(object_id) BETWEEN 1 AND 255),
  CONSTRAINT activity_feed_object_check CHECK (object_id IS NOT NULL OR object_type = 'project'),
  CONSTRAINT activity_feed_object_title_check CHECK (length(btrim(object_title)) BETWEEN 1 AND 500),
  CONSTRAINT activity_feed_visibility_check CHECK (visibility IN ('private', 'project', 'public')),
  CONSTRAINT activity_feed_payload_check CHECK (jsonb_typeof(payload) = 'object')
);

CREATE INDEX IF NOT EXISTS activity_feed_project_id_idx ON public.activity_feed (project_id, created_at DESC);
CREATE INDEX IF NOT EXISTS activity_feed_task_id_idx ON public.activity_feed (task_id, created_at DESC) WHERE task_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS activity_feed_actor_user_id_idx ON public.activity_feed (actor_user_id, created_at DESC) WHERE actor_user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS activity_feed_actor_agent_id_idx ON public.activity_feed (actor_agent_id, created_at DESC) WHERE actor_agent_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS activity_feed_object_idx ON public.activity_feed (object_type, object_id, created_at DESC);
CREATE INDEX IF NOT EXISTS activity_feed_public_idx ON public.activity_feed (created_at DESC) WHERE visibility = 'public';

CREATE OR REPLACE TRIGGER activity_feed_touch_updated_at BEFORE UPDATE ON public.activity_feed
  FOR EACH ROW EXECUTE FUNCTION public.swe_touch_updated_at();

COMMENT ON TABLE public.activity_feed IS 'What people see of what goes on in their projects';
COMMENT ON COLUMN public.activity_feed.id IS 'Key inside the database';
COMMENT ON COLUMN public.activity_feed.external_id IS 'Key shown outside';
COMMENT ON COLUMN public.activity_feed.project_id IS 'Project in which it happened';
COMMENT ON COLUMN public.activity_feed.task_id IS 'Task that it concerns, if any';
COMMENT ON COLUMN public.activity_feed.actor_user_id IS 'User who did it; neither user nor agent: the system, or somebody deleted since';
COMMENT ON COLUMN public.activity_feed.actor_agent_id IS 'Agent that did it';
COMMENT ON COLUMN public.activity_feed.actor_name IS 'Name of the actor at that time';
COMMENT ON COLUMN public.activity_feed.verb IS 'What was done, in the past tense';
COMMENT ON COLUMN public.activity_feed.object_type IS 'Kind of thing it was done to';
COMMENT ON COLUMN public.activity_feed.object_id IS 'Which one: its key as text; NULL only for the project itself';
COMMENT ON COLUMN public.activity_feed.object_title IS 'Title of the object at that time';
COMMENT ON COLUMN public.activity_feed.visibility IS 'private to the actor, for those who may see the project, or public';
COMMENT ON COLUMN public.activity_feed.payload IS 'What the entry shows beyond that';
COMMENT ON COLUMN public.activity_feed.created_at IS 'When it happened';
COMMENT ON COLUMN public.activity_feed.updated_at IS 'When the row last changed';

ALTER TABLE public.audit_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.activity_feed ENABLE ROW LEVEL SECURITY;

REVOKE ALL ON FUNCTION
  public.swe_guard_audit_partition(regclass), public.swe_has_audit_partition(text),
  public.swe_make_audit_partition(text, timestamptz, timestamptz),
  public.swe_create_audit_partitions(date, integer), public.swe_detach_audit_partition(date)
  FROM PUBLIC;

DO $guards$
BEGIN
  PERFORM public.swe_guard_audit_partition(inhrelid) FROM pg_catalog.pg_inherits
  WHERE inhparent = 'public.audit_logs'::regclass;
END
$guards$;

-- created_at, external_id and id of the trail are left to the database.
DO $writers$
DECLARE
  writer text;
BEGIN
  FOR writer IN
    SELECT rolname FROM pg_catalog.pg_roles WHERE rolname IN ('swe_admin', 'swe_manager', 'swe_user', 'swe_service')
  LOOP
    EXECUTE format('GRANT SELECT, INSERT (event_type, severity, outcome, actor_user_id, actor_agent_id, actor_name, '
      'resource_type, resource_id, project_id, message, old_values, new_values, ip_address, user_agent, request_id, '
      'session_id, context) ON public.audit_logs TO %I', writer);
  END LOOP;
END
$writers$;

DO $access$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_admin') THEN
    GRANT EXECUTE ON FUNCTION public.swe_create_audit_partitions(date, integer) TO swe_admin;
    DROP POLICY IF EXISTS audit_logs_admin_read ON public.audit_logs;
    CREATE POLICY audit_logs_admin_read ON public.audit_logs FOR SELECT TO swe_admin USING (true);
    DROP POLICY IF EXISTS audit_logs_admin_insert ON public.audit_logs;
    CREATE POLICY audit_logs_admin_insert ON public.audit_logs FOR INSERT TO swe_admin WITH CHECK (true);
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.activity_feed TO swe_admin;
    DROP POLICY IF EXISTS activity_feed_admin ON public.activity_feed;
    CREATE POLICY activity_feed_admin ON public.activity_feed TO swe_admin USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_manager') THEN
    DROP POLICY IF EXISTS audit_logs_manager_read ON public.audit_logs;
    CREATE POLICY audit_logs_manager_read ON public.audit_logs FOR SELECT TO swe_manager USING (true);
    DROP POLICY IF EXISTS audit_logs_manager_insert ON public.audit_logs;
    CREATE POLICY audit_logs_manager_insert ON public.audit_logs FOR INSERT TO swe_manager
      WITH CHECK (actor_user_id = (SELECT public.swe_current_user_id()) AND actor_agent_id IS NULL);
    GRANT SELECT, INSERT ON public.activity_feed TO swe_manager;
    DROP POLICY IF EXISTS activity_feed_manager ON public.activity_feed;
    CREATE POLICY activity_feed_manager ON public.activity_feed TO swe_manager USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_service') THEN
    GRANT EXECUTE ON FUNCTION public.swe_create_audit_partitions(date, integer) TO swe_service;
    DROP POLICY IF EXISTS audit_logs_service_read ON public.audit_logs;
    CREATE POLICY audit_logs_service_read ON public.audit_logs FOR SELECT TO swe_service USING (true);
    DROP POLICY IF EXISTS audit_logs_service_insert ON public.audit_logs;
    CREATE POLICY audit_logs_service_insert ON public.audit_logs FOR INSERT TO swe_service WITH CHECK (true);
    GRANT SELECT, INSERT ON public.activity_feed TO swe_service;
    DROP POLICY IF EXISTS activity_feed_service ON public.activity_feed;
    CREATE POLICY activity_feed_service ON public.activity_feed TO swe_service USING (true) WITH CHECK (true);
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'swe_user') THEN
    DROP POLICY IF EXISTS audit_logs_user_read ON public.audit_logs;
    CREATE POLICY audit_logs_user_read ON public.audit_logs FOR SELECT TO swe_user
      USING (actor_user_id = (SELECT public.swe_current_user_id()));
    DROP POLICY IF EXISTS audit_logs_user_insert ON public.audit_logs;
    CREATE POLICY audit_logs_user_insert ON public.audit_logs FOR INSERT TO swe_user
      WITH CHECK (actor_user_id = (SELECT public.swe_current_user_id()) AND actor_agent_id IS NULL);
    GRANT SELECT ON public.activity_feed TO swe_user;
    GRANT INSERT (project_id, task_id, actor_user_id, actor_name, verb, object_type, object_id, object_title,
      visibility, payload) ON public.activity_feed TO swe_user;
    -- The subqueries run under the policies of projects.
    DROP POLICY IF EXISTS activity_feed_user_read ON public.activity_feed;
    CREATE POLICY activity_feed_user_read ON public.activity_feed FOR SELECT TO swe_user
      USING (visibility = 'public'
        OR actor_user_id = (SELECT public.swe_current_user_id())
        OR (visibility = 'project' AND EXISTS (SELECT FROM public.projects WHERE projects.id = activity_feed.project_id)));
    DROP POLICY IF EXISTS activity_feed_user_insert ON public.activity_feed;
    CREATE POLICY activity_feed_user_insert ON public.activity_feed FOR INSERT TO swe_user
      WITH CHECK (actor_user_id = (SELECT public.swe_current_user_id())
        AND EXISTS (SELECT FROM public.projects WHERE projects.id = activity_feed.project_id));
  END IF;
END
$access$;
