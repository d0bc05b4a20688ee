SELECT
    holder.pid,
    holder.usename,
    holder.application_name,
    coalesce(holder.client_addr::text, 'local socket'),
    to_char(holder.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'),
    coalesce(worker.query, holder.query)
FROM pg_catalog.pg_locks AS lock
JOIN pg_catalog.pg_stat_activity AS holder ON holder.pid = lock.pid
LEFT JOIN pg_catalog.pg_stat_activity AS worker
    ON worker.pid = substring(holder.application_name FROM 'lock for pid ([0-9]+)$')::integer
WHERE
    lock.locktype = 'advisory'
    AND lock.granted
    AND lock.objsubid = 1
    AND lock.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND (lock.classid::bigint << 32) | lock.objid::bigint = %(key)s
