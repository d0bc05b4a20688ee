-- The functions of schema public and who may call them; what belongs to an extension is left out.
SELECT
    proc.proname::text AS name,
    pg_get_function_arguments(proc.oid) AS arguments,
    coalesce(pg_get_function_result(proc.oid), '') AS result,
    proc.prorettype = 'trigger'::regtype AS is_trigger,
    proc.prosecdef AS as_owner,
    obj_description(proc.oid, 'pg_proc') AS comment,
    ARRAY(
        SELECT CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(entry.grantee) END AS name
        FROM aclexplode(coalesce(proc.proacl, acldefault('f', proc.proowner))) AS entry
        WHERE entry.grantee <> proc.proowner AND entry.privilege_type = 'EXECUTE'
        ORDER BY name
    )::text[] AS callers
FROM pg_catalog.pg_proc AS proc
WHERE
    proc.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend AS part
        WHERE part.classid = 'pg_proc'::regclass AND part.objid = proc.oid AND part.deptype = 'e'
    )
ORDER BY proc.proname COLLATE "C", proc.oid::regprocedure::text COLLATE "C"
