-- The tables and views of schema public, partitions folded into their parent; what belongs to an extension is left out.
SELECT
    class.relname::text AS name,
    CASE class.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE 'table' END AS kind,
    obj_description(class.oid, 'pg_class') AS comment,
    pg_get_partkeydef(class.oid) AS partitioned_by,
    CASE WHEN class.relkind = 'p' THEN (SELECT count(*)::integer FROM pg_partition_tree(class.oid) WHERE isleaf) END AS partitions,
    class.relrowsecurity AS row_security
FROM pg_catalog.pg_class AS class
WHERE
    class.relnamespace = 'public'::regnamespace
    AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT class.relispartition
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS part
        WHERE part.classid = 'pg_class'::regclass AND part.objid = class.oid AND part.deptype = 'e'
    )
ORDER BY class.relname COLLATE "C"
