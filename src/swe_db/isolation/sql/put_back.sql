-- Puts the database back to what `remember.sql` saw, as far as the log since `base` says that it was touched.
-- own_database: its oid. base, base_xid: where the log and the transactions stood when all was pristine; both are moved on.
-- companions: how many sessions may be connected, this one included. most_log: bytes, most_ranges: runs of blocks of one
-- table, beyond which a clone is cheaper. two_phase: whether there can be prepared transactions.
-- verdict: `clean`, `restored`, `busy` (others are connected), `prepared` (somebody left prepared transactions), or
-- `replace: …` with the reason why the database must be replaced. strays: what was changed on the server besides.
CREATE PROCEDURE pg_temp.swe_put_back (
  own_database oid, companions int, two_phase bool, most_log bigint, most_ranges int,
  INOUT base pg_lsn, INOUT base_xid xid, INOUT verdict text, INOUT strays text[])
LANGUAGE plpgsql AS $put_back$
DECLARE
  stop pg_lsn;
  recent int;
  dirty oid[];
  moved oid[];
  present bigint;
  fresh bigint;
  t record;
BEGIN
  -- A session leaves this count after it has aborted what it left open, so nobody writes behind our back from here on.
  IF pg_stat_get_db_numbackends(own_database) > companions THEN
    verdict := 'busy';
    RETURN;
  END IF;
  strays := pg_temp.swe_strays();
  stop := pg_current_wal_insert_lsn();
  IF stop = base THEN
    verdict := 'clean';
    RETURN;
  END IF;
  IF two_phase AND EXISTS (SELECT FROM pg_prepared_xact() AS p WHERE p.dbid = own_database) THEN
    verdict := 'prepared';
    RETURN;
  END IF;
  -- Who commits without waiting, or rolls back, leaves the end of the log where it cannot be read yet.
  IF pg_current_wal_flush_lsn() < stop THEN
    PERFORM pg_logical_emit_message(true, '', '');
    COMMIT;
    stop := pg_current_wal_flush_lsn();
  END IF;
  IF stop - base > most_log THEN
    verdict := 'replace: much was written';
    RETURN;
  END IF;

  recent := age(base_xid); -- a row version that is not older was written since; all others are pristine
  DELETE FROM pg_temp.swe_touched;
  INSERT INTO pg_temp.swe_touched
    SELECT
      f.rel, f.kind, CASE WHEN f.kind = 'b' THEN range_agg(int4range(w.block, w.block + 1)) ELSE '{[0,)}' END,
      CASE WHEN bool_and(w.record_type ~ '^(MULTI_)?INSERT') THEN 'i' ELSE 'u' END
    FROM pg_temp.swe_blocks(base, stop) AS w
    JOIN pg_temp.swe_files AS f ON f.node = w.node AND w.database = CASE WHEN f.kind = 's' THEN 0 ELSE own_database END
    -- These change no row: locks, clean-up, hints.
    WHERE w.record_type !~ '^(LOCK|PRUNE|VACUUM|VISIBLE|FREEZE|NEW_CID|CONFIRM)' AND w.record_type <> 'CLEAN'
    GROUP BY f.rel, f.kind;
  INSERT INTO pg_temp.swe_touched
    SELECT rel, kind, '{[0,)}', 'u' FROM pg_temp.swe_files WHERE kind = 'u'; -- of these the log is silent

  moved := '{}';
  FOR t IN SELECT c.rel, c.name, c.part, c.n FROM pg_temp.swe_touched JOIN pg_temp.swe_counts AS c USING (rel) LOOP
    CONTINUE WHEN t.name IN ('pg_statistic', 'pg_statistic_ext_data');
    IF t.name LIKE 'pg_largeobject%' AND (SELECT n = 0 FROM pg_temp.swe_counts WHERE name = 'pg_largeobject_metadata') THEN
      PERFORM lo_unlink(oid) FROM pg_largeobject_metadata;
    END IF;
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE age(xmin) <= %s) FROM %s %s', recent, t.name, t.part)
      INTO present, fresh;
    IF present <> t.n THEN
      verdict := 'replace: ' || t.name;
      RETURN;
    END IF;
    IF fresh > 0 THEN -- written, yet none more or less: the same again?
      IF t.name NOT IN ('pg_class', 'pg_trigger', 'pg_rewrite', 'pg_sequence') THEN
        verdict := 'replace: ' || t.name;
        RETURN;
      END IF;
      EXECUTE format(
        'SELECT count(*) FROM %s AS c WHERE age(xmin) <= %s AND NOT EXISTS (SELECT FROM pg_temp.swe_entries AS e'
        ' WHERE e.catalogue = %s AND e.key = c.%I AND e.body = to_jsonb(c) - %L::text[])',
        t.name, recent, t.rel, CASE t.name WHEN 'pg_sequence' THEN 'seqrelid' ELSE 'oid' END,
        CASE t.name WHEN 'pg_class'
          THEN '{relfilenode,relfrozenxid,relminmxid,relpages,reltuples,relallvisible,relallfrozen}' ELSE '{}' END)
        INTO fresh;
      IF fresh > 0 THEN
        verdict := 'replace: ' || t.name;
        RETURN;
      END IF;
    END IF;
    IF t.name = 'pg_class' THEN -- TRUNCATE, VACUUM FULL, REINDEX, RESTART gave it another file
      moved := ARRAY(SELECT rel FROM pg_temp.swe_files WHERE node <> pg_relation_filenode(rel));
    END IF;
  END LOOP;
  IF moved <> '{}' THEN
    IF EXISTS (SELECT FROM pg_temp.swe_files WHERE rel = ANY (moved) AND kind IN ('c', 's')) THEN
      verdict := 'replace: a catalogue was rewritten';
      RETURN;
    END IF;
    UPDATE pg_temp.swe_files SET node = pg_relation_filenode(rel) WHERE rel = ANY (moved);
    DELETE FROM pg_temp.swe_touched WHERE rel = ANY (moved);
    INSERT INTO pg_temp.swe_touched SELECT rel, kind, '{[0,)}', 'a' FROM pg_temp.swe_files WHERE rel = ANY (moved);
  END IF;
  IF EXISTS (SELECT FROM pg_temp.swe_touched WHERE kind = 'm') THEN
    verdict := 'replace: a materialized view was refreshed';
    RETURN;
  END IF;
  IF EXISTS (
    SELECT FROM pg_temp.swe_touched
    WHERE kind = 'b' AND how <> 'a' AND (SELECT count(*) FROM unnest(blocks)) > most_ranges
  ) THEN
    verdict := 'replace: a big table was touched in many places';
    RETURN;
  END IF;

  dirty := ARRAY(SELECT rel FROM pg_temp.swe_touched WHERE kind IN ('e', 'r', 'b', 'u'));
  FOR t IN SELECT off FROM pg_temp.swe_guards WHERE rel = ANY (dirty) LOOP
    EXECUTE t.off;
  END LOOP;
  FOR t IN SELECT * FROM pg_temp.swe_touched WHERE rel = ANY (dirty) LOOP
    EXECUTE format('SELECT pg_temp.swe_restore_%s($1, $2, $3)', t.rel) USING t.blocks, t.how, recent;
  END LOOP;
  FOR t IN SELECT back FROM pg_temp.swe_guards WHERE rel = ANY (dirty) LOOP
    EXECUTE t.back;
  END LOOP;
  PERFORM setval(rel, last, called) FROM pg_temp.swe_sequences
    WHERE NOT logged OR rel IN (SELECT rel FROM pg_temp.swe_touched WHERE kind = 'S');
  IF EXISTS (SELECT FROM pg_temp.swe_touched WHERE rel IN ('pg_class'::regclass, 'pg_statistic'::regclass)) THEN
    PERFORM pg_temp.swe_put_back_statistics(recent);
  END IF;
  PERFORM pg_temp.swe_put_back_shared(own_database, shared)
    FROM (SELECT array_agg(rel::regclass::text) AS shared FROM pg_temp.swe_touched WHERE kind = 's') AS s
    WHERE shared IS NOT NULL;
  COMMIT;
  base := pg_current_wal_insert_lsn();
  base_xid := pg_snapshot_xmax(pg_current_snapshot())::xid;
  -- Who only reads may prune a page, of which the log tells too.
  verdict := CASE WHEN EXISTS (SELECT FROM pg_temp.swe_touched) THEN 'restored' ELSE 'clean' END;
END $put_back$;

CREATE FUNCTION pg_temp.swe_put_back_statistics (recent int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  t record;
BEGIN
  FOR t IN
    DELETE FROM pg_statistic WHERE age(xmin) <= recent AND starelid >= 16384 RETURNING starelid AS rel
  LOOP
    DELETE FROM pg_statistic WHERE starelid = t.rel;
  END LOOP;
  FOR t IN SELECT rel::regclass AS name FROM pg_temp.swe_analyzed WHERE rel NOT IN (SELECT starelid FROM pg_statistic) LOOP
    EXECUTE format('ANALYZE %s', t.name);
  END LOOP;
  UPDATE pg_class AS c
    SET (relpages, reltuples, relallvisible, relhasindex, relhasrules, relhastriggers)
      = (s.relpages, s.reltuples, s.relallvisible, s.relhasindex, s.relhasrules, s.relhastriggers)
    FROM pg_temp.swe_statistics AS s
    WHERE s.oid = c.oid
      AND (c.relpages, c.reltuples, c.relallvisible, c.relhasindex, c.relhasrules, c.relhastriggers)
      IS DISTINCT FROM (s.relpages, s.reltuples, s.relallvisible, s.relhasindex, s.relhasrules, s.relhastriggers);
END $$;
