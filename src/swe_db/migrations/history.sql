SELECT
    version, name, checksum, status, transactional, applied_at, applied_by, execution_ms, runner_version, error
FROM public.schema_migrations
ORDER BY version
