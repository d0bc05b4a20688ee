-- Loads this data set into a database that swe-db has migrated and not seeded. Run it from the directory that it is in:
--   psql "$URL" -f load.sql
\set ON_ERROR_STOP on
BEGIN;
SELECT count(*) AS partitions FROM public.swe_create_audit_partitions('{first}', {months});
{copies}
{sequences}
COMMIT;
ANALYZE;
