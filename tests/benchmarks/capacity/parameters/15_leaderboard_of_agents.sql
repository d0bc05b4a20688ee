SELECT project_id, date_trunc('month', created_at) AS since,
  date_trunc('month', created_at) + interval '1 month' AS until
FROM draws
JOIN agent_executions ON agent_executions.id = 1 + floor(fraction * (SELECT max(id) FROM agent_executions))::bigint
WHERE project_id IS NOT NULL
ORDER BY draw
