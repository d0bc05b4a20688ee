-- The roles that own something in this database, may do something there, or that a policy names; built-in ones left out.
SELECT DISTINCT role.rolname
FROM pg_catalog.pg_shdepend AS dependence
JOIN pg_catalog.pg_roles AS role ON role.oid = dependence.refobjid
WHERE
    dependence.refclassid = 'pg_authid'::regclass
    AND dependence.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())
    AND role.oid >= 16384
ORDER BY role.rolname
