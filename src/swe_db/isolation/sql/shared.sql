-- On a server that serves nobody else: the catalogues of the whole server, and what the log does not tell. The pristine rows
-- of the catalogues come from the beginning of the run, in pg_temp.swe_pristine: a test may be running now.
CREATE TEMPORARY TABLE swe_pg_authid AS
  SELECT (p.body::pg_authid).* FROM pg_temp.swe_pristine AS p WHERE p.name = 'pg_authid';
CREATE TEMPORARY TABLE swe_pg_auth_members AS
  SELECT (p.body::pg_auth_members).* FROM pg_temp.swe_pristine AS p WHERE p.name = 'pg_auth_members';
CREATE TEMPORARY TABLE swe_pg_parameter_acl AS
  SELECT (p.body::pg_parameter_acl).* FROM pg_temp.swe_pristine AS p WHERE p.name = 'pg_parameter_acl';
CREATE TEMPORARY TABLE swe_pg_replication_origin AS
  SELECT (p.body::pg_replication_origin).* FROM pg_temp.swe_pristine AS p WHERE p.name = 'pg_replication_origin';
CREATE TEMPORARY TABLE swe_pg_shdescription AS
  SELECT (p.body::pg_shdescription).* FROM pg_temp.swe_pristine AS p WHERE p.name = 'pg_shdescription';
CREATE TEMPORARY TABLE swe_pg_db_role_setting AS
  SELECT (p.body::pg_db_role_setting).* FROM pg_temp.swe_pristine AS p WHERE p.name = 'pg_db_role_setting'
  UNION ALL
  SELECT * FROM pg_db_role_setting
  WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database());
CREATE TEMPORARY TABLE swe_pg_shdepend AS
  SELECT (p.body::pg_shdepend).* FROM pg_temp.swe_pristine AS p WHERE p.name = 'pg_shdepend'
  UNION ALL
  SELECT * FROM pg_shdepend WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database());

-- names: the catalogues that were touched; NULL stands for all of them, which then may even lie elsewhere than when this
-- session began to remember.
CREATE FUNCTION pg_temp.swe_put_back_shared (own_database oid, names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  IF names IS NULL THEN
    UPDATE pg_temp.swe_files SET node = pg_relation_filenode(rel) WHERE kind = 's';
  END IF;
  FOR t IN
    SELECT
      c.name,
      CASE c.name
        WHEN 'pg_shdepend' THEN format('dbid = %s OR dbid = 0 AND classid NOT IN (%s, %s)',
          own_database, 'pg_database'::regclass::oid, 'pg_tablespace'::regclass::oid)
        WHEN 'pg_shdescription' THEN format('classoid <> %s', 'pg_database'::regclass::oid)
        WHEN 'pg_db_role_setting' THEN format('setdatabase IN (0, %s)', own_database)
        ELSE 'true'
      END AS part
    FROM unnest('{pg_authid,pg_auth_members,pg_db_role_setting,pg_parameter_acl,pg_replication_origin,pg_shdepend,'
      'pg_shdescription}'::text[]) AS c (name)
    WHERE names IS NULL OR c.name = ANY (names)
  LOOP
    EXECUTE format(
      'DELETE FROM pg_catalog.%1$I AS x WHERE (%2$s) AND NOT EXISTS (SELECT FROM pg_temp.swe_%1$s AS s WHERE s::text = x::text)',
      t.name, t.part);
    EXECUTE format(
      'INSERT INTO pg_catalog.%1$I SELECT * FROM pg_temp.swe_%1$s AS s WHERE (%2$s)'
      ' AND NOT EXISTS (SELECT FROM pg_catalog.%1$I AS x WHERE s::text = x::text)',
      t.name, t.part);
  END LOOP;
END $$;

-- What a test changed on the server beside its database: any of `settings`, `slots`, `databases`,
-- `tablespaces`.
CREATE FUNCTION pg_temp.swe_strays () RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  strays text[] := '{}';
BEGIN
  IF (SELECT f.size FROM pg_stat_file('postgresql.auto.conf') AS f)
    <> (SELECT p.body::bigint FROM pg_temp.swe_pristine AS p WHERE p.name = 'settings') THEN
    strays := strays || text 'settings';
  END IF;
  IF EXISTS (SELECT FROM pg_get_replication_slots()) THEN
    strays := strays || text 'slots';
  END IF;
  IF EXISTS (SELECT FROM pg_database WHERE oid >= 16384 AND NOT starts_with(datname, 'swe_db_')) THEN
    strays := strays || text 'databases';
  END IF;
  IF EXISTS (SELECT FROM pg_tablespace WHERE oid >= 16384) THEN
    strays := strays || text 'tablespaces';
  END IF;
  RETURN strays;
END $$;
