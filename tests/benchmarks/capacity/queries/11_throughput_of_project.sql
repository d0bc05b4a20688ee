-- How many tasks a project finished in each of the last twelve weeks.
--
-- Parameters: project of any task; the weeks end with the newest event.
-- Bounded: twelve rows. What is counted is what one project finishes in twelve weeks, from the index only.
-- Indexes: tasks_project_id_done_at_idx
SELECT date_trunc('week', completed_at) AS week, count(*) AS tasks
FROM tasks
WHERE project_id = %(project_id)s
  AND status = 'done'
  AND completed_at >= %(since)s
  AND completed_at < %(until)s
  AND deleted_at IS NULL
GROUP BY week
ORDER BY week
