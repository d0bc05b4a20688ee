-- The board of a project: the newest cards of each column, with whom they are assigned to.
--
-- Parameters: project of any task, so that busy projects are asked for more often.
-- Bounded: 20 rows of each of five columns. Each is read in order from the index and stops there.
-- Indexes: tasks_project_board_idx, users_pkey, agents_pkey
SELECT card.id, board_column.status, card.title, card.priority, card.labels, card.due_at, card.created_at,
  COALESCE(person.display_name, agent.name) AS assignee
FROM unnest(ARRAY['backlog', 'todo', 'in_progress', 'in_review', 'blocked']) AS board_column (status)
CROSS JOIN LATERAL (
  SELECT * FROM tasks
  WHERE project_id = %(project_id)s AND tasks.status = board_column.status AND deleted_at IS NULL
  ORDER BY created_at DESC, id DESC
  LIMIT 20
) AS card
LEFT JOIN users AS person ON person.id = card.assigned_user_id
LEFT JOIN agents AS agent ON agent.id = card.assigned_agent_id
