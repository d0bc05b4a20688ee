SELECT project_id
FROM draws
JOIN tasks ON tasks.id = 1 + floor(fraction * (SELECT max(id) FROM tasks))::bigint
WHERE deleted_at IS NULL
ORDER BY draw
