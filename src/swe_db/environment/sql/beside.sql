-- What swe-db has made beside a database, and what it says of itself.
SELECT
    datname AS database,
    shobj_description(oid, 'pg_database') AS comment,
    CASE WHEN pg_catalog.has_database_privilege(oid, 'CONNECT') THEN pg_catalog.pg_database_size(oid) END AS bytes
FROM pg_catalog.pg_database
WHERE starts_with(datname, %(snapshot)s) OR starts_with(datname, %(new)s) OR starts_with(datname, %(old)s)
