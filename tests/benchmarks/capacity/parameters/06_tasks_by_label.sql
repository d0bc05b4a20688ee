SELECT project_id, labels[1 + draw % cardinality(labels)] AS label
FROM draws
JOIN tasks ON tasks.id = 1 + floor(fraction * (SELECT max(id) FROM tasks))::bigint
WHERE deleted_at IS NULL AND cardinality(labels) > 0
ORDER BY draw
