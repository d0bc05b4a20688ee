-- What happened to a thing in a month, the newest first.
--
-- Parameters: resource of any event, and the month of it.
-- Bounded: 100 rows of one thing, from one partition.
-- Indexes: audit_logs_resource_idx
SELECT id, created_at, event_type, outcome, actor_type, actor_name, old_values, new_values
FROM audit_logs
WHERE resource_type = %(resource_type)s
  AND resource_id = %(resource_id)s
  AND created_at >= %(since)s
  AND created_at < %(until)s
ORDER BY created_at DESC, id DESC
LIMIT 100
