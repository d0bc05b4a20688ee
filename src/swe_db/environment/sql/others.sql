-- Who is connected to a database, apart from what leaves by itself. To others than the members of its role, a session
-- shows little of itself.
SELECT
    pid,
    usename AS role,
    coalesce(nullif(application_name, ''), backend_type, 'unknown program') AS program,
    coalesce(host(client_addr), 'this machine') AS origin,
    coalesce(state, 'unknown state') AS state,
    to_char(coalesce(state_change, backend_start), 'YYYY-MM-DD HH24:MI:SS') AS since
FROM pg_catalog.pg_stat_activity
WHERE datname = %(database)s AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
ORDER BY backend_start, pid
