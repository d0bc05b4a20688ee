-- Looks only at the blocks that were touched. The copy knows where each of its rows lies at present.
DECLARE
  swe_range int4range;
  swe_from tid;
  swe_to tid;
BEGIN
  IF swe_how = 'a' THEN
    DELETE FROM ONLY {table};
    UPDATE pg_temp.swe_copy_{rel} SET swe_tid = NULL;
    swe_blocks := '{}';
  END IF;
  FOREACH swe_range IN ARRAY ARRAY(SELECT unnest(swe_blocks)) LOOP
    swe_from := format('(%s,0)', lower(swe_range));
    swe_to := format('(%s,0)', coalesce(upper(swe_range)::bigint, 4294967294));
    DELETE FROM ONLY {table} WHERE ctid >= swe_from AND ctid < swe_to AND age(xmin) <= swe_recent;
    IF swe_how <> 'i' THEN
      UPDATE pg_temp.swe_copy_{rel} AS swe_c SET swe_tid = NULL
        WHERE swe_tid >= swe_from AND swe_tid < swe_to
          AND NOT EXISTS (SELECT FROM ONLY {table} AS swe_t WHERE swe_t.ctid = swe_c.swe_tid);
    END IF;
  END LOOP;
  IF swe_how <> 'i' THEN
    -- The two lists are zipped, not joined: nobody would know how long they are, and plan accordingly.
    WITH swe_lost AS MATERIALIZED (
      SELECT ctid AS swe_at, * FROM pg_temp.swe_copy_{rel} WHERE swe_tid IS NULL
    ), swe_back AS (
      INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE
        SELECT {columns} FROM swe_lost ORDER BY swe_n RETURNING ctid AS swe_new
    )
    UPDATE pg_temp.swe_copy_{rel} AS swe_c SET swe_tid = swe_p.swe_new
      FROM unnest(ARRAY(SELECT swe_at FROM swe_lost ORDER BY swe_n), ARRAY(SELECT swe_new FROM swe_back))
        AS swe_p (swe_at, swe_new)
      WHERE swe_c.ctid = swe_p.swe_at;
  END IF;
END
