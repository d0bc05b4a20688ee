SELECT CASE WHEN draw % 2 = 0 THEN projects.owner_id ELSE tasks.assigned_user_id END AS user_id
FROM draws
JOIN tasks ON tasks.id = 1 + floor(fraction * (SELECT max(id) FROM tasks))::bigint
JOIN projects ON projects.id = tasks.project_id
WHERE tasks.assigned_user_id IS NOT NULL
ORDER BY draw
