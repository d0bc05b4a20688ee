SELECT queued_at AS after, id AS after_id
FROM agent_executions
WHERE status = 'running'
ORDER BY md5(id::text)
