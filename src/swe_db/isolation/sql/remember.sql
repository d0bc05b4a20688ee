-- Remembers the pristine state of a database in temporary objects of this session, which write no log and which nobody
-- else sees. Needs the wal_*.sql of the server's version, and pg_temp.swe_bodies with the restore_*.sql.
SET session_replication_role = replica; -- restoring fires no trigger and checks no foreign key
SET synchronous_commit = on;
SET jit = off;
SET plan_cache_mode = force_generic_plan;
SET client_min_messages = error;
SET statement_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET idle_session_timeout = 0;
SET lock_timeout = '5s';
SET default_transaction_read_only = off;
SET default_transaction_isolation = 'read committed';

-- Where each relation lies. kind: e, r, b a table that is empty, small, big; u unlogged; S sequence; m materialized view;
-- c catalogue of the database, s one of the server.
CREATE TEMPORARY TABLE swe_files (node oid, rel oid PRIMARY KEY, kind "char");
CREATE TEMPORARY TABLE swe_sequences (rel oid PRIMARY KEY, last bigint, called bool, logged bool);
-- How many rows each catalogue has, or the part of it that is about this database.
CREATE TEMPORARY TABLE swe_counts (rel oid PRIMARY KEY, name text, part text, n bigint);
CREATE TEMPORARY TABLE swe_entries (catalogue oid, key oid, body jsonb, PRIMARY KEY (catalogue, key));
CREATE TEMPORARY TABLE swe_touched (rel oid, kind "char", blocks int4multirange, how "char");
CREATE TEMPORARY TABLE swe_statistics AS
  SELECT oid, relpages, reltuples, relallvisible, relhasindex, relhasrules, relhastriggers
  FROM pg_class WHERE relkind IN ('r', 'm', 'i', 't', 'p');

CREATE TEMPORARY TABLE swe_analyzed AS SELECT DISTINCT starelid AS rel FROM pg_statistic WHERE starelid >= 16384;

-- What fires for everybody, and how to keep it from firing in the transaction that restores.
CREATE TEMPORARY TABLE swe_guards AS
  SELECT
    g.rel,
    format('ALTER TABLE %s ', g.rel::regclass) || string_agg(format('DISABLE %s %I', g.kind, g.name), ', ') AS off,
    format('ALTER TABLE %s ', g.rel::regclass) || string_agg(format('ENABLE ALWAYS %s %I', g.kind, g.name), ', ') AS back
  FROM (
    SELECT tgrelid, 'TRIGGER', tgname FROM pg_trigger WHERE tgenabled = 'A'
    UNION ALL SELECT ev_class, 'RULE', rulename FROM pg_rewrite WHERE ev_enabled = 'A'
  ) AS g (rel, kind, name)
  GROUP BY g.rel;

