SELECT agent_id, created_at AS before, agent_executions.id AS before_id
FROM draws
JOIN agent_executions ON agent_executions.id = 1 + floor(fraction * (SELECT max(id) FROM agent_executions))::bigint
ORDER BY draw
