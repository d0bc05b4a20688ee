-- OFFSET 0 keeps the planner from making the line and its checksum twice; parallel workers may still share the table.
SELECT
  count(*),
  coalesce(sum(('x' || substr(digest, 1, 16))::bit(64)::bigint), 0),
  coalesce(sum(('x' || substr(digest, 17))::bit(64)::bigint), 0)
FROM (SELECT md5({line}) AS digest FROM {table} OFFSET 0) AS hashed
