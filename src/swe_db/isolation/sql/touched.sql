-- Which tables the log since a position, or an open transaction, says were written: name, columns, primary key, copy of
-- its pristine rows (NULL if it had none), and the sessions whose open transactions wrote to it. Reads the temporary
-- tables of remember.sql.
WITH own AS (
  SELECT oid FROM pg_database WHERE datname = current_database()
), written AS (
  SELECT DISTINCT w.node FROM pg_temp.swe_blocks(%(base)s, pg_current_wal_flush_lsn()) AS w JOIN own ON own.oid = w.database
), open AS (
  SELECT relation AS rel, array_agg(DISTINCT pid) AS pids
  FROM pg_locks JOIN own ON own.oid = database
  WHERE locktype = 'relation' AND granted AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
  GROUP BY relation
)
SELECT
  format('%%I.%%I', n.nspname, c.relname), a.names, a.columns,
  ARRAY(
    SELECT k.attname::text FROM pg_index AS i JOIN pg_attribute AS k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey)
    WHERE i.indrelid = c.oid AND i.indisprimary),
  CASE WHEN to_regclass('pg_temp.swe_copy_' || c.oid) IS NULL THEN NULL ELSE 'pg_temp.swe_copy_' || c.oid END,
  coalesce(open.pids, '{}')
FROM pg_temp.swe_files AS f
  JOIN pg_class AS c ON c.oid = f.rel
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN open USING (rel)
  CROSS JOIN LATERAL (
    SELECT
      array_agg(attname::text ORDER BY attnum) AS names,
      string_agg(quote_ident(attname), ', ' ORDER BY attnum) AS columns
    FROM pg_attribute
    WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
  ) AS a
WHERE f.kind IN ('e', 'r', 'b', 'u')
  AND (
    f.kind = 'u' OR open.rel IS NOT NULL OR f.node <> pg_relation_filenode(c.oid) OR f.node IN (SELECT node FROM written))
ORDER BY n.nspname, c.relname
