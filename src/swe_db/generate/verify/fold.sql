-- Tasks whose events, folded in their order, do not give their row: none should be found. Looks at every so manieth
-- task (%(stride)s); what is null in the row may be null or absent in the events. The keys and times of the row are
-- those of the events themselves.
SELECT tasks.id
FROM public.tasks
LEFT JOIN LATERAL (
  SELECT
    jsonb_strip_nulls(jsonb_object_agg(change.key, change.value ORDER BY event.created_at, event.id)) AS state,
    min(event.created_at) AS created_at,
    max(event.created_at) AS updated_at
  FROM public.audit_logs AS event
  CROSS JOIN LATERAL jsonb_each(event.new_values) AS change
  WHERE event.resource_type = 'task' AND event.resource_id = tasks.id::text
) AS folded ON true
WHERE tasks.id %% %(stride)s = 0
  AND (
    folded.state IS DISTINCT FROM jsonb_strip_nulls(to_jsonb(tasks) - ARRAY['id', 'created_at', 'updated_at'])
    OR folded.created_at IS DISTINCT FROM tasks.created_at
    OR folded.updated_at IS DISTINCT FROM tasks.updated_at
  )
ORDER BY tasks.id
LIMIT 10
