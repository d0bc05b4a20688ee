-- The policies of row-level security in schema public.
SELECT
    class.relname::text AS relation,
    entry.polname::text AS name,
    CASE entry.polcmd
        WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL'
    END AS command,
    entry.polpermissive AS permissive,
    ARRAY(
        SELECT CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role) END AS name
        FROM unnest(entry.polroles) AS role ORDER BY name
    )::text[] AS roles,
    pg_get_expr(entry.polqual, entry.polrelid, true) AS using_rows,
    pg_get_expr(entry.polwithcheck, entry.polrelid, true) AS check_rows
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_policy AS entry ON entry.polrelid = class.oid
WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition
ORDER BY class.relname COLLATE "C", entry.polname COLLATE "C"
