-- Whoever asks holds the migration lock, so that a migrator at work is one whose client has died.
SELECT pid, usename, query
FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND application_name = %(name)s AND pid <> pg_backend_pid() AND state <> 'idle'
