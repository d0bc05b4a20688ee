-- A page of what runs at this moment, the longest first; the next page begins after the last row.
--
-- Parameters: time and id of any execution that runs, to begin after.
-- Bounded: 50 rows, found by the last key of the page before, in an index that holds open executions only.
-- Indexes: agent_executions_open_idx, agents_pkey, tasks_pkey
SELECT execution.id, execution.queued_at, execution.started_at, agent.name AS agent, task.title AS task
FROM (
  SELECT * FROM agent_executions
  WHERE status = 'running' AND (queued_at, id) > (%(after)s, %(after_id)s)
  ORDER BY queued_at, id
  LIMIT 50
) AS execution
JOIN agents AS agent ON agent.id = execution.agent_id
LEFT JOIN tasks AS task ON task.id = execution.task_id
ORDER BY execution.queued_at, execution.id
