-- All events of one request, in their order. The day that its log line bears leaves one partition, or two.
--
-- Parameters: request of any event that has one, and a day around it.
-- Bounded: 200 rows of one request.
-- Indexes: audit_logs_request_id_idx
SELECT id, created_at, event_type, outcome, actor_type, actor_name, resource_type, resource_id
FROM audit_logs
WHERE request_id = %(request_id)s AND created_at >= %(since)s AND created_at < %(until)s
ORDER BY created_at, id
LIMIT 200
