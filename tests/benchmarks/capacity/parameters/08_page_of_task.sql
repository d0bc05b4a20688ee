SELECT external_id
FROM draws
JOIN tasks ON tasks.id = 1 + floor(fraction * (SELECT max(id) FROM tasks))::bigint
WHERE deleted_at IS NULL
  AND (EXISTS (SELECT FROM tasks AS part WHERE part.parent_task_id = tasks.id)
    OR EXISTS (SELECT FROM task_attachments WHERE task_id = tasks.id)
    OR EXISTS (SELECT FROM agent_executions WHERE task_id = tasks.id))
ORDER BY draw
