-- Which blocks the log says were written between two positions. The reader is the C function of pg_walinspect, declared
-- in this session only, so that no extension is installed in the database of a test.
CREATE FUNCTION pg_temp.swe_records (
  from_lsn pg_lsn, to_lsn pg_lsn, OUT start_lsn pg_lsn, OUT end_lsn pg_lsn, OUT prev_lsn pg_lsn, OUT xid xid,
  OUT resource_manager text, OUT record_type text, OUT record_length int, OUT main_data_length int, OUT fpi_length int,
  OUT description text, OUT block_ref text)
RETURNS SETOF record LANGUAGE c STRICT AS '$libdir/pg_walinspect', 'pg_get_wal_records_info';

-- A reference to a block reads `blkref #0: rel 1663/5/16384 fork main blk 0`.
CREATE FUNCTION pg_temp.swe_blocks (from_lsn pg_lsn, to_lsn pg_lsn)
RETURNS TABLE (database oid, node oid, block int, record_type text) LANGUAGE sql STABLE
BEGIN ATOMIC
  SELECT
    split_part(reference, '/', 2)::oid, split_part(split_part(reference, ' ', 1), '/', 3)::oid,
    split_part(reference, ' ', 5)::int, r.record_type
  FROM pg_temp.swe_records(from_lsn, to_lsn) AS r,
    unnest((string_to_array(r.block_ref, 'rel '))[2:]) AS reference
  WHERE r.resource_manager IN ('Heap', 'Heap2', 'Sequence') AND split_part(reference, ' ', 3) = 'main';
END;
