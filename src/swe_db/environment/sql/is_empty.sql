-- Whether a database holds nothing that somebody has made: no relation, function, type or schema, and no large object.
SELECT
    NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid >= 16384 AND relnamespace::regnamespace::text !~ '^pg_(toast|temp)')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE oid >= 16384)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid >= 16384)
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_(toast|temp)')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata)
