-- The agents that did most for a project in a month.
--
-- Parameters: project of any execution, and the month of it.
-- Bounded: 10 rows. What is counted is what is run for one project in one month.
-- Indexes: agent_executions_project_id_created_at_idx, agents_pkey
SELECT agent.id, agent.name, board.succeeded, board.executions, board.cost_usd
FROM (
  SELECT agent_id, count(*) FILTER (WHERE status = 'succeeded') AS succeeded, count(*) AS executions,
    sum(cost_usd) AS cost_usd
  FROM agent_executions
  WHERE project_id = %(project_id)s AND created_at >= %(since)s AND created_at < %(until)s
  GROUP BY agent_id
  ORDER BY succeeded DESC, agent_id
  LIMIT 10
) AS board
JOIN agents AS agent ON agent.id = board.agent_id
ORDER BY board.succeeded DESC, agent.id
