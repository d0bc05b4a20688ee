-- Which tables were made or dropped since remember.sql looked.
SELECT
  CASE WHEN e.key IS NULL THEN 'created' ELSE 'dropped' END,
  coalesce(c.oid::regclass::text, e.body ->> 'relname')
FROM (
  SELECT key, body FROM pg_temp.swe_entries
  WHERE catalogue = 'pg_class'::regclass AND body ->> 'relkind' = 'r' AND body ->> 'relpersistence' <> 't'
) AS e
  FULL JOIN (
    SELECT oid FROM pg_class WHERE oid >= 16384 AND relkind = 'r' AND relpersistence <> 't'
  ) AS c ON c.oid = e.key
WHERE e.key IS NULL OR c.oid IS NULL
ORDER BY 2
