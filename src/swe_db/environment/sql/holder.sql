-- Who holds an advisory lock of this database with one 64-bit key.
SELECT format('pid %%s of role %%s, since %%s', activity.pid, activity.usename, activity.backend_start::timestamp(0))
FROM pg_catalog.pg_locks AS held
JOIN pg_catalog.pg_stat_activity AS activity USING (pid)
WHERE
    held.locktype = 'advisory'
    AND held.granted
    AND held.objsubid = 1
    AND held.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND (held.classid::bigint << 32) | held.objid::bigint = %(key)s::bigint
LIMIT 1
