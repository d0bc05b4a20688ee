-- Every table that holds data of users, and the expression that makes a line of a row: the values of all columns that
-- are not generated, in the order of their names, as their types write them. A null is a character that no text has.
-- A function takes a hundred arguments at most, so columns are joined fifty at a time, and then these.
WITH attribute AS (
  SELECT
    attrelid,
    attname,
    (row_number() OVER (PARTITION BY attrelid ORDER BY attname COLLATE "C") - 1) / 50 AS fifty,
    CASE
      WHEN attnotnull THEN format('%I', attname)
      WHEN atttypid IN ('text'::regtype, 'varchar'::regtype) THEN format('coalesce(%I, chr(30))', attname)
      ELSE format('CASE WHEN %1$I IS NULL THEN chr(30) ELSE concat(%1$I) END', attname)
    END AS value
  FROM pg_catalog.pg_attribute
  WHERE attnum > 0
    AND NOT attisdropped
    AND attgenerated = ''
),

joined AS (
  SELECT attrelid, fifty, 'concat_ws(chr(31), ' || string_agg(value, ', ' ORDER BY attname COLLATE "C") || ')' AS line
  FROM attribute
  GROUP BY attrelid, fifty
)

SELECT
  namespace.nspname AS schema,
  relation.relname AS name,
  'concat_ws(chr(31), ' || string_agg(joined.line, ', ' ORDER BY joined.fifty) || ')' AS line
FROM pg_catalog.pg_class AS relation
INNER JOIN pg_catalog.pg_namespace AS namespace ON relation.relnamespace = namespace.oid
INNER JOIN joined ON relation.oid = joined.attrelid
WHERE relation.relkind IN ('r', 'p')
  AND NOT relation.relispartition
  AND relation.relpersistence <> 't'
  AND namespace.nspname NOT IN ('information_schema', 'swe_load')
  AND namespace.nspname !~ '^pg_'
  AND (namespace.nspname, relation.relname) <> ('public', 'schema_migrations')
  -- What belongs to an extension is the extension's.
  AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = relation.oid AND deptype = 'e'
  )
GROUP BY namespace.nspname, relation.relname
ORDER BY namespace.nspname <> 'public', namespace.nspname COLLATE "C", relation.relname COLLATE "C"
