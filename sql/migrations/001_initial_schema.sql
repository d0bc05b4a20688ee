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

-- Whoever migrates may act as each role. A superuser may anyway.
DO $membership$
DECLARE
  wanted text;
BEGIN
  FOR wanted IN
    SELECT rolname FROM pg_catalog.pg_roles
    WHERE rolname IN ('swe_admin', 'swe_manager', 'swe_user', 'swe_service')
      AND NOT pg_catalog.pg_has_role(CURRENT_USER, oid, 'MEMBER')
  LOOP
    BEGIN
      EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
    EXCEPTION
      WHEN insufficient_privilege OR unique_violation OR internal_error THEN
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
