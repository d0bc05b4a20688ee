-- What others than the owner may do with the tables of schema public, whole or some columns of them.
WITH access AS (
    SELECT class.relname::text AS relation, class.relowner AS owner, class.relacl AS acl, NULL AS field, 0 AS place
    FROM pg_catalog.pg_class AS class
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind <> 'S' AND NOT class.relispartition
    UNION ALL
    SELECT class.relname::text, class.relowner, field.attacl, field.attname::text, field.attnum
    FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_attribute AS field ON field.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition AND NOT field.attisdropped
)

SELECT
    access.relation,
    CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(entry.grantee)::text END AS role,
    entry.privilege_type AS privilege,
    array_remove(array_agg(access.field ORDER BY access.place), NULL) AS columns
FROM access, aclexplode(access.acl) AS entry
WHERE entry.grantee <> access.owner
GROUP BY access.relation, entry.grantee, entry.privilege_type, access.field IS NULL
ORDER BY
    access.relation COLLATE "C",
    entry.grantee <> 0,
    pg_get_userbyid(entry.grantee),
    array_position(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'], entry.privilege_type),
    entry.privilege_type COLLATE "C",
    access.field IS NULL DESC
