-- What a restored database has to have again, beside what the migrations know of: every partition with its bound and its
-- row-level security, and whether its triggers fire.
SELECT
    'partition' AS kind,
    concat_ws(
        ' ',
        part.oid::regclass,
        'of',
        inhparent::regclass,
        pg_get_expr(part.relpartbound, part.oid),
        part.relrowsecurity,
        part.relforcerowsecurity,
        (SELECT count(*) FROM pg_catalog.pg_index WHERE indrelid = part.oid AND indisvalid),
        (SELECT string_agg(concat(tgname, ' ', tgenabled), ', ' ORDER BY tgname) FROM pg_catalog.pg_trigger
         WHERE tgrelid = part.oid AND NOT tgisinternal)
    ) AS definition
FROM pg_catalog.pg_inherits
JOIN pg_catalog.pg_class AS part ON part.oid = inhrelid AND part.relkind IN ('r', 'p')
ORDER BY definition
