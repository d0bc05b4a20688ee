-- The task of an issue's number, as a webhook of GitHub asks for it.
--
-- Parameters: project and number of any task that has an issue.
-- Bounded: one row, by a unique index.
-- Indexes: tasks_github_issue_number_key
SELECT id, external_id, title, status, assigned_user_id, assigned_agent_id, updated_at
FROM tasks
WHERE project_id = %(project_id)s AND github_issue_number = %(number)s AND deleted_at IS NULL
