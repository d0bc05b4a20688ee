-- The same as wal_15.sql for 16 and newer, whose reader gives the parts of a reference in columns.
CREATE FUNCTION pg_temp.swe_records (
  from_lsn pg_lsn, to_lsn pg_lsn, show_data bool, OUT start_lsn pg_lsn, OUT end_lsn pg_lsn, OUT prev_lsn pg_lsn,
  OUT block_id int2, OUT reltablespace oid, OUT reldatabase oid, OUT relfilenode oid, OUT relforknumber int2,
  OUT relblocknumber int8, OUT xid xid, OUT resource_manager text, OUT record_type text, OUT record_length int,
  OUT main_data_length int, OUT block_data_length int, OUT block_fpi_length int, OUT block_fpi_info text[],
  OUT description text, OUT block_data bytea, OUT block_fpi_data bytea)
RETURNS SETOF record LANGUAGE c STRICT AS '$libdir/pg_walinspect', 'pg_get_wal_block_info';

CREATE FUNCTION pg_temp.swe_blocks (from_lsn pg_lsn, to_lsn pg_lsn)
RETURNS TABLE (database oid, node oid, block int, record_type text) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT r.reldatabase, r.relfilenode, r.relblocknumber::int, r.record_type
  FROM pg_temp.swe_records(from_lsn, to_lsn, false) AS r
  WHERE r.relforknumber = 0 AND r.resource_manager IN ('Heap', 'Heap2', 'Sequence');
END;
