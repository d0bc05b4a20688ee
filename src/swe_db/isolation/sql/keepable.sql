-- What else must hold for a session of this database to be as new, as an SQL expression; NULL where none can be, since an
-- extension may remember something in it. Settings that the database's own code asks for must never have been set: they
-- would read '' for the rest of the session, and NULL in a new one.
SELECT concat('true', (
  SELECT string_agg(DISTINCT format(' AND current_setting(%L, true) IS NULL', lower(m.found[1])), '')
  FROM (
    SELECT concat(prosrc, pg_get_function_sqlbody(oid)) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT concat(pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
    UNION ALL SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef
    UNION ALL SELECT pg_get_viewdef(oid) FROM pg_class WHERE oid >= 16384 AND relkind IN ('v', 'm')
  ) AS code (body),
    regexp_matches(code.body, 'current_setting\s*\(\s*''([^'']+\.[^'']+)''', 'gi') AS m (found)
))
WHERE NOT EXISTS (
  SELECT FROM pg_extension
  WHERE extname NOT IN (
    'btree_gin', 'btree_gist', 'citext', 'cube', 'earthdistance', 'fuzzystrmatch', 'hstore', 'intarray', 'ltree',
    'pg_stat_statements', 'pg_trgm', 'pg_walinspect', 'pgcrypto', 'plpgsql', 'tablefunc', 'unaccent', 'uuid-ossp', 'vector')
)
