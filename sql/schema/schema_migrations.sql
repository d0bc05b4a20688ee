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
