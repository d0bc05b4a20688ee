-- What a person is to do, by the day it is due.
--
-- Parameters: assigned user of any task that is assigned to one.
-- Bounded: 50 rows, of what one person has open; what is done is not read.
-- Indexes: tasks_assigned_user_id_idx, projects_pkey
SELECT task.id, task.title, task.status, task.priority, task.due_at, project.name AS project
FROM tasks AS task
CROSS JOIN LATERAL (
  SELECT name FROM projects
  WHERE id = task.project_id AND deleted_at IS NULL
  LIMIT 1
) AS project
WHERE task.assigned_user_id = %(user_id)s
  AND task.status IN ('todo', 'in_progress', 'in_review', 'blocked')
  AND task.deleted_at IS NULL
ORDER BY task.due_at, task.id
LIMIT 50
