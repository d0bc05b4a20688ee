-- Events of a month that concern security, the newest first.
--
-- Parameters: the months that hold such events.
-- Bounded: 50 rows, from 50 at most of each of six types in one partition.
-- Indexes: audit_logs_event_type_idx
SELECT event.id, event.created_at, event.event_type, event.severity, event.outcome, event.actor_name,
  event.resource_type, event.resource_id, event.ip_address
FROM unnest(ARRAY[
  'security.permission_denied', 'security.token_created', 'security.token_revoked', 'security.secret_rotated',
  'security.scan_failed', 'user.login_failed'
]) AS kind (event_type)
CROSS JOIN LATERAL (
  SELECT * FROM audit_logs
  WHERE audit_logs.event_type = kind.event_type AND created_at >= %(since)s AND created_at < %(until)s
  ORDER BY created_at DESC, id DESC
  LIMIT 50
) AS event
ORDER BY event.created_at DESC, event.id DESC
LIMIT 50
