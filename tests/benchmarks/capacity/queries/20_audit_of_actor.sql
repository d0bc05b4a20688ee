-- A page of what a person did in a month, the newest first; the next page begins before the last row.
--
-- Parameters: user, time and id of any event that a user caused, to begin before, and the start of its month.
-- Bounded: 50 rows, found by the last key of the page before, from one partition.
-- Indexes: audit_logs_actor_user_id_idx
SELECT id, created_at, event_type, outcome, resource_type, resource_id, ip_address, request_id
FROM audit_logs
WHERE actor_user_id = %(user_id)s
  AND created_at >= %(since)s
  AND created_at <= %(before)s
  AND (created_at, id) < (%(before)s, %(before_id)s)
ORDER BY created_at DESC, id DESC
LIMIT 50
