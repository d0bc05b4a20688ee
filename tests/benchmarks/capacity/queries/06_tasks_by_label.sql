-- Tasks of a project with a label, the ones that changed last first.
--
-- Parameters: project and label of any task that has one.
-- Bounded: 50 rows. Tasks of the project are read in the order of the result until there are so many; for a label that
--   fewer have, all of them are. Not by labels @> ARRAY[...]: an index on labels knows nothing of projects, and once the
--   query is prepared Postgres takes every label for one that few tasks have, in all projects.
-- Indexes: tasks_project_id_updated_at_idx
SELECT id, title, status, priority, labels, updated_at
FROM tasks
WHERE project_id = %(project_id)s AND %(label)s = ANY (labels) AND deleted_at IS NULL
ORDER BY updated_at DESC, id DESC
LIMIT 50
