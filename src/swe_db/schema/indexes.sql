-- The indexes of everything in schema public. Those that make columns unique in every row tell which columns.
SELECT
    class.relname::text AS relation,
    own.relname::text AS name,
    entry.indisprimary AS is_primary,
    entry.indisunique AS is_unique,
    entry.indisvalid AS is_valid,
    substring(pg_get_indexdef(own.oid, 0, true) FROM ' USING (.*)$') AS definition,
    CASE WHEN entry.indisunique AND entry.indisvalid AND entry.indpred IS NULL AND entry.indexprs IS NULL THEN ARRAY(
        SELECT field.attname::text
        FROM unnest((entry.indkey::int2[])[0:entry.indnkeyatts - 1]) WITH ORDINALITY AS key (number, place)
        JOIN pg_catalog.pg_attribute AS field ON field.attrelid = class.oid AND field.attnum = key.number
        ORDER BY key.place
    ) END AS unique_columns
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_index AS entry ON entry.indrelid = class.oid
JOIN pg_catalog.pg_class AS own ON own.oid = entry.indexrelid
WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition
ORDER BY class.relname COLLATE "C", entry.indisprimary DESC, own.relname COLLATE "C"
