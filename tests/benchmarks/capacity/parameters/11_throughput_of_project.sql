SELECT project_id, newest.at - interval '12 weeks' AS since, newest.at AS until
FROM draws
JOIN tasks ON tasks.id = 1 + floor(fraction * (SELECT max(id) FROM tasks))::bigint
CROSS JOIN (SELECT max(created_at) AS at FROM activity_feed) AS newest
WHERE deleted_at IS NULL
ORDER BY draw
