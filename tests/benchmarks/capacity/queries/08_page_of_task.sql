-- The page of a task: itself, its subtasks, attachments and last executions.
--
-- Parameters: external_id of any living task that has a subtask, an attachment or an execution.
-- Bounded: one row, with 50 subtasks, 50 attachments and 10 executions at most.
-- Indexes: tasks_external_id_key, tasks_parent_task_id_idx, task_attachments_task_id_created_at_idx,
--   agent_executions_task_id_created_at_idx, agents_pkey
SELECT task.id, task.project_id, task.title, task.description, task.status, task.priority, task.due_at,
  (
    SELECT jsonb_agg(part ORDER BY part.id)
    FROM (
      SELECT id, title, status FROM tasks
      WHERE parent_task_id = task.id AND deleted_at IS NULL
      ORDER BY id
      LIMIT 50
    ) AS part
  ) AS subtasks,
  (
    SELECT jsonb_agg(file ORDER BY file.created_at, file.id)
    FROM (
      SELECT id, file_name, media_type, size_bytes, created_at FROM task_attachments
      WHERE task_id = task.id
      ORDER BY created_at, id
      LIMIT 50
    ) AS file
  ) AS attachments,
  (
    SELECT jsonb_agg(run ORDER BY run.created_at DESC, run.id DESC)
    FROM (
      SELECT execution.id, execution.status, execution.created_at, execution.duration_ms, agent.name AS agent
      FROM agent_executions AS execution
      JOIN agents AS agent ON agent.id = execution.agent_id
      WHERE execution.task_id = task.id
      ORDER BY execution.created_at DESC, execution.id DESC
      LIMIT 10
    ) AS run
  ) AS executions
FROM tasks AS task
WHERE task.external_id = %(external_id)s AND task.deleted_at IS NULL