CREATE FUNCTION pg_temp.swe_remember_table (table_oid oid, name text, logged bool, most bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  columns text := string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = table_oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
  n bigint;
  bulk text;
BEGIN
  EXECUTE format('SELECT count(*) FROM ONLY %s', name) INTO n;
  bulk := CASE WHEN n = 0 THEN 'empty' WHEN n <= most THEN 'small' ELSE 'big' END;
  IF n > 0 THEN
    EXECUTE format(
      'CREATE TEMPORARY TABLE swe_copy_%s AS SELECT row_number() OVER () AS swe_n, ctid AS swe_tid, %s FROM ONLY %s',
      table_oid, columns, name);
  END IF;
  IF bulk = 'big' THEN
    EXECUTE format('CREATE INDEX ON pg_temp.swe_copy_%s (swe_tid)', table_oid);
    EXECUTE format('ANALYZE pg_temp.swe_copy_%s', table_oid);
  END IF;
  EXECUTE format(
    'CREATE FUNCTION pg_temp.swe_restore_%s (swe_blocks int4multirange, swe_how "char", swe_recent int) RETURNS void'
    ' LANGUAGE plpgsql AS %L',
    table_oid,
    (
      SELECT replace(replace(replace(replace(b.body,
        '{table}', name), '{rel}', table_oid::text), '{n}', n::text), '{columns}', columns)
      FROM pg_temp.swe_bodies AS b WHERE b.size = bulk
    ));
  INSERT INTO pg_temp.swe_files VALUES (
    pg_relation_filenode(table_oid), table_oid,
    CASE WHEN NOT logged THEN 'u' ELSE CASE bulk WHEN 'empty' THEN 'e' WHEN 'small' THEN 'r' ELSE 'b' END END);
END $$;

-- A sequence that was set hands out its next number with a word in the log; without, it would do so in silence.
CREATE FUNCTION pg_temp.swe_remember_sequence (sequence_oid oid, name text, logged bool) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO pg_temp.swe_sequences SELECT %s, last_value, is_called, %L FROM %s', sequence_oid, logged, name);
  PERFORM setval(sequence_oid, last, called) FROM pg_temp.swe_sequences WHERE rel = sequence_oid;
  INSERT INTO pg_temp.swe_files VALUES (pg_relation_filenode(sequence_oid), sequence_oid, 'S');
END $$;

-- most: how many rows a small table has.
CREATE FUNCTION pg_temp.swe_remember (most bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  own_database oid := oid FROM pg_database WHERE datname = current_database();
  relation record;
BEGIN
  FOR relation IN
    SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind, c.relpersistence = 'p' AS logged
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't'
  LOOP
    CASE relation.kind
      WHEN 'r' THEN PERFORM pg_temp.swe_remember_table(relation.oid, relation.name, relation.logged, most);
      WHEN 'S' THEN PERFORM pg_temp.swe_remember_sequence(relation.oid, relation.name, relation.logged);
      ELSE INSERT INTO pg_temp.swe_files VALUES (pg_relation_filenode(relation.oid), relation.oid, 'm');
    END CASE;
  END LOOP;
  INSERT INTO pg_temp.swe_files
    SELECT pg_relation_filenode(oid), oid, CASE WHEN relisshared THEN 's' ELSE 'c' END
    FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r';
  CREATE INDEX ON pg_temp.swe_files (node);
  -- What may be written again with the same content: a guard that is switched off and on, a table that is truncated.
  INSERT INTO pg_temp.swe_entries
    SELECT 'pg_class'::regclass, c.oid, to_jsonb(c)
      - '{relfilenode,relfrozenxid,relminmxid,relpages,reltuples,relallvisible,relallfrozen}'::text[]
      FROM pg_class AS c WHERE oid >= 16384
    UNION ALL SELECT 'pg_trigger'::regclass, t.oid, to_jsonb(t) FROM pg_trigger AS t
    UNION ALL SELECT 'pg_rewrite'::regclass, r.oid, to_jsonb(r) FROM pg_rewrite AS r WHERE ev_enabled = 'A'
    UNION ALL SELECT 'pg_sequence'::regclass, s.seqrelid, to_jsonb(s) FROM pg_sequence AS s;
  INSERT INTO pg_temp.swe_counts
    SELECT f.rel, f.rel::regclass::text,
      CASE f.rel
        WHEN 'pg_namespace'::regclass THEN $part$WHERE nspname !~ '^pg_(toast_)?temp_'$part$
        WHEN 'pg_subscription'::regclass THEN format('WHERE subdbid = %s', own_database)
        WHEN 'pg_database'::regclass THEN format('WHERE oid = %s', own_database)
        WHEN 'pg_shdescription'::regclass
          THEN format('WHERE classoid = %s AND objoid = %s', 'pg_database'::regclass::oid, own_database)
        ELSE ''
      END
    FROM pg_temp.swe_files AS f
    WHERE f.kind = 'c' OR f.rel IN ('pg_subscription'::regclass, 'pg_database'::regclass, 'pg_shdescription'::regclass);
  FOR relation IN SELECT * FROM pg_temp.swe_counts LOOP
    EXECUTE format('UPDATE pg_temp.swe_counts SET n = (SELECT count(*) FROM %s %s) WHERE rel = %s', relation.name,
      relation.part, relation.rel);
  END LOOP;
END $$;
