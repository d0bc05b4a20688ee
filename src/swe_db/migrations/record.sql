-- A row that is already 'applied' stays: whoever meets one has lost a race and must not go on.
INSERT INTO public.schema_migrations AS known
    (version, name, checksum, status, transactional, execution_ms, runner_version, error)
VALUES
    (
        %(version)s, %(name)s, %(checksum)s, %(status)s, %(transactional)s, %(execution_ms)s, %(runner_version)s,
        %(error)s
    )
ON CONFLICT (version) DO UPDATE SET
    name = excluded.name,
    checksum = excluded.checksum,
    status = excluded.status,
    transactional = excluded.transactional,
    applied_at = excluded.applied_at,
    applied_by = excluded.applied_by,
    execution_ms = excluded.execution_ms,
    runner_version = excluded.runner_version,
    error = excluded.error
WHERE known.status <> 'applied'
