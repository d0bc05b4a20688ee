-- The triggers of everything in schema public, without those that keep foreign keys.
SELECT
    class.relname::text AS relation,
    entry.tgname::text AS name,
    pg_get_triggerdef(entry.oid, true) AS statement,
    CASE entry.tgenabled
        WHEN 'O' THEN 'enabled' WHEN 'A' THEN 'enabled always' WHEN 'R' THEN 'on replicas only' ELSE 'disabled'
    END AS state
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_trigger AS entry ON entry.tgrelid = class.oid
WHERE class.relnamespace = 'public'::regnamespace AND NOT class.relispartition AND NOT entry.tgisinternal
ORDER BY class.relname COLLATE "C", entry.tgname COLLATE "C"
