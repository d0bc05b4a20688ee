-- Each column that a sequence fills, and the value that the sequence gives next at the earliest.
SELECT
    format('%I.%I', namespace.nspname, class.relname) AS relation,
    attribute.attname AS column_name,
    coalesce(sequences.last_value + 1, sequences.start_value) AS next_value
FROM pg_catalog.pg_depend AS dependence
JOIN pg_catalog.pg_class AS sequence ON sequence.oid = dependence.objid AND sequence.relkind = 'S'
JOIN pg_catalog.pg_namespace AS place ON place.oid = sequence.relnamespace
JOIN pg_catalog.pg_sequences AS sequences
    ON sequences.schemaname = place.nspname AND sequences.sequencename = sequence.relname
JOIN pg_catalog.pg_class AS class ON class.oid = dependence.refobjid
JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
JOIN pg_catalog.pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum = dependence.refobjsubid
WHERE
    dependence.classid = 'pg_class'::regclass
    AND dependence.deptype IN ('a', 'i')
    AND sequences.increment_by > 0
ORDER BY relation, column_name
