SELECT
    (SELECT rolcreatedb OR rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user),
    pg_encoding_to_char(encoding),
    datcollate,
    datctype
FROM pg_catalog.pg_database
WHERE datname = current_database()
