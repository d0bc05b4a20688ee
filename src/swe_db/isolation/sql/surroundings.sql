-- What is on a server beside the databases of tests, as far as this user may see it: what it is called, and how it is.
SELECT 'the role ' || rolname AS what, r::text AS state FROM pg_roles AS r
UNION ALL SELECT format('the membership of %s in %s', member::regrole, roleid::regrole), admin_option::text
  FROM pg_auth_members
UNION ALL SELECT format('the settings of the role %s%s', nullif(setrole, 0)::regrole, ' in ' || datname), setconfig::text
  FROM pg_db_role_setting LEFT JOIN pg_database AS d ON d.oid = setdatabase WHERE NOT starts_with(coalesce(datname, ''), 'swe_db_')
UNION ALL SELECT 'the privileges on the parameter ' || parname, paracl::text FROM pg_parameter_acl
UNION ALL SELECT 'the database ' || datname, concat(datdba, datallowconn, datconnlimit, datacl) FROM pg_database
  WHERE NOT starts_with(datname, 'swe_db_')
UNION ALL SELECT 'the tablespace ' || spcname, concat(spcowner, spcacl, spcoptions) FROM pg_tablespace
UNION ALL SELECT 'the replication slot ' || slot_name, concat(slot_type, plugin, database) FROM pg_replication_slots
UNION ALL SELECT 'the replication origin ' || roname, '' FROM pg_replication_origin
UNION ALL SELECT 'the setting ' || name, setting FROM pg_settings WHERE sourcefile LIKE '%postgresql.auto.conf'
