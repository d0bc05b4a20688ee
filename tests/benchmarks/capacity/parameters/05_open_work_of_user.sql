SELECT assigned_user_id AS user_id
FROM draws
JOIN tasks ON tasks.id = 1 + floor(fraction * (SELECT max(id) FROM tasks))::bigint
WHERE assigned_user_id IS NOT NULL
ORDER BY draw
