-- How many tasks of a project are in each state, as a board shows it: 1,000 stands for that many or more.
--
-- Parameters: project of any task.
-- Bounded: counting a state stops at 1,000, and reads the index only.
-- Indexes: tasks_project_board_idx
SELECT state.status, counted.tasks
FROM unnest(ARRAY['backlog', 'todo', 'in_progress', 'in_review', 'blocked', 'done', 'cancelled']) AS state (status)
CROSS JOIN LATERAL (
  SELECT count(*) AS tasks
  FROM (
    SELECT FROM tasks
    WHERE project_id = %(project_id)s AND tasks.status = state.status AND deleted_at IS NULL
    LIMIT 1000
  ) AS first_thousand
) AS counted
