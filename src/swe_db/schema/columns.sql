-- The columns of everything in schema public, in their order.
SELECT
    class.relname::text AS relation,
    field.attname::text AS name,
    format_type(field.atttypid, field.atttypmod) AS type,
    NOT field.attnotnull AS nullable,
    CASE WHEN field.attgenerated = '' THEN pg_get_expr(given.adbin, given.adrelid, true) END AS default_value,
    CASE WHEN field.attgenerated <> '' THEN pg_get_expr(given.adbin, given.adrelid, true) END AS generated_as,
    CASE field.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END AS identity,
    col_description(class.oid, field.attnum) AS comment
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_attribute AS field ON field.attrelid = class.oid
LEFT JOIN pg_catalog.pg_attrdef AS given ON given.adrelid = field.attrelid AND given.adnum = field.attnum
WHERE
    class.relnamespace = 'public'::regnamespace
    AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT class.relispartition
    AND field.attnum > 0
    AND NOT field.attisdropped
ORDER BY class.relname COLLATE "C", field.attnum
