-- The statements that give one database what another has beside its content, which no copy brings along: settings,
-- grants, connection limit, comment. The owner is given where the other one is made.
WITH former AS (SELECT * FROM pg_catalog.pg_database WHERE datname = %(former)s)
SELECT format(
    'ALTER %%s SET %%I TO %%s',
    CASE setrole
        WHEN 0 THEN format('DATABASE %%I', %(new)s::text)
        ELSE format('ROLE %%I IN DATABASE %%I', pg_get_userbyid(setrole), %(new)s::text)
    END,
    split_part(setting, '=', 1),
    -- A list of names is stored as it is written; quoted as a whole it would be one name.
    CASE
        WHEN lower(split_part(setting, '=', 1)) IN (
            'local_preload_libraries', 'search_path', 'session_preload_libraries', 'temp_tablespaces', 'unix_socket_directories'
        ) THEN coalesce(nullif(substr(setting, strpos(setting, '=') + 1), ''), '''''')
        ELSE quote_literal(substr(setting, strpos(setting, '=') + 1))
    END
) AS statement
FROM former, pg_catalog.pg_db_role_setting, unnest(setconfig) AS setting
WHERE setdatabase = former.oid
UNION ALL
SELECT format('REVOKE ALL ON DATABASE %%I FROM PUBLIC, %%I', %(new)s::text, pg_get_userbyid(datdba))
FROM former
WHERE datacl IS NOT NULL
UNION ALL
SELECT format(
    'GRANT %%s ON DATABASE %%I TO %%s%%s',
    entry.privilege_type,
    %(new)s::text,
    CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(entry.grantee)) END,
    CASE WHEN entry.is_grantable AND entry.grantee <> former.datdba THEN ' WITH GRANT OPTION' ELSE '' END
)
FROM former, aclexplode(former.datacl) AS entry
UNION ALL
SELECT format('ALTER DATABASE %%I CONNECTION LIMIT %%s', %(new)s::text, datconnlimit) FROM former WHERE datconnlimit <> -1
UNION ALL
SELECT format('COMMENT ON DATABASE %%I IS %%L', %(new)s::text, shobj_description(oid, 'pg_database'))
FROM former
WHERE shobj_description(oid, 'pg_database') IS NOT NULL
