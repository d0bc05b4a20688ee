-- The triggers that refuse a TRUNCATE of the audit trail, with their states.
SELECT class.relname, entry.tgname, entry.tgenabled
FROM pg_catalog.pg_partition_tree('public.audit_logs') AS tree
JOIN pg_catalog.pg_trigger AS entry ON entry.tgrelid = tree.relid
JOIN pg_catalog.pg_class AS class ON class.oid = tree.relid
-- 32: TRUNCATE
WHERE entry.tgtype & 32 <> 0 AND NOT entry.tgisinternal AND entry.tgenabled <> 'D'
ORDER BY class.relname, entry.tgname
