-- On a server that others use too, what is not in the test's own database is not ours to put back.
CREATE FUNCTION pg_temp.swe_put_back_shared (own_database oid, names text[]) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION pg_temp.swe_strays () RETURNS text[] LANGUAGE plpgsql AS 'BEGIN RETURN ''{}''::text[]; END';
