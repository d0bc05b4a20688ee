-- Tasks of a project that should have been done by now, the oldest first.
--
-- Parameters: project of any task; now is the time of the newest event.
-- Bounded: 50 rows. Only open tasks with a date are in the index, in the order of the result.
-- Indexes: tasks_project_id_open_due_at_idx, users_pkey, agents_pkey
SELECT task.id, task.title, task.status, task.priority, task.due_at,
  COALESCE(person.display_name, agent.name) AS assignee
FROM tasks AS task
LEFT JOIN users AS person ON person.id = task.assigned_user_id
LEFT JOIN agents AS agent ON agent.id = task.assigned_agent_id
WHERE task.project_id = %(project_id)s
  AND task.due_at < %(now)s
  AND task.status NOT IN ('done', 'cancelled')
  AND task.deleted_at IS NULL
ORDER BY task.due_at, task.id
LIMIT 50
