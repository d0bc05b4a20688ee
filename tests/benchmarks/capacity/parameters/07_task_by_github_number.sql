SELECT project_id, github_issue_number AS number
FROM draws
JOIN tasks ON tasks.id = 1 + floor(fraction * (SELECT max(id) FROM tasks))::bigint
WHERE github_issue_number IS NOT NULL AND deleted_at IS NULL
ORDER BY draw
