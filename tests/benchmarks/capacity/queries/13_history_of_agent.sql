-- A page of what an agent did, the newest first, with its success rate; the next page begins before the last row.
--
-- Parameters: agent of any execution, and the time and id of that execution to begin before.
-- Bounded: 50 rows, found by the last key of the page before. The rate is kept in the agent's row.
-- Indexes: agents_pkey, agent_executions_agent_id_created_at_idx, tasks_pkey
SELECT agent.name, agent.success_rate, agent.total_executions, execution.id, execution.status, execution.trigger_type,
  execution.created_at, execution.duration_ms, execution.cost_usd, execution.error_type, task.title AS task
FROM agents AS agent
CROSS JOIN LATERAL (
  SELECT * FROM agent_executions
  WHERE agent_id = agent.id AND (created_at, id) < (%(before)s, %(before_id)s)
  ORDER BY created_at DESC, id DESC
  LIMIT 50
) AS execution
LEFT JOIN tasks AS task ON task.id = execution.task_id AND task.deleted_at IS NULL
WHERE agent.id = %(agent_id)s AND agent.deleted_at IS NULL
ORDER BY execution.created_at DESC, execution.id DESC
