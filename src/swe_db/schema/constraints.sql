-- The constraints of the tables in schema public; from PostgreSQL 18 on NOT NULL is one too, which the column says.
SELECT
    class.relname::text AS relation,
    entry.conname::text AS name,
    CASE entry.contype
        WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check' ELSE 'exclusion'
    END AS kind,
    ARRAY(
        SELECT field.attname::text
        FROM unnest(entry.conkey) WITH ORDINALITY AS key (number, place)
        JOIN pg_catalog.pg_attribute AS field ON field.attrelid = entry.conrelid AND field.attnum = key.number
        ORDER BY key.place
    ) AS columns,
    pg_get_constraintdef(entry.oid, true) AS definition,
    CASE WHEN entry.contype = 'f' THEN (
        SELECT CASE WHEN home.nspname = 'public' THEN '' ELSE home.nspname || '.' END || target.relname
        FROM pg_catalog.pg_class AS target JOIN pg_catalog.pg_namespace AS home ON home.oid = target.relnamespace
        WHERE target.oid = entry.confrelid
    ) END AS target
FROM pg_catalog.pg_constraint AS entry
JOIN pg_catalog.pg_class AS class ON class.oid = entry.conrelid
WHERE
    class.relnamespace = 'public'::regnamespace
    AND NOT class.relispartition
    AND entry.contype IN ('p', 'u', 'f', 'c', 'x')
    AND entry.conparentid = 0
ORDER BY class.relname COLLATE "C", entry.conname COLLATE "C"
