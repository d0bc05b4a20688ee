-- Tasks of a project with a label, the ones that changed last first.
--
-- Parameters: project and label of any task that has one.
-- Bounded: 50 rows. Tasks of the project are read in the order of the result until there are so many, or by the label
--   if it is rare.
-- Indexes: tasks_project_id_updated_at_idx or tasks_labels_idx
SELECT id, title, status, priority, labels, updated_at
FROM tasks
WHERE project_id = %(project_id)s AND labels @> ARRAY[%(label)s]::text[] AND deleted_at IS NULL
ORDER BY updated_at DESC, id DESC
LIMIT 50
