SELECT format('%%I.%%I', schema.nspname, class.relname), index.indisvalid
FROM pg_catalog.pg_index AS index
JOIN pg_catalog.pg_class AS class ON class.oid = index.indexrelid
JOIN pg_catalog.pg_namespace AS schema ON schema.oid = class.relnamespace
WHERE index.indrelid = to_regclass(%(table)s) AND class.relname = %(index)s
