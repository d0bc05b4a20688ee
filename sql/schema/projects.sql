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
