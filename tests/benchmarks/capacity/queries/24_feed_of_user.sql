-- The newest of what goes on in the projects that a person owns or has open work in.
--
-- Parameters: owner of any project, or assigned user of any task.
-- Bounded: 50 rows, from 50 at most of each of 50 projects.
-- Indexes: projects_owner_id_status_idx, tasks_assigned_user_id_idx, projects_pkey, activity_feed_project_id_idx
WITH mine AS (
  SELECT id FROM projects
  WHERE owner_id = %(user_id)s AND status IN ('planning', 'active', 'paused')
  UNION
  SELECT project_id FROM tasks
  WHERE assigned_user_id = %(user_id)s
    AND status IN ('todo', 'in_progress', 'in_review', 'blocked')
    AND deleted_at IS NULL
  LIMIT 50
)
SELECT entry.id, entry.created_at, project.name AS project, entry.actor_name, entry.verb, entry.object_type,
  entry.object_title
FROM mine
CROSS JOIN LATERAL (
  SELECT name FROM projects
  WHERE id = mine.id AND deleted_at IS NULL
  LIMIT 1
) AS project
CROSS JOIN LATERAL (
  SELECT * FROM activity_feed
  WHERE project_id = mine.id AND visibility IN ('project', 'public')
  ORDER BY created_at DESC, id DESC
  LIMIT 50
) AS entry
ORDER BY entry.created_at DESC, entry.id DESC
LIMIT 50
